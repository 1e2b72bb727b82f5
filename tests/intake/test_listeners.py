import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from headwater.calls.addresses import networks
from headwater.errors import Unavailable
from headwater.intake import hep
from headwater.intake.counters import Counters, Outcome
from headwater.intake.listeners import HepListeners
from headwater.intake.sources import Admission, Register, Source
from headwater.intake.streams import Limits
from tests.intake import lab
from tests.intake.senders import MemoryWriter, is_closed, run, send_tcp, send_udp, until
from tests.intake.test_hep import ADDRESSES, chunk, frame
from tests.intake.test_sip import invite

LAB_A = [octets for peer, octets in lab.frames() if peer == lab.CARRIERS["A"]]
KEYED = Register([Admission(source=Source(source_id="709J"), auth_key="lab-nA-key")])
OPEN_TO_LOOPBACK = Register([Admission(source=Source(source_id="709J"), allowed=networks(["127.0.0.0/8"]))])
QUICK = Limits(first_frame_s=0.3, frame_s=0.3, idle_s=0.6)


def sip_frame(payload: bytes, *, key: bytes = b"lab-nA-key", protocol: int = 1) -> bytes:
    return frame(ADDRESSES, chunk(0x0B, bytes([protocol])), chunk(0x0E, key), chunk(0x0F, payload))


@asynccontextmanager
async def door(
    writer: MemoryWriter, authenticate: Register = KEYED, limits: Limits | None = None
) -> AsyncIterator[HepListeners]:
    listeners = HepListeners(writer, authenticate, "127.0.0.1", 0, Counters("test"), limits=limits)
    await listeners.start()
    try:
        yield listeners
    finally:
        await listeners.close()


def test_frames_by_tcp_and_udp_become_records_of_the_source_that_proved_itself():
    async def scene() -> None:
        writer = MemoryWriter()
        async with door(writer) as listeners:
            await send_tcp(listeners.port, [b"".join(LAB_A[:10])])
            send_udp(listeners.port, LAB_A[10:20])
            await until(lambda: len(writer.kept) == 20)
            assert {record.source_id for record in writer.kept} == {"709J"}
            assert {record.capture_agent for record in writer.kept} == {"3001"}
            assert {record.credential for record in writer.kept[:10]} == {"test/tcp key"}
            assert {record.credential for record in writer.kept[10:]} == {"test/udp key"}
            assert listeners.counters.summary() == {"accepted": 20}

    run(scene())


def test_the_same_frame_again_is_the_same_record():
    async def scene() -> None:
        writer = MemoryWriter()
        async with door(writer) as listeners:
            send_udp(listeners.port, [LAB_A[0], LAB_A[0], LAB_A[1]])
            await until(lambda: len(writer.kept) == 3)
            assert len({record.record_id for record in writer.kept}) == 2

    run(scene())


def test_garbage_closes_its_own_connection_and_the_listener_lives():
    async def scene() -> None:
        writer = MemoryWriter()
        async with door(writer) as listeners:
            for rubbish in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(range(256)) * 4_000, b"HEP3\x00\x02" * 100):
                reader, sender = await asyncio.open_connection("127.0.0.1", listeners.port)
                sender.write(rubbish)
                assert await is_closed(reader)
                sender.close()
            send_udp(listeners.port, [b"", b"\x00", b"HEP3", b"HEP3\xff\xff" + bytes(9_000), bytes(20_000)])
            await send_tcp(listeners.port, [LAB_A[0]])
            await until(lambda: len(writer.kept) == 1)
            assert listeners.counters.total(Outcome.MALFORMED) >= 3 + 4
            assert listeners.counters.total(Outcome.CLOSED, reason="garbage") == 3
            assert all(len(reject.octets) <= 48 for reject in listeners.counters.rejects)

    run(scene())


def test_garbage_inside_an_admitted_stream_is_skipped_to_the_next_frame():
    async def scene() -> None:
        writer = MemoryWriter()
        async with door(writer) as listeners:
            await send_tcp(listeners.port, [LAB_A[0], b"twisted", LAB_A[1] + b"HEP3\x00\x00", LAB_A[2]], pause_s=0.02)
            await until(lambda: len(writer.kept) == 3)
            assert listeners.counters.total(Outcome.MALFORMED, reason="no-magic") == 2

    run(scene())


def test_an_admitted_stream_that_turns_into_garbage_for_long_is_closed():
    async def scene() -> None:
        writer = MemoryWriter()
        async with door(writer) as listeners:
            reader, sender = await asyncio.open_connection("127.0.0.1", listeners.port)
            sender.write(LAB_A[0] + b"x" * 70_000)
            assert await is_closed(reader)
            sender.close()
            await until(lambda: len(writer.kept) == 1)

    run(scene())


