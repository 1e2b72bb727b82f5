"""``headwater serve``: run one process by its settings, where each is started by itself."""

import os
from enum import StrEnum
from typing import Annotated

import typer

from headwater.site.config import Process, load


class Served(StrEnum):
    """The processes that listen for HTTP."""

    CALLS = Process.CALLS.value
    DESK = Process.DESK.value
    PORTAL = Process.PORTAL.value
    CARRIER = Process.CARRIER.value
    PUBLIC = Process.PUBLIC.value


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(process: Annotated[Served, typer.Argument(help="Which process to run.")]) -> None:
    """Run one process in the foreground, by its HEADWATER_ settings; `headwater up` runs them all."""
    os.environ["HEADWATER_PROCESS"] = process.value
    # Imported here: the settings are read when the server's modules are, and must know which process this is.
    from headwater.site.server import serve as run

    run(load())
