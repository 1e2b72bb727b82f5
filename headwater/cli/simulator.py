"""``headwater simulator``: the simulated network of a demo; `headwater demo` starts it."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from headwater.simulator.run import run_until
from headwater.simulator.setup import Setup, read


def register(app: typer.Typer) -> None:
    """Add the command, which no person types."""
    app.command("simulator", hidden=True)(simulator)


def simulator(config: Annotated[Path, typer.Option(help="Setup that `headwater demo` wrote.")]) -> None:
    """Ring through the real doors until a signal."""
    os.umask(0o077)
    asyncio.run(_run(read(config)))


async def _run(setup: Setup) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await run_until(stop, setup)
