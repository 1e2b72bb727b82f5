"""``headwater intake pull`` and ``sources``: ask a source now, and see how those stand that are asked by themselves."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from headwater.accounts.actors import system
from headwater.site.setup import django

if TYPE_CHECKING:
    from headwater.connectors.queries import PullView


def add_to(group: typer.Typer) -> None:
    """Add the commands to ``headwater intake``."""
    group.command("pull")(pull)
    group.command("sources")(sources)


def pull(
    name: Annotated[str, typer.Argument(help="Name of the connector: its file in the folder connectors.")],
) -> None:
    """Ask a source now, from where it was left, and store what it has. The worker does so by itself when it is due."""
    django()
    from django.conf import settings

    from headwater.connectors import actions
    from headwater.connectors.queries import Outcome
    from headwater.worker.connectors import own_door

    home = settings.HEADWATER.home
    with Console(stderr=True).status(f"Asking {name} ..."):
        done = actions.pull(system("operator"), home, name, door_of=own_door)
    _print(done)
    if done.refused:
        print(f"  the refused records are in {home / actions.REJECTS_FOLDER / f'{name}.ndjson'}")
    if done.outcome is Outcome.FAILED:
        print(f"headwater: {done.error}", file=sys.stderr)
        raise typer.Exit(1)


def sources() -> None:
    """List the sources that are asked: where each stands, and what its last pulls came to."""
    django()
    from django.conf import settings

    from headwater.connectors import queries

    actor = system("operator")
    for view in queries.connectors(actor, settings.HEADWATER.home):
        when = f"{view.last_success_at:%Y-%m-%d %H:%MZ}" if view.last_success_at else "never"
        print(f"{view.name:<20} {view.state:<8} last success {when}, next from {view.place}")
        print(f"{'':<20} {view.stored:,} stored, {view.duplicates:,} there already, {view.refused:,} refused")
        if view.fault or view.last_error:
            print(f"{'':<20} {view.fault or view.last_error}")
        for one in queries.pulls(actor, view.name, limit=3):
            print(f"{'':<20} ", end="")
            _print(one)


def _print(done: "PullView") -> None:
    counts = f"{done.stored} stored, {done.duplicates} there already, {done.refused} refused"
    print(f"{done.started_at:%Y-%m-%d %H:%MZ} {done.outcome}: {done.pages} pages, {done.read} records, {counts}")
