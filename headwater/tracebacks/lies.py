"""What of a trace cannot all be true: each contradiction with the two sides that it lies between. Pure.

Honest mistakes are common, and a clock that is off looks like a lie: a finding accuses nobody. It names both sides and
what each says; ``conduct`` judges rates. Failed proofs never reach a trace: the door refuses the answer and keeps it
(``roots.prove``). What is found is worked out from the questions that stand, afresh each time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Final

from headwater.labels import Labelled
from headwater.tracebacks.outcomes import NOT_FOUND, PASSED_ON, code
from headwater.tracebacks.states import HopKind
from headwater.tracebacks.trace import Hop, Trace
from headwater.wire.agents import AnswerCode

#: How much later than the record below it one above may begin. One switch's clock is off by minutes now and then.
TIME_SLACK: Final = timedelta(seconds=60)
#: A step of a time zone: what lies within ``ZONE_SLACK`` of a multiple is a zone, not a lie.
ZONE: Final = timedelta(minutes=15)
ZONE_SLACK: Final = timedelta(seconds=30)
#: Durations of one call differ by more than this only by a mistake: records round up to a minute at most.
DURATION_SLACK_MS: Final = 62_000


class LieKind(Labelled):
    """What contradicts what."""

    ONE_SIDED = "one_sided", "One side alone states the hand-over"
    DENIED = "denied", "The named provider denies the call, and the namer insists"
    IMPOSSIBLE_TIME = "impossible_time", "The call left the upstream after it came in downstream"
    DURATIONS = "durations", "The two sides' durations contradict each other"
    UNSTEADY = "unsteady", "The provider names another upstream each time it is asked"
    SAME_RECORD = "same_record", "One record was given for two hand-overs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Two sides that cannot both be right; of a provider against itself both are the same."""

    kind: LieKind
    question_id: str
    """Of the side whose answer is the later."""
    other_id: str
    sentence: str


def contradictions(trace: Trace) -> tuple[Contradiction, ...]:
    """Return what contradicts what in a trace, in the order of its path."""
    found = [*_pairs(trace), *_own(trace), *_records(trace)]
    return tuple({(one.kind, one.question_id, one.other_id): one for one in found}.values())


def _pairs(trace: Trace) -> Iterator[Contradiction]:
    path = trace.path
    for below, above in pairwise(path):
        yield from _one_sided(below, above)
        if above.carried and below.carried and not above.meets:
            yield from _times(below, above)
            yield from _durations(below, above)
    for hop in trace.hops:  # who was named and is no longer on the path
        namer = trace.hop(hop.downstream)
        if hop.kind is HopKind.WALK and namer is not None and not hop.replaced_by and hop not in path:
            yield from _one_sided(namer, hop)


def _one_sided(below: Hop, above: Hop) -> Iterator[Contradiction]:
    said = code(above)
    if above.kind is HopKind.BRIDGE and above.carried and below.carried and not _names(below, above):
        yield Contradiction(
            kind=LieKind.ONE_SIDED,
            question_id=above.question_id,
            other_id=below.question_id,
            sentence=f"{above.respondent.name}'s record shows that it handed the call to {below.respondent.name}, "
            f"which names another.",
        )
    elif _names(below, above) and said in NOT_FOUND:
        yield Contradiction(
            kind=LieKind.ONE_SIDED,
            question_id=above.question_id,
            other_id=below.question_id,
            sentence=f"{below.respondent.name} names {above.respondent.name}, which searched and has no record.",
        )
    elif _names(below, above) and said is AnswerCode.NOT_OURS:
        yield Contradiction(
            kind=LieKind.DENIED,
            question_id=above.question_id,
            other_id=below.question_id,
            sentence=f"{below.respondent.name} names {above.respondent.name}, which denies the call.",
        )


def _names(below: Hop, above: Hop) -> bool:
    return any(
        one.code in PASSED_ON
        and one.respondent is not None
        and one.respondent.provider_id == above.respondent.provider_id
        for one in below.statements
    )


def _times(below: Hop, above: Hop) -> Iterator[Contradiction]:
    came, left = below.statement, above.statement
    if came is None or left is None or came.ingress is None or left.matched_at is None:
        return
    later = left.matched_at - came.ingress.call_at
    off_zone = abs(later - round(later / ZONE) * ZONE)
    if later <= TIME_SLACK or (later >= ZONE / 2 and off_zone <= ZONE_SLACK):
        return
    yield Contradiction(
        kind=LieKind.IMPOSSIBLE_TIME,
        question_id=above.question_id,
        other_id=below.question_id,
        sentence=f"By its record the call left {above.respondent.name} {later.total_seconds():.0f} s after it came in "
        f"at {below.respondent.name}.",
    )


def _durations(below: Hop, above: Hop) -> Iterator[Contradiction]:
    one, other = below.statement, above.statement
    if one is None or other is None or one.ingress is None or other.ingress is None:
        return
    here, there = one.ingress.duration_ms, other.ingress.duration_ms
    if min(here, there) < 0 or abs(here - there) <= DURATION_SLACK_MS:
        return
    yield Contradiction(
        kind=LieKind.DURATIONS,
        question_id=above.question_id,
        other_id=below.question_id,
        sentence=f"{above.respondent.name} has the call as {there / 1_000:.0f} s long, {below.respondent.name} as "
        f"{here / 1_000:.0f} s.",
    )


def _own(trace: Trace) -> Iterator[Contradiction]:
    for hop in trace.path:
        if hop.unsteady:
            yield Contradiction(
                kind=LieKind.UNSTEADY,
                question_id=hop.question_id,
                other_id=hop.question_id,
                sentence=f"{hop.respondent.name} named another upstream each of {len(hop.statements)} times.",
            )


def _records(trace: Trace) -> Iterator[Contradiction]:
    """Find a record that one provider gave for two places of the path: a call passes twice only with two records."""
    seen: dict[tuple[str, str], Hop] = {}
    for hop in trace.path:
        record = hop.statement.record if hop.statement and hop.carried else ""
        if not record:
            continue
        before = seen.setdefault((hop.respondent.provider_id, record), hop)
        if before is not hop:
            yield Contradiction(
                kind=LieKind.SAME_RECORD,
                question_id=hop.question_id,
                other_id=before.question_id,
                sentence=f"{hop.respondent.name} gave one record for hop {before.index} and hop {hop.index}.",
            )
