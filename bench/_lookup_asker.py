"""Looks calls up through the query facade from a process of its own, as the desk does; for ``bench.lookup``.

Reads the address on the first line and the calls as JSON lines, asks one after the other, prints milliseconds as JSON.
"""

import json
import sys
import time
from datetime import datetime

from headwater.calls.lookups import Wanted
from headwater.calls.queries import CallQueries, connect


def asked(queries: CallQueries, wanted: list[Wanted], *, window_s: int) -> list[float]:
    """Return the milliseconds that each look-up took, the shortest first.

    Raises:
        RuntimeError: one that is stored was not found.
    """
    queries.find_calls(wanted[:1], window_s=window_s)
    spent = []
    for one in wanted:
        started = time.perf_counter()
        found = queries.find_calls([one], window_s=window_s)
        spent.append((time.perf_counter() - started) * 1e3)
        if not found[0]:
            raise RuntimeError("a call that is stored was not found: the figures would be of something else")
    return sorted(spent)


if __name__ == "__main__":
    address, window = sys.stdin.readline().split()
    rows = [json.loads(line) for line in sys.stdin]
    named = [Wanted(calling=one[0], called=one[1], call_at=datetime.fromisoformat(one[2])) for one in rows]
    print(json.dumps(asked(connect(address), named, window_s=int(window))))
