"""The desk's first screen: what comes in now, what rings, what waits. Polled by the page every two seconds."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from headwater import clock
from headwater.accounts import queries as accounts
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.calls import queries as calls
from headwater.calls.queries import CallQueries, MinuteCount
from headwater.calls.records import SourceKind
from headwater.campaigns import queries as campaigns
from headwater.campaigns.states import CampaignState
from headwater.campaigns.values import CampaignRow
from headwater.errors import Unavailable
from headwater.tracebacks import queries as tracebacks
from headwater.tracebacks.queries import TracebackRow
from headwater.web.access import ActorRequest, page
from headwater.web.components.bars import Bars, bars
from headwater.web.components.sparkline import Sparkline, sparkline

MINUTES = 60
RISING = 8
OPEN = 12
KINDS: dict[SourceKind, str] = {
    SourceKind.APP: "Blocking apps",
    SourceKind.HONEYPOT: "Honeypots",
    SourceKind.COMPLAINT: "Complaints",
    SourceKind.CARRIER: "Carriers",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """One sender's figures."""

    name: str
    kind: str
    kind_key: str
    this_minute: int
    last_minute: int
    per_minute: float
    """Mean of the last ten whole minutes."""
    hour: int
    last_seen: datetime | None
    """Start of the latest minute in which it sent something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What comes in."""

    drawing: Bars
    kinds: tuple[tuple[str, str], ...]
    """(key, words) of the kinds that the drawing holds."""
    sources: tuple[SourceLine, ...]
    last_minute: int
    """Records of the last whole minute."""
    total: int
    lag_s: float | None
    """None where nothing came in lately: there is nothing that could have waited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rising:
    """One campaign that rings."""

    row: CampaignRow
    spark: Sparkline


@page(Permission.CAMPAIGN_READ)
@require_safe
def live(request: ActorRequest) -> HttpResponse:
    """Show the whole page; ``?paused=1`` stands still."""
    return render(request, "desk/live.html", _picture(request.actor) | {"paused": request.GET.get("paused") == "1"})


@page(Permission.CAMPAIGN_READ)
@require_safe
def fragment(request: ActorRequest) -> HttpResponse:
    """Show what changes, for the page to put in place of the old."""
    return render(request, "desk/live_fragment.html", _picture(request.actor))


def _picture(actor: Actor) -> dict[str, object]:
    now = clock.now()
    open_tracebacks = tracebacks.tracebacks(actor, state="open") if actor.may(Permission.TRACEBACK_READ) else []
    ringing = campaigns.campaigns(actor, now=now, states=(CampaignState.CONFIRMED, CampaignState.ACTIVE))
    try:
        intake, failure = _intake(calls.connect(settings.HEADWATER.calls_url), now), ""
    except Unavailable as error:
        intake, failure = None, str(error)
    detector = campaigns.detector()
    return {
        "now": now,
        "intake": intake,
        "intake_failure": failure,
        "rising": _rising(ringing.rows),
        "ringing": ringing.total,
        "suspected": ringing.by_state[CampaignState.SUSPECTED],
        "open_tracebacks": open_tracebacks[:OPEN],
        "open_count": len(open_tracebacks),
        "overdue": sum(row.overdue for row in open_tracebacks),
        "next_due": _next_due(open_tracebacks),
        "detector": detector,
        # Before its first call the detector stands at the beginning of time.
        "read_to": detector.read_to if detector.read_to and detector.read_to.year > 1970 else None,
    }


def _rising(rows: Sequence[CampaignRow]) -> list[Rising]:
    loudest = sorted(rows, key=lambda row: -row.calls_last_hour)[:RISING]
    return [Rising(row=row, spark=sparkline(row.spark, what="Calls in the last hour")) for row in loudest]


def _next_due(rows: Sequence[TracebackRow]) -> datetime | None:
    return min((row.next_deadline_at for row in rows if row.next_deadline_at), default=None)


def _intake(store: CallQueries, now: datetime) -> Intake:
    this = now.astimezone(UTC).replace(second=0, microsecond=0)
    minutes = [this - timedelta(minutes=back) for back in range(MINUTES - 1, -1, -1)]
    counts = store.per_minute(minutes[0])
    names = accounts.organisation_names({count.source_id for count in counts})
    last_minute = sum(count.records for count in counts if count.minute == minutes[-2])
    return Intake(
        drawing=_drawing(counts, minutes, last_minute),
        kinds=tuple((kind.value, KINDS[kind]) for kind in KINDS if any(c.source_kind is kind for c in counts)),
        sources=_sources(counts, minutes, names),
        last_minute=last_minute,
        total=store.total(),
        lag_s=store.lag() if any(count.minute >= minutes[-2] for count in counts) else None,
    )


def _drawing(counts: Sequence[MinuteCount], minutes: Sequence[datetime], last_minute: int) -> Bars:
    place = {minute: step for step, minute in enumerate(minutes)}
    series: dict[str, list[int]] = {kind.value: [0] * len(minutes) for kind in KINDS}
    for count in counts:
        if count.minute in place:
            series[count.source_kind.value][place[count.minute]] += count.records
    return bars(
        [minute.strftime("%H:%M") for minute in minutes],
        series,
        sentence=f"Records received in each of the last {MINUTES} minutes; {last_minute} in the last whole one.",
        every=10,
        last_is_unfinished=True,
    )


def _sources(
    counts: Sequence[MinuteCount], minutes: Sequence[datetime], names: Mapping[str, str]
) -> tuple[SourceLine, ...]:
    of: dict[tuple[str, SourceKind], dict[datetime, int]] = defaultdict(dict)
    for count in counts:
        of[count.source_id, count.source_kind][count.minute] = count.records
    lines = [
        SourceLine(
            name=names.get(source, source),
            kind=KINDS[kind],
            kind_key=kind.value,
            this_minute=at.get(minutes[-1], 0),
            last_minute=at.get(minutes[-2], 0),
            per_minute=sum(at.get(minute, 0) for minute in minutes[-11:-1]) / 10,
            hour=sum(at.values()),
            last_seen=max(at, default=None),
        )
        for (source, kind), at in of.items()
    ]
    return tuple(sorted(lines, key=lambda line: (-line.per_minute, line.name)))
