"""HEP records a second: parsed to rows on one core, and through the listener to durable storage.

Ours: the frames of a TCP stream cut, decoded, read and put into Arrow columns in batches, on one core; and the HEP door
in a process of its own, one TCP connection, counted when every record is durable in the store. Peer: the same frames
with a full parse of each message by ``sipmessage``, nothing stored; beside it our own parser alone. Bound: the same
octets searched for line feeds, about the least that any reader of SIP must do. The frames are the recorded
laboratory's (988 of three carriers, 740 octets on average) with the capture time of each changed, so that no two are
the same.
"""

import gzip
import json
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import sipmessage

from bench.report import Claim, Figure
from headwater.calls import columns
from headwater.calls.store import CallStore
from headwater.intake import hep, sip
from headwater.intake.collector import calm_collector
from headwater.intake.records import sip_record
from headwater.intake.sip_fields import fields

SAMPLE = Path(__file__).parents[1] / "tests" / "data" / "hep" / "kamailio-sippy-kamailio.hep.jsonl.gz"
FRAMES = 30_000
READ = 262_144
"""Octets that a TCP read brings."""
BATCH = 2_048
"""Records of one batch of columns here; the store's batches are larger."""
ROUNDS = 3
SECONDS = struct.pack(">HHH", 0, 0x09, 10)
MICROSECONDS = struct.pack(">HHH", 0, 0x0A, 10)


def frames() -> list[bytes]:
    """Return distinct frames, as long and as mixed as recorded ones."""
    splitter = hep.StreamSplitter()
    recorded: list[bytes] = []
    with gzip.open(SAMPLE, "rt") as lines:
        for line in lines:
            row = json.loads(line)
            octets = bytes.fromhex(row["hex"])
            recorded += splitter.feed(octets) if row["via"] == "tcp" else [octets]
    start = int(time.time()) - 600
    return [_at(recorded[number % len(recorded)], start, number) for number in range(FRAMES)]


