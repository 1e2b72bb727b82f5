"""What the calls of one key look like, beside how many they are. Pure: calls in, reasons out.

Each pattern has a rule with its figures, so that a person can check it. None of them says that a call is a scam: legal
alerts are recorded messages too, of equal length and in order. They tell where to look, and they strengthen what the
words of a call say.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Any

from headwater.campaigns.keys import Heard, KeyKind
from headwater.numbering.numbers import E164, is_possible, npa, npa_nxx

PATTERN_VERSION = "patterns/1"

#: Fewer calls than these show no pattern.
LEAST_CALLS = 8
_SNOWSHOE_NUMBERS = 6
_SNOWSHOE_SHARE = 0.8
_NEIGHBOUR_SHARE = 0.5
_SWEEP_STEP = 20
_SWEEP_SHARE = 0.8
_DROP_RING_MS = 6_000
_DROP_SHARE = 0.7
_STEADY_SPREAD = 0.15
_STEADY_LEAST_S = 0.5
_EQUAL_WITHIN_MS = 1_000
_EQUAL_SHARE = 0.6
_FAULTY_SHARE = 0.3

Faults = Callable[[E164], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One pattern with the figures that show it."""

    name: str
    sentence: str
    figures: dict[str, Any]


def unassignable(number: E164) -> str:
    """Return what is wrong with a calling number by the numbering plan alone, or ""."""
    if not number:
        return "no number"
    return "" if is_possible(number) else "not in the numbering plan"


def patterns(kind: KeyKind, calls: Sequence[Heard], faults: Faults = unassignable) -> list[Pattern]:
    """Return what the calls of one key show; ``faults`` tells what is wrong with a calling number."""
    if len(calls) < LEAST_CALLS:
        return []
    ordered = sorted(calls, key=lambda call: call.at)
    found = (
        _snowshoe(kind, ordered),
        _neighbour(kind, ordered),
        _sweep(kind, ordered),
        _wangiri(ordered),
        _regular(ordered),
        _equal(ordered),
        _faulty(ordered, faults),
    )
    return [pattern for pattern in found if pattern is not None]


def _snowshoe(kind: KeyKind, calls: Sequence[Heard]) -> Pattern | None:
    """Many numbers of one block, each used a little: only a block tells, a carrier's callers are many by nature."""
    if kind not in (KeyKind.BLOCK, KeyKind.ORIGID):
        return None
    numbers = len({call.calling for call in calls})
    if numbers < _SNOWSHOE_NUMBERS or numbers < _SNOWSHOE_SHARE * len(calls):
        return None
    return Pattern(
        name="snowshoe",
        sentence=f"{numbers} different calling numbers in {len(calls)} calls: each is used once or twice.",
        figures={"numbers": numbers, "calls": len(calls)},
    )


def _neighbour(kind: KeyKind, calls: Sequence[Heard]) -> Pattern | None:
    if kind in (KeyKind.NUMBER, KeyKind.BLOCK, KeyKind.EXCHANGE):
        return None
    near = sum(bool(code := npa_nxx(E164(call.calling))) and code == npa_nxx(E164(call.called)) for call in calls)
    areas = len({npa(E164(call.called)) for call in calls})
    # Within one exchange area everybody is everybody's neighbour: it tells only where several areas are called.
    if near < _NEIGHBOUR_SHARE * len(calls) or areas < 2:
        return None
    return Pattern(
        name="neighbour",
        sentence=f"{near} of {len(calls)} calls show a number of the callee's own office code, in {areas} area codes.",
        figures={"near": near, "calls": len(calls), "areas": areas},
    )


def _sweep(kind: KeyKind, calls: Sequence[Heard]) -> Pattern | None:
    if kind is KeyKind.PROVIDER:
        return None
    called = [int(call.called) for call in calls if call.called.isdigit()]
    steps = [after - before for before, after in pairwise(called)]
    near = sum(0 < step <= _SWEEP_STEP for step in steps)
    if len(steps) < LEAST_CALLS - 1 or near < _SWEEP_SHARE * len(steps):
        return None
    return Pattern(
        name="sweep",
        sentence=f"Called numbers rise by at most {_SWEEP_STEP} in {near} of {len(steps)} steps: a block is swept.",
        figures={"rising": near, "steps": len(steps)},
    )


def _wangiri(calls: Sequence[Heard]) -> Pattern | None:
    told = [call for call in calls if call.answered is not None and call.ring_ms >= 0]
    dropped = sum(call.answered is False and call.ring_ms <= _DROP_RING_MS for call in told)
    if len(told) < LEAST_CALLS or dropped < _DROP_SHARE * len(told):
        return None
    return Pattern(
        name="wangiri",
        sentence=f"{dropped} of {len(told)} calls rang at most {_DROP_RING_MS // 1000} s and were dropped.",
        figures={"dropped": dropped, "calls": len(told)},
    )


def _regular(calls: Sequence[Heard]) -> Pattern | None:
    gaps = [after.at - before.at for before, after in pairwise(calls)]
    mean = fmean(gaps)
    if mean < _STEADY_LEAST_S or pstdev(gaps) > _STEADY_SPREAD * mean:
        return None
    return Pattern(
        name="regular",
        sentence=f"A call every {mean:.1f} s, the gaps differ by {pstdev(gaps):.2f} s: a machine dials.",
        figures={"gap_s": round(mean, 3), "spread_s": round(pstdev(gaps), 3)},
    )


def _equal(calls: Sequence[Heard]) -> Pattern | None:
    lengths = [call.duration_ms for call in calls if call.duration_ms > 0]
    if len(lengths) < LEAST_CALLS:
        return None
    mode = Counter(length // _EQUAL_WITHIN_MS for length in lengths).most_common(1)[0][0] * _EQUAL_WITHIN_MS
    equal = sum(abs(length - mode - _EQUAL_WITHIN_MS // 2) <= _EQUAL_WITHIN_MS for length in lengths)
    if equal < _EQUAL_SHARE * len(lengths):
        return None
    return Pattern(
        name="equal-durations",
        sentence=f"{equal} of {len(lengths)} answered calls end within a second of {mode / 1000:.0f} s: a recording.",
        figures={"equal": equal, "calls": len(lengths), "seconds": mode / 1000},
    )


def _faulty(calls: Sequence[Heard], faults: Faults) -> Pattern | None:
    found = Counter(fault for call in calls if (fault := faults(E164(call.calling))))
    wrong = sum(found.values())
    if wrong < _FAULTY_SHARE * len(calls):
        return None
    fault, _ = found.most_common(1)[0]
    return Pattern(
        name="impossible-numbers",
        sentence=f"{wrong} of {len(calls)} calls show a number that cannot call ({fault}).",
        figures={"wrong": wrong, "calls": len(calls), "fault": fault},
    )
