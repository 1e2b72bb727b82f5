"""Writing to subscribers: each version of an alert once for each subscription, in mails that do not flood."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count

from headwater import clock
from headwater.accounts.actors import system
from headwater.alerts import letters, rules
from headwater.alerts.actions import portal, queue_webhook
from headwater.alerts.models import AlertVersion, Sending, Subscription
from headwater.alerts.subscriptions import stop_token
from headwater.alerts.values import Cadence, News, Why, Wish
from headwater.audit.actions import record as audit
from headwater.audit.tags import Tag
from headwater.campaigns.models import CampaignMember
from headwater.outbox import actions as outbox

SENDER = system("alerts")
#: News older than this is not written of any more: whoever subscribes today is not sent last month.
FRESH = timedelta(days=2)


def write(*, now: datetime | None = None) -> int:
    """Write to subscribers what waits for them; return how many versions went out. Nothing goes out twice."""
    now = now or clock.now()
    ids = Subscription.objects.filter(ended_at=None, paused_at=None).order_by("id").values_list("id", flat=True)
    return sum(_write_for(subscription_id, now=now) for subscription_id in list(ids))


@transaction.atomic
def _write_for(subscription_id: str, *, now: datetime) -> int:
    # Locked: two workers at once would both find the same news waiting.
    row = Subscription.objects.select_for_update(no_key=True).get(id=subscription_id)
    if row.ended_at is not None or row.paused_at is not None:
        return 0
    wish = _wish(row, now)
    waiting = _waiting(row, now)
    plan = rules.plan(wish, waiting, now=now)
    for news in plan.alone:
        _sent(row, [news], _mail(row, news), at=now)
    if plan.digest:
        _sent(row, plan.digest, _digest(row, plan.digest, now=now), at=now, digest=True)
    if plan.quietly and (row.webhook or not row.email):
        _sent(row, plan.quietly, "", at=now)
    if plan.gathered:
        row.gathered_at = now
        row.save(update_fields=["gathered_at"])
    return len(plan.alone) + len(plan.digest) + len(plan.quietly)


def _wish(row: Subscription, now: datetime) -> Wish:
    lately = row.sendings.filter(at__gt=now - timedelta(hours=1), digest=False).exclude(message_id="")
    return Wish(
        id=row.id,
        organisation_id=row.organisation_id,
        states=frozenset(row.states),
        families=frozenset(row.families),
        calls_an_hour=row.calls_an_hour,
        cadence=Cadence(row.cadence),
        email=row.email,
        webhook=row.webhook,
        gathered_at=row.gathered_at,
        sent_lately=lately.count(),
    )


def _waiting(row: Subscription, now: datetime) -> list[News]:
    """Return the versions of the agency's alerts that were not sent for this subscription, the oldest first."""
    rows = (
        AlertVersion.objects.filter(
            alert__organisation_id=row.organisation_id, made_at__gte=max(row.created_at, now - FRESH)
        )
        .exclude(sendings__subscription=row)
        .select_related("alert")
        .order_by("made_at", "id")[:1_000]
    )
    hours: dict[str, dict[str, int]] = {}
    found = []
    for version in rows:
        campaign = version.alert.campaign_id
        if campaign not in hours:
            hours[campaign] = last_hour(campaign, now) if row.calls_an_hour else {}
        found.append(
            News(
                alert_id=version.alert_id,
                version_id=version.id,
                number=version.number,
                why=Why(version.why),
                made_at=version.made_at,
                state=version.alert.state,
                facts=version.facts,
                hour_by_state=hours[campaign],
            )
        )
    return found


def last_hour(campaign_id: str, now: datetime) -> dict[str, int]:
    """Return state -> calls of the last hour, at the vantage point that saw most of them there."""
    rows = CampaignMember.objects.filter(
        campaign_id=campaign_id, call_at__gt=now - timedelta(hours=1), call_at__lte=now
    )
    counts: dict[str, int] = {}
    for state, number in (
        rows.order_by()
        .values("called_state", "source_kind")
        .annotate(n=Count("record_id"))
        .values_list("called_state", "n")
    ):
        counts[state] = max(counts.get(state, 0), number)
    return counts


def _mail(row: Subscription, news: News) -> str:
    return outbox.queue_mail(
        key=f"alert {news.alert_id} v{news.number} {row.id}",
        to=row.email,
        subject=letters.subject(news),
        text=letters.alone(news, portal=portal(), stop=_stop(row)),
        about=news.alert_id,
        organisation_id=row.organisation_id,
    )


def _digest(row: Subscription, news: Sequence[News], *, now: datetime) -> str:
    return outbox.queue_mail(
        key=f"digest {row.id} {now:%Y%m%dT%H%M%S}",
        to=row.email,
        subject=letters.digest_subject(news),
        text=letters.digest(news, portal=portal(), stop=_stop(row)),
        about=row.id,
        organisation_id=row.organisation_id,
    )


def _stop(row: Subscription) -> str:
    return f"{portal()}/subscriptions/stop/{stop_token(row.id)}/"


def _sent(row: Subscription, news: Sequence[News], message_id: str, *, at: datetime, digest: bool = False) -> None:
    Sending.objects.bulk_create(
        Sending(subscription=row, version_id=one.version_id, at=at, message_id=message_id, digest=digest)
        for one in news
    )
    for one in news:
        if row.webhook:
            queue_webhook(row.organisation_id, one.alert_id, one.number, one.why, one.facts)
    detail = {"alerts": [f"{one.alert_id} v{one.number}" for one in news][:100], "message": message_id}
    audit(SENDER, Tag.ALERT_DELIVERED, row.id, detail)
