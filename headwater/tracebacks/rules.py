"""Which calls of a campaign are traced. Pure."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from headwater.tracebacks.states import Grade, TracebackState

#: Name and version of the rule, kept in the audit of what it chose.
CHOICE_RULE = "fresh-spread-1"
#: Most tracebacks that a campaign gets by itself; people may open more.
PER_CAMPAIGN = 3
#: Older calls are left: records vanish (ITG practice: examples less than 10 days old go first).
FRESH = timedelta(days=10)


#: Endings after which another call of the same campaign can show what this one could not: a record is missing, a
#: provider contradicts itself or its neighbour, or names one that is in no register. Silence is alike for every call.
ANOTHER_HELPS = frozenset(
    {TracebackState.ENDED_RECORD_NOT_FOUND, TracebackState.ENDED_DISPUTED, TracebackState.ENDED_UNREACHABLE}
)


def wants_another(state: TracebackState, grade: Grade, *, traced: int, limit: int = PER_CAMPAIGN) -> bool:
    """Tell whether another example of the campaign is to be traced after one that ended so.

    Args:
        state: How it ended.
        grade: What its outcome says.
        traced: How many examples have been traced in this matter, this one included.
        limit: Most examples.
    """
    if grade in {Grade.ORIGIN_CONFIRMED, Grade.ENTRY_CONFIRMED, Grade.ON_NET}:
        return False
    return state in ANOTHER_HELPS and traced < limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A call of the campaign that could be traced."""

    record_id: uuid.UUID
    call_at: datetime
    terminating_spc: str


def choose(
    candidates: Iterable[Candidate], *, traced: Iterable[str], now: datetime, limit: int = PER_CAMPAIGN
) -> list[Candidate]:
    """Return up to ``limit`` calls: fresh ones, the newest of each terminating carrier in turn.

    Args:
        candidates: Calls whose terminating carrier can be asked.
        traced: Terminating code of each call that is traced already: those carriers come last.
        now: The present.
        limit: How many more to choose.
    """
    given: dict[str, int] = {}
    for spc in traced:
        given[spc] = given.get(spc, 0) + 1
    fresh = sorted(
        (one for one in candidates if now - FRESH <= one.call_at <= now + timedelta(minutes=5)),
        key=lambda one: (one.call_at, one.record_id),
        reverse=True,
    )
    chosen: list[Candidate] = []
    while fresh and len(chosen) < limit:
        best = min(fresh, key=lambda one: given.get(one.terminating_spc, 0))  # min is stable: the newest of the fewest
        fresh.remove(best)
        given[best.terminating_spc] = given.get(best.terminating_spc, 0) + 1
        chosen.append(best)
    return chosen
