"""``headwater calls``: look into the call store. One module a kind of command."""

import importlib
from typing import Final

import typer

#: Modules that add commands to ``headwater calls``, in the order of its help.
KINDS: Final = (
    "headwater.cli.calls_find",
    "headwater.cli.calls_show",
    "headwater.cli.calls_store",
    "headwater.cli.calls_vcon",
    "headwater.cli.calls_retain",
)


def register(app: typer.Typer) -> None:
    """Add ``calls`` to the command line."""
    group = typer.Typer(help="Look into the call store.", no_args_is_help=True)

    @group.callback()
    def _calls() -> None:
        """Look into the call store."""

    for module in KINDS:
        importlib.import_module(module).add_to(group)
    app.add_typer(group, name="calls")
