"""A TCP stream of HEP, cut anywhere: the frames do not depend on the cuts, and what is held is bounded."""

from headwater.intake import hep
from tests.intake import lab

SEEDS = [
    lab.DATA.joinpath("kamailio-tcp-stream.bin").read_bytes()[:3_000],
    b"HEP3\0\x06EEP3\0\x06xHEP3\0\x05HEP3\0\x07x",
]
TOKENS = [b"HEP3", b"EEP3", b"HEP3\0\x06", b"HEP3\xff\xff", b"HEP3\0\0"]


def target(data: bytes) -> None:
    whole = hep.StreamSplitter()
    frames = whole.feed(data)
    assert whole.held <= hep.LONGEST
    assert sum(map(len, frames)) + whole.garbage + whole.held == len(data)
    step = 1 + len(data) % 97
    piecemeal = hep.StreamSplitter()
    cut = [frame for start in range(0, len(data), step) for frame in piecemeal.feed(data[start : start + step])]
    assert cut == frames
    assert (piecemeal.garbage, piecemeal.held) == (whole.garbage, whole.held)
