"""``headwater agent``: run a carrier's agent, make its key, check its configuration."""

import asyncio
import json
import logging.config
import os
import time
from pathlib import Path
from typing import Annotated

import typer

from headwater.site.logs import logging_settings

Config = Annotated[Path | None, typer.Option(help="The agent's configuration file (TOML).")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    agent = typer.Typer(help="A carrier's own intake and answering machine.", invoke_without_command=True)
    agent.callback()(run)
    agent.command("key")(key)
    agent.command("check")(check)
    app.add_typer(agent, name="agent")


def run(context: typer.Context, config: Config = None) -> None:
    """Read the carrier's HEP feed, keep it on its own disk, and answer the hub's questions, until SIGTERM."""
    if context.invoked_subcommand is not None:
        return
    if config is None:
        raise typer.BadParameter("give the configuration file: headwater agent --config agent.toml")
    os.environ["TZ"] = "UTC"  # the embedded engine takes the process's zone for its own
    time.tzset()
    logging.config.dictConfig(logging_settings("agent"))
    # Imported here: the store's engine is large, and `agent key` must not wait for it.
    from headwater.agent import config as agent_config
    from headwater.agent.run import serve

    asyncio.run(serve(agent_config.load(config)))


def key(out: Annotated[Path, typer.Option(help="File to write; it must not exist.")]) -> None:
    """Make an ES256 key (mode 0600) and print its public JWK, which the hub registers."""
    from headwater.agent import keys

    print(json.dumps(keys.create(out).public_jwk, indent=2))


def check(config: Annotated[Path, typer.Option(help="The agent's configuration file (TOML).")]) -> None:
    """Read the configuration, its keys and journals, and say what is wrong; exit 1 if anything is."""
    from headwater.agent.check import findings

    found = findings(config)
    for finding in found:
        print(f"{'wrong' if finding.is_wrong else 'good '}  {finding.text}")
    raise typer.Exit(1 if any(finding.is_wrong for finding in found) else 0)
