"""Which stored calls are those that somebody names: one, or thousands at once, tolerant of forms, clocks and zones.

Each answer says by which rule it was made and how sure it is. Numbers are compared by their last ten digits, so that
``+1 215…``, ``1215…`` and ``215…`` are one number. Times are compared within the asker's window; a call that is off by
whole hours within that window is taken for one that was written in another zone, at a lower confidence. Thousands are
asked by their keys and judged here: a join would cost twice as much.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol

from headwater.calls import columns, forms
from headwater.calls.matching import CALLING_COINCIDES, NO_RECORD, RANDOM_CALLS_PER_S
from headwater.calls.records import CallRecord
from headwater.errors import Invalid
from headwater.numbering.numbers import E164, UNKNOWN, canonical

VERSION: Final = "lookup/1"
#: Calls that one statement looks up; 1,000 pairs are 26 KB.
AT_ONCE: Final = 1_000
#: Calls that one request may name.
MOST: Final = 10_000
#: Records that one statement returns at most.
MOST_RECORDS: Final = 100_000
#: A zone error is a whole number of hours up to this.
ZONE_HOURS: Final = 14
#: How much likelier a right zone is than each wrong one.
ZONE_ODDS: Final = 0.02


class Rule(StrEnum):
    """How a stored record was found to be of the call that was named."""

    BOTH_NUMBERS = "both numbers and the time agree"
    CALLED_ALONE = "the called number and the time agree; the caller was not named"
    ANOTHER_ZONE = "both numbers agree and the time is off by whole hours: another zone"


class Key(StrEnum):
    """What a record can be looked up by alone, beside its numbers."""

    CALL_ID = "call_id"
    IDENTITY = "identity_digest"
    ORIGID = "origid"
    SPC = "terminating_spc"
    CALLING = "calling"
    TRUNK = "trunk"


class TooManyAsked(Invalid):
    """One request names more calls than are looked up at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A call as somebody names it. Numbers in any form that ``numbering.canonical`` reads."""

    called: str
    call_at: datetime
    calling: str = ""
    """"" stands for any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One record that answers, with the rule and how sure it is."""

    record: CallRecord
    rule: Rule
    apart_s: float
    """Seconds from the named time to the record's, after whole hours of another zone."""
    zone_hours: int
    confidence: float
    """Probability that it is the named call, were every other call to the number as rare as usual."""

    @property
    def sentence(self) -> str:
        """Return the rule as an investigator reads it; names no digits."""
        zone = f" by {self.zone_hours:+d} h" if self.zone_hours else ""
        return f"{self.rule.value}{zone}, {self.apart_s:+.1f} s apart; confidence {self.confidence:.3f} ({VERSION})"


class Rows(Protocol):
    """What is asked of ``calls.queries.CallQueries``."""

    def rows(self, statement: str, **parameters: Any) -> Sequence[Any]:
        """Return the rows of a statement."""


def find_calls(store: Rows, wanted: Sequence[Wanted], *, window_s: int, zones: bool = False) -> list[list[Found]]:
    """Return, for each of ``wanted``, the records that answer it, the surest first.

    ``zones`` also finds records that are off by whole hours.

    Raises:
        TooManyAsked: more than ``MOST``.
        Invalid: a called number is none, or the window is not positive.
        StoreUnavailable: the store does not answer.
    """
    if len(wanted) > MOST:
        raise TooManyAsked(f"{len(wanted)} calls are named; at most {MOST} are looked up at once")
    if window_s < 1:
        raise Invalid(f"a window is at least 1 second, not {window_s}")
    found: list[list[Found]] = []
    for start in range(0, len(wanted), AT_ONCE):
        found += _part(store, wanted[start : start + AT_ONCE], window_s, zones=zones)
    return found


def _part(store: Rows, wanted: Sequence[Wanted], window_s: int, *, zones: bool) -> list[list[Found]]:
    numbers = [(forms.ten(_called(one)), canonical(one.calling)) for one in wanted]
    pairs = sorted({(tail, forms.digits(form)) for tail, calling in numbers if calling for form in _forms(calling)})
    tails = sorted({tail for tail, calling in numbers if not calling})
    reach = timedelta(seconds=window_s) + (timedelta(hours=ZONE_HOURS) if zones else timedelta())
    start, end = min(one.call_at for one in wanted) - reach, max(one.call_at for one in wanted) + reach
    by_tail: dict[int, list[CallRecord]] = defaultdict(list)
    # The key's own columns, and before all others: of the granule that they point to, only what they leave is read.
    for condition, keys in (
        (f"({_TAIL}, calling_digits) IN {{keys:Array(Tuple(Int64, Int64))}}", pairs),
        (f"{_TAIL} IN {{keys:Array(Int64)}}", tails),
    ):
        if keys:
            rows = store.rows(
                f"SELECT {columns.SELECT_LIST} FROM calls PREWHERE {condition} "  # noqa: S608 - constants only
                "AND call_at BETWEEN {start:DateTime64(6, 'UTC')} AND {end:DateTime64(6, 'UTC')} LIMIT {most:Int64}",
                keys=keys,
                start=start,
                end=end,
                most=MOST_RECORDS,
            )
            for record in once(columns.to_records(rows)):
                by_tail[forms.ten(record.called)].append(record)
    return [
        _judged(one, calling, by_tail[tail], window_s, zones=zones)
        for one, (tail, calling) in zip(wanted, numbers, strict=True)
    ]


