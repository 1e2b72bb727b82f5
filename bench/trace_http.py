"""A trace through the whole product: HTTP, signatures, database, jobs, audit; five carriers' agents that answer.

Ours: seconds from opening to outcome, with answers at once and after 0.5 s; traces sustained when many are open; the
product's own CPU a trace, PostgreSQL included. Bound: the answers alone, one after another. Peer: Jaeger's whole trace
over loopback HTTP, a constant; it answers from a store that every carrier has filled with every call beforehand.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.report import Claim, Figure
from tests.journeys.test_traceback_by_agents import HOPS, Agent, agents
from tests.product import Product

_ONE_BY_ONE = 7
_TOGETHER = 40
_DELAY_S = 0.5
_PEER_S = 0.0387
"""Jaeger's trace over loopback HTTP, mean (2,000 rows), on a 2-vCPU EPYC."""
_DAY = 86_400
_NEEDED = 100_000
#: Opens traces, waits for each (or for all together), and returns the seconds that each took.
MEASURE = """
import time
from headwater.tracebacks.models import Traceback
from tests.tracebacks.support import call, opened

def wait(names):
    until = time.monotonic() + 240
    while Traceback.objects.filter(id__in=names).exclude(closed_at=None).count() < len(names):
        if time.monotonic() > until:
            raise SystemExit("a traceback did not end in 240 s")
        time.sleep(0.02)

began, names = time.monotonic(), []
for number in range(arguments["count"]):
    names.append(opened(call("700X", event=f"{arguments['event']}-{number}", called=f"1503555{number:04d}")))
    if arguments["one_by_one"]:
        wait(names)
wait(names)
rows = Traceback.objects.filter(id__in=names)
wrong = [row.id for row in rows if row.grade != "origin_confirmed"]
took = sorted((row.closed_at - row.opened_at).total_seconds() for row in rows)
result = {"took": took, "seconds": time.monotonic() - began, "wrong": wrong}
"""


def run() -> Claim:
    """Measure."""
    with Product() as product, agents(product) as running:
        at_once = _measure(product, running, _ONE_BY_ONE, delay_s=0.0, one_by_one=True)["took"]
        slow = _measure(product, running, _ONE_BY_ONE, delay_s=_DELAY_S, one_by_one=True)["took"]
        rate, cpu = _together(product, running)
    return Claim(
        title=f"A trace of {HOPS} carriers through the whole product, over HTTP",
        figures=[
            Figure(what="ours, sustained together", rate=rate * _DAY, unit="traces/day",
                   note=f"{_TOGETHER} open at once; {cpu * 1_000:.0f} ms CPU a trace, all processes and database"),
            Figure(what="bound: 100,000 a day", rate=_NEEDED, unit="traces/day"),
            Figure(what="peer, Jaeger over HTTP in series (constant)", rate=_DAY / _PEER_S, unit="traces/day"),
        ],
        notes=[
            f"Answers at once: median {median(at_once):.2f} s, worst of {len(at_once)} {max(at_once):.2f} s (bar 1 s).",
            f"After {_DELAY_S} s each: median {median(slow):.2f} s, worst of {len(slow)} {max(slow):.2f} s (bar 3 s);",
            f"the answers alone take {HOPS * _DELAY_S:.1f} s.",
            "The hub and every carrier that is asked learn that this call is traced; the peer hides that from both,",
            "and has every carrier deposit a record of every call beforehand.",
        ],
    )  # fmt: skip


def _measure(product: Product, running: Sequence[Agent], count: int, *, delay_s: float, one_by_one: bool) -> Any:
    for agent in running:
        agent.delay_s = delay_s
    found = product.act(MEASURE, event=f"{delay_s}-{one_by_one}", count=count, one_by_one=one_by_one)
    if found["wrong"] or any(agent.refused for agent in running):
        raise SystemExit(f"not every origin was confirmed: {found['wrong']}")
    return found


def _together(product: Product, running: Sequence[Agent]) -> tuple[float, float]:
    """Return traces a second and CPU seconds a trace."""
    before = _cpu_s()
    found = _measure(product, running, _TOGETHER, delay_s=0.0, one_by_one=False)
    return _TOGETHER / found["seconds"], (_cpu_s() - before) / _TOGETHER


def _cpu_s() -> float:
    """Return the CPU seconds of this process' descendants so far: the product and its database."""
    tick = os.sysconf("SC_CLK_TCK")
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        pid = int(stat.parent.name)
        parents[pid], used[pid] = int(fields[1]), (int(fields[11]) + int(fields[12])) / tick
    own, total = os.getpid(), 0.0
    for pid, seconds in used.items():
        here = pid
        while here not in {0, 1, own}:
            here = parents.get(here, 0)
        total += seconds if here == own and pid != own else 0.0
    return total
