"""The container of a package: a ZIP in which names and contents decide every octet.

Nothing is compressed, no header holds a time, a comment or an extra field, and members lie end to end. So the
same contents give the same octets, any ZIP tool opens it, a package cannot expand into more than its own size,
and no octet is left in which a change would go unseen. Standard library only: the offline verifier reads with it.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from headwater.errors import Invalid, TooLarge

#: ASCII, no absolute path, no "..", no hidden file, no character that a shell or a file system treats specially.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*){0,4}")
LONGEST_NAME = 200
MOST_MEMBERS = 0xFFFE
LARGEST_SIZE = 0xFFFF_0000
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION = 20
_MADE_BY = (3 << 8) | _VERSION  # 3: Unix, so that the mode below is read
_FIRST_DAY = 0x0021  # 1980-01-01, the zero of ZIP's calendar
_MODE = 0o100644 << 16
_CHUNK = 1 << 20


class NotAPackage(Invalid):
    """The file is not a container as this module writes it; ``member`` names the place where known."""

    def __init__(self, message: str, *, member: str = "") -> None:
        super().__init__(message)
        self.member = member


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file in the container: where its octets begin, how many they are, their CRC-32."""

    name: str
    offset: int
    size: int
    crc: int


def _local_header(name: bytes, crc: int, size: int) -> bytes:
    return _LOCAL.pack(b"PK\x03\x04", _VERSION, 0, 0, 0, _FIRST_DAY, crc, size, size, len(name), 0) + name


def _central_header(name: bytes, crc: int, size: int, at: int) -> bytes:
    fields = (_MADE_BY, _VERSION, 0, 0, 0, _FIRST_DAY, crc, size, size, len(name), 0, 0, 0, 0, _MODE, at)
    return _CENTRAL.pack(b"PK\x01\x02", *fields) + name


def check_name(name: str) -> None:
    """Refuse a member name that could leave the folder it is unpacked in, or hide there.

    Raises:
        NotAPackage: the name is not plain relative ASCII.
    """
    if len(name) > LONGEST_NAME or NAME.fullmatch(name) is None:
        message = f"the package holds a file with a name that is not allowed: {name[:80]!a}"
        raise NotAPackage(message, member=name[:LONGEST_NAME])


class Writer:
    """Writes members one after another to ``file``, and the directory when closed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._directory: list[bytes] = []
        self._names: set[str] = set()
        self._at = 0

    def add(self, name: str, octets: bytes) -> None:
        """Append one member.

        Raises:
            NotAPackage: the name is not allowed or already there.
            TooLarge: the container would pass 4 GB or 65,534 members.
        """
        check_name(name)
        if name in self._names:
            message = f"the package would hold {name} twice"
            raise NotAPackage(message, member=name)
        if self._at + len(octets) > LARGEST_SIZE or len(self._directory) >= MOST_MEMBERS:
            message = "the package would pass 4 GB or 65,534 files; narrow the scope of the process"
            raise TooLarge(message)
        self._names.add(name)
        crc = zlib.crc32(octets)
        header = _local_header(name.encode(), crc, len(octets))
        self._directory.append(_central_header(name.encode(), crc, len(octets), self._at))
        self._file.write(header)
        self._file.write(octets)
        self._at += len(header) + len(octets)

    def close(self) -> None:
        """Write the directory. The file itself stays open and is its opener's to close."""
        directory = b"".join(self._directory)
        count = len(self._directory)
        self._file.write(directory)
        self._file.write(_END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), self._at, 0))


def _directory(file: BinaryIO) -> tuple[int, int, int]:
    """Return where the directory begins, its length and the number of members."""
    total = file.seek(0, 2)
    if total < _END.size:
        message = "the file is too short to be a package"
        raise NotAPackage(message)
    file.seek(total - _END.size)
    mark, disk, first, here, count, length, at, comment = _END.unpack(file.read(_END.size))
    if mark != b"PK\x05\x06" or disk or first or here != count or comment or at + length + _END.size != total:
        message = "the end of the file is not the end of a package: it was cut, extended or changed"
        raise NotAPackage(message)
    # A header is at least 46 octets: the count cannot make us allocate more than the file is long.
    if count * _CENTRAL.size > length or length > count * (_CENTRAL.size + LONGEST_NAME):
        message = "the directory of the package does not fit its number of files"
        raise NotAPackage(message)
    return at, length, count


def read(file: BinaryIO) -> list[Member]:
    """Return the members of ``file`` in order, having compared every header octet with what we would write.

    Raises:
        NotAPackage: anything differs: a second file of one name, a name that leaves the folder, a gap, a comment.
    """
    at, length, count = _directory(file)
    file.seek(at)
    directory = file.read(length)
    members: list[Member] = []
    names: set[str] = set()
    expected = position = 0
    for _ in range(count):
        fields = _CENTRAL.unpack_from(directory, position) if position + _CENTRAL.size <= length else None
        if fields is None:
            message = "the directory of the package is cut short"
            raise NotAPackage(message)
        crc, size, name_length = fields[7], fields[9], fields[10]
        raw_name = directory[position + _CENTRAL.size : position + _CENTRAL.size + name_length]
        name = raw_name.decode("ascii", "replace")
        check_name(name)
        if name in names:
            message = f"the package holds {name} twice"
            raise NotAPackage(message, member=name)
        names.add(name)
        central = _central_header(raw_name, crc, size, expected)
        local = _local_header(raw_name, crc, size)
        file.seek(expected)
        if directory[position : position + len(central)] != central or file.read(len(local)) != local:
            message = f"the header of {name} is not as Headwater writes it: it was changed"
            raise NotAPackage(message, member=name)
        members.append(Member(name=name, offset=expected + len(local), size=size, crc=crc))
        position += len(central)
        expected += len(local) + size
    if position != length or expected != at:
        message = "the package holds octets that belong to no file"
        raise NotAPackage(message)
    return members


def chunks(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """Yield the octets of ``member`` in pieces of at most 1 MB.

    Raises:
        NotAPackage: the file ended first.
    """
    left = member.size
    while left:
        file.seek(member.offset + member.size - left)
        piece = file.read(min(left, _CHUNK))
        if not piece:
            message = f"{member.name} is cut short"
            raise NotAPackage(message, member=member.name)
        left -= len(piece)
        yield piece


def octets(file: BinaryIO, member: Member, *, at_most: int) -> bytes:
    """Return the whole of ``member``.

    Raises:
        NotAPackage: it is longer than ``at_most`` octets, or cut short.
    """
    if member.size > at_most:
        message = f"{member.name} has {member.size} octets; at most {at_most} are read at once"
        raise NotAPackage(message, member=member.name)
    return b"".join(chunks(file, member))
