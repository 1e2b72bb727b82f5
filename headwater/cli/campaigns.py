"""``headwater campaigns``: try campaign detection on labelled calls."""

import uuid
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from headwater.campaigns import evaluation, links
from headwater.campaigns import labels as known_labels
from headwater.campaigns.engine import reasons
from headwater.campaigns.evaluation import Call
from headwater.campaigns.labels import Labels
from headwater.campaigns.reference import Labelled
from headwater.campaigns.script import read
from headwater.cli.campaigns_trends import trends
from headwater.site.setup import django

#: A file of labelled calls is small; what is larger is something else.
MAX_FILE = 256 * 1024 * 1024


class Row(msgspec.Struct, frozen=True):
    """One line of a file of labelled calls; other members are ignored."""

    transcript: str
    campaign: str = ""
    family: str = ""
    label_kind: str = "itg-campaign"
    """Another kind is no campaign's name: the call is grouped, its family is scored, its campaign is not."""


def register(app: typer.Typer) -> None:
    """Add ``campaigns`` to the command line."""
    group = typer.Typer(help="Campaign detection.", no_args_is_help=True)
    group.command("evaluate")(evaluate)
    group.command("trends")(trends)
    group.command("replay")(replay)
    group.command("leads")(leads)
    group.command("learn")(learn)
    group.command("weights")(weights)
    group.command("adopt")(adopt)

    @group.callback()
    def _campaigns() -> None:
        """Campaign detection."""

    app.add_typer(group, name="campaigns")


def leads(
    campaign: Annotated[str, typer.Argument(help="Identifier of the campaign.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, with the tracebacks behind each lead.")] = False,
) -> None:
    """Show where a campaign's calls may originate, from all its tracebacks together. Leads, never findings."""
    django()
    from headwater.accounts.actors import system
    from headwater.tracebacks import pointing

    found = pointing.leads_of(system("operator"), campaign)
    if as_json:
        print(msgspec.json.encode(pointing.document(found)).decode())
        return
    for one in found.leads:
        print(f"{one.probability:6.1%}  {one.spc:<8} {one.sentence}")
    if not found.leads:
        print("No traceback of this campaign has ended at a provider yet.")


def learn() -> None:
    """Learn weights of evidence from the merges and splits that stand. They are kept, and not in use until adopted."""
    django()
    from headwater.accounts.actors import system
    from headwater.campaigns import learnt

    found = learnt.learn(system("operator"))
    print(f"{found.version}: learnt from {found.decisions} decided pairs beside the shipped reference.")
    print(f"It judges {found.right} of them as people did; the shipped weights {found.right_before}.")
    print(
        f"`headwater campaigns adopt {found.version}` has calls placed by it; try `evaluate` on your own calls first."
    )


def weights() -> None:
    """List the weights of evidence that were learnt here, and which are in use."""
    django()
    from headwater.accounts.actors import system
    from headwater.campaigns import learnt

    for one in learnt.versions(system("operator")):
        mark = "in use" if one.in_use else ""
        print(f"{one.version:<16} {one.learnt_at:%Y-%m-%d %H:%M} {one.decisions:>6} pairs {one.right:>6} right {mark}")
    print(f"Calls are placed by {learnt.version_in_use()}.")


def adopt(version: Annotated[str, typer.Argument(help="A version of `weights`, or `shipped`.")]) -> None:
    """Have calls placed by a version from now on. What is placed stays; `shipped` goes back."""
    django()
    from headwater.accounts.actors import system
    from headwater.campaigns import learnt

    learnt.adopt(system("operator"), version)
    print(f"The detector places calls by {learnt.version_in_use()} within minutes.")


def evaluate(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Labelled calls, one JSON object a line.")],
    online: Annotated[bool, typer.Option("--online", help="Leave out the batch figures.")] = False,
    train: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Labelled calls to know beforehand, in place of the reference."),
    ] = None,
    as_table: Annotated[bool, typer.Option("--table", help="Print a table for reading in place of JSON.")] = False,
) -> None:
    """Group, name and score labelled calls, in the order of FILE, beside the plain TF-IDF baseline; print JSON.

    The program knows the shipped reference (or --train, from which it then learns its weights as well) and nothing
    else: scripts of FILE that are also there flatter the figures. Calls without a campaign's name are grouped with the
    others and not scored.
    """
    calls = [_call(row) for row in _rows(file)]
    labels = known_labels.shipped() if train is None else Labels(_labelled(train))
    weights = links.shipped() if train is None else links.learn(labels, version=f"links/{train.name}")
    found = {
        "scored": {
            "calls": len(calls),
            "with_campaign_name": sum(bool(call.campaign) for call in calls),
            "labelled_calls_known": len(labels.known),
            "campaigns_known": len(labels.campaigns),
        },
        "batch": None if online else evaluation.batch(calls, labels, weights),
        "online": evaluation.online(calls, labels, weights),
        "names": evaluation.named(calls, labels),
        "baseline": evaluation.baseline(calls),
    }
    if as_table:
        _table(found)
    else:
        typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())


