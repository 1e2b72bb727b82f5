"""Events through the feed API to durable storage, beside the bare engine insert of the same rows and a bare file.

Ours: uvicorn with the feed door in a process of its own, bodies of distinct events over loopback sockets, counted when
the 202 has come. Peer: the engine alone, ``INSERT ... FROM INFILE`` of the same records into the same table with the
same settings (syncs with it) and of the bodies that they came in, in groups as large as the writer's, as ready-made
Arrow and as ready-made NDJSON; one insert after the other, as the store's promise of order asks for, and two at once,
which no promise asks for. Bound: the same bodies appended to one file, ``fdatasync`` after each. Ours reads, checks,
numbers and de-duplicates each event; the peers are handed the result.

What the engine puts off is measured too: the CPU that its merges still take after the last answer.
"""

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.report import Claim, Figure
from headwater.api.tables import ARROW
from headwater.calls import bodies as bodies_kept
from headwater.calls import columns, forms
from headwater.calls.engine import Engine
from headwater.calls.records import CallRecord, SourceKind
from headwater.calls.store import INSERT_SETTINGS, CallStore
from headwater.intake.feed import read_lines
from headwater.intake.feed_columns import read_body
from headwater.intake.sources import Source

ROWS_A_BODY = 1_000
BODIES = 500
CONNECTIONS = 64
#: Arrow streams are ten times as long.
ARROW_CONNECTIONS = 16
#: A small post, and how many bodies' events are sent so.
FEW = 50
FEW_BODIES = 40
#: Rows that the peers insert at a time: what a full group of the writer holds.
PEER_ROWS = 40_000
#: Bodies of the peer of NDJSON: making its lines takes longer than inserting them.
NDJSON_BODIES = 120
#: CPU seconds a second below which the merges rest, and seconds that they are waited for at most.
AT_REST = 0.05
REST_WITHIN_S = 120
#: Columns of the peer of NDJSON: the line stands in place of what is made of it.
_WRITTEN = tuple(name for name in columns.STORED if name not in {"raw", "raw_sha256"})
SOURCE = Source(source_id="ORG-BENCH", source_kind=SourceKind.APP)
SCRIPT = (
    "This is {name} calling from the {office} about your {thing}. Your account will be charged {amount} dollars today. "
    "If you did not authorise this, press one to speak to an officer. Reference {number}."
)


def bodies(seed: int, *, count: int = BODIES) -> list[bytes]:
    """Return NDJSON bodies of distinct events, about as long as real reports with a transcript."""
    chance = random.Random(seed)
    start = datetime.now(UTC) - timedelta(hours=1)
    made = []
    for body in range(count):
        lines = []
        for row in range(ROWS_A_BODY):
            number = body * ROWS_A_BODY + row
            event = {
                "event_id": f"{seed}-{number}",
                "call_at": (start + timedelta(milliseconds=number)).isoformat(),
                "calling": f"+1{chance.randrange(201, 990)}{chance.randrange(2_000_000, 9_999_999)}",
                "called": f"+1{chance.randrange(201, 990)}{chance.randrange(2_000_000, 9_999_999)}",
                "duration_s": round(chance.random() * 60, 1),
                "disposition": chance.choice(["answered", "blocked", "voicemail"]),
                "transcript": SCRIPT.format(
                    name=chance.choice(["Sarah", "Mike", "Officer Jones"]),
                    office=chance.choice(["billing department", "social security office", "warranty centre"]),
                    thing=chance.choice(["car", "tablet order", "benefits"]),
                    amount=chance.randrange(100, 999),
                    number=chance.randrange(10**9),
                ),
                "language": "en",
                "labels": ["suspected"],
                "terminating_spc": chance.choice(["709J", "505K", "226D"]),
            }
            lines.append(json.dumps(event, separators=(",", ":")).encode())
        made.append(b"\n".join(lines) + b"\n")
    return made


@dataclass(frozen=True, slots=True)
class Run:
    """What one run through the door, or of the engine alone, came to."""

    rate: float
    cpu: float
    """Microseconds of CPU an event until the last answer."""
    owed: float = 0.0
    """The same, after the last answer, until merges rest."""

    def figure(self, what: str) -> Figure:
        """Return it as it is printed."""
        return Figure(what=what, rate=self.rate, unit="events/s", note=f"{self.cpu:.1f} us of CPU an event")


