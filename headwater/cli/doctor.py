"""``headwater doctor``: say in plain words what is wrong, and what to do."""

import json
from typing import Annotated

import typer

from headwater.site.config import load
from headwater.site.doctor import Finding, Level, examine


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array instead of lines.")] = False,
) -> None:
    """Check this installation and say what is wrong; exit code 1 if something must be mended."""
    findings: list[Finding] = []
    for finding in examine(load()):
        findings.append(finding)
        if not as_json:
            print(f"{finding.level:<5} {finding.subject:<15} {finding.what}", flush=True)
            if finding.todo:
                print(f"{'':<21} -> {finding.todo}", flush=True)
    if as_json:
        print(json.dumps([finding.as_json() for finding in findings], indent=2))
    raise typer.Exit(1 if any(finding.level is Level.FAIL for finding in findings) else 0)
