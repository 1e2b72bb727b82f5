"""One HEP frame, whatever its version: a frame or ``BadFrame``."""

from contextlib import suppress

from headwater.intake import hep
from tests.intake import lab

SEEDS = [
    *lab.hex_lines("spec-rev37-example-packet.hex"),
    *lab.hex_lines("sngrep-1.6.0-capture-id-quirk.hex")[:2],
    *lab.hex_lines("kamailio-hepv1.hex")[:2],
    *lab.hex_lines("kamailio-hepv2-one-frame.hex"),
    *[frame for _, frame in lab.frames()[:4]],
]
TOKENS = [b"HEP3", b"EEP3", b"\x01\x10", b"\x02\x10", *(b"\0\0\0" + bytes([kind]) for kind in range(1, 0x14))]


def target(data: bytes) -> None:
    with suppress(hep.BadFrame):
        frame = hep.decode(data)
        assert len(frame.payload) <= max(len(data), hep.LONGEST_INFLATED)
        assert 0 <= frame.microseconds < 1_000_000
