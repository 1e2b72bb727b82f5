"""``headwater cases``: investigations and their timelines, for the operator."""

import sys
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from headwater.accounts.actors import system
from headwater.site.setup import django


class Form(StrEnum):
    """How a timeline is written."""

    CSV = "csv"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Investigations and their timelines.", no_args_is_help=True)
    commands.command("list")(list_cases)
    commands.command("timeline")(timeline)
    app.add_typer(commands, name="cases")


def list_cases() -> None:
    """List every case with its open tasks; the look is audited."""
    django()
    from headwater.cases import queries

    table = Table(
        Column("Case", no_wrap=True),
        "Title",
        "Reference",
        "State",
        "Opened (UTC)",
        "Subjects",
        "Open tasks",
        "Next due",
    )
    for case in queries.cases(system("operator")):
        due = f"{case.next_due_on:%Y-%m-%d}" if case.next_due_on else ""
        opened = f"{case.opened_at:%Y-%m-%d %H:%M}"
        state = case.state.value + (", restricted" if case.restricted else "")
        table.add_row(case.id, case.title, case.reference, state, opened, str(case.items), str(case.open_tasks), due)
    Console().print(table)


def timeline(
    case: Annotated[str, typer.Argument(help="Identifier of the case.")],
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.CSV,
) -> None:
    """Write a case's timeline to standard output: each moment with its lane and precision; the export is audited."""
    django()
    from headwater.cases import queries
    from headwater.cases.timeline import COLUMNS, rows
    from headwater.evidence.tables import csv_octets, json_octets

    told = rows(queries.timeline(system("operator"), case, form=form.value))
    octets = csv_octets(COLUMNS, told) if form is Form.CSV else json_octets({"case": case, "moments": told})
    sys.stdout.write(octets.decode())
