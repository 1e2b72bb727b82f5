"""Bursts by metadata: false alarms a key and day, delay until a burst is caught, calls a second, memory.

Simulated keys as measured in the design reference (section 4.6): log-normal rates around .4 calls in five seconds, a
daily cycle, over-dispersion from one five minutes to the next. Bursts begin at any second of any hour. Beside ours
stands the bound: the cumulative sum that is told each key's true rate at each second and how strong the burst will be,
which no detector can beat at the same rate of false alarms (Moustakides, 1986). SIMULATED: no real call is involved.
"""

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.report import Claim, Figure
from headwater.campaigns.bursts import BIN_S, Burst, Bursts, Table
from headwater.campaigns.keys import KINDS, Heard, keys_of
from headwater.campaigns.metadata import Metadata

Seconds = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

KEYS = 200
DAY = 24 * 3600 // BIN_S
LEARN = DAY // 4
STRENGTHS = (30, 10, 3)
#: Moments of the day at which every key is let burst, and the longest that is waited for an alarm.
FORKS = 24
LONGEST = 300
#: Bins in which the true rate stays.
_WANDER = 300 // BIN_S
MILLION = 1_000_000
CALLS = 60_000


def run() -> Claim:
    rate, heard, raw = throughput()
    table = million()
    quiet, found = World(11).day()
    notes = [
        f"false alarms: {quiet:.2f} a key and day ({KEYS} keys, one day, looked at each second)",
        f"{'':34}{'median':>10}{'in 5 s':>8}{'in 10 s':>9}{'in 30 s':>9}{'in 5 min':>10}",
    ]
    for delays in found:
        notes += [_line(f"burst x{delays.times}", delays.ours), _line("  bound: told the true rate", delays.bound)]
        if delays.times == 10:
            for least in (0.5, 1.0, 2.0):
                busy = delays.rates >= least
                notes.append(_line(f"  keys of {least} calls or more in 5 s", delays.ours[busy]))
                notes.append(_line("    bound", delays.bound[busy]))
    notes.append(f"state of {MILLION:,} keys: {table.octets / 1e6:.0f} MB ({table.octets / MILLION:.0f} octets a key)")
    return Claim(
        title="Metadata: every call counted under seven keys, five-second bins, EWMA and CUSUM",
        figures=[
            Figure(what="ours: calls taken, bursts and patterns looked for", rate=rate, unit="calls/s and core"),
            Figure(what="bound: keys of the calls alone", rate=heard, unit="calls/s and core"),
            Figure(what="peer: a Python Counter a key, no detection", rate=raw, unit="calls/s and core"),
        ],
        notes=notes,
    )


def _line(what: str, delays: Seconds) -> str:
    shares = "".join(f"{np.mean(delays <= limit):>{wide}.1%}" for limit, wide in ((5, 8), (10, 9), (30, 9), (300, 10)))
    return f"{what:34}{np.median(delays):>8.0f} s{shares}"


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds until each burst was caught; more than the burst's length where it was not."""

    times: int
    rates: Seconds
    """True calls in five seconds of the key when its burst began."""
    ours: Seconds
    bound: Seconds


