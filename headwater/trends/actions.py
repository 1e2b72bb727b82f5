"""What is done with trends: forecasts are made before a day begins, kept, and scored when it is over."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet, Sum

from headwater import clock
from headwater.accounts.actors import system
from headwater.audit.actions import record as audit
from headwater.audit.tags import Tag
from headwater.campaigns.models import Campaign
from headwater.campaigns.states import CampaignState
from headwater.trends import forecast
from headwater.trends.models import Cut, Forecast, TrendHour
from headwater.trends.series import DAY, Series, midnight, together, whole_days

FORECASTER = system("forecaster")
#: Today, said as the day begins, and tomorrow.
HORIZONS = (1, 2)
#: Reports come late: a day is counted this long after its end.
SCORED_AFTER = timedelta(hours=6)
#: A campaign is forecast while calls are expected of it.
FORECAST_STATES = (CampaignState.CONFIRMED, CampaignState.ACTIVE, CampaignState.DORMANT)


@transaction.atomic
def make_forecasts(*, now: datetime | None = None) -> int:
    """Say what today and tomorrow are expected to bring, where that was not said yet; return how many were made.

    From whole days alone, those before today. Doing it again on the same day adds what has become possible and changes
    nothing that was said: a forecast that could be improved afterwards would score itself.
    """
    now = now or clock.now()
    today = now.date()
    there = set(Forecast.objects.filter(day__gte=today).values_list("cut", "key", "vantage", "day", "horizon"))
    rows = []
    for cut, key, one in _all_series(today):
        days = whole_days(one, today, most=forecast.DAYS_USED)
        first = today - DAY * len(days)
        for horizon in HORIZONS:
            said = forecast.forecast(days, first=first, horizon=horizon)
            if said is not None and (cut.value, key, one.vantage, said.day, horizon) not in there:
                rows.append(_row(cut, key, one.vantage, said, made_at=now))
    made = Forecast.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1_000)
    if made:
        audit(FORECASTER, Tag.FORECAST_MADE, today.isoformat(), {"forecasts": len(made), "model": forecast.MODEL})
    return len(made)


@transaction.atomic
def score_forecasts(*, now: datetime | None = None) -> int:
    """Count what came of the days that are over and not counted yet; return how many forecasts were scored."""
    now = now or clock.now()
    last = (now - SCORED_AFTER).date() - DAY
    waiting = list(
        Forecast.objects.select_for_update(no_key=True).filter(came__isnull=True, day__lte=last).order_by("id")[:5_000]
    )
    counted: dict[date, dict[tuple[str, str, str], int]] = {}
    for row in waiting:
        if row.day not in counted:
            counted[row.day] = _came(row.day)
        row.came = counted[row.day].get((row.cut, row.key, row.vantage), 0)
        row.scored_at = now
    Forecast.objects.bulk_update(waiting, ["came", "scored_at"], batch_size=500)
    if waiting:
        audit(FORECASTER, Tag.FORECAST_SCORED, last.isoformat(), {"forecasts": len(waiting)})
    return len(waiting)


def _row(cut: Cut, key: str, vantage: str, said: forecast.Forecast, *, made_at: datetime) -> Forecast:
    return Forecast(
        cut=cut,
        key=key,
        vantage=vantage,
        day=said.day,
        horizon=said.horizon,
        made_at=made_at,
        expected=said.expected,
        low=said.low,
        high=said.high,
        naive=said.naive,
        days=said.days,
        model=said.model,
    )


def _all_series(today: date) -> Iterable[tuple[Cut, str, Series]]:
    """Yield every series that is forecast, from the roll-up: everything, states, families, living campaigns."""
    since = midnight(today - DAY * forecast.DAYS_USED)
    rows = TrendHour.objects.filter(hour__gte=since, hour__lt=midnight(today), calls__gt=0)
    for (key, vantage), hours in _hours(rows.filter(cut=Cut.ALL), "campaign_id").items():
        yield Cut.ALL, key, Series(vantage=vantage, hours=hours)
    for (key, vantage), hours in _hours(rows.filter(cut=Cut.STATE).exclude(state=""), "state").items():
        yield Cut.STATE, key, Series(vantage=vantage, hours=hours)
    living = dict(
        Campaign.objects.filter(state__in=FORECAST_STATES, merged_into__isnull=True).values_list("id", "family")
    )
    families: dict[str, list[Series]] = {}
    found = _hours(rows.filter(cut=Cut.CAMPAIGN, campaign_id__in=list(living)), "campaign_id")
    for (key, vantage), hours in found.items():
        one = Series(vantage=vantage, hours=hours)
        families.setdefault(living[key], []).append(one)
        yield Cut.CAMPAIGN, key, one
    for family, parts in families.items():
        if family:
            yield from ((Cut.FAMILY, family, one) for one in together(parts))


def _hours(rows: QuerySet[TrendHour], column: str) -> dict[tuple[str, str], dict[datetime, int]]:
    found: dict[tuple[str, str], dict[datetime, int]] = {}
    for key, vantage, hour, number in rows.values_list(column, "vantage", "hour", "calls").iterator(chunk_size=5_000):
        found.setdefault((key, vantage), {})[hour] = number
    return found


def _came(day: date) -> dict[tuple[str, str, str], int]:
    """Count one day, everything that is forecast at once."""
    rows = TrendHour.objects.filter(hour__gte=midnight(day), hour__lt=midnight(day + DAY), calls__gt=0).order_by()
    found: dict[tuple[str, str, str], int] = {}
    for cut, column in ((Cut.ALL, "campaign_id"), (Cut.STATE, "state"), (Cut.CAMPAIGN, "campaign_id")):
        counted = rows.filter(cut=cut).values_list(column, "vantage").annotate(number=Sum("calls"))
        for key, vantage, number in counted.values_list(column, "vantage", "number"):
            found[cut.value, key, vantage] = number
    family_of = dict(Campaign.objects.exclude(family="").values_list("id", "family"))
    for (cut_value, key, vantage), number in list(found.items()):
        if cut_value == Cut.CAMPAIGN and key in family_of:
            cell = (Cut.FAMILY.value, family_of[key], vantage)
            found[cell] = found.get(cell, 0) + number
    return found
