"""What is done with alerts: agencies are told, and read what they were told. Each in one transaction, audited."""

from datetime import datetime

from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.accounts.queries import agencies
from headwater.alerts import queries, rules
from headwater.alerts.models import Alert
from headwater.audit.actions import record as audit
from headwater.audit.tags import Tag
from headwater.campaigns import queries as campaigns
from headwater.campaigns.models import Campaign
from headwater.errors import NotFound

SENDER = system("alerts")


@transaction.atomic
def send_for_campaign(campaign_id: str, *, now: datetime | None = None) -> list[str]:
    """Tell every agency whose state the campaign hit, and the federal ones, that were not told yet.

    Doing it again tells only agencies of states that were hit since. Returns the identifiers of the new alerts.

    Raises:
        NotFound: There is no such campaign.
    """
    now = now or clock.now()
    # Locked, so that two workers with the same job cannot both tell an agency.
    campaign = Campaign.objects.select_for_update(no_key=True).filter(id=campaign_id).first()
    if campaign is None:
        message = f"There is no campaign {campaign_id}; nobody was told."
        raise NotFound(message)
    if campaign.confirmed_at is None:
        return []
    told = Alert.objects.filter(campaign_id=campaign_id).values_list("organisation_id", flat=True)
    known = [rules.Agency(organisation_id=agency.id, state=agency.state) for agency in agencies()]
    waiting = rules.to_tell(known, campaign.states_hit, told)
    if not waiting:
        return []
    view = campaigns.campaign(SENDER, campaign_id, now=now)
    alerts = [
        Alert(
            campaign=campaign,
            organisation_id=agency.organisation_id,
            state=agency.state,
            created_at=now,
            facts=rules.facts(view, campaigns.samples(SENDER, campaign_id, state=agency.state), state=agency.state),
        )
        for agency in waiting
    ]
    Alert.objects.bulk_create(alerts)
    for alert in alerts:
        detail = {"campaign": campaign_id, "organisation": alert.organisation_id, "state": alert.state}
        audit(SENDER, Tag.ALERT_SENT, alert.id, detail)
    return [alert.id for alert in alerts]


@transaction.atomic
def read(actor: Actor, alert_id: str, *, now: datetime | None = None) -> queries.AlertView:
    """Open one alert: the first reading by the agency is noted on it, every reading in the audit.

    Raises:
        NotFound: There is no such alert that the actor may see.
    """
    now = now or clock.now()
    view = queries.alert(actor, alert_id)
    own = actor.organisation_kind == OrganisationKind.AGENCY and actor.may(Permission.ALERT_READ)
    if own and view.row.first_read_at is None:
        Alert.objects.filter(id=alert_id, first_read_at__isnull=True).update(first_read_at=now)
        view = queries.alert(actor, alert_id)
    audit(actor, Tag.ALERT_READ, alert_id, {"campaign": view.row.campaign_id})
    return view
