"""Opening what a carrier sends: plain or compressed (gzip, bzip2, zstd), within bounds, never believing its name."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from headwater.errors import Invalid, TooLarge

#: A compressed file may unfold to so many octets in all, and to so many times its own size.
MOST_UNFOLDED: Final = 64 * 1024**3
MOST_RATIO: Final = 1_000
#: Up to here the ratio is not looked at: a small file of the same row a thousand times is no bomb.
FREE_OCTETS: Final = 64 * 1024**2
_GZIP: Final = b"\x1f\x8b"
_BZIP2: Final = b"BZh"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


class Damaged(Invalid):
    """A compressed file is damaged or cut off; what came before stands."""


class Bomb(TooLarge):
    """A compressed file unfolds to more than any such file does."""


class _Counted(io.RawIOBase):
    """Passes octets on and counts them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        part = self._file.read(len(buffer))
        buffer[: len(part)] = part
        self.count += len(part)
        return len(part)


class _Bounded(io.RawIOBase):
    """The unfolded octets; stops where they grow beyond what is plausible."""

    def __init__(self, unfolded: BinaryIO, folded: _Counted) -> None:
        self._unfolded = unfolded
        self._folded = folded
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            part = self._unfolded.read(len(buffer))
        except (EOFError, OSError, zlib.error, lzma.LZMAError, ValueError) as error:
            raise Damaged(f"the compressed file is damaged or cut off: {error}") from error
        buffer[: len(part)] = part
        self._count += len(part)
        is_bomb = self._count > FREE_OCTETS and self._count > self._folded.count * MOST_RATIO
        if is_bomb or self._count > MOST_UNFOLDED:
            raise Bomb(f"the file unfolds to more than {self._count} octets, which no file of calls does")
        return len(part)


@contextmanager
def unfolded(file: BinaryIO) -> Iterator[BinaryIO]:
    """Give the octets of ``file``, which is at its beginning, uncompressed; reading raises ``Damaged`` or ``Bomb``."""
    head = file.read(4)
    file.seek(0)
    if head[:2] != _GZIP and head[:3] != _BZIP2 and head != _ZSTD:
        yield file
        return
    counted = _Counted(file)
    source = io.BufferedReader(counted, 1 << 18)
    if head[:2] == _GZIP:
        inner: BinaryIO = gzip.GzipFile(fileobj=source)  # type: ignore[assignment]  # it reads as one
    elif head[:3] == _BZIP2:
        inner = bz2.BZ2File(source)  # type: ignore[assignment]  # as above
    else:
        inner = _zstd(source)
    yield io.BufferedReader(_Bounded(inner, counted), 1 << 20)


def _zstd(source: object) -> BinaryIO:
    import pyarrow as pa  # here: half a second that few files need

    return pa.CompressedInputStream(source, "zstd")  # type: ignore[no-any-return]


def forward(file: BinaryIO, offset: int) -> None:
    """Pass over the first ``offset`` octets of an unfolded file.

    Raises:
        Damaged: the file is shorter: it is not the one that was begun.
    """
    if file.seekable() and not isinstance(file, io.BufferedReader):
        file.seek(offset)
        return
    left = offset
    while left:
        part = file.read(min(left, 1 << 20))
        if not part:
            raise Damaged(f"the file ends before octet {offset}, where it was left")
        left -= len(part)
