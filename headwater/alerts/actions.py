"""What is done with alerts: agencies are told, told more when it matters, and read what they were told.

Each in one transaction, audited. What is written to subscribers is in ``subscriptions``.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from headwater import clock
from headwater.accounts import webhooks
from headwater.accounts.actors import Actor, system
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.accounts.queries import agencies
from headwater.accounts.webhook_kinds import EventKind
from headwater.alerts import feed, gather, queries, rules, stix
from headwater.alerts.facts import facts
from headwater.alerts.models import Alert, AlertVersion, Subscription
from headwater.alerts.values import Why
from headwater.audit.actions import record as audit
from headwater.audit.tags import Tag
from headwater.campaigns import queries as campaigns
from headwater.campaigns.merged import standing, united
from headwater.campaigns.models import Campaign
from headwater.errors import NotFound

SENDER = system("alerts")
#: Campaigns that are looked at for news: those that rang within it, or changed their state within it.
LOOKED_BACK = timedelta(days=2)


def portal() -> str:
    """Return the address of the portal, for links in what is sent."""
    return str(settings.HEADWATER.url("portal"))


def send_for_campaign(campaign_id: str, *, now: datetime | None = None) -> list[str]:
    """Tell every agency whose state the campaign hit, and the federal ones, that were not told yet.

    Doing it again tells only agencies of states that were hit since. Returns the identifiers of the new alerts.

    Raises:
        NotFound: There is no such campaign.
    """
    now = now or clock.now()
    with transaction.atomic():
        # Locked, so that two workers with the same job cannot both tell an agency.
        campaign = Campaign.objects.select_for_update(no_key=True).filter(id=campaign_id).first()
        if campaign is None:
            message = f"There is no campaign {campaign_id}; nobody was told."
            raise NotFound(message)
        if campaign.confirmed_at is None or campaign.merged_into_id is not None:
            return []
        told = Alert.objects.filter(campaign_id__in=united({campaign_id})).values_list("organisation_id", flat=True)
        known = [rules.Agency(organisation_id=agency.id, state=agency.state) for agency in agencies()]
        waiting = rules.to_tell(known, campaign.states_hit, told)
        if not waiting:
            return []
        alerts = [
            Alert(
                campaign=campaign,
                organisation_id=agency.organisation_id,
                state=agency.state,
                created_at=now,
                facts=_facts(campaign, agency.state, now=now),
            )
            for agency in waiting
        ]
        Alert.objects.bulk_create(alerts)
        for alert in alerts:
            detail = {"campaign": campaign_id, "organisation": alert.organisation_id, "state": alert.state}
            audit(SENDER, Tag.ALERT_SENT, alert.id, detail)
            _add_version(alert, Why.FIRST, alert.facts, now=now)
    return [alert.id for alert in alerts]


def tell_more(*, now: datetime | None = None) -> list[str]:
    """Make a new version of each alert on whose campaign something changed that matters; return those alerts.

    Doing it again changes nothing until something changes again.
    """
    now = now or clock.now()
    told = united(Alert.objects.order_by().values_list("campaign_id", flat=True).distinct())
    known, since = Campaign.objects.filter(id__in=told).select_related("merged_into"), now - LOOKED_BACK
    news = [
        known.filter(last_call_at__gt=since),
        known.filter(state_changes__at__gt=since),
        known.filter(tracebacks__closed_at__gt=since),
    ]
    ids = {standing(campaign).id for rows in news for campaign in rows}
    found = []
    for campaign_id in sorted(ids):
        found += _tell_more(campaign_id, now=now)
    return found


def _tell_more(campaign_id: str, *, now: datetime) -> list[str]:
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(no_key=True).get(id=campaign_id)
        present = _present(campaign)
        found = []
        for alert in Alert.objects.filter(campaign_id__in=united({campaign_id})).order_by("id"):
            last = alert.versions.order_by("-number").first()
            before, at = (last.facts, last.made_at) if last else (alert.facts, alert.created_at)
            why = rules.what_changed(before, present, since=now - at)
            if why is None:
                continue
            number = _add_version(alert, why, _facts(campaign, alert.state, now=now), now=now)
            audit(SENDER, Tag.ALERT_UPDATED, alert.id, {"campaign": campaign_id, "version": number, "why": why.value})
            found.append(alert.id)
    return found


def _present(campaign: Campaign) -> dict[str, Any]:
    """Return what decides whether there is news: few columns, and no call looked at."""
    origin = gather.traced(campaign.id)
    return {
        "name": campaign.name,
        "name_status": campaign.name_status,
        "state": campaign.state,
        "calls": campaign.calls,
        "origin": {"grade": origin.grade, "name": origin.name},
    }


def _facts(campaign: Campaign, state: str, *, now: datetime) -> dict[str, Any]:
    view = campaigns.campaign(SENDER, campaign.id, now=now)
    samples = campaigns.samples(SENDER, campaign.id, state=state)
    return facts(view, samples, gather.told(campaign, samples), state=state)


def _add_version(alert: Alert, why: Why, known: Mapping[str, Any], *, now: datetime) -> int:
    number = alert.versions.count() + 1
    AlertVersion.objects.create(alert=alert, number=number, why=why.value, made_at=now, facts=known)
    told = stix.Told(
        alert_id=alert.id,
        number=number,
        why=why,
        created_at=alert.created_at,
        made_at=now,
        facts=known,
        portal=portal(),
    )
    feed.add(alert.organisation_id, stix.objects(told))
    wishes = Subscription.objects.filter(organisation_id=alert.organisation_id, ended_at=None)
    if not wishes.exists():
        # Who subscribed gets webhooks by what they asked for; who did not, of each alert.
        queue_webhook(alert.organisation_id, alert.id, number, why, known)
    return number


def queue_webhook(organisation_id: str, alert_id: str, number: int, why: Why, known: Mapping[str, Any]) -> int:
    """Tell the agency's endpoints of one version, once; return how many are told."""
    said = {name: value for name, value in known.items() if name != "name_basis"}
    return webhooks.queue_event(
        key=f"alert {alert_id} v{number}",
        organisation_id=organisation_id,
        kind=EventKind.ALERT_SENT,
        data={
            "alert": alert_id,
            "version": number,
            "why": why.value,
            "url": f"{portal()}/alerts/{alert_id}/",
            **said,
        },
        about=alert_id,
    )


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


@transaction.atomic
def hear(actor: Actor, alert_id: str, record_id: str) -> tuple[str, str]:
    """Return (SHA-256, media type) of the recording of one sample call of an alert; the audit notes who heard it.

    Raises:
        NotFound: There is no such alert that the actor may see, or no recording of that call in it.
    """
    view = queries.alert(actor, alert_id)
    for told in (view.facts, *(version.facts for version in view.versions)):
        for sample in told["samples"]:
            recording = sample.get("recording")
            if sample["record_id"] == record_id and recording:
                audit(actor, Tag.RECORDING_PLAYED, record_id, {"alert": alert_id, "sha256": recording["sha256"]})
                return recording["sha256"], recording["media_type"]
    message = f"The alert {alert_id} holds no recording of the call {record_id[:40]}."
    raise NotFound(message)