@pytest.mark.parametrize(
    ("octets", "outcome", "reason"),
    [
        (sip_frame(invite(), key=b"wrong-key!"), Outcome.UNAUTHENTICATED, ""),
        (frame(ADDRESSES, chunk(0x0B, b"\x01"), chunk(0x0F, invite())), Outcome.UNAUTHENTICATED, ""),
        (sip_frame(b"hello"), Outcome.NOT_SIP, "start-line"),
        (sip_frame(b"\r\n\r\n"), Outcome.NOT_SIP, "keep-alive"),
        (sip_frame(b"{}", protocol=5), Outcome.NOT_KEPT, "protocol"),
        (sip_frame(invite().replace(b"INVITE", b"REGISTER")), Outcome.NOT_KEPT, "method"),
        (sip_frame(invite()).replace(b"HEP3", b"HEP9"), Outcome.MALFORMED, "not-hep"),
    ],
)
def test_each_refusal_is_counted_by_its_reason_and_nothing_is_stored(octets, outcome, reason):
    async def scene() -> None:
        writer = MemoryWriter()
        async with door(writer) as listeners:
            send_udp(listeners.port, [octets])
            await until(lambda: listeners.counters.total(outcome, reason=reason) == 1)
            assert listeners.counters.total(Outcome.ACCEPTED) == len(writer.kept) == 0
            kept = listeners.counters.rejects
            assert len(kept) == (0 if outcome is Outcome.NOT_KEPT else 1)
            assert not any(b"wrong-key" in reject.octets for reject in kept)

    run(scene())


def test_a_sender_with_a_wrong_key_is_cut_off_and_one_from_an_unlisted_address_too():
    async def scene() -> None:
        only_there = Register([Admission(source=Source(source_id="s"), allowed=networks(["192.0.2.0/24"]))])
        for rule, octets in ((KEYED, sip_frame(invite(), key=b"no")), (only_there, LAB_A[0])):
            async with door(MemoryWriter(), rule) as listeners:
                reader, sender = await asyncio.open_connection("127.0.0.1", listeners.port)
                sender.write(octets)
                assert await is_closed(reader)
                sender.close()
                assert listeners.counters.total(Outcome.UNAUTHENTICATED) == 1

    run(scene())


def test_with_a_key_and_addresses_both_must_hold():
    both = Register(
        [Admission(source=Source(source_id="s"), auth_key="lab-nA-key", allowed=networks(["127.0.0.2/32"]))]
    )

    async def scene() -> None:
        writer = MemoryWriter()
        async with door(writer, both) as listeners:
            send_udp(listeners.port, [LAB_A[0]], source_ip="127.0.0.1")
            send_udp(listeners.port, [sip_frame(invite(), key=b"no")], source_ip="127.0.0.2")
            send_udp(listeners.port, [LAB_A[1]], source_ip="127.0.0.2")
            await until(lambda: len(writer.kept) == 1)
            assert listeners.counters.total(Outcome.UNAUTHENTICATED) == 2

    run(scene())


@pytest.mark.parametrize(
    ("parts", "reason"),
    [([], "no-first-frame"), ([LAB_A[0][:40]], "no-first-frame"), ([LAB_A[0], LAB_A[1][:9]], "slow-frame")],
)
def test_a_connection_that_dribbles_is_closed(parts, reason):
    async def scene() -> None:
        async with door(MemoryWriter(), limits=QUICK) as listeners:
            reader, sender = await asyncio.open_connection("127.0.0.1", listeners.port)
            for part in parts:
                sender.write(part)
                await asyncio.sleep(0.02)
            assert await is_closed(reader)
            assert listeners.counters.total(Outcome.CLOSED, reason=reason) == 1
            sender.close()

    run(scene())


def test_a_frame_sent_octet_by_octet_does_not_buy_time_with_each_octet():
    async def scene() -> None:
        async with door(MemoryWriter(), limits=QUICK) as listeners:
            reader, sender = await asyncio.open_connection("127.0.0.1", listeners.port)
            began = asyncio.get_running_loop().time()
            closing = asyncio.create_task(is_closed(reader))
            for octet in LAB_A[0]:
                if closing.done():
                    break
                sender.write(bytes([octet]))
                await asyncio.sleep(0.05)
            assert await closing
            assert asyncio.get_running_loop().time() - began < 3
            sender.close()

    run(scene())


