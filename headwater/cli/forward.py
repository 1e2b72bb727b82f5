"""``headwater forward``: trace a call-back number to whoever serves it."""

from typing import TYPE_CHECKING, Annotated

import typer

from headwater.accounts.actors import system
from headwater.errors import Invalid
from headwater.site.setup import django
from headwater.tracebacks.trace import Party
from headwater.wire.forward import ForwardCode

if TYPE_CHECKING:
    from headwater.tracebacks.forwarding import ForwardView


def register(app: typer.Typer) -> None:
    """Add ``forward`` to the command line."""
    group = typer.Typer(help="Trace forward: who serves a call-back number.", no_args_is_help=True)
    for name, command in (("open", begin), ("answer", answer), ("cancel", cancel), ("show", show), ("list", listed)):
        group.command(name)(command)
    app.add_typer(group, name="forward")


def begin(
    number: Annotated[str, typer.Argument(help="The number that calls ask to be called back on.")],
    campaign: Annotated[str, typer.Option(help="Campaign whose calls say it.")] = "",
    ask: Annotated[
        list[str] | None, typer.Option(help="Further provider to ask, SPC=why; again for each.", metavar="SPC=WHY")
    ] = None,
) -> None:
    """Begin: the holder of the number's block is asked, and every provider that is named."""
    _django()
    from headwater.tracebacks import forwarding

    pointers = {}
    for one in ask or ():
        spc, _, why = one.partition("=")
        if not why.strip():
            raise Invalid(f"{one!r}: write SPC=WHY, for example X001=responsible organisation")
        pointers[spc.strip().upper()] = why.strip()
    forward_id = forwarding.open_forward(system("operator"), number, campaign_id=campaign, pointers=pointers)
    _print(forwarding.forward_of(system("operator"), forward_id))


def answer(  # noqa: PLR0917 - typer passes options by name
    forward: Annotated[str, typer.Argument(help="Identifier of the trace forward.")],
    spc: Annotated[str, typer.Argument(help="Code of the provider that answered.")],
    code: Annotated[ForwardCode, typer.Argument(help="What it said.")],
    names: Annotated[str, typer.Option(help="Code of the provider that it names.")] = "",
    called: Annotated[str, typer.Option("--name", help="Name of that provider.")] = "",
    country: Annotated[str, typer.Option(help="Country of that provider.")] = "US",
    document: Annotated[str, typer.Option(help="Letter or mail that says so.")] = "",
    note: Annotated[str, typer.Option(help="What else it said.")] = "",
) -> None:
    """Record what a provider said; a correction is a further answer."""
    _django()
    from headwater.tracebacks import forwarding

    party = Party(spc=names.upper(), name=called, country=country.upper()) if names or called else None
    forwarding.record_forward_answer(
        system("operator"), forward, spc=spc.upper(), code=code, names=party, note=note, document=document
    )
    _print(forwarding.forward_of(system("operator"), forward))


def cancel(
    forward: Annotated[str, typer.Argument(help="Identifier of the trace forward.")],
    reason: Annotated[str, typer.Argument(help="Why.")],
) -> None:
    """Call a trace forward off."""
    _django()
    from headwater.tracebacks import forwarding

    forwarding.cancel_forward(system("operator"), forward, reason)
    _print(forwarding.forward_of(system("operator"), forward))


def show(forward: Annotated[str, typer.Argument(help="Identifier of the trace forward.")]) -> None:
    """Show one: who was asked, why, what it said, and the outcome."""
    _django()
    from headwater.tracebacks import forwarding

    _print(forwarding.forward_of(system("operator"), forward))


def listed(campaign: Annotated[str, typer.Option(help="Of this campaign alone.")] = "") -> None:
    """List traces forward, newest first."""
    _django()
    from headwater.tracebacks import forwarding

    for one in forwarding.forwards(system("operator"), campaign_id=campaign):
        print(f"{one.id}  {one.trace.number}  {one.trace.state.label}  {one.trace.outcome}")


def _print(view: "ForwardView") -> None:
    trace = view.trace
    print(f"{view.id}  {trace.number}  {trace.state.label}")
    if trace.outcome:
        print(f"  {trace.grade.label}: {trace.outcome}")
    for one in trace.asked:
        said = one.said
        words = "no answer by its due time" if one.lapsed else f"waits until {one.due_at:%Y-%m-%d %H:%MZ}"
        if said is not None:
            words = said.code.value + (f" {said.party.title}" if said.party else "")
            words += f" ({said.answer_id})" if said.answer_id else ""
        print(f"  {one.respondent.spc:<8} {one.respondent.name}: {words}; asked because of {', '.join(one.sources)}")


def _django() -> None:
    django()
