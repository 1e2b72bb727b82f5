"""One call among millions, while intake runs: in the process and through the query facade, beside the engine's least.

``python -m bench.lookup [ROWS ...] [--days N] [--folder F]``: rows are made by the engine itself through the real table
(``_lookup_rows``), spread over ``--days`` days and merged as far as the engine merges by itself; several sizes give the
curve, each going on from the one before. Without a size: 1,000,000.

Ours are ``CallQueries.find_calls``: both numbers, a minute each way, the whole record. Through the facade it is asked
from a process of its own, as the desk asks. Peers: the raw engine's bare ``SELECT`` of one column by primary key and
its ``SELECT 1``, on a bare connection. Bound: reading 4 KB of the same files that are not in the page cache.
"""

import argparse
import asyncio
import json
import mmap
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import chdb
import uvicorn

from bench import feed
from bench._lookup_asker import asked
from bench._lookup_rows import Rows, files, tables
from bench.report import Claim, Figure, machine, show
from headwater.calls.facade import Facade, Readers
from headwater.calls.lookups import Wanted
from headwater.calls.queries import CallQueries
from headwater.calls.records import SourceKind
from headwater.calls.store import CallStore
from headwater.intake.feed_columns import read_body
from headwater.intake.sources import Source
from headwater.site.bounded_http import BoundedHttp

LOOKUPS = 300
AT_ONCE = 1_000
WINDOW_S = 60
INTAKE_EVENTS_S = 90_000
PAGE = 4_096
SECRET = "bench"  # noqa: S105 - opens a store that lives for minutes


def run(sizes: Sequence[int] = (1_000_000,), *, days: int = 30, folder: str | None = None) -> Claim:
    here = Path(tempfile.mkdtemp(prefix="bench-lookup-", dir=folder))
    rows = Rows(most=max(sizes), days=days)
    figures: list[Figure] = []
    notes: list[str] = []
    held = 0
    try:
        store = CallStore.open(f"chdb://{here}/calls")
        store.migrate()
        for size in sorted(sizes):
            took = rows.fill(store, held, size)
            notes.append(f"{_million(size)}: {size - held:,} rows were stored and merged in {took:,.0f} s.")
            held = size
            measured = _measure(store, rows, size)
            figures += measured[0]
            notes += measured[1]
        store.close()
    finally:
        shutil.rmtree(here, ignore_errors=True)
    return Claim(title=f"Look-ups of one call by its numbers and time, over {days} days", figures=figures, notes=notes)


def _measure(store: CallStore, rows: Rows, size: int) -> tuple[list[Figure], list[str]]:
    queries = CallQueries(store.engine, store.database)
    wanted = rows.wanted(store, size, LOOKUPS, seed=size)
    many = rows.wanted(store, size, AT_ONCE, seed=size + 1)
    octets, all_octets, parts, partitions = tables(store)
    bare, least = _bare(store, wanted)
    began = time.process_time()
    alone = asked(queries, wanted, window_s=WINDOW_S)
    cpu = (time.process_time() - began) * 1e3 / len(wanted)
    together = _together(queries, many)
    page = _pages(files(store))
    began_at = time.perf_counter()
    _until_visible(store, queries)  # the first insert reads what the store remembers of the past
    first = time.perf_counter() - began_at
    with _facade(store) as url:
        faced = _from_outside(url, wanted)
        with _intake(store, seed=size) as sent:
            busy = asked(queries, wanted, window_s=WINDOW_S)
            busy_faced = _from_outside(url, wanted)
            busy_together = _together(queries, many)
            visible = sorted(_until_visible(store, queries) for _ in range(5))
    again = _again(store, seed=size + 10)
    what = _million(size)
    figures = [
        _figure(f"ours: {what}, in the process", alone),
        _figure(f"ours: {what}, through the facade", faced),
        _figure(f"ours: {what}, in the process, intake running", busy),
        _figure(f"ours: {what}, through the facade, intake running", busy_faced),
        _figure(f"peer: {what}, the engine's bare SELECT by key", bare),
        _figure("peer: the engine's SELECT 1", least),
        _figure("bound: 4 KB that are in no cache", page),
    ]
    notes = [
        f"{what}: {octets / size:.1f} octets a record on disk with indexes, in {parts} parts of {partitions} days.",
        f"{what}: {all_octets / 1e9:.2f} GB on disk with the roll-ups.",
        f"{what}: a look-up in the process takes {cpu:.2f} ms of processor.",
        f"{what}: {AT_ONCE:,} at once {together:.2f} s; {busy_together:.2f} s while intake runs.",
        f"{what}: the first insert after a start, which reads what is remembered, takes {first:.1f} s.",
        f"{what}: intake meanwhile {sent[0] / sent[1]:,.0f} events/s, of {INTAKE_EVENTS_S:,} offered.",
        f"{what}: a body of {feed.ROWS_A_BODY:,} events that comes again is known after {again:.2f} s.",
        f"{what}: what is stored then is seen by a query after {visible[2]:.2f} s, at most {visible[-1]:.2f} s (of 5).",
    ]
    return figures, notes


def _million(size: int) -> str:
    return f"{size / 1e6:g} M rows"


def _figure(what: str, spent: Sequence[float]) -> Figure:
    said = f"p50 {_p(spent, 50):.2f} ms, p99 {_p(spent, 99):.2f} ms"
    return Figure(what=what, rate=1e3 / _p(spent, 50), unit="a second", note=said)