def run() -> Claim:
    folder = Path(tempfile.mkdtemp(prefix="bench-feed-"))
    try:
        sent = bodies(seed=1)
        ours = _through_the_door(folder / "ours", sent)
        tables = [arrow_body(b"".join(sent[start : start + 10])) for start in range(0, len(sent), 10)]
        bulk = _through_the_door(folder / "bulk", tables, rows=10_000, kind=ARROW, connections=ARROW_CONNECTIONS)
        few = [b"\n".join(part) for body in sent[:FEW_BODIES] for part in _cut(body.splitlines(), FEW)]
        small = _through_the_door(folder / "small", few, rows=FEW)
        crowd = _through_the_door(folder / "crowd", few, rows=FEW, connections=256)
        arrow = _peer(folder / "arrow", sent, "ArrowStream")
        pair = _peer(folder / "pair", sent, "ArrowStream", at_once=2)
        ndjson = _peer(folder / "ndjson", sent[:NDJSON_BODIES], "JSONEachRow")
        bound = _file(folder / "log", sent)
    finally:
        shutil.rmtree(folder)
    return Claim(
        title=f"Feed API to durable storage: {len(sent) * ROWS_A_BODY:,} distinct events of "
        f"{len(sent[0]) // ROWS_A_BODY} octets, bodies of {ROWS_A_BODY:,}, {CONNECTIONS} connections",
        figures=[
            ours.figure("ours"),
            bulk.figure(f"Arrow streams of 10,000, {ARROW_CONNECTIONS} connections"),
            small.figure(f"posts of {FEW}, {CONNECTIONS} connections"),
            crowd.figure(f"posts of {FEW}, 256 connections"),
            arrow.figure("peer: bare engine insert, Arrow"),
            pair.figure("peer: bare engine, two inserts at once"),
            ndjson.figure("peer: bare engine insert, NDJSON"),
            Figure(what="bound: file and fdatasync", rate=bound, unit="events/s"),
        ],
        notes=[
            f"Arrow streams / peer of Arrow: {bulk.rate / arrow.rate:.2f}.",
            f"CPU of ours / peer: {ours.cpu / arrow.cpu:.2f} (Arrow), {ours.cpu / ndjson.cpu:.2f} (NDJSON).",
            f"Merges after the last answer: {ours.owed:.1f} us of CPU an event (NDJSON), {bulk.owed:.1f} (Arrow).",
            f"With them, two cores take {_two_cores(ours):,.0f} (NDJSON), {_two_cores(bulk):,.0f} (Arrow) events/s.",
            "The sender runs on the server's cores; its CPU is not in ours.",
        ],
    )


def _two_cores(run: Run) -> float:
    return 2e6 / (run.cpu + run.owed)


def arrow_body(lines: bytes) -> bytes:
    """Return the events of NDJSON lines as one Arrow IPC stream, as a sender makes it."""
    table = pa.Table.from_pylist([json.loads(line) for line in lines.splitlines()])
    at = pa.array([datetime.fromisoformat(text) for text in table["call_at"].to_pylist()], pa.timestamp("us", "UTC"))
    table = table.set_column(table.column_names.index("call_at"), "call_at", at)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    octets: bytes = sink.getvalue().to_pybytes()
    return octets


def _cut(lines: list[bytes], size: int) -> Iterator[list[bytes]]:
    return (lines[start : start + size] for start in range(0, len(lines), size))


def _through_the_door(
    folder: Path, sent: list[bytes], *, rows: int = ROWS_A_BODY, kind: bytes = b"", connections: int = CONNECTIONS
) -> Run:
    with _server(folder) as (port, pid):
        asyncio.run(_send(port, bodies_to_warm_up()))
        before = _cpu_seconds(pid)
        started = time.perf_counter()
        accepted = asyncio.run(_send(port, sent, kind=kind, connections=connections))
        elapsed = time.perf_counter() - started
        answered = _cpu_seconds(pid)
        rested = _at_rest(pid)
    rows *= len(sent)
    if accepted != rows:
        raise RuntimeError(f"{accepted} of {rows} events were accepted: the figure would be of something else")
    return Run(rows / elapsed, (answered - before) / rows * 1e6, (rested - answered) / rows * 1e6)


def _at_rest(pid: int) -> float:
    """Return the CPU seconds of the server when nothing is left to merge."""
    last, deadline = _cpu_seconds(pid), time.monotonic() + REST_WITHIN_S
    while time.monotonic() < deadline:
        time.sleep(1.0)
        now = _cpu_seconds(pid)
        if now - last < AT_REST:
            return now
        last = now
    raise RuntimeError(f"the merges did not rest within {REST_WITHIN_S} s")


def bodies_to_warm_up() -> list[bytes]:
    """Return a few bodies of other events: the first insert of a fresh engine takes a quarter of a second."""
    return bodies(seed=2, count=20)