def _called(one: Wanted) -> E164:
    called = canonical(one.called)
    if called == UNKNOWN:
        raise Invalid("a call is looked up by its called number, and one that is named is none")
    return called


_TAIL: Final = forms.tail("called")


def _ten(number: str) -> str:
    return number[-10:]


def _forms(calling: E164) -> tuple[str, ...]:
    """Return the forms in which the caller may stand in the key: canonical, and as a switch without country code."""
    return (calling, calling[1:]) if len(calling) == 11 and calling[0] == "1" else (calling,)


def _judged(one: Wanted, calling: str, records: Iterable[CallRecord], window_s: int, *, zones: bool) -> list[Found]:
    found = []
    for record in records:
        if calling and _ten(record.calling) != _ten(calling):
            continue
        apart = (record.call_at - one.call_at).total_seconds()
        hours = round(apart / 3_600) if zones and abs(apart) > window_s else 0
        apart -= hours * 3_600
        if abs(apart) > window_s or abs(hours) > ZONE_HOURS:
            continue
        rule = Rule.ANOTHER_ZONE if hours else Rule.BOTH_NUMBERS if calling else Rule.CALLED_ALONE
        found.append(
            Found(
                record=record,
                rule=rule,
                apart_s=apart,
                zone_hours=hours,
                confidence=confidence(rule, window_s),
            )
        )
    return sorted(found, key=lambda one: (-one.confidence, abs(one.apart_s), one.record.record_id.bytes))


def confidence(rule: Rule, window_s: float) -> float:
    """Return how sure a rule is: the call against chance calls to the number within the window (Bayes).

    The rates are those of ``calls.rules``: assumptions of the trade, not learned from this store.
    """
    chance = RANDOM_CALLS_PER_S * 2 * window_s
    true = 1 - NO_RECORD
    if rule is not Rule.CALLED_ALONE:
        chance *= CALLING_COINCIDES
    if rule is Rule.ANOTHER_ZONE:
        true *= ZONE_ODDS
        chance *= 2 * ZONE_HOURS
    return true / (true + chance)


def by_key(  # noqa: PLR0913 - each by name
    store: Rows, key: Key, value: str, *, start: datetime, end: datetime, limit: int = 500
) -> list[CallRecord]:
    """Return the records of one identifier within a time, oldest first.

    A trunk is what a CDR calls it (its header ``trunk_in`` or ``trunk_out``). A value that many calls share
    (SPC, trunk) is found by reading the window, so keep that short.
    """
    if not value.strip():
        raise Invalid("there is nothing to look up: the value is empty")
    condition = f"{key.value} = {{value:String}}"
    if key is Key.CALLING:
        value = canonical(value)
        condition = "calling IN ({value:String}, right({value:String}, 10))"
    elif key is Key.IDENTITY:
        value = value.strip().lower()
    elif key is Key.TRUNK:
        condition = "has(mapValues(headers), {value:String})"
    rows = store.rows(
        f"SELECT {columns.SELECT_LIST} FROM calls WHERE {condition} "  # noqa: S608 - constants only
        "AND call_at BETWEEN {start:DateTime64(6, 'UTC')} AND {end:DateTime64(6, 'UTC')} "
        "ORDER BY call_at, record_id LIMIT {limit:Int64}",
        value=value,
        start=start,
        end=end,
        limit=limit,
    )
    records = once(columns.to_records(rows))
    if key is Key.TRUNK:
        records = [
            one for one in records if any("trunk" in name and said == value for name, said in one.headers.items())
        ]
    return records


def similar(store: Rows, record: CallRecord, *, window_s: int = 3_600, limit: int = 200) -> list[CallRecord]:
    """Return calls of the same caller around the same time, nearest first: what else rang in the same burst."""
    if not record.calling:
        return []
    reach = timedelta(seconds=window_s)
    found = by_key(
        store, Key.CALLING, record.calling, start=record.call_at - reach, end=record.call_at + reach, limit=limit
    )
    others = (one for one in found if one.record_id != record.record_id)
    return sorted(others, key=lambda one: abs((one.call_at - record.call_at).total_seconds()))


def once(records: Iterable[CallRecord]) -> list[CallRecord]:
    """Return each record once, in the order given: of copies the one that was received first."""
    kept: dict[Any, CallRecord] = {}
    for record in records:
        before = kept.get(record.record_id)
        if before is None or record.received_at < before.received_at:
            kept[record.record_id] = record
    return list(kept.values())
