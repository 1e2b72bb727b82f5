"""The ``headwater`` command: one module a subcommand, loaded only when it is asked for."""

import importlib
import importlib.util
import sys

import typer

from headwater.errors import HeadwaterError
from headwater.site import lifeline

#: Subcommand -> module that registers it. The order is that of ``headwater --help``.
COMMANDS: dict[str, str] = {
    "demo": "headwater.cli.demo",
    "simulator": "headwater.cli.simulator",
    "simulate": "headwater.cli.simulate",
    "up": "headwater.cli.up",
    "doctor": "headwater.cli.doctor",
    "serve": "headwater.cli.serve",
    "work": "headwater.cli.work",
    "database": "headwater.cli.database",
    "accounts": "headwater.cli.accounts",
    "audit": "headwater.cli.audit",
    "calls": "headwater.cli.calls",
    "campaigns": "headwater.cli.campaigns",
    "cases": "headwater.cli.cases",
    "alerts": "headwater.cli.alerts",
    "outbox": "headwater.cli.outbox",
    "conduct": "headwater.cli.conduct",
    "providers": "headwater.cli.providers",
    "registries": "headwater.cli.registries",
    "intake": "headwater.cli.intake",
    "evidence": "headwater.cli.evidence",
    "relief": "headwater.cli.relief",
    "forward": "headwater.cli.forward",
    "agency": "headwater.cli.agency",
    "agent": "headwater.cli.agent",
    "signers": "headwater.cli.signers",
    "stir": "headwater.cli.stir",
}


def build(arguments: list[str]) -> typer.Typer:
    """Return the command line with the subcommand of ``arguments`` loaded, or all of them for help."""
    app = typer.Typer(
        name="headwater",
        help="Robocall traceback: live calls in, campaign found, traced to its source, package sealed.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def _headwater() -> None:
        """Keep subcommands even where one alone is loaded."""

    wanted = next((word for word in arguments if word in COMMANDS), None)
    for name, module in COMMANDS.items():
        # The agent's distribution holds one of them.
        if wanted in (None, name) and importlib.util.find_spec(module) is not None:
            importlib.import_module(module).register(app)
    return app


def main() -> None:
    """Run the command line. What Headwater refuses is told in its own words, without a stack."""
    lifeline.watch()
    try:
        build(sys.argv[1:])()
    except HeadwaterError as error:
        print(f"headwater: {error}", file=sys.stderr)
        sys.exit(1)
