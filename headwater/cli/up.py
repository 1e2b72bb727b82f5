"""``headwater up``: run everything on this machine, with its data in one folder."""

import asyncio
import os

import typer

from headwater.site.config import load
from headwater.site.supervisor import Supervisor


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up")(up)


def up() -> None:
    """Run every process on this machine until Ctrl-C; data is under HEADWATER_HOME (./var)."""
    # Only what is said must show where something is wrong: a umask of others' making must not open our files.
    os.umask(0o077)

    async def run() -> int:
        return await Supervisor(load(), say=lambda message: print(message, flush=True)).run()

    raise typer.Exit(asyncio.run(run()))