def _at(frame: bytes, start: int, number: int) -> bytes:
    """Return ``frame`` captured 1 ms times ``number`` after ``start``."""
    for header, value in ((SECONDS, start + number // 1_000), (MICROSECONDS, number % 1_000 * 1_000)):
        at = frame.index(header) + len(header)
        frame = frame[:at] + struct.pack(">I", value) + frame[at + 4 :]
    return frame


def run() -> Claim:
    sent = frames()
    stream = b"".join(sent)
    folder = Path(tempfile.mkdtemp(prefix="bench-hep-"))
    try:
        seconds, cpu = _through_the_door(folder / "calls", stream)
    finally:
        shutil.rmtree(folder)
    calm_collector()  # as every process of ours that reads HEP
    rows = min(_cpu(lambda: _to_rows(stream)) for _ in range(ROUNDS))
    parser = min(_cpu(lambda: _to_records(stream)) for _ in range(ROUNDS))
    peer = min(_cpu(lambda: _by_sipmessage(stream)) for _ in range(ROUNDS))
    scan = min(_cpu(lambda: stream.count(b"\n")) for _ in range(ROUNDS))
    return Claim(
        title=f"HEP: {FRAMES:,} SIP messages of {len(stream) / FRAMES:.0f} octets, by CPU time",
        figures=[
            _figure("ours: stream to rows, one core", rows),
            _figure("peer: sipmessage, full parse, nothing stored", peer),
            _figure("part: our parser alone", parser),
            _figure("bound: scan for line feeds", scan),
            Figure(
                what="ours: door to durable, by the clock",
                rate=FRAMES / seconds,
                unit="messages/s",
                note=f"{cpu / FRAMES * 1e6:.1f} us a message, CPU of both cores",
            ),
        ],
        notes=["The store is read back: every message is there once.", *_stages(stream)],
    )


def _figure(what: str, cpu: float) -> Figure:
    return Figure(what=what, rate=FRAMES / cpu, unit="messages/s", note=f"{cpu / FRAMES * 1e6:.1f} us a message")


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _to_rows(stream: bytes) -> None:
    batch = []
    splitter, now = hep.StreamSplitter(), datetime.now(UTC)
    made = 0
    for start in range(0, len(stream), READ):
        for frame in splitter.feed(stream[start : start + READ]):
            batch.append(sip_record(hep.decode(frame), "709J", now))
            if len(batch) == BATCH:
                columns.of_records(batch, range(BATCH))
                made += BATCH
                batch = []
    columns.of_records(batch, range(len(batch)))
    _whole(made + len(batch))


def _to_records(stream: bytes) -> None:
    splitter, now = hep.StreamSplitter(), datetime.now(UTC)
    read = 0
    for start in range(0, len(stream), READ):
        for frame in splitter.feed(stream[start : start + READ]):
            sip_record(hep.decode(frame), "709J", now)
            read += 1
    _whole(read)


def _by_sipmessage(stream: bytes) -> None:
    """Parse each message and read of it what a record has beside the times."""
    splitter = hep.StreamSplitter()
    read = 0
    for start in range(0, len(stream), READ):
        for frame in splitter.feed(stream[start : start + READ]):
            message = sipmessage.Message.parse(hep.decode(frame).payload)
            _ = message.from_address, message.to_address, message.call_id, message.cseq, message.via
            read += 1
    _whole(read)


def _whole(read: int) -> None:
    if read != FRAMES:
        raise SystemExit(f"{read} of {FRAMES} messages were read")


def _stages(stream: bytes) -> list[str]:
    """Return what each stage costs, each measured alone over all messages."""
    splitter, now = hep.StreamSplitter(), datetime.now(UTC)
    cut: list[bytes] = []

    def split() -> None:
        for start in range(0, len(stream), READ):
            cut.extend(splitter.feed(stream[start : start + READ]))

    costs = {"cut the stream": _cpu(split)}
    decoded: list[hep.HepFrame] = []
    costs["decode HEP"] = _cpu(lambda: decoded.extend(hep.decode(frame) for frame in cut))
    read: list[sip.SipMessage] = []
    costs["read SIP"] = _cpu(lambda: read.extend(sip.parse(frame.payload) for frame in decoded))
    costs["fields and hints of INVITEs and refusals"] = _cpu(
        lambda: [(fields(message), sip.identity_hints(message.identities)) for message in read]
    )
    records = [sip_record(frame, "709J", now) for frame in decoded]
    costs["records, digests, identifiers"] = (
        _cpu(lambda: [sip_record(frame, "709J", now) for frame in decoded])
        - costs["read SIP"]
        - costs["fields and hints of INVITEs and refusals"]
    )
    costs["Arrow columns"] = _cpu(
        lambda: [
            columns.of_records(part, range(len(part)))
            for part in (records[start : start + BATCH] for start in range(0, FRAMES, BATCH))
        ]
    )
    return [f"  {name:<44}{cost / FRAMES * 1e6:>7.2f} us a message" for name, cost in costs.items()]


def _through_the_door(folder: Path, stream: bytes) -> tuple[float, float]:
    """Send ``stream`` to a door in its own process; return seconds until all is durable, and its CPU seconds."""
    command = [sys.executable, "-m", "bench._hep_server", str(folder), str(FRAMES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        if server.stdout is None:
            raise SystemExit("the server has no output to read")
        port = int(server.stdout.readline())
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port)) as sender:
            sender.sendall(stream)
            said = json.loads(server.stdout.readline())
            seconds = time.perf_counter() - began
        server.wait(timeout=60)
    store = CallStore.open(f"chdb://{folder}")
    with store.engine.client() as client:
        kept = client.query("SELECT uniqExact(record_id), count() FROM headwater.calls").first_row
    store.close()
    if tuple(kept) != (FRAMES, FRAMES):
        raise SystemExit(f"{FRAMES} messages were sent, the store has {kept}")
    return seconds, float(said["cpu_s"])
