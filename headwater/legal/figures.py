"""How long legal process takes, measured from what is recorded: ask A7, swift compliance. Sealed ones count too.

Counts and times alone: anybody may know them, so no actor is asked for. ``distribution`` is pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from headwater.legal.models import LegalProcess, ProcessStateChange
from headwater.legal.rules import TYPE_WORDS, ProcessState, ProcessType

#: How far back is measured.
OVER: Final = timedelta(days=365)
#: Upper bounds of the distribution; what took longer stands in one more class.
BOUNDS: Final = (
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=14),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Times of one kind, as they were; quantiles are None where there is none."""

    count: int
    median: timedelta | None
    p90: timedelta | None
    longest: timedelta | None
    counts: tuple[int, ...]
    """How many took up to each of ``BOUNDS`` and longer than the one before; last, how many took longer than all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The times of one kind of process."""

    words: str
    served: int
    to_decision: Distribution
    to_production: Distribution
    """From service to the first package, with all that the agency took to answer."""
    after_acceptance: Distribution
    """From acceptance to the first package: what is ours alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that is measured, over ``since`` to ``at``."""

    since: datetime
    at: datetime
    rows: tuple[Row, ...]
    """All kinds together first, then each that was served."""
    in_time: int
    """Produced on or before the return date."""
    late: int


def distribution(times: Sequence[timedelta]) -> Distribution:
    """Return the distribution of ``times``. Quantiles are values that occurred (nearest rank), never between two."""
    ordered = sorted(times)
    if not ordered:
        return Distribution(count=0, median=None, p90=None, longest=None, counts=(0,) * (len(BOUNDS) + 1))
    lower = (timedelta(0) - timedelta.resolution, *BOUNDS)
    counts = [sum(low < one <= high for one in ordered) for low, high in zip(lower, BOUNDS, strict=False)]
    return Distribution(
        count=len(ordered),
        median=ordered[(len(ordered) - 1) // 2],
        p90=ordered[-(-len(ordered) * 9 // 10) - 1],
        longest=ordered[-1],
        counts=(*counts, len(ordered) - sum(counts)),
    )


def measured(*, now: datetime) -> Measured:
    """Return the times of every process served in the last year."""
    since = now - OVER
    rows = list(LegalProcess.objects.filter(served_at__gte=since, served_at__lte=now).order_by("served_at"))
    firsts = _firsts([row.id for row in rows])
    kinds = [kind for kind in ProcessType if any(row.process_type == kind for row in rows)]
    produced = [
        (row, firsts[row.id, ProcessState.PRODUCED]) for row in rows if (row.id, ProcessState.PRODUCED) in firsts
    ]
    in_time = sum(at.date() <= row.return_date for row, at in produced)
    return Measured(
        since=since,
        at=now,
        rows=(
            _row("All kinds", rows, firsts),
            *(_row(TYPE_WORDS[kind], [row for row in rows if row.process_type == kind], firsts) for kind in kinds),
        ),
        in_time=in_time,
        late=len(produced) - in_time,
    )


def _row(words: str, rows: Sequence[LegalProcess], firsts: dict[tuple[str, str], datetime]) -> Row:
    decided, produced, ours = [], [], []
    for row in rows:
        answers = [firsts[row.id, s] for s in (ProcessState.ACCEPTED, ProcessState.OBJECTED) if (row.id, s) in firsts]
        made = firsts.get((row.id, ProcessState.PRODUCED))
        accepted = firsts.get((row.id, ProcessState.ACCEPTED))
        if answers and row.served_at:
            decided.append(min(answers) - row.served_at)
        if made and row.served_at:
            produced.append(made - row.served_at)
        if made and accepted:
            ours.append(made - accepted)
    return Row(
        words=words,
        served=len(rows),
        to_decision=distribution(decided),
        to_production=distribution(produced),
        after_acceptance=distribution(ours),
    )


def _firsts(ids: Sequence[str]) -> dict[tuple[str, str], datetime]:
    """Return when each process first came into each state."""
    found: dict[tuple[str, str], datetime] = {}
    changes = ProcessStateChange.objects.filter(process_id__in=ids).order_by("id")
    for process_id, state, at in changes.values_list("process_id", "to_state", "at"):
        found.setdefault((process_id, state), at)
    return found
