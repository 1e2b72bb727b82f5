"""``headwater demo``: the whole path on this machine, with a simulated network of carriers."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

DESCRIPTION = """\
Run the whole path on this machine with simulated carriers and real recordings.

It starts `headwater up`, the carriers' agents and a simulator, prints the addresses and the logins, and tells what
happens: a campaign is found, traced to its source, alerted, a subpoena served and accepted, a package sealed,
downloaded and verified, while the campaign still rings. Then the origin is sent a notice, ends the customer that placed
the calls, and they are shown to have stopped. It keeps running, so that you can click around.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", help=DESCRIPTION)(demo)


def demo(  # noqa: PLR0917 - typer reads one parameter an option
    home: Annotated[
        Path, typer.Option(help="Folder of this demo: new, or that of an earlier demo to go on with.")
    ] = Path("var"),
    seed: Annotated[int | None, typer.Option(help="Which network and which calls. Default 1.")] = None,
    carriers: Annotated[int | None, typer.Option(help="How many carriers, 12 to 60. Default 12.")] = None,
    port_base: Annotated[
        int, typer.Option(help="Ports: base + 1 to + 4 for HTTP, base + 660 and above for HEP.")
    ] = 8400,
    exit_when_sealed: Annotated[
        bool, typer.Option("--exit-when-sealed", help="End once the package is verified; exit 0 only if all is true.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write what was found as JSON, beside what was true, to this file.")
    ] = None,
) -> None:
    """Run the demo until Ctrl-C, or until the package is sealed."""
    os.umask(0o077)
    # Imported here: the settings are read when Django's are, and must know this demo's folder and ports.
    from headwater.cli.demo.course import Course, Options

    options = Options(
        home=home, seed=seed, carriers=carriers, port_base=port_base, exit_when_sealed=exit_when_sealed, report=report
    )
    raise typer.Exit(asyncio.run(Course(options).run()))
