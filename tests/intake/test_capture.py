"""Captures are read packet by packet, whatever carries the message."""

import gzip
import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import Invalid
from headwater.intake import capture

INVITE = b"INVITE sip:12155550131@b SIP/2.0\r\nCall-ID: x\r\n\r\n"


def udp(payload: bytes) -> bytes:
    return struct.pack(">HHHH", 5060, 5060, 8 + len(payload), 0) + payload


def ip(content: bytes, *, number: int = 7, offset: int = 0, more: bool = False, protocol: int = 17) -> bytes:
    flags = (0x2000 if more else 0) | offset // 8
    return (
        struct.pack(
            ">BBHHHBBH4s4s",
            0x45,
            0,
            20 + len(content),
            number,
            flags,
            64,
            protocol,
            0,
            b"\x0a\x4d\0\x15",
            b"\x0a\x4d\0\x16",
        )
        + content
    )


def ethernet(packet: bytes) -> bytes:
    return b"\2" * 12 + b"\x08\0" + packet


def pcap(*packets: bytes) -> bytes:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)
    return head + b"".join(struct.pack("<IIII", 1_790_000_000, 500_000, len(p), len(p)) + p for p in packets)


def messages(octets: bytes) -> list[capture.CapturedMessage]:
    stream = io.BytesIO(octets)
    return list(capture.sip_messages(stream.read(4), stream))


def test_a_bare_message_is_found_with_its_time():
    assert messages(pcap(ethernet(ip(udp(INVITE))))) == [capture.CapturedMessage(INVITE, 1_790_000_000.5)]


def test_a_gzipped_capture_reads_the_same():
    octets = pcap(ethernet(ip(udp(INVITE))))
    assert messages(gzip.compress(octets)) == messages(octets)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("flagged", [True, False])
def test_fragments_are_joined_in_any_order(order, flagged):
    whole = udp(INVITE + b"x" * 100)
    pieces = [whole[:48], whole[48:96], whole[96:]]
    packets = [ethernet(ip(p, offset=48 * i, more=flagged and i < 2)) for i, p in enumerate(pieces)]
    assert [each.octets for each in messages(pcap(*(packets[i] for i in order)))] == [INVITE + b"x" * 100]


def test_a_tail_without_its_head_is_passed_over():
    assert (
        messages(pcap(ethernet(ip(b"tail of a datagram" * 3, offset=1480)), ethernet(ip(udp(INVITE), number=8)))) != []
    )


def test_a_last_packet_that_was_cut_is_passed_over():
    octets = pcap(ethernet(ip(udp(INVITE))), ethernet(ip(udp(INVITE))))
    assert [each.octets for each in messages(octets[:-10])] == [INVITE]


def test_a_compression_that_breaks_off_says_so_after_what_came_before():
    packets = gzip.compress(pcap(*[ethernet(ip(udp(INVITE)))] * 2_000), 0)
    found = capture.sip_messages(packets[:4], io.BytesIO(packets[4:-5_000]))
    assert next(found).octets == INVITE
    with pytest.raises(Invalid, match="cannot be read further"):
        list(found)


def test_a_capture_that_unfolds_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(capture, "MOST_UNFOLDED", 100_000)
    with pytest.raises(Invalid):
        messages(gzip.compress(pcap(*[ethernet(ip(udp(INVITE)))] * 5_000)))


@given(st.binary(max_size=300), st.sampled_from([b"\xd4\xc3\xb2\xa1", b"\x0a\x0d\x0d\x0a", b"\x1f\x8b\x08\0"]))
@settings(max_examples=200)
def test_no_octets_make_the_reader_raise_anything_but_its_own_error(octets, magic):
    try:
        messages(magic + octets)
    except Invalid:
        return


@given(st.binary(max_size=120))
@settings(max_examples=200)
def test_no_packet_makes_the_reader_raise(packet):
    messages(pcap(packet, ethernet(packet), ethernet(ip(packet)), ethernet(ip(packet, protocol=6))))


def test_ipv6_headers_that_follow_one_another_as_none_should_are_passed_over():
    # A fragment header is announced, and an encrypted payload comes: found by fuzzing.
    chain = b"\x60\xc8\0\0,,,,\0\x02" + bytes(30) + b"2" + bytes(40)
    packets = [b"\2" * 12 + b"\x86\xdd" + chain[:6] + bytes([kind]) + chain[7:] for kind in (0, 43, 44, 50, 51, 60)]
    assert messages(pcap(*packets, ethernet(ip(udp(INVITE))))) == [capture.CapturedMessage(INVITE, 1_790_000_000.5)]
