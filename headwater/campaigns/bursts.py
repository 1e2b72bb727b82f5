"""Counts of a million keys in five-second bins, and which of them burst. Pure: no Django, no I/O, no clock.

Each key has a slowly adapting mean (half an hour) and three charts against it. A *quick* cumulative sum (CUSUM) takes
what the last minute says of the rate into account (a gamma prior of the long mean, updated by the minute's calls), as
busy minutes come together: it finds strong bursts in the fewest seconds. A fast exponentially weighted moving average
(EWMA) and a cumulative sum against the long mean find bursts that begin within a busy minute, or grow. Counts of calls
vary more than Poisson counts, so all take a negative binomial. Within a bin the charts fall by the part of it that is
over, so that each second counts. Thresholds and delays were measured by simulation (``python -m bench bursts``), beside
the best that any detector can do: one false alarm a key and day. State is 36 octets a key in numpy arrays with open
addressing, written to and read from one file.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headwater.campaigns.keys import Keys

BIN_S = 5
#: How fast the mean adapts: 1/360 a bin is half an hour.
_ADAPT = 1 / 360
#: Weight of the newest bin in the fast average.
_FAST = 0.5
#: Over-dispersion: variance = mean + .12 mean squared.
_DISPERSION = 0.12
_SPREAD = 1 / _DISPERSION
#: The burst that the cumulative sum is tuned to.
_TIMES = 15.0
#: The quick sum: weight of the long mean (calls that it counts for), bins of the recent mean, the burst it is tuned to.
_PRIOR = 4.0
_RECENT = 12.0
_QUICK_TIMES = 10.0
#: Mean, in calls a bin, that a key has at least: a number never heard before is held to call once in four minutes.
_LEAST_MEAN = 0.02
_FIRST_MEAN = 0.05
EWMA_AT = 4.0
CUSUM_AT = 14.0
QUICK_AT = 8.8
#: A key that alarmed keeps still for five minutes.
_MUTED_BINS = 60
_EMPTY = np.uint64(0)
_MIX = np.uint64(0x9E3779B97F4A7C15)

Floats = npt.NDArray[np.float32]
Slots = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """One key that rings more than its own past explains."""

    key: int
    bin: int
    """Number of the five-second bin since 1970."""
    calls: int
    """Calls in this bin so far."""
    expected: float
    """Its mean a bin."""
    ewma: float
    cusum: float
    quick: float


_FIELDS: dict[str, Any] = {
    "key": np.uint64,
    "bin": np.int32,
    "mean": np.float32,
    "fast": np.float32,
    "cusum": np.float32,
    "recent": np.float32,
    "quick": np.float32,
    "muted": np.int32,
}


class Table:
    """Keys and their state. Grows by doubling up to ``most`` slots; then the keys unheard longest give way."""

    def __init__(self, slots: int = 1 << 12, most: int = 1 << 21) -> None:
        self._most = most
        self._make(slots)

    def _make(self, slots: int) -> None:
        self.columns = {name: np.zeros(slots, dtype=kind) for name, kind in _FIELDS.items()}
        self._shift = np.uint64(64 - slots.bit_length() + 1)
        self.used = 0

    @property
    def octets(self) -> int:
        """Memory that the state takes."""
        return sum(column.nbytes for column in self.columns.values())

    def slots(self, keys: Keys, now: int) -> Slots:
        """Return the slot of each of the (distinct) keys, making those that are new."""
        if self.used + len(keys) > 0.6 * len(self.columns["key"]):
            self._make_room(len(keys))
        held = self.columns["key"]
        mask = np.int64(len(held) - 1)
        at = ((keys * _MIX) >> self._shift).astype(np.int64)
        found = np.full(len(keys), -1, dtype=np.int64)
        pending = np.arange(len(keys))
        while len(pending):
            here = held[at[pending]]
            free = pending[here == _EMPTY]
            # Two new keys may want one free slot: all write, one stays, the others go on.
            held[at[free]] = keys[free]
            new = free[held[at[free]] == keys[free]]
            self._begin(at[new], now)
            same = held[at[pending]] == keys[pending]
            found[pending[same]] = at[pending[same]]
            pending = pending[~same]
            at[pending] = (at[pending] + 1) & mask
        return found

    def _begin(self, slots: Slots, now: int) -> None:
        self.used += len(slots)
        self.columns["bin"][slots] = now - 1
        self.columns["mean"][slots] = _FIRST_MEAN
        self.columns["fast"][slots] = _FIRST_MEAN
        self.columns["cusum"][slots] = 0.0
        self.columns["recent"][slots] = _FIRST_MEAN
        self.columns["quick"][slots] = 0.0
        self.columns["muted"][slots] = 0

    def _make_room(self, more: int) -> None:
        size = len(self.columns["key"])
        live = np.flatnonzero(self.columns["key"])
        if size < self._most:
            size *= 2
            while (len(live) + more) > 0.6 * size and size < self._most:
                size *= 2
        if len(live) + more > 0.6 * size:
            # Full: the half heard most recently stays.
            order = np.argsort(self.columns["bin"][live], kind="stable")
            live = live[order[len(order) // 2 :]]
        self._take({name: column[live] for name, column in self.columns.items()}, size)

    def _take(self, columns: dict[str, Any], size: int) -> None:
        self._make(size)
        slots = self.slots(columns["key"], 0)
        for name in _FIELDS:
            self.columns[name][slots] = columns[name]

    def dump(self) -> dict[str, Any]:
        """Return the live keys and their state as arrays, to be stored."""
        live = np.flatnonzero(self.columns["key"])
        return {name: column[live] for name, column in self.columns.items()}

    @classmethod
    def load(cls, columns: dict[str, Any], most: int = 1 << 21) -> "Table":
        """Return the table that ``dump`` wrote."""
        size = 1 << 12
        while len(columns["key"]) > 0.5 * size and size < most:
            size *= 2
        table = cls(size, most)
        table._take(columns, size)
        return table


class Bursts:
    """Counts calls by key; tells which keys burst. Bins must come in order."""

    def __init__(
        self,
        table: Table | None = None,
        *,
        ewma_at: float = EWMA_AT,
        cusum_at: float = CUSUM_AT,
        quick_at: float = QUICK_AT,
    ) -> None:
        self.table = table or Table()
        self._ewma_at, self._cusum_at, self._quick_at = ewma_at, cusum_at, quick_at

    def look(self, now: int, keys: Keys, counts: Counts, *, over: float = 1.0) -> list[Burst]:
        """Return which keys burst by ``counts`` calls so far in bin ``now``; changes nothing but whom to mute.

        ``over`` is the share of the bin that is over, more than 0.
        """
        return self._step(now, keys, counts, over=over, ends=False)

    def close(self, now: int, keys: Keys, counts: Counts) -> list[Burst]:
        """Take the bin ``now`` with the calls of each (distinct) key; return which burst."""
        return self._step(now, keys, counts, over=1.0, ends=True)

    def _step(self, now: int, keys: Keys, counts: Counts, *, over: float, ends: bool) -> list[Burst]:
        if not len(keys):
            return []
        at = self.table.slots(keys, now)
        held = self.table.columns
        before = self._at_bin(at, now)
        calls = counts.astype(np.float32)
        after = _after(before, calls, over)
        strange = _normal(after.fast, before.mean) > self._ewma_at
        alarm = strange | (after.cusum > self._cusum_at) | (after.quick > self._quick_at)
        alarm &= held["muted"][at] <= now
        bursts = [
            Burst(
                key=int(keys[one]),
                bin=now,
                calls=int(counts[one]),
                expected=round(float(before.mean[one]), 4),
                ewma=round(float(after.fast[one]), 3),
                cusum=round(float(after.cusum[one]), 3),
                quick=round(float(after.quick[one]), 3),
            )
            for one in np.flatnonzero(alarm)
        ]
        held["muted"][at[alarm]] = now + _MUTED_BINS
        if ends:
            held["mean"][at], held["fast"][at], held["recent"][at] = after.mean, after.fast, after.recent
            held["cusum"][at] = np.minimum(after.cusum, 4 * self._cusum_at)
            held["quick"][at] = np.minimum(after.quick, 4 * self._quick_at)
            held["bin"][at] = now
        return bursts

    def _at_bin(self, at: Slots, now: int) -> "_Charts":
        """Return the charts as they are before bin ``now``: empty bins taken at once."""
        held = self.table.columns
        idle = np.maximum(now - held["bin"][at] - 1, 0).astype(np.float32)
        mean = np.maximum(held["mean"][at] * (1 - _ADAPT) ** idle, _LEAST_MEAN).astype(np.float32)
        recent = (held["recent"][at] * (1 - 1 / _RECENT) ** idle).astype(np.float32)
        return _Charts(
            mean=mean,
            fast=(held["fast"][at] * (1 - _FAST) ** idle).astype(np.float32),
            cusum=np.maximum(held["cusum"][at] - idle * _fall(mean, _TIMES, _SPREAD), 0.0).astype(np.float32),
            recent=recent,
            quick=np.maximum(held["quick"][at] - idle * _quick_fall(mean, recent), 0.0).astype(np.float32),
        )

    def expected(self, keys: Keys, now: int) -> Floats:
        """Return the mean calls a bin of each of the (distinct) keys."""
        return self._at_bin(self.table.slots(keys, now), now).mean if len(keys) else np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class _Charts:
    """What is held of some keys at one bin: both means in calls a bin, and the three charts."""

    mean: Floats
    fast: Floats
    cusum: Floats
    recent: Floats
    quick: Floats


def _after(before: _Charts, calls: Floats, over: float) -> _Charts:
    """Return the charts after ``calls`` in the part ``over`` of a bin."""
    mean = before.mean
    now, spread = _rate_now(mean, before.recent)
    rise = calls * _step_of(mean, _TIMES, _SPREAD)
    quick_rise = calls * _step_of(now, _QUICK_TIMES, spread)
    return _Charts(
        # The mean learns from a burst no more than from six times itself: a burst must not become the baseline.
        mean=mean + _ADAPT * (np.minimum(calls, 6 * mean + 3) - mean),
        fast=_FAST * calls + (1 - _FAST) * before.fast,
        cusum=np.maximum(before.cusum + rise - over * _fall(mean, _TIMES, _SPREAD), 0.0),
        recent=before.recent + (calls - before.recent) / _RECENT,
        quick=np.maximum(before.quick + quick_rise - over * _fall(now, _QUICK_TIMES, spread), 0.0),
    )


def _rate_now(mean: Floats, recent: Floats) -> tuple[Floats, Floats]:
    """Return the mean a bin of a gamma prior of the long mean after the last minute, and the shape that it has."""
    shape = _PRIOR + recent * _RECENT
    return shape / (_PRIOR / mean + _RECENT), shape


def _quick_fall(mean: Floats, recent: Floats) -> Floats:
    now, spread = _rate_now(mean, recent)
    return _fall(now, _QUICK_TIMES, spread)


def _step_of(mean: Floats, times: float, spread: Floats | float) -> Floats:
    """Return what one call adds: the log-likelihood ratio of a negative binomial of ``times`` the mean."""
    return np.asarray(np.log(times * (spread + mean) / (spread + times * mean)))


def _fall(mean: Floats, times: float, spread: Floats | float) -> Floats:
    """Return what a sum loses in a bin without a call; ``spread`` is the negative binomial's shape."""
    return np.asarray(np.log((spread + times * mean) / (spread + mean)) * spread)


def _normal(fast: Floats, mean: Floats) -> Floats:
    """Return how unlikely the fast average is, as a standard normal value (Wilson and Hilferty's cube root)."""
    variance = _FAST / (2 - _FAST) * mean + _DISPERSION * mean * mean
    shape = np.maximum(mean * mean / variance, 1e-3)
    return np.asarray((np.cbrt(fast / mean) - (1 - 1 / (9 * shape))) * np.sqrt(9 * shape))
