"""What 10,000 silent connections cost a HEP door, and what a sender beside them still gets through.

Ours: memory of the door's process a connection, with a first frame owed by each. Bound: the same connections held by a
bare ``asyncio.Protocol`` that does nothing.
"""

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.hep import frames
from bench.report import Claim, Figure
from headwater.calls.addresses import networks
from headwater.calls.records import CallRecord, Reject
from headwater.intake.counters import Counters, Outcome
from headwater.intake.listeners import HepListeners
from headwater.intake.sources import Admission, Register, Source
from headwater.intake.streams import Limits

CONNECTIONS = 10_000
ADDRESSES = 10
"""Loopback addresses that the connections come from: one has too few ports to spare."""
FRAMES = 5_000


def run() -> Claim:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = CONNECTIONS + 512
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SystemExit(f"this machine lets a process open {hard} files; {needed} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    ours, beside = asyncio.run(_measure("door"))
    bound, _ = asyncio.run(_measure("bare"))
    return Claim(
        title=f"HEP door: {CONNECTIONS:,} silent connections",
        figures=[
            Figure(what="ours: memory a connection", rate=ours, unit="octets"),
            Figure(what="bound: a bare protocol", rate=bound, unit="octets"),
        ],
        notes=[
            f"  {ours * CONNECTIONS / 1e6:.0f} MB in all; the product's own limit is {Limits().connections}.",
            f"  Beside them one sender got {FRAMES:,} frames accepted at {FRAMES / beside:,.0f}/s.",
        ],
    )


async def _measure(kind: str) -> tuple[float, float]:
    server = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs on this loop yet
        [sys.executable, "-m", "bench.idle", kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    if server.stdout is None or server.stdin is None:
        raise SystemExit("the server has no output to read")
    port = int(server.stdout.readline())
    before = _memory(server.pid)
    peers = []
    for number in range(CONNECTIONS):
        address = f"127.0.1.{number % ADDRESSES + 1}"
        peers.append(await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0)))
    await asyncio.sleep(1.0)
    each = (_memory(server.pid) - before) / CONNECTIONS
    seconds = 0.0
    if kind == "door":
        began = time.perf_counter()
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(frames()[:FRAMES]))
        await writer.drain()
        await asyncio.to_thread(server.stdout.readline)
        seconds = time.perf_counter() - began
        peers.append((_, writer))
    server.stdin.close()
    server.wait(timeout=30)
    for _, writer in peers:
        writer.transport.abort()
    return each, seconds


def _memory(process: int) -> int:
    """Return the octets that a process holds in memory."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * resource.getpagesize()


class _Nowhere:
    """Takes records and keeps none: what is measured is the door."""

    async def put(self, records: Sequence[CallRecord], /, *, rejects: Sequence[Reject] = ()) -> None:
        """Take what comes."""


async def _serve(kind: str) -> None:
    if kind == "bare":
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0, backlog=1024)
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
        return
    counters = Counters("bench")
    rule = Register([Admission(source=Source(source_id="709J"), allowed=networks(["127.0.0.0/8"]))])
    limits = Limits(connections=CONNECTIONS + 1, connections_per_address=CONNECTIONS, first_frame_s=600)
    door = HepListeners(_Nowhere(), rule, "127.0.0.1", 0, counters, limits=limits)
    await door.start()
    print(door.port, flush=True)
    while counters.total(Outcome.ACCEPTED) < FRAMES:  # noqa: ASYNC110 - nothing rings
        await asyncio.sleep(0.005)
    print(json.dumps(counters.summary()), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    import structlog

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(_serve(sys.argv[1]))