def test_an_idle_connection_is_closed_and_a_busy_one_is_not():
    async def scene() -> None:
        writer = MemoryWriter()
        async with door(writer, limits=QUICK) as listeners:
            idle_reader, idle = await asyncio.open_connection("127.0.0.1", listeners.port)
            idle.write(LAB_A[0])
            busy = asyncio.create_task(send_tcp(listeners.port, LAB_A[1:21], pause_s=0.1))
            assert await is_closed(idle_reader)
            assert await busy
            await until(lambda: len(writer.kept) == 21)
            assert listeners.counters.total(Outcome.CLOSED, reason="idle") == 1
            idle.close()

    run(scene())


def test_connections_are_bounded_in_all_and_per_address():
    async def scene() -> None:
        limits = Limits(connections=3, connections_per_address=2)
        async with door(MemoryWriter(), limits=limits) as listeners:
            held = [await asyncio.open_connection("127.0.0.1", listeners.port) for _ in range(2)]
            await until(lambda: listeners.connections == 2)
            reader, third = await asyncio.open_connection("127.0.0.1", listeners.port)
            assert await is_closed(reader)
            assert listeners.counters.total(Outcome.CLOSED, reason="too-many-of-one-address") == 1
            for _, sender in held:
                sender.close()
            await until(lambda: listeners.connections == 0)
            third.close()

    run(scene())


def test_a_slow_store_slows_tcp_and_loses_nothing_while_udp_drops_and_counts():
    async def scene() -> None:
        writer = MemoryWriter()
        writer.open.clear()
        async with door(writer, limits=replace(Limits(), backlog_octets=60_000)) as listeners:
            stream = b"".join(LAB_A) * 40  # 9 MB: more than the sockets' buffers and the backlog hold
            sending = asyncio.create_task(send_tcp(listeners.port, [stream]))
            await until(lambda: listeners.behind)
            await asyncio.sleep(0.3)
            held = listeners.backlog_records
            assert not sending.done()
            assert held < 1_000
            send_udp(listeners.port, LAB_A[:5])
            await until(lambda: listeners.counters.total(Outcome.DROPPED, reason="backlog") == 5)
            writer.open.set()
            await sending
            await until(lambda: len(writer.kept) == 40 * len(LAB_A))
            assert {record.record_id for record in writer.kept[: len(LAB_A)]} == {
                record.record_id for record in writer.kept
            }

    run(scene())


def test_a_store_that_is_away_for_a_while_loses_nothing():
    async def scene() -> None:
        writer = MemoryWriter(failures=3)
        async with door(writer) as listeners:
            send_udp(listeners.port, LAB_A[:10])
            await until(lambda: len(writer.kept) == 10)

    run(scene())


def test_a_record_that_the_store_refuses_does_not_spoil_its_neighbours():
    async def scene() -> None:
        writer = MemoryWriter(poison={"bad"})
        writer.open.clear()
        async with door(writer) as listeners:
            frames = [sip_frame(invite().replace(b"abc@h", b"good-%d" % number)) for number in range(20)]
            frames.insert(7, sip_frame(invite().replace(b"abc@h", b"bad")))
            send_udp(listeners.port, frames)
            await until(lambda: listeners.counters.total(Outcome.ACCEPTED) == 21)
            writer.open.set()
            await until(lambda: len(writer.kept) == 20)
            await until(lambda: listeners.counters.total(Outcome.DROPPED, reason="store-refused") == 1)
            assert "bad" not in {record.call_id for record in writer.kept}

    run(scene())


def test_closing_waits_until_what_was_read_is_durable():
    async def scene() -> None:
        writer = MemoryWriter()
        writer.open.clear()
        listeners = HepListeners(writer, KEYED, "127.0.0.1", 0, Counters("test"))
        await listeners.start()
        send_udp(listeners.port, LAB_A[:50])
        await until(lambda: listeners.backlog_records == 50)
        closing = asyncio.create_task(listeners.close())
        await asyncio.sleep(0.05)
        writer.open.set()
        assert await closing == 0
        assert len(writer.kept) == 50

    run(scene())


def test_a_taken_port_is_said_in_words_and_nothing_stays_open():
    async def scene() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            listeners = HepListeners(MemoryWriter(), KEYED, "127.0.0.1", port, Counters("test"))
            with pytest.raises(Unavailable, match=str(port)):
                await listeners.start()

    run(scene())


