"""Which campaigns are traced by themselves, and which of their calls. Pure."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from headwater.tracebacks.states import Grade, TracebackState

#: Name and version of the rule, kept in the audit of what it chose.
CHOICE_RULE = "fresh-spread-1"
#: Tracebacks that a confirmed campaign gets at once; people may open more.
PER_CAMPAIGN = 3
#: Older calls are left: records vanish (ITG practice: examples less than 10 days old go first).
FRESH = timedelta(days=10)


#: Endings after which another call of the same campaign can show what this one could not: a record is missing, a
#: provider contradicts itself or its neighbour, or names one that is in no register. Silence is alike for every call.
ANOTHER_HELPS = frozenset(
    {TracebackState.ENDED_RECORD_NOT_FOUND, TracebackState.ENDED_DISPUTED, TracebackState.ENDED_UNREACHABLE}
)

#: Grades after which a campaign needs no further example by itself.
SETTLED = frozenset({Grade.ORIGIN_CONFIRMED, Grade.ENTRY_CONFIRMED, Grade.ON_NET})
#: Most tracebacks that a campaign gets by itself, whatever they come to: so many make a lead.
MOST_EXAMPLES = 25


def wants_another(state: TracebackState, grade: Grade, *, traced: int, limit: int = PER_CAMPAIGN) -> bool:
    """Tell whether another example of the campaign is to be traced after one that ended so.

    Args:
        state: How it ended.
        grade: What its outcome says.
        traced: How many examples have been traced in this matter, this one included.
        limit: Most examples.
    """
    if grade in SETTLED:
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


# -- which campaigns, and how many


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much is asked by itself. People are not held by it."""

    a_turn: int = 60
    """Most tracebacks that one turn opens, of all campaigns."""
    open_by_agent: int = 200
    """Open questions at which a provider with an agent gets no further traceback to begin with."""
    open_by_person: int = 5
    """The same where a person answers: a small carrier is not drowned."""


DEFAULT_BUDGET = Budget()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A confirmed campaign as the queue sees it."""

    campaign_id: str
    calls: int
    """Calls of the last day."""
    last_call_at: datetime
    low: bool = False
    """A person holds it for a lawful sender's."""
    ended: tuple[tuple[TracebackState, Grade], ...] = ()
    """State and grade of each of its tracebacks, open ones with no grade."""


def wanted(ended: Iterable[tuple[TracebackState, Grade]]) -> int:
    """Return how many tracebacks a campaign should have by now.

    The first ``PER_CAMPAIGN``; then one more for each that ended without an outcome, until one settles it or there are
    ``MOST_EXAMPLES``. Those that ended in silence count as well: another route may show what this one could not, and
    many together make a lead.
    """
    known = list(ended)
    if any(grade in SETTLED for _, grade in known):
        return 0
    short = sum(state in ANOTHER_HELPS or state is TracebackState.ENDED_NON_RESPONSIVE for state, _ in known)
    return min(PER_CAMPAIGN + short, MOST_EXAMPLES)


def queue(standing: Iterable[Standing], *, now: datetime) -> list[Standing]:
    """Return the campaigns that lack tracebacks, the most valuable first.

    Value: those that still call, by calls of the last day, before those that do not; of equal ones the less traced.
    What a person holds for a lawful sender's comes last.
    """
    lacking = [one for one in standing if len(one.ended) < wanted(one.ended) and now - one.last_call_at <= FRESH]
    return sorted(lacking, key=lambda one: (one.low, -one.calls, len(one.ended), one.campaign_id))


def may_begin(*, by_agent: bool, open_questions: int, budget: Budget = DEFAULT_BUDGET) -> bool:
    """Tell whether one more traceback may begin at a provider with so many open questions."""
    return open_questions < (budget.open_by_agent if by_agent else budget.open_by_person)
