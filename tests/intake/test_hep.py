import gzip
import struct
import zlib
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headwater.intake import hep
from tests.intake import lab


def chunk(kind: int, value: bytes, vendor: int = 0) -> bytes:
    return struct.pack(">HHH", vendor, kind, 6 + len(value)) + value


def frame(*chunks: bytes, magic: bytes = b"HEP3") -> bytes:
    body = b"".join(chunks)
    return magic + struct.pack(">H", 6 + len(body)) + body


ADDRESSES = chunk(3, bytes([10, 0, 0, 1])) + chunk(4, bytes([10, 0, 0, 2]))


def test_the_specifications_own_example_is_read_as_it_says():
    decoded = hep.decode(lab.hex_lines("spec-rev37-example-packet.hex")[0])
    assert (decoded.source_ip, decoded.source_port) == ("212.202.0.1", 12010)
    assert (decoded.destination_ip, decoded.destination_port) == ("82.116.0.211", 5060)
    assert (decoded.seconds, decoded.microseconds, decoded.agent_id) == (1313440459, 120000, 228)
    assert (decoded.protocol_type, decoded.ip_protocol, decoded.payload) == (hep.SIP, 17, b"INVITE sip:bob")


def test_every_recorded_frame_decodes():
    frames = lab.frames()
    assert len(frames) == 988
    assert {hep.decode(octets).protocol_type for _, octets in frames} == {hep.SIP}


def test_sngrep_puts_ports_before_addresses_and_a_short_agent_id():
    decoded = hep.decode(lab.hex_lines("sngrep-1.6.0-capture-id-quirk.hex")[0])
    assert (decoded.source_ip, decoded.source_port) == ("127.1.0.1", 5070)
    assert decoded.agent_id == 0x07D20000  # opaque: 2002 in the upper half


@pytest.mark.parametrize(("name", "version"), [("kamailio-hepv1.hex", 1), ("kamailio-hepv2-one-frame.hex", 2)])
def test_older_versions_are_read_with_the_time_that_they_have(name, version):
    for octets in lab.hex_lines(name):
        decoded = hep.decode(octets)
        assert decoded.version == version
        assert decoded.source_ip.startswith("127.")
        assert (decoded.seconds > 1_700_000_000) == (version == 2)
        assert decoded.payload[:7] in {b"INVITE ", b"SIP/2.0", b"ACK sip", b"BYE sip"}


def test_unknown_chunks_and_other_vendors_are_stepped_over():
    octets = frame(chunk(0x7777, b"new"), chunk(0x0F, b"x" * 9, vendor=2), ADDRESSES, chunk(0x0F, b"mine"))
    assert hep.decode(octets).payload == b"mine"


def test_ipv6_addresses_and_the_eep_magic_are_read():
    six = chunk(5, bytes(15) + b"\x01") + chunk(6, bytes.fromhex("20010db8") + bytes(11) + b"\x02")
    decoded = hep.decode(frame(six, chunk(0x0F, b"m"), magic=b"EEP3"))
    assert (decoded.source_ip, decoded.destination_ip) == ("::1", "2001:db8::2")


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress])
def test_a_compressed_payload_is_inflated(pack):
    assert hep.decode(frame(ADDRESSES, chunk(0x10, pack(b"BYE " * 50)))).payload == b"BYE " * 50


def test_a_payload_that_inflates_beyond_the_bound_is_refused():
    bomb = zlib.compress(bytes(20_000_000))
    with pytest.raises(hep.BadFrame) as refused:
        hep.decode(frame(ADDRESSES, chunk(0x10, bomb)))
    assert refused.value.reason == "compression"


@pytest.mark.parametrize(
    ("octets", "reason", "offset"),
    [
        (b"", "not-hep", 0),
        (b"GET / HTTP/1.1\r\n", "not-hep", 0),
        (b"HEP3", "truncated", 4),
        (b"HEP3\x00\x63" + bytes(20), "length", 4),
        (frame(ADDRESSES), "no-payload", 6),
        (frame(chunk(0x0F, b"m")), "no-address", 6),
        (frame(ADDRESSES, chunk(0x0F, b"m"), b"\x00\x00\x00"), "truncated", 33),
        (frame(ADDRESSES, struct.pack(">HHH", 0, 0x0F, 5)), "chunk-length", 26),
        (frame(ADDRESSES, struct.pack(">HHH", 0, 0x0F, 60_000)), "chunk-length", 26),
        (frame(ADDRESSES, chunk(7, b"\x01"), chunk(0x0F, b"m")), "chunk-width", 26),
        (frame(ADDRESSES, chunk(0x0A, struct.pack(">I", 1_000_000)), chunk(0x0F, b"m")), "time", 6),
        (frame(ADDRESSES, chunk(0x10, b"not deflated")), "compression", 6),
        (b"\x01\x10\x0a\x11" + bytes(20), "family", 2),
        (b"\x01\x10\x02\x11" + bytes(12), "no-payload", 16),
        (b"\x02\x10\x02\x11" + bytes(12), "truncated", 16),
    ],
)
def test_a_broken_frame_is_refused_with_where_and_why(octets, reason, offset):
    with pytest.raises(hep.BadFrame) as refused:
        hep.decode(octets)
    assert (refused.value.reason, refused.value.offset) == (reason, offset)


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda tail: b"HEP3" + tail)))
@example(b"HEP3\x00\x06")
def test_random_octets_raise_nothing_but_a_bad_frame(octets):
    with suppress(hep.BadFrame):
        hep.decode(octets)


