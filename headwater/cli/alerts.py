"""``headwater alerts``: what agencies were told, and what they subscribed to."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from headwater.accounts.actors import system
from headwater.site.setup import django

ACTOR = system("operator")


def register(app: typer.Typer) -> None:
    """Add ``alerts`` to the command line."""
    group = typer.Typer(help="Alerts to agencies, and their subscriptions.", no_args_is_help=True)
    group.command("list")(listing)
    group.command("send")(send)
    group.command("subscriptions")(subscriptions)

    @group.callback()
    def _alerts() -> None:
        """Alerts to agencies, and their subscriptions."""

    app.add_typer(group, name="alerts")


def listing(
    campaign: Annotated[str, typer.Option(help="Of this campaign alone.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="At most so many.")] = 50,
) -> None:
    """List the alerts that were sent, the newest first: to whom, of what, how far traced, read or not."""
    django()
    # Imported here: Django must be ready before a module with models is imported.
    from headwater.alerts import queries

    table = Table("Alert", "Agency", "State", "Campaign", "Calls", "Likely origin", "Version", "Sent", "First read")
    for row in queries.alerts(ACTOR, campaign_id=campaign, limit=limit):
        table.add_row(
            row.id,
            row.organisation_name,
            row.state or "federal",
            f"{row.campaign_name} ({row.campaign_state.value})",
            f"{row.calls_now:,}",
            row.origin or row.traced or "not traced",
            str(row.version),
            f"{row.created_at:%Y-%m-%d %H:%M}",
            f"{row.first_read_at:%Y-%m-%d %H:%M}" if row.first_read_at else "not yet",
        )
    _print(table)


def send(campaign: Annotated[str, typer.Argument(help="The campaign, such as C-7K3QM9ZD4F.")]) -> None:
    """Tell every agency concerned of a confirmed campaign that was not told yet; doing it again tells nobody twice."""
    django()
    # As above.
    from headwater.alerts import actions

    sent = actions.send_for_campaign(campaign)
    print(f"Sent {', '.join(sent)}." if sent else "Nobody was left to tell.")


def subscriptions() -> None:
    """List what agencies subscribed to, and how much was sent for it."""
    django()
    # As above.
    from headwater.alerts import subscriptions as subscribed

    table = Table("Subscription", "Name", "States", "Families", "Calls an hour", "How often", "To", "Sent", "Last")
    for row in subscribed.subscriptions(ACTOR):
        to = [*([row.email] if row.email else []), *(["webhooks"] if row.webhook else [])]
        table.add_row(
            row.id,
            row.name + (" (paused)" if row.paused_at else ""),
            ", ".join(row.states) or "its own",
            ", ".join(row.families) or "all",
            str(row.calls_an_hour or "any"),
            row.cadence.label,
            ", ".join(to),
            str(row.sent),
            f"{row.last_sent_at:%Y-%m-%d %H:%M}" if row.last_sent_at else "never",
        )
    _print(table)


def _print(table: Table) -> None:
    # Into a pipe nothing is cut: a program reads it.
    console = Console()
    (console if console.is_terminal else Console(width=240)).print(table)
