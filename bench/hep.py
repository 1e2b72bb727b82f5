"""HEP records a second through the listener to durable storage, beside the bare parser and a bare scan of the octets.

Ours: the HEP door in a process of its own, one TCP connection, counted when every record is durable in the store.
Peer: the same frames in one thread, cut, decoded and read to call records, stored nowhere. Bound: the same octets
searched for line feeds, about the least that any reader of SIP must do. The frames are the recorded laboratory's
(988 of three carriers, 740 octets on average) with the capture time of each changed, so that no two are the same.
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

from bench.report import Claim, Figure
from headwater.calls.store import CallStore
from headwater.intake import hep
from headwater.intake.records import sip_record

SAMPLE = Path(__file__).parents[1] / "tests" / "data" / "hep" / "kamailio-sippy-kamailio.hep.jsonl.gz"
FRAMES = 30_000
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
    parser, parser_cpu = _timed(lambda: _parse(stream))
    scan, scan_cpu = min(_timed(lambda: stream.count(b"\n")) for _ in range(3))
    return Claim(
        title=f"HEP: {FRAMES:,} SIP messages of {len(stream) / FRAMES:.0f} octets by TCP to durable records",
        figures=[
            Figure(
                what="ours: door to durable", rate=FRAMES / seconds, unit="messages/s", note=_per(cpu, "CPU in all")
            ),
            Figure(
                what="peer: bare parser, nothing stored",
                rate=FRAMES / parser,
                unit="messages/s",
                note=_per(parser_cpu, "CPU"),
            ),
            Figure(
                what="bound: scan for line feeds", rate=FRAMES / scan, unit="messages/s", note=_per(scan_cpu, "CPU")
            ),
        ],
        notes=["The store is read back: every message is there once."],
    )


def _per(seconds: float, of: str) -> str:
    return f"{seconds / FRAMES * 1e6:.1f} us a message, {of}"


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that ``work`` took by the clock and by its CPU."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu


def _parse(stream: bytes) -> None:
    splitter = hep.StreamSplitter()
    now = datetime.now(UTC)
    read = 0
    for start in range(0, len(stream), 262_144):
        for frame in splitter.feed(stream[start : start + 262_144]):
            sip_record(hep.decode(frame), "709J", now)
            read += 1
    if read != FRAMES:
        raise SystemExit(f"the parser read {read} of {FRAMES} messages")


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
