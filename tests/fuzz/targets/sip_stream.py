"""TCP segments of SIP in any order: what is held is bounded, and each message that comes out begins as one."""

from headwater.intake import hep
from headwater.intake.reassembly import LONGEST_BODY, LONGEST_HEAD, MOST_WAITING, Flow, SipSplitter
from tests.intake import lab

SEEDS = [b"\x00\x00\x00\x09" + b"".join(hep.decode(octets).payload for _, octets in lab.frames()[:2])]
TOKENS = [b"SIP/2.0 200 ", b"INVITE sip:a SIP/2.0\r\n", b"\r\n\r\n", b"\r\nContent-Length: ", b"\r\nl:9\r\n", b"HEP3"]


def target(data: bytes) -> None:
    splitter, flow = SipSplitter(), Flow()
    step = 7 + (data[0] if data else 0) * 7
    for number, start in enumerate(range(0, len(data), step)):
        part = data[start : start + step]
        for message in splitter.feed(part):
            assert b" SIP/2.0\r\n" in message or message.startswith(b"SIP/2.0 ")
        assert splitter.held <= LONGEST_HEAD + LONGEST_BODY + step
        sequence = (start ^ (data[-1] if number % 3 == 0 else 0)) & 0xFFFFFFFF
        flow.segment(sequence, part, opens=False)
        assert len(flow._waiting) <= MOST_WAITING + 1
