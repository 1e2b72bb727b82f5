"""SIP and HEP over TCP in a capture: cut anywhere, out of order, repeated."""

import io
from collections import Counter
from itertools import pairwise
from random import Random

import dpkt
from hypothesis import given
from hypothesis import strategies as st

from headwater.intake import capture, hep
from headwater.intake.reassembly import LONGEST_BODY, LONGEST_HEAD, Flow, SipSplitter
from tests.intake import lab
from tests.intake.test_sip import PAYLOADS, invite

MESSAGES = PAYLOADS[:12]
STREAM = b"".join(MESSAGES)


def segments(stream, cuts, *, first=4_294_967_000):
    """``stream`` as segments, its sequence numbers passing the end of 32 bits."""
    edges = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    return [((first + a) % 2**32, stream[a:b]) for a, b in pairwise(edges)]


def read(parts, *, syn=4_294_966_999):
    flow = Flow()
    found = flow.segment(syn, b"", opens=True)
    for sequence, octets in parts:
        found += flow.segment(sequence, octets, opens=False)
    return found


@given(st.lists(st.integers(0, 20_000), max_size=40), st.randoms(use_true_random=False))
def test_messages_do_not_depend_on_cuts_order_or_repetition(cuts, chance: Random):
    parts = segments(STREAM, cuts)
    shuffled = parts + [chance.choice(parts) for _ in range(5)]
    chance.shuffle(shuffled)
    assert read(parts) == MESSAGES
    assert read(shuffled) == MESSAGES


def test_a_repetition_that_overlaps_brings_its_new_octets_alone():
    at = 4_294_967_000
    parts = [(at, STREAM[:500]), ((at + 200) % 2**32, STREAM[200:1_500]), ((at + 1_500) % 2**32, STREAM[1_500:])]
    assert read(parts) == MESSAGES


def test_a_segment_that_the_capture_lost_costs_its_messages_and_no_more():
    parts = segments(STREAM, range(0, len(STREAM), 100))
    del parts[3]
    found = read(parts)
    assert found[-8:] == MESSAGES[-8:]
    assert len(found) >= len(MESSAGES) - 2


def test_a_capture_that_begins_in_a_connection_is_read_from_the_next_message():
    flow = Flow()
    assert flow.segment(77, STREAM[100:], opens=False) == MESSAGES[1:]


def test_keep_alives_and_rubbish_between_messages_are_skipped():
    message = invite("Content-Length: 5")
    splitter = SipSplitter()
    assert splitter.feed(b"\r\n\r\n" + message + b"\r\n\r\n\0rubbish\r\n" + message) == [message, message]


def test_a_hostile_stream_holds_little():
    splitter = SipSplitter()
    for octets in (
        b"x" * 1_000_000,
        b"INVITE sip:a SIP/2.0\r\n" + b"a" * 200_000,
        b"SIP/2.0 200 OK\r\nl: 9999999999\r\n\r\n",
    ):
        splitter.feed(octets)
        assert splitter.held <= LONGEST_HEAD + LONGEST_BODY
    message = invite("Content-Length: 5")
    assert message in splitter.feed(b"\r\n\r\n" + message)
    flow = Flow()
    for number in range(1_000):
        flow.segment(10 + number * 20, b"y" * 10, opens=False)
    assert len(flow._waiting) <= 65


def test_a_capture_file_with_sip_over_tcp_gives_whole_messages():
    file = io.BytesIO()
    writer = dpkt.pcap.Writer(file)
    for number, (sequence, octets) in enumerate(segments(STREAM, range(0, 20_000, 333))):
        tcp = dpkt.tcp.TCP(sport=5060, dport=5061, seq=sequence, flags=dpkt.tcp.TH_ACK, data=octets)
        ip = dpkt.ip.IP(src=b"\x0a\x4d\0\x15", dst=b"\x0a\x4d\0\x16", p=6, data=tcp)
        ip.len = 20 + len(bytes(tcp))
        frame = dpkt.ethernet.Ethernet(src=b"\0" * 6, dst=b"\1" * 6, data=ip, type=0x0800)
        writer.writepkt(bytes(frame), ts=1_790_000_000 + number)
    octets = file.getvalue()
    found = [one.octets for one in capture.sip_messages(octets[:4], io.BytesIO(octets[4:]))]
    assert found == MESSAGES


def test_the_recorded_capture_gives_every_message_of_the_carrier_that_sent_over_tcp():
    sent = [hep.decode(octets).payload for peer, octets in lab.frames() if peer == lab.CARRIERS["A"]]
    with (lab.DATA / "kamailio-sippy-kamailio.hep.pcap.gz").open("rb") as stream:
        found = [one.octets for one in capture.sip_messages(stream.read(4), stream)]
    assert not Counter(sent) - Counter(found)
