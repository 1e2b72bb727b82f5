"""Bursts by metadata: false alarms a key and day, delay until a burst is caught, calls a second, memory.

Simulated keys as measured in the design reference (section 4.6): log-normal rates around .4 calls in five seconds, a
daily cycle, over-dispersion from one five minutes to the next. SIMULATED: no real call record is involved.
"""

import statistics
import time

import numpy as np

from bench.report import Claim, Figure
from headwater.campaigns.bursts import BIN_S, Bursts, Table
from headwater.campaigns.keys import KINDS, Heard, keys_of
from headwater.campaigns.metadata import Metadata

KEYS = 200
DAY = 24 * 3600 // BIN_S
MILLION = 1_000_000
CALLS = 60_000


def run() -> Claim:
    rate, heard, raw = throughput()
    table = million()
    quiet = false_alarms()
    notes = [f"false alarms: {quiet:.2f} a key and day ({KEYS} keys, one day after a day of learning)"]
    for times in (30, 10, 3):
        caught, median, share = delays(times)
        notes.append(
            f"burst x{times}: {caught:.1%} caught within 5 minutes, median {median:.0f} s, {share:.0%} within 10 s"
        )
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


def rates(chance: np.random.Generator, bins: int) -> np.ndarray:
    """Return the true mean of each key in each bin."""
    base = np.exp(chance.normal(np.log(0.4), 0.6, KEYS))
    cycle = 1 + 0.6 * np.sin(2 * np.pi * np.arange(bins) / DAY)
    five = 300 // BIN_S
    wander = np.repeat(chance.gamma(4, 1 / 4, (KEYS, bins // five + 1)), five, axis=1)[:, :bins]
    found: np.ndarray = base[:, None] * cycle * wander
    return found


def follow(counts: np.ndarray, bursts: Bursts, start: int) -> list[tuple[int, int]]:
    """Take each bin's counts; return (key, bin) of every alarm."""
    keys = np.arange(1, KEYS + 1, dtype=np.uint64)
    alarms = []
    for at in range(counts.shape[1]):
        heard = counts[:, at] > 0
        alarms += [(burst.key, at) for burst in bursts.close(start + at, keys[heard], counts[heard, at])]
    return alarms


def false_alarms() -> float:
    chance = np.random.default_rng(11)
    counts = chance.poisson(rates(chance, 2 * DAY))
    return sum(at >= DAY for _, at in follow(counts, Bursts(), 0)) / KEYS


def delays(times: int) -> tuple[float, float, float]:
    """Return the share of bursts that was caught, the median delay in seconds, and the share within ten seconds."""
    chance = np.random.default_rng(12)
    lead = DAY // 4
    true = rates(chance, lead + 200)
    counts = chance.poisson(true)
    bursts, keys = Bursts(), np.arange(1, KEYS + 1, dtype=np.uint64)
    starts = chance.integers(lead, lead + 120, KEYS)
    follow(counts[:, :lead], bursts, 0)
    bursts.table.columns["muted"][:] = 0
    caught: dict[int, float] = {}
    for at in range(lead, lead + 200):
        within = (starts <= at) & (at < starts + 60)
        seconds = chance.poisson(np.where(within, true[:, at] * times, true[:, at])[:, None] / BIN_S, (KEYS, BIN_S))
        so_far = np.cumsum(seconds, axis=1)
        for second in range(BIN_S):
            heard = so_far[:, second] > 0
            step = bursts.close if second == BIN_S - 1 else bursts.look
            for burst in step(at, keys[heard], so_far[heard, second]):
                if within[burst.key - 1]:
                    caught.setdefault(burst.key, (at - starts[burst.key - 1]) * BIN_S + second + 1)
    found = list(caught.values())
    return len(found) / KEYS, statistics.median(found), sum(delay <= 10 for delay in found) / KEYS


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
