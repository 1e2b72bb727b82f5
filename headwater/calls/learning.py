"""What ordinary matched traffic teaches of a pair of carriers: clock offset, spread, prefix, drift, calibration. Pure.

Only pairs of legs that a strong identifier joins are learned from, so that no wrong match can teach itself.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Final

import msgspec

from headwater.calls.matching import LEAST_SPREAD_S, Calibration, Edge, Side, sigmoid

#: A pair is used after that many matched calls, and remembers so many of the latest.
ENOUGH: Final = 12
REMEMBERED: Final = 60
#: A prefix enters use after that many calls that all show it (traceback model, section 3.3).
PREFIX_ENOUGH: Final = 20
#: Latest calls that are compared with the earlier ones for drift, and by how many spreads they must be off.
LATEST: Final = 6
DRIFT_SPREADS: Final = 6.0
#: Median absolute deviation of a normal distribution to its standard deviation.
_MAD: Final = 1.4826


class Lesson(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one matched call shows: how far the starts are apart, and the digits put before the called number."""

    offset_s: float
    prefix: str = ""


def lesson(received: Side, sent: Side) -> Lesson | None:
    """Return what a pair teaches, or None where no strong identifier joins it."""
    joined = any(
        mine and mine == theirs
        for mine, theirs in (
            (received.call_id, sent.call_id),
            (received.session_id, sent.session_id),
            (received.icid, sent.icid),
            (received.identity, sent.identity),
        )
    )
    if not joined:
        return None
    prefix = ""
    if sent.called and received.called.endswith(sent.called) and len(received.called) > len(sent.called):
        prefix = received.called[: -len(sent.called)]
    return Lesson(offset_s=sent.start - received.start, prefix=prefix)


class Learner:
    """Gathers lessons of one trunk between two carriers."""

    def __init__(self, lessons: Iterable[Lesson] = ()) -> None:
        """Begin with what was kept."""
        self._lessons: deque[Lesson] = deque(lessons, maxlen=REMEMBERED)

    def learn(self, one: Lesson) -> None:
        """Take one more; the oldest is forgotten beyond ``REMEMBERED``."""
        self._lessons.append(one)

    @property
    def lessons(self) -> tuple[Lesson, ...]:
        """What is remembered, oldest first: what a carrier keeps on disk."""
        return tuple(self._lessons)

    def edge(self) -> Edge:
        """Return what is known by now; nothing before ``ENOUGH`` calls.

        After a step of the clock (the latest calls agree with each other and not with the earlier ones) a new
        interval of validity begins: only the latest count. Where they do not agree with each other, ``drifts`` is set.
        """
        offsets = [one.offset_s for one in self._lessons]
        if len(offsets) < ENOUGH:
            return Edge(pairs=len(offsets))
        earlier, latest = offsets[:-LATEST], offsets[-LATEST:]
        middle, spread = _robust(earlier)
        now, narrow = _robust(latest)
        if abs(now - middle) > DRIFT_SPREADS * spread:
            steady = narrow <= DRIFT_SPREADS * spread
            return Edge(offset_s=now, spread_s=max(narrow, spread), pairs=LATEST, drifts=not steady)
        middle, spread = _robust(offsets)
        return Edge(offset_s=middle, spread_s=spread, pairs=len(offsets), prefix=self._prefix())

    def _prefix(self) -> str:
        if len(self._lessons) < PREFIX_ENOUGH:
            return ""
        seen = {one.prefix for one in list(self._lessons)[-PREFIX_ENOUGH:]}
        return next(iter(seen)) if len(seen) == 1 else ""


def _robust(offsets: Sequence[float]) -> tuple[float, float]:
    middle = median(offsets)
    return middle, max(_MAD * median(abs(one - middle) for one in offsets), LEAST_SPREAD_S)


# -- calibration


#: Scores beyond this are no further apart for the fit: it is the doubtful ones that decide it.
_CLIP: Final = 30.0
_STEPS: Final = 60


def fit(scored: Sequence[tuple[float, bool]]) -> Calibration:
    """Fit slope and shift so that links of log-odds x are true as often as the probability says (Platt, 1999).

    Newton's method on the regularised likelihood; with Platt's targets, so that no probability reaches 0 or 1.
    """
    right = sum(1 for _, true in scored if true)
    wrong = len(scored) - right
    if not right or not wrong:
        return Calibration()
    high, low = (right + 1) / (right + 2), 1 / (wrong + 2)
    points = [(max(-_CLIP, min(_CLIP, x)), high if true else low) for x, true in scored]
    slope, shift = 1.0, 0.0
    for _ in range(_STEPS):
        g0 = g1 = h00 = h01 = h11 = 0.0
        for x, target in points:
            p = sigmoid(slope * x + shift)
            weight = max(p * (1 - p), 1e-9)
            g0 += (p - target) * x
            g1 += p - target
            h00 += weight * x * x
            h01 += weight * x
            h11 += weight
        h00, h11 = h00 + 1e-3, h11 + 1e-3
        down = h00 * h11 - h01 * h01
        step0, step1 = (h11 * g0 - h01 * g1) / down, (h00 * g1 - h01 * g0) / down
        slope, shift = max(0.05, slope - step0), shift - step1
        if abs(step0) + abs(step1) < 1e-7:
            break
    return Calibration(slope=slope, shift=shift)


def expected_calibration_error(scored: Sequence[tuple[float, bool]], *, bins: int = 10) -> float:
    """Return how far stated probabilities lie from the share that was true, weighted over ``bins`` equal bins."""
    held: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for probability, true in scored:
        held[min(bins - 1, int(probability * bins))].append((probability, true))
    total = len(scored)
    return sum(
        abs(sum(p for p, _ in one) / len(one) - sum(1 for _, true in one if true) / len(one)) * len(one) / total
        for one in held
        if one
    )
