"""One call among millions, while intake runs: in the process and through the query facade, beside the engine's least.

Rows are made by the engine itself (``HEADWATER_BENCH_ROWS``, 1,000,000 where it is not set) over one day at national
density, then merged: numbers are random, one caller in a hundred makes a fifth of the calls. Peer: the cheapest
statement of the engine, ``SELECT 1``, through the same client. The look-ups are ``CallQueries.find_calls``: both
numbers, a minute each way. ``HEADWATER_BENCH_CURVE`` (a list of sizes) repeats all of it at each size.
"""

import asyncio
import json
import os
import random
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn

from bench import feed
from bench.report import Claim, Figure
from headwater.calls.facade import Facade, Readers
from headwater.calls.lookups import Wanted
from headwater.calls.queries import CallQueries, connect, disconnect
from headwater.calls.records import SourceKind
from headwater.calls.store import CallStore
from headwater.intake.feed_columns import read_body
from headwater.intake.sources import Source
from headwater.site.bounded_http import BoundedHttp

LOOKUPS = 200
AT_ONCE = 1_000
WINDOW_S = 60
INTAKE_EVENTS_S = 90_000
DAY = datetime(2026, 11, 20, tzinfo=UTC)
SECRET = "bench"  # noqa: S105 - opens a store that lives for minutes

# The three draws are independent hashes of the row number; `rare` of the callers call often.
_ROWS = """
INSERT INTO calls (record_kind, source_kind, source_id, event_id, call_at, version, calling_digits, called_digits,
    calling_form, called_form, duration_ms, ring_ms, disposition, call_id, attest, origid, terminating_spc, raw_sha256)
SELECT 'cdr', 'carrier',
    concat('ORG-', toString(number % 40)), concat('cdr-', toString(number)),
    toDateTime64('2026-11-20 00:00:00', 6, 'UTC') + toIntervalMicrosecond(toInt64(number * {step:Float64})),
    9223372036854775807 - toUnixTimestamp64Micro(toDateTime64('2026-11-21 00:00:00', 6, 'UTC')) - number,
    toUInt64(concat('11', toString(2000000000 + if(sipHash64(number, 1) % 5 = 0, sipHash64(number, 2) % 20000,
        sipHash64(number, 3) % 8000000000)))) AS caller,
    toUInt64(concat('11', toString(2000000000 + sipHash64(number, 4) % 8000000000))) AS callee,
    '+', '+', sipHash64(number, 5) % 90000, sipHash64(number, 6) % 20000,
    ['answered', 'answered', 'voicemail', 'unknown'][1 + number % 4], concat(hex(sipHash64(number, 7)), '@sbc'),
    ['A', 'B', 'C', ''][1 + sipHash64(number, 8) % 4], '', ['709J', '505K', '226D'][1 + number % 3], ''
FROM numbers({first:UInt64}, {count:UInt64})
SETTINGS max_execution_time = 0
"""


def run() -> Claim:
    sizes = [int(one) for one in os.environ.get("HEADWATER_BENCH_CURVE", "").split(",") if one]
    sizes = sizes or [int(os.environ.get("HEADWATER_BENCH_ROWS", "1000000"))]
    folder = Path(tempfile.mkdtemp(prefix="bench-lookup-", dir=os.environ.get("HEADWATER_BENCH_FOLDER")))
    figures: list[Figure] = []
    notes: list[str] = []
    try:
        store = CallStore.open(f"chdb://{folder}/calls")
        store.migrate()
        held = 0
        for size in sizes:
            _fill(store, held, size, of=sizes[-1])
            held = size
            more, said = _measure(store, size)
            figures += more
            notes += said
        store.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Claim(title="Look-ups of one call by its numbers and time", figures=figures, notes=notes)


def _fill(store: CallStore, held: int, size: int, *, of: int) -> None:
    for first in range(held, size, 1_000_000):
        with store.engine.client(store.database) as client:
            client.command(
                _ROWS,
                parameters={"first": first, "count": min(1_000_000, size - first), "step": 86_400e6 / of},
            )
    with store.engine.client(store.database) as client:
        client.command("OPTIMIZE TABLE calls FINAL SETTINGS max_execution_time = 0")


def _wanted(store: CallStore, size: int, number: int, *, seed: int) -> list[Wanted]:
    """Return calls that are stored, drawn from the table itself, each with its clock off by up to 20 s."""
    chance = random.Random(seed)
    picks = sorted({chance.randrange(size) for _ in range(number)})
    with store.engine.client(store.database) as client:
        rows = client.query(
            "SELECT calling, called, call_at FROM calls WHERE event_id IN {ids:Array(String)}",
            parameters={"ids": [f"cdr-{pick}" for pick in picks]},
        ).result_rows
    if len(rows) < len(picks):
        raise RuntimeError("calls that were stored are not found: the figures would be of something else")
    return [
        Wanted(calling=calling, called=called, call_at=at + timedelta(seconds=chance.uniform(-20, 20)))
        for calling, called, at in rows
    ]


