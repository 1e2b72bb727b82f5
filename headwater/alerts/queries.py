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
from headwater.alerts.values import Why
from headwater.campaigns.merged import standing, united
from headwater.campaigns.models import Campaign
from headwater.campaigns.queries import liveness
from headwater.campaigns.rules import Liveness
from headwater.campaigns.states import CampaignState
from headwater.errors import NotFound
from headwater.trends import queries as trends
from headwater.trends.models import Cut, TrendHour
from headwater.trends.queries import TrendView


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
    family: str
    calls_in_state: int
    """Calls to the agency's state, when it was last told; all calls for a federal agency."""
    origin: str
    """Name of the origin that tracebacks confirmed, when the agency was last told; "" for none."""
    traced: str
    """How far, in words; "" for not at all."""
    version: int
    updated_at: datetime
    """When the newest version was made."""
    last_call_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """One alert in full."""

    row: AlertRow
    facts: Mapping[str, Any]
    """As they were when the alert went out: see ``facts.facts``."""
    versions: tuple["VersionView", ...] = ()
    """What was said since, the newest first; the last of them is the alert as it went out."""

    @property
    def known(self) -> Mapping[str, Any]:
        """The newest facts."""
        return self.versions[0].facts if self.versions else self.facts


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionView:
    """One version of an alert."""

    number: int
    why: Why
    made_at: datetime
    facts: Mapping[str, Any]


def visible_to(actor: Actor) -> QuerySet[Alert]:
    """Return the alerts that ``actor`` may see: an agency's own, all for the consortium's people, else none."""
    if actor.organisation_kind == OrganisationKind.AGENCY and actor.may(Permission.ALERT_READ):
        return Alert.objects.filter(organisation_id=actor.organisation_id)
    if actor.organisation_kind == OrganisationKind.CONSORTIUM and actor.may(Permission.CAMPAIGN_READ):
        return Alert.objects.all()
    return Alert.objects.none()


def alerts(actor: Actor, *, campaign_id: str = "", limit: int = 200) -> list[AlertRow]:
    """Return the alerts that ``actor`` may see, newest first; of one campaign where it is named."""
    rows = visible_to(actor).select_related("campaign__merged_into", "organisation").order_by("-created_at", "id")
    if campaign_id:
        rows = rows.filter(campaign_id__in=united({campaign_id}))
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
    versions = tuple(
        VersionView(number=one.number, why=Why(one.why), made_at=one.made_at, facts=one.facts)
        for one in row.versions.order_by("-number")
    )
    return AlertView(row=_row(row), facts=row.facts, versions=versions)


def campaign_liveness(actor: Actor, alert_id: str, now: datetime) -> Liveness:
    """Return whether the campaign of an alert that ``actor`` may see still rings."""
    return liveness(alert(actor, alert_id).row.campaign_id, now)


def trend(actor: Actor, alert_id: str, *, now: datetime, days: int = 7) -> TrendView:
    """Return the trend of an alert's campaign in the agency's state; in the whole country for a federal agency.

    Raises:
        NotFound: There is no such alert that the actor may see.
    """
    row = alert(actor, alert_id).row
    campaign_id = standing(Campaign.objects.get(id=row.campaign_id)).id
    cut = Cut.CAMPAIGN_STATE if row.state else Cut.CAMPAIGN
    hours = TrendHour.objects.filter(
        cut=cut, campaign_id=campaign_id, state=row.state, calls__gt=0, hour__gte=trends.look_back(now)
    )
    key = f"{campaign_id}:{row.state}" if row.state else campaign_id
    title = f"{row.campaign_name} in {row.state}" if row.state else row.campaign_name
    return trends.view(cut.value, key, title, trends.gather(hours), now=now, days=days)


def _row(row: Alert) -> AlertRow:
    last = row.versions.order_by("-number").first()
    known, updated_at, number = (last.facts, last.made_at, last.number) if last else (row.facts, row.created_at, 1)
    origin = known.get("origin", {})
    campaign = standing(row.campaign)
    return AlertRow(
        id=row.id,
        campaign_id=row.campaign_id,
        campaign_name=row.campaign.name,
        campaign_state=CampaignState(campaign.state),
        organisation_id=row.organisation_id,
        organisation_name=row.organisation.name,
        state=row.state,
        created_at=row.created_at,
        first_read_at=row.first_read_at,
        calls_told=row.facts["calls"],
        calls_now=campaign.calls,
        family=campaign.family,
        calls_in_state=known["calls_in_state"],
        origin=origin.get("name", ""),
        traced=origin.get("grade_words", ""),
        version=number,
        updated_at=updated_at,
        last_call_at=campaign.last_call_at,
    )
