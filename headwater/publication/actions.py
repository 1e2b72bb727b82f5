"""What is done with what the public reads: the weeks that are not closed are counted again."""

from datetime import date, datetime, timedelta
from statistics import median

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Sum

from headwater import clock
from headwater.accounts.actors import system
from headwater.alerts.models import Alert
from headwater.audit.actions import record as audit
from headwater.audit.tags import Tag
from headwater.calls import queries as calls
from headwater.calls import trends as store
from headwater.campaigns.models import Campaign
from headwater.publication import rules
from headwater.publication.models import PublishedWeek
from headwater.relief.models import Notice
from headwater.tracebacks.models import Traceback
from headwater.tracebacks.states import Grade, TracebackState
from headwater.trends.models import Cut, TrendHour

PUBLISHER = system("publisher")


def publish(*, now: datetime | None = None) -> list[date]:
    """Count the weeks that are not closed, and keep their totals; return the Mondays of those that were closed.

    A closed week is never counted again: who cites it finds it as it was.

    Raises:
        StoreUnavailable: the call store does not answer; nothing was changed.
    """
    now = now or clock.now()
    this = rules.monday_of(now)
    weeks = (this - timedelta(days=7), this)
    counted = {monday: _counts(monday) for monday in weeks}
    closed = []
    with transaction.atomic():
        kept = {
            row.monday: row for row in PublishedWeek.objects.select_for_update(no_key=True).filter(monday__in=weeks)
        }
        for monday, counts in counted.items():
            row = kept.get(monday) or PublishedWeek(monday=monday)
            if row.closed or (monday not in kept and not _anything(counts)):
                continue
            row.totals, row.made_at = rules.totals(counts), now
            row.closed, row.rule_version = rules.is_closed(monday, now), rules.RULE_VERSION
            row.save()
            if row.closed:
                closed.append(monday)
                audit(PUBLISHER, Tag.TOTALS_PUBLISHED, monday.isoformat(), {"rule": rules.RULE_VERSION})
    return closed


def _anything(counts: rules.Counts) -> bool:
    return bool(counts.reports or counts.families or counts.outcomes or counts.alerts)


def _counts(monday: date) -> rules.Counts:
    start, end = rules.bounds(monday)
    told = store.by_vantage(calls.connect(settings.HEADWATER.calls_url), start=start, end=end)
    rows = TrendHour.objects.filter(hour__gte=start, hour__lt=end, calls__gt=0).order_by()
    # One vantage point for each campaign, the one that saw it most: counts of several are never added up.
    seen: dict[str, int] = {}
    for campaign, number in (
        rows.filter(cut=Cut.CAMPAIGN)
        .values("campaign_id", "vantage")
        .annotate(number=Sum("calls"))
        .values_list("campaign_id", "number")
    ):
        seen[campaign] = max(seen.get(campaign, 0), number)
    families: dict[str, tuple[int, int]] = {}
    for campaign, family in Campaign.objects.filter(id__in=seen, confirmed_at__isnull=False).values_list(
        "id", "family"
    ):
        campaigns, number = families.get(family, (0, 0))
        families[family] = campaigns + 1, number + seen[campaign]
    states: dict[str, int] = {}
    for state, number in (
        rows.filter(cut=Cut.STATE)
        .values("state", "vantage")
        .annotate(number=Sum("calls"))
        .values_list("state", "number")
    ):
        states[state] = max(states.get(state, 0), number)
    ended = Traceback.objects.filter(closed_at__gte=start, closed_at__lt=end).exclude(state=TracebackState.CANCELLED)
    minutes = [
        (closed - opened).total_seconds() / 60
        for opened, closed in ended.values_list("opened_at", "closed_at")
        if closed
    ]
    return rules.Counts(
        reports={kind: sum(hours.values()) for kind, hours in told.items()},
        families=families,
        states=states,
        campaigns_found=Campaign.objects.filter(confirmed_at__gte=start, confirmed_at__lt=end).count(),
        outcomes={
            Grade(grade).value or TracebackState(state).value: number
            for grade, state, number in ended.order_by()
            .values("grade", "state")
            .annotate(number=Count("id"))
            .values_list("grade", "state", "number")
        },
        median_minutes=median(minutes) if minutes else None,
        alerts=Alert.objects.filter(created_at__gte=start, created_at__lt=end).count(),
        notices=Notice.objects.filter(sent_at__gte=start, sent_at__lt=end).count(),
    )