def _measure(store: CallStore, size: int) -> tuple[list[Figure], list[str]]:
    queries = CallQueries(store.engine, store.database)
    wanted = _wanted(store, size, LOOKUPS, seed=size)
    with store.engine.client(store.database) as client:
        # These rows have no raw octets: all that they take is the record.
        octets = client.query(
            "SELECT sum(bytes_on_disk) FROM system.parts "
            "WHERE database = currentDatabase() AND table = 'calls' AND active"
        ).first_row[0]
    least = _times(lambda _: queries.rows("SELECT 1"), wanted)
    alone = _times(lambda one: _must_find(queries, [one]), wanted)
    with _facade(store) as url:
        through = connect(url)
        faced = _times(lambda one: _must_find(through, [one]), wanted)
        disconnect(url)
    many = _wanted(store, size, AT_ONCE, seed=size + 1)
    started = time.perf_counter()
    _must_find(queries, many)
    together = time.perf_counter() - started
    with _intake(store) as sent:
        busy = _times(lambda one: _must_find(queries, [one]), wanted)
        visible = _until_visible(store, queries)
    million = f"{size / 1e6:g} M rows"
    figures = [
        Figure(what=f"ours: {million}, in the process", rate=1e3 / _p(alone, 50), unit="look-ups/s", note=_said(alone)),
        Figure(what=f"{million}, through the facade", rate=1e3 / _p(faced, 50), unit="look-ups/s", note=_said(faced)),
        Figure(what=f"{million}, while intake runs", rate=1e3 / _p(busy, 50), unit="look-ups/s", note=_said(busy)),
        Figure(
            what=f"{million}, {len(many)} at once",
            rate=len(many) / together,
            unit="look-ups/s",
            note=f"{together:.2f} s",
        ),
        Figure(
            what="bound: the engine's least statement", rate=1e3 / _p(least, 50), unit="statements/s", note=_said(least)
        ),
    ]
    notes = [
        f"{million}: {octets / size:.1f} octets a record on disk after merges, indexes included, raw octets apart.",
        f"{million}: intake meanwhile {sent[0] / sent[1]:,.0f} events/s.",
        f"{million}: what is posted then is seen by queries after {visible:.2f} s.",
    ]
    return figures, notes


def _must_find(queries: CallQueries, wanted: Sequence[Wanted]) -> None:
    found = queries.find_calls(wanted, window_s=WINDOW_S)
    if any(not one for one in found):
        raise RuntimeError("a call that is stored was not found")


def _times(ask: Callable[[Wanted], Any], wanted: Sequence[Wanted]) -> list[float]:
    ask(wanted[0])
    spent = []
    for one in wanted:
        started = time.perf_counter()
        ask(one)
        spent.append((time.perf_counter() - started) * 1e3)
    return sorted(spent)


def _p(spent: Sequence[float], percent: int) -> float:
    return spent[min(len(spent) - 1, len(spent) * percent // 100)]


def _said(spent: Sequence[float]) -> str:
    return f"p50 {_p(spent, 50):.1f} ms, p99 {_p(spent, 99):.1f} ms"


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


@contextmanager
def _intake(store: CallStore) -> Iterator[list[float]]:
    """Store distinct events at ``INTAKE_EVENTS_S`` beside the look-ups; yields [events, seconds], filled at the end."""
    sent = [0.0, 1.0]
    stop = threading.Event()
    source = Source(source_id="ORG-BENCH", source_kind=SourceKind.APP)

    def work() -> None:
        started, seed = time.monotonic(), 100
        while not stop.is_set():
            for body in feed.bodies(seed=seed, count=20):
                if stop.is_set():
                    break
                table = read_body(body, source, datetime.now(UTC))
                sent[0] += store.insert_table(table).stored
                ahead = sent[0] / INTAKE_EVENTS_S - (time.monotonic() - started)
                if ahead > 0:
                    time.sleep(ahead)
            seed += 1
        sent[1] = time.monotonic() - started

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join(60)


def _until_visible(store: CallStore, queries: CallQueries) -> float:
    """Return how long after one event is handed in a query sees it."""
    at = datetime.now(UTC)
    line = json.dumps(
        {
            "event_id": f"seen-{time.time_ns()}",
            "call_at": at.isoformat(),
            "calling": "+12025550123",
            "called": "+13035550199",
        },
        separators=(",", ":"),
    ).encode()
    started = time.perf_counter()
    store.insert_table(read_body(line, Source(source_id="ORG-SEEN", source_kind=SourceKind.APP), at))
    while not queries.find_calls([Wanted(calling="12025550123", called="13035550199", call_at=at)], window_s=1)[0]:
        time.sleep(0.01)
    return time.perf_counter() - started
