"""What may be read of alerts: an agency reads its own, the consortium's people all. Frozen values only.

``actions.read`` is how a person opens one: it notes the reading.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.alerts.models import Alert
from headwater.campaigns.queries import liveness
from headwater.campaigns.rules import Liveness
from headwater.campaigns.states import CampaignState
from headwater.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    """One alert in a list."""

    id: str
    campaign_id: str
    campaign_name: str
    """The campaign's name now; the alert's facts hold the name that was told."""
    campaign_state: CampaignState
    organisation_id: str
    organisation_name: str
    state: str
    """The agency's state that the campaign rings in; "" for a federal agency."""
    created_at: datetime
    first_read_at: datetime | None
    calls_told: int
    calls_now: int
    last_call_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """One alert in full."""

    row: AlertRow
    facts: Mapping[str, Any]
    """As they were when the alert went out: see ``rules.facts``."""


def visible_to(actor: Actor) -> QuerySet[Alert]:
    """Return the alerts that ``actor`` may see: an agency's own, all for the consortium's people, else none."""
    if actor.organisation_kind == OrganisationKind.AGENCY and actor.may(Permission.ALERT_READ):
        return Alert.objects.filter(organisation_id=actor.organisation_id)
    if actor.organisation_kind == OrganisationKind.CONSORTIUM and actor.may(Permission.CAMPAIGN_READ):
        return Alert.objects.all()
    return Alert.objects.none()


def alerts(actor: Actor, *, campaign_id: str = "", limit: int = 200) -> list[AlertRow]:
    """Return the alerts that ``actor`` may see, newest first; of one campaign where it is named."""
    rows = visible_to(actor).select_related("campaign", "organisation").order_by("-created_at", "id")
    if campaign_id:
        rows = rows.filter(campaign_id=campaign_id)
    return [_row(row) for row in rows[:limit]]


def alert(actor: Actor, alert_id: str) -> AlertView:
    """Return one alert in full. Doors open alerts with ``actions.read``, which notes it.

    Raises:
        NotFound: There is no such alert that the actor may see.
    """
    row = visible_to(actor).select_related("campaign", "organisation").filter(id=alert_id).first()
    if row is None:
        message = f"There is no alert {alert_id[:20]} that you may open. Check the number."
        raise NotFound(message)
    return AlertView(row=_row(row), facts=row.facts)


def campaign_liveness(actor: Actor, alert_id: str, now: datetime) -> Liveness:
    """Return whether the campaign of an alert that ``actor`` may see still rings."""
    return liveness(alert(actor, alert_id).row.campaign_id, now)


def _row(row: Alert) -> AlertRow:
    return AlertRow(
        id=row.id,
        campaign_id=row.campaign_id,
        campaign_name=row.campaign.name,
        campaign_state=CampaignState(row.campaign.state),
        organisation_id=row.organisation_id,
        organisation_name=row.organisation.name,
        state=row.state,
        created_at=row.created_at,
        first_read_at=row.first_read_at,
        calls_told=row.facts["calls"],
        calls_now=row.campaign.calls,
        last_call_at=row.campaign.last_call_at,
    )
