"""What may be read of trends, and by whom. Frozen values; vantage points side by side, never summed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet, Sum

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.accounts.queries import agencies
from headwater.calls import queries as calls
from headwater.calls import trends as store
from headwater.campaigns.models import Campaign
from headwater.errors import Invalid, NotFound
from headwater.trends import forecast, rules
from headwater.trends.models import Cut, Forecast, TrendHour
from headwater.trends.series import DAY, Series, days_of, midnight, whole_days

#: Vantage points in the order in which they are shown, with their names.
VANTAGES: Mapping[str, str] = {
    "app": "Blocking apps",
    "honeypot": "Honeypots",
    "complaint": "Complaints",
    "carrier": "Carriers",
}
#: Days whose past forecasts are shown and scored.
SCORED_DAYS = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One forecast that was made, with what came where its day is over."""

    said: forecast.Forecast
    made_at: datetime
    came: int | None
    scored_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VantageTrend:
    """One vantage point's view of one thing."""

    vantage: str
    label: str
    series: Series
    usual: tuple[rules.Usual, ...]
    """Of the hours shown; empty where fewer than 14 days are known."""
    events: tuple[rules.Event, ...]
    next_days: tuple[Scored, ...]
    """Forecasts of days that are not over, the nearest first, as they were said when made."""
    past: tuple[Scored, ...]
    """Forecasts one day ahead of the last four weeks, the oldest first, with what came."""
    score: forecast.Score
    """Of ``past``: said before each day began, and kept."""
    tried: forecast.Score
    """Of the same rule run today over the same days, from the days before each alone: what it would have said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendView:
    """One thing over time."""

    what: str
    key: str
    title: str
    start: datetime
    end: datetime
    """End of the hours shown: the next whole hour."""
    vantages: tuple[VantageTrend, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One key of a list: calls by vantage point in two spans of the same length, the last and the one before."""

    key: str
    title: str
    now: Mapping[str, int]
    before: Mapping[str, int]
    campaigns: int = 0
    """How many of the family's rang in the last span."""


def require(actor: Actor) -> None:
    """Refuse who reads no trends: the consortium's people read campaigns, an agency's read alerts."""
    actor.require(
        Permission.ALERT_READ if actor.organisation_kind is OrganisationKind.AGENCY else Permission.CAMPAIGN_READ
    )


def states_of(actor: Actor) -> frozenset[str] | None:
    """Return the states whose own trends the actor may read; ``None`` for all: a state's agency reads its own.

    The whole country and the families are open to every agency.
    """
    if actor.organisation_kind is OrganisationKind.AGENCY:
        own = next((agency.state for agency in agencies() if agency.id == actor.organisation_id), "")
        return frozenset({own}) if own else None
    return None


def visible_to(actor: Actor, cut: Cut, key: str) -> QuerySet[TrendHour]:
    """Return the roll-up's rows of one thing, where the actor may read them.

    Raises:
        Forbidden: the actor reads no trends.
        NotFound: another state's, or a single campaign, which an agency learns of by its alerts alone.
    """
    require(actor)
    states = states_of(actor)
    if cut is Cut.STATE and states is not None and key not in states:
        raise NotFound(f"The trends of {key or 'no state'} are not open to your agency; the whole country's are.")
    if cut in (Cut.CAMPAIGN, Cut.CAMPAIGN_STATE) and actor.organisation_kind is not OrganisationKind.CONSORTIUM:
        raise NotFound("An agency reads the trend of a campaign on its alert.")
    rows = TrendHour.objects.filter(calls__gt=0)
    match cut:
        case Cut.ALL:
            return rows.filter(cut=Cut.ALL)
        case Cut.STATE:
            return rows.filter(cut=Cut.STATE, state=key)
        case Cut.FAMILY:
            return rows.filter(cut=Cut.CAMPAIGN, campaign_id__in=_of_family(key))
        case Cut.CAMPAIGN:
            return rows.filter(cut=Cut.CAMPAIGN, campaign_id=key)
        case _:
            campaign, _, state = key.partition(":")
            return rows.filter(cut=Cut.CAMPAIGN_STATE, campaign_id=campaign, state=state)


def _of_family(family: str) -> QuerySet[Any, Any]:
    # A script that one sender alone told of, or twice only, is no campaign of a family yet.
    return Campaign.objects.filter(family=family, confirmed_at__isnull=False).values("id")


def series(actor: Actor, cut: Cut, key: str = "", *, since: datetime) -> list[Series]:
    """Return the hours of one thing since ``since``, by vantage point."""
    return gather(visible_to(actor, cut, key).filter(hour__gte=since))


def gather(rows: QuerySet[TrendHour]) -> list[Series]:
    """Return rows of the roll-up as series, added up within a vantage point."""
    found: dict[str, dict[datetime, int]] = {}
    for vantage, hour, number in (
        rows.order_by("hour")
        .values_list("vantage", "hour")
        .annotate(number=Sum("calls"))
        .values_list("vantage", "hour", "number")
    ):
        found.setdefault(vantage, {})[hour] = number
    return [Series(vantage=vantage, hours=found[vantage]) for vantage in ordered(found)]


