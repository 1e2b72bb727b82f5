"""Plain mutation of seeds: what stands in where atheris is not installed, and the short fixed run of the test suite.

The same seed number gives the same inputs on every machine.
"""

import random
from collections.abc import Iterator

from tests.fuzz.catalogue import Target

_EDGES = (0, 1, 2, 6, 7, 0x10, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_CHARACTERS = b"\0\t\n\r \"%&'(),./:;<=>?@[\\]{}0\x80\xc0\xff"


def inputs(target: Target, *, seed: int) -> Iterator[bytes]:
    """Yield the seeds, nothing at all, each seed cut short, then mutations without end."""
    chance = random.Random(seed)
    yield from target.seeds
    yield b""
    for one in target.seeds:
        yield one[: chance.randrange(len(one) + 1)]
    while True:
        octets = bytearray(chance.choice(target.seeds))
        for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5, 9))):
            _mutate(octets, target, chance)
        yield bytes(octets[: target.longest])


def _mutate(octets: bytearray, target: Target, chance: random.Random) -> None:
    at = chance.randrange(len(octets) + 1)
    match chance.randrange(10):
        case 0 if octets:
            octets[at - 1] ^= 1 << chance.randrange(8)
        case 1:
            octets[at : at + 1] = bytes([chance.choice(_CHARACTERS)])
        case 2:
            width = chance.choice((1, 2, 4, 8))
            edge = chance.choice(_EDGES) & ((1 << 8 * width) - 1)
            octets[at : at + width] = edge.to_bytes(width, chance.choice(("big", "little")))
        case 3:
            del octets[at : at + chance.choice((1, 2, 4, 16, 256))]
        case 4:
            octets[at:at] = octets[at : at + chance.choice((1, 4, 32, 512))]
        case 5:
            other = chance.choice(target.seeds)
            octets[at:] = other[chance.randrange(len(other) + 1) :]
        case 6:
            octets[at:at] = bytes([chance.choice(_CHARACTERS)]) * chance.choice((1, 3, 70, 1_000))
        case 7 if target.tokens:
            token = chance.choice(target.tokens)
            octets[at : at + chance.choice((0, len(token)))] = token
        case 8:
            octets[at:at] = chance.randbytes(chance.choice((1, 2, 4, 8)))
        case _:
            del octets[at:]
