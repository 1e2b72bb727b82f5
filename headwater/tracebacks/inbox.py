"""What has come for a traceback and is not taken in yet: answers and viewings, in the order in which they came."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from headwater.providers import queries as providers
from headwater.tracebacks import exchange
from headwater.tracebacks.models import Answer, Viewing
from headwater.tracebacks.projection import Walk
from headwater.tracebacks.trace import Answered, Statement, Viewed
from headwater.wire import agents as wire

#: What no job has taken after this long is looked for by the clock tick.
LEFT_OVER = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One thing that came, as the event that it will be."""

    at: datetime
    event: Answered | Viewed
    answer_id: str = ""


def waiting(walk: Walk) -> list[Arrival]:
    """Return what is not taken in yet, oldest first."""
    rows = Answer.objects.select_related("hop").filter(hop__traceback=walk.row, event=None)
    arrivals = [
        Arrival(at=row.received_at, event=Answered(question_id=row.hop_id, statement=stated(row)), answer_id=row.id)
        for row in rows.order_by("received_at", "version")
    ]
    seen = {hop.question_id for hop in walk.trace.hops if hop.viewed_at is not None}
    arrivals += [
        Arrival(at=row.at, event=Viewed(question_id=row.hop_id, by=row.by, seen_at=row.at))
        for row in Viewing.objects.filter(hop__traceback=walk.row).exclude(hop_id__in=seen)
    ]
    # An answer to a question and its viewing can bear the same instant: seen comes before answered.
    return sorted(arrivals, key=lambda one: (one.at, bool(one.answer_id)))


def stated(row: Answer) -> Statement:
    """Return a stored answer as the engine takes it."""
    return exchange.statement(
        msgspec.convert(row.payload, type=wire.Answer),
        answer_id=row.id,
        upstream=providers.by_id(row.respondent_id) if row.respondent_id else None,
        by_person=not row.key_id and not row.deposit,
        deposited=bool(row.deposit),
        received_at=row.received_at,
        asked=msgspec.convert(row.hop.question, type=wire.Question),
    )


def left_over(now: datetime, *, limit: int) -> list[str]:
    """Return the tracebacks for which something has waited longer than a job takes."""
    answers = Answer.objects.filter(event=None, received_at__lt=now - LEFT_OVER)
    viewings = Viewing.objects.filter(hop__viewed_at=None, at__lt=now - LEFT_OVER)
    return [
        *answers.values_list("hop__traceback_id", flat=True)[:limit],
        *viewings.values_list("hop__traceback_id", flat=True)[:limit],
    ]
