"""A file's octets in blocks of whole lines: bounded, whatever it holds, and cut by a rule that depends on it alone."""

from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

#: A block ends with the first line end at or after so many octets.
BLOCK_OCTETS: Final = 1 << 20
#: Octets of one row; a longer one is refused and its rest passed over.
ROW_OCTETS: Final = 1 << 18


class Block(NamedTuple):
    """The octets of some whole lines."""

    offset: int
    octets: bytes
    too_long: bytes = b""
    """Beginning of a row after these octets that was too long to be read and was passed over."""
    after: int = -1
    """Where the next block begins, which is not at the end of the octets where a row was passed over."""


def blocks(file: BinaryIO, *, offset: int = 0) -> Iterator[Block]:
    """Yield a file from ``offset`` on, where ``file`` stands, in blocks of whole lines.

    A line without an end is given up after ``ROW_OCTETS`` and passed over.
    """
    held = b""
    while True:
        part = file.read(BLOCK_OCTETS)
        if not part:
            if held:
                yield Block(offset, held, after=offset + len(held))
            return
        held += part
        if len(held) < BLOCK_OCTETS:
            continue
        end = held.find(b"\n", BLOCK_OCTETS - 1) + 1
        if end:
            yield Block(offset, held[:end], after=offset + end)
            offset += end
            held = held[end:]
        elif len(held) >= BLOCK_OCTETS + ROW_OCTETS:
            whole = held.rfind(b"\n") + 1
            if len(held) - whole <= ROW_OCTETS:
                continue
            passed, rest = _pass_over(file, held[whole:])
            after = offset + whole + passed
            yield Block(offset, held[:whole], held[whole : whole + 1_024], after)
            offset, held = after, rest


def _pass_over(file: BinaryIO, line: bytes) -> tuple[int, bytes]:
    """Read to the end of a line; return how many octets it has, and what was read beyond it."""
    passed = len(line)
    while part := file.read(BLOCK_OCTETS):
        end = part.find(b"\n") + 1
        if end:
            return passed + end, part[end:]
        passed += len(part)
    return passed, b""
