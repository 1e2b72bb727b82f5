"""What the simulator sends reaches a door that was closed for a while, and a refusal is counted."""

import asyncio
import os
import stat
from datetime import UTC, datetime
from itertools import islice

import pytest

from headwater.intake import hep
from headwater.simulator import traffic, truth
from headwater.simulator.doors import Counters, FeedSender, HepSender
from headwater.simulator.network import Transport, build
from headwater.simulator.octets import captures
from headwater.simulator.setup import HepDoor

START = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def some_frames(count: int) -> list[bytes]:
    network = build(1)
    first = next(traffic.plan(network, START)).call
    return [one.frame for one in captures(network, first, dict.fromkeys(network.carriers, "k"))][:count]


def free_port() -> int:
    import socket

    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in code that knows no event
            await asyncio.sleep(0.02)


def test_frames_wait_for_a_tcp_door_that_opens_late_and_arrive_in_order():
    async def play() -> list[bytes]:
        port, frames, got = free_port(), some_frames(12), []
        sender = HepSender(HepDoor(host="127.0.0.1", port=port, auth_key="k"), Transport.TCP, Counters())
        for frame in frames:
            sender.put(frame)
        task = asyncio.create_task(sender.run())
        await asyncio.sleep(0.1)

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            splitter = hep.StreamSplitter()
            while octets := await reader.read(1000):
                got.extend(splitter.feed(octets))
            writer.close()

        async with await asyncio.start_server(take, "127.0.0.1", port):
            await until(lambda: len(got) == len(frames))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert got == frames
        return got

    assert asyncio.run(play())


def test_frames_travel_as_one_datagram_each():
    class Collector(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.got: list[bytes] = []

        def datagram_received(self, data: bytes, _address: object) -> None:
            self.got.append(data)

    async def play() -> None:
        loop, frames = asyncio.get_running_loop(), some_frames(12)
        transport, collector = await loop.create_datagram_endpoint(Collector, local_addr=("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        sender = HepSender(HepDoor(host="127.0.0.1", port=port, auth_key="k"), Transport.UDP, Counters())
        task = asyncio.create_task(sender.run())
        for frame in frames:
            sender.put(frame)
        await until(lambda: len(collector.got) == len(frames))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        transport.close()
        assert collector.got == frames

    asyncio.run(play())


async def feed(answers: list[bytes]) -> tuple[list[bytes], Counters]:
    """Send one event to a hub that gives ``answers`` one after the other; return the bodies that it got."""
    bodies: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"authorization: bearer secret" in head.lower()
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        bodies.append(await reader.readexactly(length))
        writer.write(answers[min(len(bodies), len(answers)) - 1])
        await writer.drain()
        writer.close()

    event = next(one.report.event for one in islice(traffic.plan(build(1), START), 50) if one.report)
    counters = Counters()
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        sender = FeedSender(f"http://127.0.0.1:{port}", "secret", counters)
        sender.put(event)
        task = asyncio.create_task(sender.run())
        await until(lambda: counters.events + counters.events_rejected + counters.events_repeated > 0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return bodies, counters


def http(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status.encode(), len(body), body)


TAKEN = http("202 Accepted", b'{"accepted":1,"duplicates":0,"rejected":0,"errors":[]}')


def test_an_event_that_was_not_acknowledged_is_sent_again_octet_for_octet():
    bodies, counters = asyncio.run(feed([http("503 Unavailable", b"later"), TAKEN]))
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    assert (counters.events, counters.events_rejected, counters.feed_retries) == (1, 0, 1)


def test_an_event_that_is_refused_is_counted_and_not_sent_for_ever():
    bodies, counters = asyncio.run(feed([http("401 Unauthorized", b"no such token")]))
    assert len(bodies) == 1
    assert counters.events_rejected == 1
    assert "no such token" in counters.notes[-1]


def test_a_rejected_line_is_counted_with_its_reason():
    said = b'{"accepted":0,"duplicates":0,"rejected":1,"errors":[{"line":1,"reason":"too old"}]}'
    _, counters = asyncio.run(feed([http("202 Accepted", said)]))
    assert (counters.events, counters.events_rejected) == (0, 1)
    assert "too old" in counters.notes[-1]


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_the_truth_is_readable_by_its_owner_alone(tmp_path, umask):
    network, path = build(1), tmp_path / "truth.jsonl"
    before = os.umask(umask)
    try:
        file = truth.TruthFile(path)
        placed = list(islice(traffic.plan(network, START), 20))
        for one in placed:
            file.add(truth.of(network, one))
        file.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.number for one in truth.read(path)] == list(range(1, 21))


def test_a_file_that_others_could_read_is_closed_to_them_before_anything_is_written(tmp_path):
    path = tmp_path / "truth.jsonl"
    path.touch(0o644)
    truth.TruthFile(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_line_cut_short_by_a_kill_is_left_out(tmp_path):
    network, path = build(1), tmp_path / "truth.jsonl"
    file = truth.TruthFile(path)
    for one in islice(traffic.plan(network, START), 3):
        file.add(truth.of(network, one))
    file.close()
    path.write_bytes(path.read_bytes()[:-5])
    assert len(list(truth.read(path))) == 2
