"""``headwater work``: run the jobs, the clock and the detector, where each process is started by itself."""

import os

import typer

from headwater.site.config import Process
from headwater.site.setup import django


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("work")(work)


def work() -> None:
    """Run the worker in the foreground, by its HEADWATER_ settings; `headwater up` runs it with the others."""
    os.environ["HEADWATER_PROCESS"] = Process.WORK.value
    # Imported here: the settings are read when Django's are, and must know which process this is.
    django()
    from headwater.worker.run import main

    main()