@contextmanager
def _server(folder: Path) -> Iterator[tuple[int, int]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench._feed_server", f"chdb://{folder}"], stdout=subprocess.PIPE, text=True
    )
    try:
        port = int(process.stdout.readline()) if process.stdout else 0
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _send(port: int, sent: list[bytes], *, kind: bytes = b"", connections: int = CONNECTIONS) -> int:
    waiting = iter(sent)
    counts = await asyncio.gather(*(_sender(port, waiting, kind) for _ in range(connections)))
    return sum(counts)


async def _sender(port: int, waiting: Iterator[bytes], kind: bytes) -> int:
    """Post bodies over one connection, one after the other, in as little of our CPU as a client can."""
    reader, writer = await _connect(port)
    accepted = 0
    for body in waiting:
        answer = await _post(reader, writer, body, kind)
        while answer.get("status") == 503:
            # More waits than the process holds: a sender comes again, and the time that costs is in the figure.
            await asyncio.sleep(0.1)
            answer = await _post(reader, writer, body, kind)
        accepted += answer.get("accepted", 0)
    writer.close()
    await writer.wait_closed()
    return accepted


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes, kind: bytes) -> Any:
    writer.write(
        b"POST /api/feeds/v1/events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer bench\r\n"
        b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n" % (kind or b"application/x-ndjson", len(body))
    )
    writer.write(body)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    return json.loads(await reader.readexactly(length))


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    for _ in range(100):
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.1)
    raise RuntimeError("the server did not start")


def _peer(folder: Path, sent: list[bytes], form: str, *, at_once: int = 1) -> Run:
    """Insert the same records by the engine alone; making the octets is not measured."""
    url = f"chdb://{folder}"
    store = CallStore.open(url)
    store.migrate()
    step = PEER_ROWS // ROWS_A_BODY
    groups = [sent[start : start + step] for start in range(0, len(sent), step)]
    ready = [(*_ready(b"".join(group), form), _whole(group)) for group in groups]
    store.insert(read_lines(bodies_to_warm_up()[0], SOURCE, datetime.now(UTC)).records)

    def insert(group: tuple[Sequence[str], Any, Any]) -> None:
        names, block, whole = group
        with store.engine.client(store.database) as client:
            client.raw_insert(
                "bodies",
                column_names=whole.column_names,
                insert_block=columns.octets_of(whole),
                fmt="ArrowStream",
                settings=INSERT_SETTINGS,
            )
            client.raw_insert("calls", column_names=names, insert_block=block, fmt=form, settings=INSERT_SETTINGS)

    with ThreadPoolExecutor(at_once) as threads:
        started, before = time.perf_counter(), time.process_time()
        list(threads.map(insert, ready))
        elapsed, cpu = time.perf_counter() - started, time.process_time() - before
    store.close()
    if Engine.is_open(url):
        raise RuntimeError("the peer's engine stayed open")
    rows = len(sent) * ROWS_A_BODY
    return Run(rows / elapsed, cpu / rows * 1e6)


def _ready(lines: bytes, form: str) -> tuple[Sequence[str], Any]:
    """Return the columns and the octets that the engine alone is handed."""
    if form == "JSONEachRow":
        return (*_WRITTEN, "line"), _ndjson(read_lines(lines, SOURCE, datetime.now(UTC)).records)
    table = read_body(lines, SOURCE, datetime.now(UTC))
    return forms.names(table.column_names), columns.octets_of(table)


def _whole(group: list[bytes]) -> Any:
    """Return the bodies of a group as they are kept."""
    at = datetime.now(UTC)
    made = [bodies_kept.pack(one, source_id="ORG-BENCH", received_at=at, media_type=bodies_kept.LINES) for one in group]
    return bodies_kept.columns(made, [int(at.timestamp() * 1e6)] * len(made))


def _ndjson(records: list[CallRecord]) -> bytes:
    lines = []
    for record in records:
        fields = {name: getattr(record, name) for name in _WRITTEN if name in columns.NAMES}
        fields |= {
            # As they follow from the canonical numbers.
            "calling_form": "+",
            "called_form": "+",
            "calling_digits": int(f"1{record.calling}"),
            "called_digits": int(f"1{record.called}"),
            "call_at": record.call_at.strftime("%Y-%m-%d %H:%M:%S.%f"),
            "version": forms.version(record.received_at),
            "line": record.raw.decode(),
        }
        lines.append(json.dumps(fields).encode())
    return b"\n".join(lines)


def _file(path: Path, sent: list[bytes]) -> float:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    started = time.perf_counter()
    for body in sent:
        os.write(descriptor, body)
        os.fdatasync(descriptor)
    elapsed = time.perf_counter() - started
    os.close(descriptor)
    return len(sent) * ROWS_A_BODY / elapsed
