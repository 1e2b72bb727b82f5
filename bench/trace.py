"""Tracing: own computing time a trace, a candidate and a learned pair, beside the rate that is needed and the peer's.

Engine, matching and the answering carriers all run in this process; no network, no database: what is measured is the
work that no machine can do away with, not the waiting for carriers. The truth is compared outside the clock.
"""

import time

from bench.report import Claim, Figure
from headwater.calls import matching
from headwater.calls.learning import Learner, Lesson
from headwater.calls.matching import Side
from headwater.simulator import trial
from headwater.simulator.trial import Plan

_TRACES = 600
_PEER_MS = 24.2
"""Jaeger, one process, 512,201 rows: mean of a whole trace, measured on a 2-vCPU EPYC (docs/reference/simulate.md)."""
_DAY = 86_400
_NEEDED = 100_000


def run_matching() -> tuple[float, float]:
    """Return CPU seconds of one candidate's score and of one pair's learned clock."""
    asked = Side(start=1_000.0, calling="12025550123", called="15035550142", duration_s=9.0, call_id="a")
    near = [
        Side(start=1_000.0 + place, calling=f"1202555{place:04d}", called="15035550142", duration_s=9.0)
        for place in range(10)
    ]
    rounds = 300
    began = time.process_time()
    for _ in range(rounds):
        matching.rank(asked, near, window_s=30, asker="X1")
    score = (time.process_time() - began) / rounds / len(near)
    lessons = [Lesson(offset_s=place % 7 / 10) for place in range(60)]
    began = time.process_time()
    for _ in range(rounds):
        Learner(lessons).edge()
    return score, (time.process_time() - began) / rounds


def run_traces() -> float:
    """Return mean CPU seconds of a trace in a world with all noise where everybody answers."""
    ended = trial.run(Plan(seed=1, traces=_TRACES)).ended
    return sum(one.compute_s for one in ended) / len(ended)


def run() -> Claim:
    """Measure."""
    trace = run_traces()
    score, learned = run_matching()
    return Claim(
        title="Tracing, one core: engine, matching and answering of all carriers",
        figures=[
            Figure(what="ours, traces", rate=1 / trace, unit="traces/s", note=f"{trace * 1_000:.2f} ms a trace"),
            Figure(what="peer, Jaeger's whole trace in one process", rate=1_000 / _PEER_MS, unit="traces/s"),
            Figure(what="bound: 100,000 a day on one core", rate=_NEEDED / _DAY, unit="traces/s"),
            Figure(what="candidates scored", rate=1 / score, unit="candidates/s", note=f"{score * 1e6:.1f} us each"),
            Figure(
                what="clocks of a pair learned", rate=1 / learned, unit="pairs/s", note=f"{learned * 1e6:.0f} us each"
            ),
        ],
        notes=[
            "Query mode stores nothing centrally, but the hub and every carrier asked learn that this call is traced;",
            "the peer hides labels from store and key holder, and has every carrier deposit a record of every call.",
        ],
    )
