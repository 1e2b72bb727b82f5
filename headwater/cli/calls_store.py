"""``headwater calls schema`` and ``doctor``: the call store itself, for its operator."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.calls import cluster as clusters
from headwater.calls import schema as schemas
from headwater.errors import Invalid

if TYPE_CHECKING:
    from headwater.calls.health import Finding


def add_to(group: typer.Typer) -> None:
    """Add the commands to ``headwater calls``."""
    group.command("schema")(schema)
    group.command("grants")(grants)
    group.command("doctor")(doctor)


def schema(
    cluster: Annotated[str, typer.Option(help="Name of a cluster in the servers' remote_servers.")] = "",
    database: Annotated[str, typer.Option(help="Name of the database.")] = "headwater",
) -> None:
    """Print the statements that make the call store's tables: on one machine, or on a ClickHouse cluster."""
    if cluster:
        statements = list(clusters.statements(database=database, cluster=cluster))
    else:
        templates = [*schemas.FOUNDATION, *(one for step in schemas.MIGRATIONS for one in step.statements)]
        statements = [schemas.render(template, database=database) for template in templates]
    for statement in statements:
        print(f"{statement};\n")


def grants(
    cluster: Annotated[str, typer.Option(help="Name of a cluster whose servers are all told.")] = "",
    database: Annotated[str, typer.Option(help="Name of the database.")] = "headwater",
) -> None:
    """Print the statements that make a user for each process on a ClickHouse server and grant it its columns."""
    from headwater.calls import grants as granted
    from headwater.site import secret_files
    from headwater.site.config import load

    secrets = secret_files.read_json(load().secrets / secret_files.CALLS_READERS)
    if not secrets:
        raise Invalid("The processes have no secrets yet: run `headwater up` or `headwater database prepare` once.")
    for statement in granted.statements(secrets, database=database, cluster=cluster):
        print(f"{statement};")


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array instead of lines.")] = False,
) -> None:
    """Say how the call store stands and what to do; exit code 1 if something must be mended."""
    from headwater.site.config import load

    config = load()
    findings = _examine(config.calls_url)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    for finding in [] if as_json else findings:
        print(f"{finding.level:<5} {finding.subject:<11} {finding.what}")
        if finding.todo:
            print(f"{'':<17} -> {finding.todo}")
    raise typer.Exit(1 if any(finding.level == "fail" for finding in findings) else 0)


def _examine(url: str) -> "list[Finding]":
    from headwater import clock
    from headwater.calls.engine import Engine, StoreUnavailable
    from headwater.calls.health import Finding, Level, judge, look

    if not url:
        todo = "Run `headwater up`, or give HEADWATER_CALLS_URL."
        return [Finding(Level.FAIL, "Reachable", "this installation has no call store yet", todo)]
    try:
        engine = Engine.open(url)
        try:
            facts = look(engine, "headwater", now=clock.now())
        finally:
            engine.close()
    except StoreUnavailable as error:
        todo = "Is `calls` (or the server) running, and its address and secret right? The log of calls says more."
        return [Finding(Level.FAIL, "Reachable", str(error), todo)]
    return [Finding(Level.OK, "Reachable", "the store answers"), *judge(facts)]
