"""``headwater intake``: bring in what sources already have, in their own formats. One module a kind of source."""

import importlib
from typing import Final

import typer

#: Modules that add commands to ``headwater intake``, in the order of its help.
KINDS: Final = (
    "headwater.cli.intake_events",
    "headwater.cli.intake_pull",
    "headwater.cli.intake_files",
    "headwater.cli.intake_vcon",
)


def register(app: typer.Typer) -> None:
    """Add ``intake`` to the command line."""
    group = typer.Typer(help="Bring in what sources already have, in their own formats.", no_args_is_help=True)

    @group.callback()
    def _intake() -> None:
        """Bring in what sources already have."""

    for module in KINDS:
        importlib.import_module(module).add_to(group)
    app.add_typer(group, name="intake")