def _p(spent: Sequence[float], percent: int) -> float:
    return spent[min(len(spent) - 1, len(spent) * percent // 100)]


def _together(queries: CallQueries, many: Sequence[Wanted]) -> float:
    started = time.perf_counter()
    if not all(queries.find_calls(many, window_s=WINDOW_S)):
        raise RuntimeError("a call that is stored was not found")
    return time.perf_counter() - started


def _times(number: int, act: Callable[[int], Any]) -> list[float]:
    act(0)
    spent = []
    for place in range(number):
        started = time.perf_counter()
        act(place)
        spent.append((time.perf_counter() - started) * 1e3)
    return sorted(spent)


def _bare(store: CallStore, wanted: Sequence[Wanted]) -> tuple[list[float], list[float]]:
    """Ask the engine without any of our code between: one column by the primary key, and nothing at all."""
    connection: Any = chdb.connect(store.engine.folder)  # type: ignore[no-untyped-call]  # it ships no types
    try:
        connection.query(f"USE {store.database}")
        by_key = [
            f"SELECT event_id FROM calls PREWHERE right(called, 10) = '{one.called[-10:]}' "  # noqa: S608 - our numbers
            f"AND calling_digits = 1{one.calling} WHERE toDate(call_at) = '{one.call_at:%Y-%m-%d}' LIMIT 1"
            for one in wanted
        ]
        return (
            _times(len(by_key), lambda place: connection.query(by_key[place], "TabSeparated")),
            _times(len(by_key), lambda _: connection.query("SELECT 1", "TabSeparated")),
        )
    finally:
        connection.close()


def _pages(found: Sequence[Path]) -> list[float]:
    """Read pages at random places of the longest files, past the page cache."""
    chance = random.Random(1)
    whole = [path for path in found[:50] if path.stat().st_size > 16 * PAGE]
    buffer = mmap.mmap(-1, PAGE)  # on a page's boundary, as such reads ask for
    spent = []
    for _ in range(LOOKUPS):
        path = chance.choice(whole)
        file = os.open(path, os.O_RDONLY | os.O_DIRECT)
        try:
            place = chance.randrange(path.stat().st_size // PAGE) * PAGE
            started = time.perf_counter()
            os.preadv(file, [buffer], place)
            spent.append((time.perf_counter() - started) * 1e3)
        finally:
            os.close(file)
    return sorted(spent)


@contextmanager
def _facade(store: CallStore) -> Iterator[str]:
    facade = Facade(store.engine, database=store.database, readers=Readers({"desk": SECRET}))
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(facade, http=BoundedHttp, ws="none", lifespan="off", log_level="critical")
        )
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[sock])))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://desk:{SECRET}@127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
            facade.close()


def _from_outside(url: str, wanted: Sequence[Wanted]) -> list[float]:
    lines = [f"{url} {WINDOW_S}", *(json.dumps([one.calling, one.called, one.call_at.isoformat()]) for one in wanted)]
    asker = [sys.executable, "-m", "bench._lookup_asker"]
    ran = subprocess.run(asker, input="\n".join(lines), text=True, capture_output=True, check=True)
    spent: list[float] = json.loads(ran.stdout)
    return spent


@contextmanager
def _intake(store: CallStore, *, seed: int) -> Iterator[list[float]]:
    """Store distinct events at ``INTAKE_EVENTS_S`` beside the look-ups; yields [events, seconds], filled at the end."""
    sent = [0.0, 1.0]
    stop = threading.Event()
    source = Source(source_id="ORG-BENCH", source_kind=SourceKind.APP)
    # Made before: what writes the events is not the store's work.
    groups = [feed.bodies(seed=seed + number, count=20) for number in range(10)]

    def work() -> None:
        started, number = time.monotonic(), 0
        while not stop.is_set():
            body = b"".join(groups[number % len(groups)])
            again = number // len(groups)
            if again:  # the same words once more, under other identifiers
                body = body.replace(b'"event_id":"', b'"event_id":"%d-' % again)
            sent[0] += store.insert_table(read_body(body, source, datetime.now(UTC))).stored
            number += 1
            ahead = sent[0] / INTAKE_EVENTS_S - (time.monotonic() - started)
            if ahead > 0:
                stop.wait(ahead)
        sent[1] = time.monotonic() - started

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join(60)


def _again(store: CallStore, *, seed: int) -> float:
    """Return how long the store takes to know a whole body that was stored before."""
    [body] = feed.bodies(seed=seed, count=1)
    table = read_body(body, Source(source_id="ORG-BENCH", source_kind=SourceKind.APP), datetime.now(UTC))
    store.insert_table(table)
    started = time.perf_counter()
    if store.insert_table(table).stored:
        raise SystemExit("what came again was stored again")
    return time.perf_counter() - started


def _until_visible(store: CallStore, queries: CallQueries) -> float:
    """Return how long after one event is handed in a query sees it."""
    at = datetime.now(UTC)
    event = {
        "event_id": f"seen-{time.time_ns()}",
        "call_at": at.isoformat(),
        "calling": "+12025550123",
        "called": "+13035550199",
    }
    line = json.dumps(event, separators=(",", ":")).encode()
    started = time.perf_counter()
    store.insert_table(read_body(line, Source(source_id="ORG-SEEN", source_kind=SourceKind.APP), at))
    wanted = Wanted(calling="12025550123", called="13035550199", call_at=at)
    while not any(one.record.event_id == event["event_id"] for one in queries.find_calls([wanted], window_s=1)[0]):
        time.sleep(0.01)
    return time.perf_counter() - started


def main(given: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.lookup", description=__doc__)
    parser.add_argument("rows", nargs="*", type=lambda text: int(float(text)), default=[1_000_000])
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--folder", help="where the store is made: 60 octets a row, and more while it merges")
    args = parser.parse_args(given)
    print(machine())
    show(run(args.rows, days=args.days, folder=args.folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
