"""``headwater agent``: run a carrier's agent, make its key, check its configuration."""

import asyncio
import json
import logging.config
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.error import HTTPError

import typer

from headwater.errors import HeadwaterError, Invalid
from headwater.site.logs import logging_settings

Config = Annotated[Path | None, typer.Option(help="The agent's configuration file (TOML).")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    agent = typer.Typer(help="A carrier's own intake and answering machine.", invoke_without_command=True)
    agent.callback()(run)
    agent.command("key")(key)
    agent.command("check")(check)
    agent.command("health")(health)
    agent.command("audit")(audit)
    agent.command("try")(attempt)
    agent.command("unit")(unit)
    agent.command("receipt")(receipt)
    app.add_typer(agent, name="agent")


def run(
    context: typer.Context,
    config: Config = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Decide and log each answer; send none.")] = False,
) -> None:
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

    read = agent_config.load(config)
    asyncio.run(serve(replace(read, dry_run=True) if dry_run else read))


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


def health(config: Annotated[Path, typer.Option(help="The agent's configuration file (TOML).")]) -> None:
    """Ask the running agent how it is; exit 1 where it is not well, or does not answer."""
    from urllib.error import URLError
    from urllib.request import ProxyHandler, build_opener

    from headwater.agent import config as agent_config

    status = agent_config.load(config).status
    if status is None:
        raise Invalid(f"{config} has no [status] table: the agent says nothing of itself. Add one with a port.")
    host, port = status
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/healthz"
    try:
        # No proxy: the address is the agent's own.
        with build_opener(ProxyHandler({})).open(url, timeout=5) as reply:
            body, well = reply.read(1_048_576), True
    except HTTPError as error:
        body, well = error.read(1_048_576), False
    except (URLError, OSError) as error:
        print(f"{url} does not answer: {error}")
        raise typer.Exit(1) from None
    print(body.decode("utf-8", "replace").rstrip())
    raise typer.Exit(0 if well else 1)


def audit(
    config: Annotated[Path, typer.Option(help="The agent's configuration file (TOML).")],
    spc: Annotated[str, typer.Option(help="One carrier of the file; without, all.")] = "",
    since: Annotated[str, typer.Option(help="Only answers from this UTC day on, 2026-11-24.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line.")] = False,
) -> None:
    """List what the agent told whom: each answer, why it was asked, which facts left, and the receipt.

    Reads the journal of a running agent too, and checks that no line of it was changed, dropped or moved.
    """
    import msgspec

    from headwater.agent import config as agent_config
    from headwater.agent import ledger
    from headwater.errors import NotFound

    read = agent_config.load(config)
    for carrier in read.carriers:
        if spc and carrier.party.spc.upper() != spc.upper():
            continue
        try:
            for one in ledger.told(read.data / carrier.party.spc / "answers.jsonl"):
                if one.at[:10] < since:
                    continue
                if as_json:
                    print(json.dumps({"carrier": carrier.party.spc, **msgspec.to_builtins(one)}))
                    continue
                named = f" naming {one.upstream}" if one.upstream else ""
                facts = ", ".join(one.fields) or "no leg"
                print(f"{one.at} {carrier.party.spc} {one.question_id} {one.code}{named} to {one.hub}")
                print(f"    asked for {one.reason or 'no reason'}; {facts}; {one.state}")
        except NotFound as error:
            print(error)


def attempt(  # noqa: PLR0917 - typer passes options by name
    config: Annotated[Path, typer.Option(help="The agent's configuration file (TOML).")],
    spc: Annotated[str, typer.Option(help="Which carrier of the file.")],
    called: Annotated[str, typer.Option(help="Called number.")] = "",
    calling: Annotated[str, typer.Option(help="Calling number.")] = "",
    at: Annotated[str, typer.Option(help="Start of the call, ISO 8601 with its zone.")] = "",
    window: Annotated[int, typer.Option(help="How far from it to look, seconds each way.")] = 60,
    downstream: Annotated[str, typer.Option(help="SPC of the provider that says it took the call from you.")] = "",
    call_id: Annotated[str, typer.Option(help="SIP Call-ID.")] = "",
    identity: Annotated[str, typer.Option(help="SHA-256 of the Identity token.")] = "",
    questions: Annotated[Path | None, typer.Option(help="Many: a file of questions, a JSON object a line.")] = None,
) -> None:
    """Show what would be answered about a call, from the carrier's own records; nothing is sent or kept.

    The agent must not run meanwhile: its store belongs to one process.
    """
    from headwater.agent import rehearsal

    asked = (
        rehearsal.read(questions)
        if questions
        else [
            rehearsal.question(
                calling=calling,
                called=called,
                at=at,
                window_s=window,
                downstream=downstream,
                call_id=call_id,
                identity=identity,
            )
        ]
    )
    for answer in rehearsal.answers_to(config, spc, asked):
        print(json.dumps(answer, indent=None if questions else 1))


def unit(
    config: Annotated[Path, typer.Option(help="Where the configuration file will lie.")] = Path(
        "/etc/headwater/agent.toml"
    ),
    user: Annotated[str, typer.Option(help="User that the agent runs as.")] = "headwater-agent",
) -> None:
    """Print a systemd unit for the agent: hardened, restarted when it falls, stopped gracefully."""
    import sys

    from headwater.agent import systemd

    started = Path(sys.argv[0]).resolve()
    program = f"{sys.executable} -m headwater" if started.name == "__main__.py" else str(started)
    print(systemd.unit(program=program, config=config, user=user), end="")


def receipt(
    file: Annotated[Path, typer.Argument(help="A signed receipt (.jws).")],
    key: Annotated[Path, typer.Option(help="The hub's public receipt key (JWK), from /api/agents/v1/receipt-key.")],
) -> None:
    """Check a signed receipt offline and print what it states; exit 1 where the signature does not hold."""
    from headwater.agent.receipts import stated

    try:
        print(json.dumps(stated(file.read_text(), json.loads(key.read_text())), indent=1))
    except (HeadwaterError, OSError, ValueError) as error:
        print(f"{file}: {error}")
        raise typer.Exit(1) from None
