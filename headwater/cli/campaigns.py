"""``headwater campaigns``: try campaign detection on labelled calls."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from headwater.campaigns import evaluation
from headwater.campaigns.evaluation import Call
from headwater.campaigns.reference import Labelled, reference
from headwater.campaigns.script import read

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

    @group.callback()
    def _campaigns() -> None:
        """Campaign detection."""

    app.add_typer(group, name="campaigns")


def evaluate(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Labelled calls, one JSON object a line.")],
    online: Annotated[bool, typer.Option("--online", help="Only the one-pass figures, without the baseline.")] = False,
    train: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Labelled calls to know beforehand, in place of the reference."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Group, name and score labelled calls, in the order of FILE, beside the simple batch baseline.

    The program knows the shipped reference (or --train) and nothing else: scripts of FILE that are also there flatter
    the names. Calls without a campaign's name are grouped with the others and not scored.
    """
    calls = [_call(row) for row in _rows(file)]
    labelled = reference() if train is None else _labelled(train)
    one_pass = evaluation.online(calls, [known.script for known in labelled])
    names = evaluation.named(calls, labelled)
    batch = None if online else evaluation.baseline(calls)
    if as_json:
        figures = {"online": one_pass, "names": names, "baseline": batch}
        typer.echo(msgspec.json.encode(figures).decode())
        return
    typer.echo(f"{one_pass.calls} calls, {one_pass.agreement.calls} of them with a campaign's name (scored), ")
    typer.echo(f"{one_pass.not_comparable} without words to compare; reference of {len(labelled)} labelled calls.\n")
    typer.echo(f"{'':34}{'P':>7}{'R':>7}{'F1':>7}{'bF':>7}{'ARI':>7}{'V':>7}")
    typer.echo(_line("one pass, exemplars", one_pass.agreement))
    if batch is not None:
        typer.echo(_line("batch TF-IDF average link .35", batch))
    soon = one_pass.declared
    typer.echo(
        f"\nDeclared: {soon.declared} of {soon.campaigns} campaigns with 3 calls or more, at call "
        f"{_figure(soon.median_calls, 1)} (median), {soon.highest_calls or '-'} at the latest."
    )
    typer.echo(f"Groups of 3 calls or more: {one_pass.campaigns_found}.")
    typer.echo(
        f"Names, call by call: {_figure(names.seen_named_right)} right of {names.seen_calls} calls of known campaigns "
        f"({_figure(names.seen_called_new)} called new); {_figure(names.unseen_called_new)} of {names.unseen_calls} "
        f"of unknown ones called new; family {_figure(names.family_right)} right of {names.family_calls}."
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
        Labelled(number=number, script=read(call.text), campaign=call.campaign, family=call.family)
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