def ordered(found: Iterable[str]) -> list[str]:
    """Return vantage points in the order in which they are shown."""
    names = list(VANTAGES)
    return sorted(found, key=lambda vantage: (names.index(vantage) if vantage in names else len(names), vantage))


def trend(actor: Actor, cut: Cut, key: str = "", *, now: datetime, days: int = 7) -> TrendView:
    """Return one thing over the last ``days``, with what is usual, what happened and what is expected.

    Raises:
        Forbidden: the actor reads no trends.
        NotFound: this one is not open to it, or there is no such thing.
        Invalid: ``days`` is out of bounds.
    """
    check_days(days)
    title = _title(actor, cut, key)
    return view(cut.value, key, title, series(actor, cut, key, since=look_back(now)), now=now, days=days)


def reported(actor: Actor, *, now: datetime, state: str = "", days: int = 7) -> TrendView:
    """Return every call that was told of, campaign or not, nationwide or to numbers of one state's areas."""
    require(actor)
    check_days(days)
    states = states_of(actor)
    if state and states is not None and state not in states:
        raise NotFound(f"The trends of {state} are not open to your agency; the whole country's are.")
    reads, since = calls.connect(settings.HEADWATER.calls_url), look_back(now)
    hours = (
        store.called_in(reads, state, start=since, end=end_of(now))
        if state
        else store.by_vantage(reads, start=since, end=end_of(now))
    )
    found = [Series(vantage=vantage, hours=hours[vantage]) for vantage in ordered(hours)]
    title = f"Calls to {state}" if state else "Calls nationwide"
    return view("reported", state, title, found, now=now, days=days)


def view(  # noqa: PLR0913 - each by name
    what: str,
    key: str,
    title: str,
    found: Sequence[Series],
    *,
    now: datetime,
    days: int,
    note: str = "",
) -> TrendView:
    """Return the series of one thing with what they say. For queries that have asked whether the actor may read it."""
    end = end_of(now)
    start = midnight((end - timedelta(days=days)).date())
    said = _forecasts(what, key, now) if what in set(Cut) else {}
    return TrendView(
        what=what,
        key=key,
        title=title,
        start=start,
        end=end,
        vantages=tuple(_vantage(one, said.get(one.vantage, []), start=start, end=end, now=now) for one in found),
        note=note,
    )


def _vantage(one: Series, said: Sequence[Scored], *, start: datetime, end: datetime, now: datetime) -> VantageTrend:
    past = tuple(each for each in said if each.came is not None and each.said.horizon == 1)
    known = whole_days(one, now.date(), most=forecast.DAYS_USED + SCORED_DAYS)
    first = now.date() - DAY * len(known)
    return VantageTrend(
        vantage=one.vantage,
        label=VANTAGES.get(one.vantage, one.vantage),
        series=one,
        usual=tuple(rules.baseline(one, start=start, end=end)),
        events=tuple(rules.events(one, now=now)[:20]),
        next_days=tuple(each for each in said if each.came is None and each.said.day >= now.date()),
        past=past,
        score=forecast.score([(each.said, each.came) for each in past if each.came is not None]),
        tried=forecast.score(forecast.walk_forward(known, first=first, most=SCORED_DAYS)),
    )


def _forecasts(what: str, key: str, now: datetime) -> dict[str, list[Scored]]:
    rows = Forecast.objects.filter(cut=what, key=key, day__gte=now.date() - DAY * SCORED_DAYS)
    found: dict[str, list[Scored]] = {}
    for row in rows.order_by("day", "horizon"):
        found.setdefault(row.vantage, []).append(scored(row))
    # Of a day that is not over, what was said last stands: the nearest forecast of each day.
    return found


def scored(row: Forecast) -> Scored:
    """Return one stored forecast as a value."""
    said = forecast.Forecast(
        day=row.day,
        horizon=row.horizon,
        expected=row.expected,
        low=row.low,
        high=row.high,
        naive=row.naive,
        days=row.days,
        model=row.model,
    )
    return Scored(said=said, made_at=row.made_at, came=row.came, scored_at=row.scored_at)


def scoreboard(actor: Actor, *, now: datetime) -> list[tuple[str, str, int, forecast.Score]]:
    """Return (cut, vantage, horizon, score) of every forecast of the last four weeks that was scored."""
    require(actor)
    rows = Forecast.objects.filter(came__isnull=False, day__gte=now.date() - DAY * SCORED_DAYS)
    groups: dict[tuple[str, str, int], list[tuple[forecast.Forecast, int]]] = {}
    for row in rows.iterator(chunk_size=2_000):
        groups.setdefault((row.cut, row.vantage, row.horizon), []).append((scored(row).said, row.came or 0))
    return [(cut, vantage, horizon, forecast.score(group)) for (cut, vantage, horizon), group in sorted(groups.items())]