def replay(record_id: Annotated[uuid.UUID, typer.Argument(help="A call that belongs to a campaign.")]) -> None:
    """Place a call again from what was known at its moment, and tell whether the answer is the same."""
    # Imported here: the other commands need no database.
    django()
    from django.conf import settings

    from headwater.accounts.actors import system
    from headwater.calls.queries import connect
    from headwater.campaigns import transcripts
    from headwater.campaigns.replay import replay as again

    text = transcripts.words_of(connect(settings.HEADWATER.calls_url).record(record_id))
    found = again(system("operator"), record_id, text)
    typer.echo(msgspec.json.format(msgspec.json.encode(reasons(found.placement))).decode())
    typer.echo("The same answer." if found.same else f"Another answer: {', '.join(found.differs)} differ.")
    if not found.same:
        raise typer.Exit(1)


def _table(found: dict[str, Any]) -> None:
    one_pass, names, scored = found["online"], found["names"], found["scored"]
    typer.echo(f"{scored['calls']} calls, {scored['with_campaign_name']} of them with a campaign's name (scored), ")
    typer.echo(f"{one_pass.not_comparable} without words; {scored['labelled_calls_known']} labelled calls known.\n")
    typer.echo(f"{'':34}{'P':>7}{'R':>7}{'F1':>7}{'bF':>7}{'ARI':>7}{'V':>7}")
    if found["batch"] is not None:
        typer.echo(_line("batch, weighed evidence", found["batch"]))
    typer.echo(_line("one pass, weighed evidence", one_pass.agreement))
    typer.echo(_line("baseline: TF-IDF average link .35", found["baseline"]))
    soon = one_pass.declared
    typer.echo(
        f"\nDeclared: {soon.declared} of {soon.campaigns} campaigns with 3 calls or more, at call "
        f"{_figure(soon.median_calls, 1)} (median), {soon.highest_calls or '-'} at the latest."
    )
    typer.echo(f"Groups of 3 calls or more: {one_pass.campaigns_found}.")
    typer.echo(
        f"Names, call by call: the best name is right for {_figure(names.seen_top1_right)} of {names.seen_calls} "
        f"calls of known campaigns ({_figure(names.seen_called_new)} called new, {_figure(names.seen_named_right)} "
        f"named right); {_figure(names.unseen_called_new)} of {names.unseen_calls} of unknown ones called new; family "
        f"{_figure(names.family_right)} right of {names.family_calls}."
    )
    typer.echo(f"Speed: {one_pass.calls_per_second:,.0f} calls a second on one core, without the database.")


def _rows(file: Path) -> list[Row]:
    if file.stat().st_size > MAX_FILE:
        message = f"{file} is larger than {MAX_FILE // 1024 // 1024} MiB."
        raise typer.BadParameter(message)
    rows = []
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            rows.append(msgspec.json.decode(line, type=Row))
        except msgspec.DecodeError as error:
            message = f"{file}, line {number}: {error}. A line is an object with transcript, campaign and family."
            raise typer.BadParameter(message) from error
    return rows


def _call(row: Row) -> Call:
    is_campaign = row.label_kind == "itg-campaign"
    return Call(text=row.transcript, campaign=row.campaign if is_campaign else "", family=row.family)


def _labelled(file: Path) -> tuple[Labelled, ...]:
    calls = (_call(row) for row in _rows(file))
    return tuple(
        Labelled(number=number, script=read(call.text), text=call.text, campaign=call.campaign, family=call.family)
        for number, call in enumerate(calls, start=1)
        if call.text.strip() and call.family
    )


def _line(name: str, found: Any) -> str:
    figures = (
        found.pair_precision,
        found.pair_recall,
        found.pair_f1,
        found.b_cubed_f1,
        found.adjusted_rand,
        found.v_measure,
    )
    return f"{name:34}" + "".join(f"{figure:7.3f}" for figure in figures)


def _figure(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