def test_the_counts_are_exported_for_prometheus():
    registry = CollectorRegistry()

    async def scene() -> None:
        async with door(MemoryWriter()) as listeners:
            registry.register(listeners.counters)
            send_udp(listeners.port, [LAB_A[0], b"rubbish"])
            await until(lambda: listeners.counters.total(Outcome.MALFORMED) == 1)

    run(scene())
    text = generate_latest(registry).decode()
    name = 'headwater_hep_frames_total{door="test",outcome='
    assert f'{name}"accepted",reason="",transport="udp"}} 1.0' in text
    assert f'{name}"malformed",reason="not-hep",transport="udp"}} 1.0' in text


def test_a_frame_without_a_time_gets_the_time_of_receipt():
    async def scene() -> None:
        writer = MemoryWriter()
        async with door(writer, OPEN_TO_LOOPBACK) as listeners:
            send_udp(listeners.port, [*lab.hex_lines("kamailio-hepv1.hex")[:1], sip_frame(invite())])
            await until(lambda: len(writer.kept) == 2)
            assert all(record.call_at == record.received_at for record in writer.kept)

    run(scene())


def test_a_time_far_beyond_a_second_of_microseconds_is_malformed_and_not_a_wrong_time():
    octets = frame(ADDRESSES, chunk(0x0A, struct.pack(">I", 4_000_000_000)), chunk(0x0F, invite()))
    with pytest.raises(hep.BadFrame, match="microseconds"):
        hep.decode(octets)


def test_switch_records_and_logs_in_hep_are_kept_as_they_came_and_spoil_nothing():
    async def scene() -> None:
        writer = MemoryWriter()
        async with door(writer) as listeners:
            octets = [sip_frame(b'{"uuid":"1"}', protocol=0x3C), sip_frame(b"log line", protocol=0x64), LAB_A[0]]
            await send_tcp(listeners.port, [b"".join(octets)])
            send_udp(listeners.port, [sip_frame(b"more", protocol=0x64)])
            await until(lambda: len(writer.kept) == 1 and len(writer.rejects) == 3)
            assert {(one.source_id, one.door, one.raw) for one in writer.rejects} == {
                ("709J", "hep", b'{"uuid":"1"}'),
                ("709J", "hep", b"log line"),
                ("709J", "hep", b"more"),
            }
            assert listeners.counters.summary() == {"accepted": 1, "not-kept:cdr": 1, "not-kept:log": 2}

    run(scene())


def test_a_source_is_also_told_by_its_capture_ids_as_it_writes_them():
    rule = Register(
        [
            Admission(
                source=Source(source_id="812K", short_capture_ids=True),
                allowed=networks(["127.0.0.0/8"]),
                capture_ids=frozenset({"2002"}),
            )
        ]
    )

    async def scene() -> None:
        writer = MemoryWriter()
        async with door(writer, rule) as listeners:
            send_udp(listeners.port, [*lab.hex_lines("sngrep-1.6.0-capture-id-quirk.hex"), *LAB_A[:2]])
            await until(lambda: len(writer.kept) == 6)
            await until(lambda: listeners.counters.total(Outcome.UNAUTHENTICATED) == 2)
            assert {record.capture_agent for record in writer.kept} == {"2002"}

    run(scene())


@pytest.mark.skipif(not Path("/proc/self/net/udp").exists(), reason="the kernel keeps no books of its drops here")
def test_datagrams_that_the_kernel_dropped_are_counted():
    async def scene() -> None:
        async with door(MemoryWriter()) as listeners:
            flood = [sip_frame(b"x" * 30_000)] * 600
            # Nothing reads while this loop sends: what exceeds the kernel's buffer is dropped there.
            send_udp(listeners.port, flood)
            await until(lambda: listeners.counters.total(Outcome.DROPPED, reason="kernel") > 0)
            await until(
                lambda: (
                    listeners.counters.total(Outcome.NOT_SIP)
                    + listeners.counters.total(Outcome.DROPPED, reason="kernel")
                    == len(flood)
                )
            )

    run(scene())


def test_a_thousand_silent_connections_cost_little_and_leave_room_for_one_that_speaks():
    async def scene() -> None:
        writer = MemoryWriter()
        limits = Limits(connections=1_001, connections_per_address=1_001, first_frame_s=60)
        async with door(writer, limits=limits) as listeners:
            silent = [await asyncio.open_connection("127.0.0.1", listeners.port) for _ in range(1_000)]
            await until(lambda: listeners.connections == 1_000)
            await send_tcp(listeners.port, [LAB_A[0]])
            await until(lambda: len(writer.kept) == 1)
            for _, sender in silent:
                sender.close()
            await asyncio.gather(*(sender.wait_closed() for _, sender in silent), return_exceptions=True)
            await until(lambda: listeners.connections == 0)

    run(scene())
