"""``headwater outbox``: what left by mail and webhook, for the operator."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from headwater import clock
from headwater.accounts.actors import system
from headwater.errors import Invalid
from headwater.site.setup import django


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Mail and webhooks that leave, and what came of them.", no_args_is_help=True)
    commands.command("list")(list_messages)
    commands.command("retry")(retry)
    app.add_typer(commands, name="outbox")


def list_messages(
    state: Annotated[str, typer.Option(help="waiting, delivered or failed; all where it is not given.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 50,
) -> None:
    """List the newest messages with the answers of the recipients' servers."""
    django()
    from headwater.outbox import queries
    from headwater.outbox.rules import State

    if state and state not in list(State):
        raise Invalid(f"{state!r} is no state; choose {', '.join(State)}.")
    table = Table(
        Column("Message", no_wrap=True), "Queued (UTC)", "To", "What", "About", "State", "Attempts", "Receipt"
    )
    for message in queries.messages(state=State(state) if state else None, limit=limit):
        table.add_row(
            message.id,
            f"{message.created_at:%Y-%m-%d %H:%M:%S}",
            message.address,
            message.subject,
            message.about,
            message.state.value,
            str(message.attempts),
            message.receipt[:200],
        )
    Console().print(table)


def retry(message_id: Annotated[str, typer.Argument(help="A message that failed.")]) -> None:
    """Try a message that failed anew."""
    django()
    from headwater.outbox import actions

    actions.retry(system("operator"), message_id, now=clock.now())
    print(f"{message_id} is tried anew.")
