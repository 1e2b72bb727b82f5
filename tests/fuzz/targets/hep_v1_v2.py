"""HEP frames of versions 1 and 2: their header is always there, so that every input reaches their reader."""

from contextlib import suppress

from headwater.intake import hep
from tests.intake import lab

SEEDS = [frame[2:] for frame in (*lab.hex_lines("kamailio-hepv1.hex"), *lab.hex_lines("kamailio-hepv2-one-frame.hex"))]


def target(data: bytes) -> None:
    for magic in (b"\x01\x10", b"\x02\x10"):
        with suppress(hep.BadFrame):
            frame = hep.decode(magic + data)
            assert frame.version == magic[0]
            assert data.endswith(frame.payload)