class World:
    """Keys whose true rates are known, and the two detectors that follow them second by second."""

    def __init__(self, seed: int) -> None:
        self._chance = np.random.default_rng(seed)
        self._base = np.exp(self._chance.normal(np.log(0.4), 0.6, KEYS))
        self._wander = self._chance.gamma(4, 1 / 4, (2 * DAY // _WANDER + 3, KEYS))
        self._keys = np.arange(1, KEYS + 1, dtype=np.uint64)
        self._bursts = Bursts()
        # Learnt with the first quarter of a day, bin by bin.
        for at in range(LEARN):
            self._close(at, self._chance.poisson(self._rate(at)))
        self._bursts.table.columns["muted"][:] = 0

    def _rate(self, at: int) -> Seconds:
        cycle = 1 + 0.6 * np.sin(2 * np.pi * at / DAY)
        return np.asarray(self._base * cycle * self._wander[at // _WANDER])

    def day(self) -> tuple[float, list[Delays]]:
        """Return the false alarms a key of one day, and the delays of bursts that begin all over it."""
        alarms, sums = 0, {times: np.zeros(KEYS) for times in STRENGTHS}
        peaks = {times: np.zeros((DAY // _WANDER, KEYS)) for times in STRENGTHS}
        ours: dict[int, list[Seconds]] = {times: [] for times in STRENGTHS}
        paths: dict[int, list[Seconds]] = {times: [] for times in STRENGTHS}
        rates = []
        for step in range(DAY):
            at = LEARN + step
            if step % (DAY // FORKS) == DAY // FORKS // 2:
                rates.append(self._rate(at))
                for times in STRENGTHS:
                    late, path = self._burst(at, times, sums[times])
                    ours[times].append(late)
                    paths[times].append(path)
            so_far = self._chance.poisson(self._rate(at) / BIN_S, (BIN_S, KEYS)).cumsum(axis=0)
            alarms += sum(len(found) for found in self._looks(at, so_far))
            for times in STRENGTHS:
                for calls in np.diff(so_far, axis=0, prepend=0):
                    sums[times] = _told(sums[times], calls, self._rate(at) / BIN_S, times)
                    block = step // _WANDER
                    peaks[times][block] = np.maximum(peaks[times][block], sums[times])
        found = []
        for times in STRENGTHS:
            # As many blocks of five minutes above the threshold as one alarm a key and day makes.
            limit = np.quantile(peaks[times], 1 - 1 / len(peaks[times]))
            path = np.concatenate(paths[times], axis=1)
            reached = path > limit
            bound = np.where(reached.any(axis=0), reached.argmax(axis=0) + 1.0, np.inf)
            found.append(Delays(times, np.concatenate(rates), np.concatenate(ours[times]), bound))
        return alarms / KEYS, found

    def _looks(self, at: int, so_far: Counts) -> list[list[Burst]]:
        found = []
        for second, counts in enumerate(so_far):
            heard = counts > 0
            if second == BIN_S - 1:
                found.append(self._close(at, counts))
            else:
                found.append(self._bursts.look(at, self._keys[heard], counts[heard], over=(second + 1) / BIN_S))
        return found

    def _close(self, at: int, counts: Counts) -> list[Burst]:
        heard = counts > 0
        return self._bursts.close(at, self._keys[heard], counts[heard])

    def _burst(self, at: int, times: int, sums: Seconds) -> tuple[Seconds, Seconds]:
        """Let every key burst from now on; return when ours alarms, and the bound's sums second by second."""
        held = self._bursts.table.columns
        saved = {name: column.copy() for name, column in held.items()}
        held["muted"][:] = 0
        late, path = np.full(KEYS, np.inf), []
        start = int(self._chance.integers(0, BIN_S))
        for step in range(LONGEST // BIN_S + 1):
            seconds = step * BIN_S + np.arange(BIN_S) - start
            each = self._rate(at + step)[None, :] / BIN_S * np.where(seconds >= 0, times, 1)[:, None]
            calls = self._chance.poisson(each)
            for second, bursts in zip(seconds.tolist(), self._looks(at + step, calls.cumsum(axis=0)), strict=True):
                for burst in bursts:
                    late[burst.key - 1] = min(late[burst.key - 1], max(second + 1.0, 1.0))
            for second, row in zip(seconds.tolist(), calls, strict=True):
                if second >= 0:
                    sums = _told(sums, row, self._rate(at + step) / BIN_S, times)
                    path.append(sums)
        for name, column in saved.items():
            held[name][:] = column
        return late, np.array(path[:LONGEST])


def _told(sums: Seconds, calls: Counts, rate: Seconds, times: int) -> Seconds:
    return np.asarray(np.maximum(sums + calls * np.log(times) - (times - 1) * rate, 0.0))


def traffic(calls: int) -> list[Heard]:
    chance = np.random.default_rng(3)
    calling = chance.integers(2_150_000_000, 9_899_999_999, calls)
    called = chance.integers(2_150_000_000, 9_899_999_999, calls)
    return [
        Heard(
            record_id=int(at).to_bytes(16, "big"),
            at=1_790_000_000 + at / 10_000,
            calling=f"1{calling[at]}",
            called=f"1{called[at]}",
            signer=f"{chance.integers(0, 900):04d}",
            origid=str(chance.integers(0, 20_000)),
            provider=f"{chance.integers(0, 300):04d}",
            attest="B",
            ring_ms=4_000,
            duration_ms=12_000,
            answered=True,
        )
        for at in range(calls)
    ]


def throughput() -> tuple[float, float, float]:
    """Return calls a second of CPU time: ours; making keys alone; counting in dictionaries alone."""
    calls = traffic(CALLS)
    detector = Metadata()
    started = time.process_time()
    for at in range(0, CALLS, 3_000):
        detector.take(calls[at : at + 3_000])
    ours = CALLS / (time.process_time() - started)
    started = time.process_time()
    keys_of(calls)
    alone = CALLS / (time.process_time() - started)
    counts: dict[tuple[int, str], int] = {}
    started = time.process_time()
    for call in calls:
        for kind, value in (
            (1, call.calling),
            (2, call.calling[:8]),
            (3, call.calling[:7]),
            (4, call.signer),
            (5, call.origid),
            (6, call.provider),
            (7, call.called[:8]),
        ):
            counts[kind, value] = counts.get((kind, value), 0) + 1
    return ours, alone, CALLS / (time.process_time() - started)


def million() -> Table:
    """Return the table after a million different keys."""
    bursts = Bursts()
    chance = np.random.default_rng(4)
    keys = chance.choice(np.iinfo(np.int64).max, MILLION, replace=False).astype(np.uint64) + np.uint64(1)
    for at in range(0, MILLION, 50_000):
        bursts.close(1_000, keys[at : at + 50_000], np.ones(50_000, dtype=np.int64))
    if bursts.table.used < MILLION * 0.99 or len(KINDS) != 7:
        raise SystemExit("the table lost keys: nothing that was measured means anything")
    return bursts.table