def by_state(actor: Actor, *, now: datetime, days: int = 7) -> list[Line]:
    """Return each state that the actor may read with its campaigns' calls, by vantage point; the same span before."""
    require(actor)
    check_days(days)
    allowed = states_of(actor)
    found = _lines(TrendHour.objects.filter(cut=Cut.STATE), "state", now=now, days=days)
    return [
        Line(key=state, title=state, now=current, before=before)
        for state, (current, before) in sorted(found.items())
        if state and (allowed is None or state in allowed)
    ]


def by_family(actor: Actor, *, now: datetime, days: int = 7) -> list[Line]:
    """Return each family with its campaigns' calls, by vantage point, and the same span before."""
    require(actor)
    check_days(days)
    found = _lines(TrendHour.objects.filter(cut=Cut.CAMPAIGN), "campaign_id", now=now, days=days)
    families: dict[str, list[str]] = {}
    rows = Campaign.objects.filter(id__in=found, confirmed_at__isnull=False)
    for campaign, family in rows.values_list("id", "family"):
        families.setdefault(family, []).append(campaign)
    lines = []
    for family, ids in families.items():
        current: dict[str, int] = {}
        before: dict[str, int] = {}
        for campaign in ids:
            for into, counts in zip((current, before), found[campaign], strict=True):
                for vantage, number in counts.items():
                    into[vantage] = into.get(vantage, 0) + number
        if current:
            ringing = sum(bool(found[campaign][0]) for campaign in ids)
            lines.append(
                Line(key=family, title=family or "No family yet", now=current, before=before, campaigns=ringing)
            )
    return sorted(lines, key=lambda line: (-max(line.now.values()), line.title))


def _lines(
    rows: QuerySet[TrendHour], column: str, *, now: datetime, days: int
) -> dict[str, tuple[dict[str, int], dict[str, int]]]:
    end = end_of(now)
    middle, start = end - timedelta(days=days), end - timedelta(days=2 * days)
    found: dict[str, tuple[dict[str, int], dict[str, int]]] = {}
    for place, (since, until) in enumerate(((middle, end), (start, middle))):
        spans = rows.filter(hour__gte=since, hour__lt=until, calls__gt=0).order_by()
        for key, vantage, number in (
            spans.values_list(column, "vantage").annotate(number=Sum("calls")).values_list(column, "vantage", "number")
        ):
            found.setdefault(key, ({}, {}))[place][vantage] = number
    return found


def campaign_spark(ids: Sequence[str], *, now: datetime, days: int = 7) -> dict[str, dict[str, tuple[int, ...]]]:
    """Return campaign -> vantage point -> calls of each of the last ``days`` days. For pages that have shown them."""
    end = now.date() + DAY
    start = end - DAY * days
    rows = TrendHour.objects.filter(cut=Cut.CAMPAIGN, campaign_id__in=ids, hour__gte=midnight(start), calls__gt=0)
    found: dict[str, dict[str, dict[date, int]]] = {}
    for campaign, vantage, hour, number in rows.values_list("campaign_id", "vantage", "hour", "calls"):
        of_days = found.setdefault(campaign, {}).setdefault(vantage, {})
        of_days[hour.date()] = of_days.get(hour.date(), 0) + number
    every = days_of(start, end)
    return {
        campaign: {vantage: tuple(kinds[vantage].get(day, 0) for day in every) for vantage in ordered(kinds)}
        for campaign, kinds in found.items()
    }


def _title(actor: Actor, cut: Cut, key: str) -> str:
    match cut:
        case Cut.ALL:
            return "All campaigns, nationwide"
        case Cut.FAMILY:
            if not Campaign.objects.filter(family=key).exists():
                raise NotFound(f"No campaign is of the family {key[:48]!r}.")
            return f"Family {key or 'not known yet'}"
        case Cut.STATE:
            return f"Campaigns' calls to {key}"
        case _:
            campaign, _, state = key.partition(":")
            visible_to(actor, cut, key)
            name = Campaign.objects.filter(id=campaign).values_list("name", flat=True).first()
            if name is None:
                raise NotFound(f"There is no campaign {campaign[:20]}.")
            return f"{name} in {state}" if state else name


def look_back(now: datetime) -> datetime:
    """Return since when hours are read: enough for a baseline, and for forecasts tried over four weeks."""
    return midnight(now.date() - DAY * (forecast.DAYS_USED + SCORED_DAYS))


def end_of(now: datetime) -> datetime:
    """Return the end of the hour that runs."""
    return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def check_days(days: int) -> None:
    """Refuse a span that is not shown."""
    if not 1 <= days <= SCORED_DAYS:
        raise Invalid(f"A trend is shown over 1 to {SCORED_DAYS} days, not {days}.")
