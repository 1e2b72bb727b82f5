"""Signals from the metadata of every call: which key bursts, and what its calls look like. Pure: no I/O, no clock.

Time is the calls' own: a bin ends when a call of a later one comes, or when ``tick`` says so. A checkpoint holds the
counters and who is mute, so that a restart goes on without alarming again.
"""

import io
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from zipfile import BadZipFile

import numpy as np

from headwater.campaigns.bursts import BIN_S, Burst, Bursts, Table
from headwater.campaigns.keys import KINDS, Heard, KeyKind, keys_of, name_of
from headwater.campaigns.patterns import LEAST_CALLS, Faults, Pattern, patterns, unassignable

METADATA_VERSION = "metadata/2"

#: A call that comes later than this after the newest is no news: a file of yesterday must not look like a burst.
LATE_S = 120
#: The calls that patterns are looked for in.
WINDOW_S = 120
WINDOW_CALLS = 65_536
#: Keys looked at for patterns when a bin ends; more than these burst at once only where something else is wrong.
_LOOKED_AT = 40
#: Keys with this many times the calls that their mean explains are looked at, burst or not.
_TIMES = 3.0
_VALUE_BITS = 56
_SAMPLE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One key that rings unlike its past, with the figures that say so."""

    kind: KeyKind
    key: int
    name: str
    """The key as it is shown; called numbers by their block alone."""
    at: float
    """End of what was seen, seconds since 1970."""
    bin: int
    calls: int
    """Calls of the key within the last two minutes."""
    expected: float
    """How many its own mean explains in that time."""
    burst: Burst | None
    patterns: tuple[Pattern, ...]
    record_ids: tuple[bytes, ...]
    """The newest of these calls."""
    rule_version: str = METADATA_VERSION

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, in sentences."""
        said = [pattern.sentence for pattern in self.patterns]
        if self.burst is not None:
            said.insert(0, f"{self.calls} calls in two minutes where its past explains {self.expected:.1f}.")
        return tuple(said)


class Metadata:
    """Takes calls in nearly the order of their time; hands out signals."""

    def __init__(self, bursts: Bursts | None = None, *, faults: Faults = unassignable) -> None:
        self._bursts = bursts or Bursts()
        self._faults = faults
        self._bin = 0
        self._counts: Counter[int] = Counter()
        self._window: deque[tuple[Heard, tuple[int, ...]]] = deque(maxlen=WINDOW_CALLS)
        self._told: dict[int, int] = {}
        self._newest = 0.0
        self.late = 0

    def take(self, calls: Sequence[Heard]) -> list[Signal]:
        """Count the calls; return what they show."""
        signals: list[Signal] = []
        rows = keys_of(calls).tolist()
        for call, row in sorted(zip(calls, rows, strict=True), key=lambda pair: pair[0].at):
            at = int(call.at) // BIN_S
            if at < self._bin - LATE_S // BIN_S:
                self.late += 1
                continue
            if at > self._bin:
                signals += self._close(at)
            self._newest = max(self._newest, call.at)
            keys = tuple(key for key in row if key)
            self._counts.update(keys)
            self._window.append((call, keys))
        if self._counts:
            # Calls come a little out of order: what is over of the bin is what the newest call says.
            over = min(max(self._newest - self._bin * BIN_S, 1.0) / BIN_S, 1.0)
            signals += self._signals(self._bursts.look(self._bin, *self._columns(), over=over))
        return signals

    def tick(self, now: float) -> list[Signal]:
        """End the bins that are over by ``now``."""
        at = int(now) // BIN_S
        return self._close(at) if at > self._bin else []

    def _columns(self) -> tuple[np.ndarray, np.ndarray]:
        keys = np.fromiter(self._counts.keys(), dtype=np.uint64, count=len(self._counts))
        counts = np.fromiter(self._counts.values(), dtype=np.int64, count=len(self._counts))
        return keys, counts

    def _close(self, following: int) -> list[Signal]:
        signals: list[Signal] = []
        if self._counts:
            keys, counts = self._columns()
            bursts = self._bursts.close(self._bin, keys, counts)
            signals = self._signals(bursts, active=keys[counts >= 2])
        self._counts.clear()
        self._bin = following
        oldest = following * BIN_S - WINDOW_S
        while self._window and self._window[0][0].at < oldest:
            self._window.popleft()
        return signals

    def _signals(self, bursts: Sequence[Burst], active: np.ndarray | None = None) -> list[Signal]:
        bursting = {burst.key: burst for burst in bursts}
        wanted = dict.fromkeys([*bursting, *(() if active is None else active.tolist())])
        wanted = {key: None for key in wanted if key in bursting or self._told.get(key, 0) <= self._bin}
        if not wanted:
            return []
        calls: dict[int, list[Heard]] = {key: [] for key in wanted}
        for call, keys in self._window:
            for key in keys:
                if key in calls:
                    calls[key].append(call)
        expected = self._expected(list(calls))
        by_size = sorted(calls, key=lambda key: (key not in bursting, -len(calls[key]) / expected[key]))
        found = [self._signal(key, calls[key], expected[key], bursting.get(key)) for key in by_size[:_LOOKED_AT]]
        return [signal for signal in found if signal is not None]

    def _expected(self, keys: list[int]) -> dict[int, float]:
        """Return how many calls each key's own mean explains in the window."""
        means = self._bursts.expected(np.array(keys, dtype=np.uint64), self._bin)
        return {key: float(mean) * WINDOW_S / BIN_S for key, mean in zip(keys, means, strict=True)}

    def _signal(self, key: int, calls: list[Heard], expected: float, burst: Burst | None) -> Signal | None:
        if not calls or (burst is None and (len(calls) < LEAST_CALLS or len(calls) < _TIMES * expected)):
            return None
        kind = KINDS[(key >> _VALUE_BITS) - 1]
        shown = tuple(patterns(kind, calls, self._faults))
        if burst is None and not shown:
            return None
        # Told once in five minutes, as bursts are.
        self._told[key] = self._bin + 300 // BIN_S
        if len(self._told) > WINDOW_CALLS:
            self._told = {one: until for one, until in self._told.items() if until > self._bin}
        return Signal(
            kind=kind,
            key=key,
            name=name_of(kind, calls[-1]),
            at=calls[-1].at,
            bin=self._bin,
            calls=len(calls),
            expected=round(expected, 2),
            burst=burst,
            patterns=shown,
            record_ids=tuple(call.record_id for call in calls[-_SAMPLE:]),
        )

    def dump(self) -> bytes:
        """Return the counters and who was told of, to go on from after a restart."""
        file = io.BytesIO()
        told = np.array(list(self._told.items()), dtype=np.uint64).reshape(-1, 2)
        np.savez(file, bin_at=np.array([self._bin]), told=told, **self._bursts.table.dump())
        return file.getvalue()

    @classmethod
    def load(cls, octets: bytes, *, faults: Faults = unassignable) -> "Metadata":
        """Return what ``dump`` stored.

        Raises:
            ValueError: these octets are no such checkpoint.
        """
        try:
            with np.load(io.BytesIO(octets), allow_pickle=False) as stored:
                columns = {name: stored[name] for name in stored.files}
            found = cls(Bursts(Table.load(columns)), faults=faults)
            found._bin = int(columns["bin_at"][0])
            found._told = {int(key): int(until) for key, until in columns["told"]}
        except (BadZipFile, OSError, KeyError, IndexError, EOFError) as error:
            raise ValueError(f"no checkpoint of the metadata detector: {error}") from error
        return found