@given(st.integers(0, 987), st.data())
def test_a_recorded_frame_with_octets_changed_raises_nothing_but_a_bad_frame(number, data):
    octets = bytearray(FRAMES[number])
    for _ in range(data.draw(st.integers(1, 5))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    with suppress(hep.BadFrame):
        hep.decode(bytes(octets))


FRAMES = [octets for _, octets in lab.frames()]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(stream) + 1) for place in places}), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


def split(parts: list[bytes]) -> tuple[list[bytes], int, int]:
    """Frames, octets skipped, octets held."""
    splitter = hep.StreamSplitter()
    frames = [found for part in parts for found in splitter.feed(part)]
    return frames, splitter.garbage, splitter.held


@given(st.lists(st.integers(0, 10_000), max_size=40))
def test_the_same_frames_come_out_however_the_stream_is_segmented(places):
    stream = b"".join(FRAMES[:12])
    assert split(cut(stream, places)) == (FRAMES[:12], 0, 0)


@given(
    st.lists(
        st.one_of(
            st.sampled_from(FRAMES[:20]), st.binary(max_size=12), st.sampled_from([b"HEP", b"HEP3\x00\x01", b"EEP3"])
        ),
        max_size=8,
    ),
    st.lists(st.integers(0, 5_000), max_size=30),
)
def test_garbage_between_frames_is_skipped_alike_however_it_is_segmented(parts, places):
    stream = b"".join(parts)
    frames, garbage, held = split(cut(stream, places))
    whole, skipped, left = split([stream])
    assert (frames, garbage + held) == (whole, skipped + left)  # the last octets may still become a magic


def test_octet_by_octet_gives_what_the_whole_gives():
    stream = b"".join(FRAMES[:5]) + b"rubbish HEP" + FRAMES[6]
    assert split([bytes([octet]) for octet in stream]) == split([stream])
    assert split([stream]) == ([*FRAMES[:5], FRAMES[6]], 11, 0)


def test_the_recorded_stream_ends_inside_a_frame_and_the_rest_is_held():
    stream = (lab.DATA / "kamailio-tcp-stream.bin").read_bytes()
    frames, garbage, held = split([stream])
    assert (garbage, sum(map(len, frames)) + held) == (0, 24_000)
    assert 0 < held < hep.LONGEST


def test_what_is_held_is_bounded_by_one_frame():
    splitter = hep.StreamSplitter()
    splitter.feed(b"HEP3\xff\xff")
    for _ in range(100):
        splitter.feed(b"A" * 60_000)
        assert splitter.held < hep.LONGEST


def test_a_stream_of_false_magics_is_skipped_in_linear_time():
    splitter = hep.StreamSplitter()
    hostile = b"HEP3\x00\x01" * 40_000
    assert splitter.feed(hostile) == []
    assert splitter.garbage > len(hostile) - 12


def chunk_by_chunk(octets: bytes) -> hep.HepFrame:
    return hep._frame(hep._chunks(octets, len(octets)))


def test_a_frame_read_by_its_learnt_layout_says_the_same_as_chunk_by_chunk():
    for _, octets in [*lab.frames(), *lab.frames()]:
        assert hep.decode(octets) == chunk_by_chunk(octets)


@given(
    st.lists(
        st.sampled_from(
            [
                ADDRESSES,
                chunk(3, bytes(4)),
                chunk(0x07, b"\x13\xc4"),
                chunk(0x09, b"\x69\0\0\0"),
                chunk(0x0A, b"\0\x01\0\0"),
                chunk(0x0A, b"\0\xff\xff\xff"),
                chunk(0x0B, b"\x01"),
                chunk(0x0C, b"\0\0\0\x07"),
                chunk(0x0C, b"\0\x07"),
                chunk(0x0E, b"key"),
                chunk(0x0E, b"kee"),
                chunk(0x0F, b"payload"),
                chunk(0x10, b"packed"),
                chunk(0x11, b"link"),
                chunk(0x13, b"name"),
                chunk(0x99, b"unknown"),
            ]
        ),
        max_size=8,
    )
)
def test_whatever_layouts_were_met_before_a_frame_is_read_alike(chunks):
    octets = frame(ADDRESSES, *chunks, chunk(0x0F, b"the payload"))

    def said(read):
        try:
            return read(octets)
        except hep.BadFrame as error:
            return error.reason

    assert said(hep.decode) == said(hep.decode) == said(chunk_by_chunk)
