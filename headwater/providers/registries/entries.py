"""What a registry's file comes to: one entry a thing it lists, whatever the file's format."""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any, BinaryIO, Final
from uuid import UUID

import msgspec

from headwater.errors import Invalid

#: Octets of one line of a table.
LINE_OCTETS: Final = 262_144
#: Entries of one file: the whole North American plan has about 1.7 million thousands-blocks.
MOST_ENTRIES: Final = 5_000_000


class Registry(StrEnum):
    """The registries that are read, by the names that the command line uses."""

    RMD = "rmd"
    """FCC Robocall Mitigation Database."""
    FILERS = "filers"
    """FCC Form 499 filers."""
    BLOCKS = "blocks"
    """NANPA central-office codes and thousands-blocks."""
    OCN = "ocn"
    """Company codes and names."""
    DNO = "dno"
    """Do-not-originate lists."""
    CA_LIST = "ca-list"
    """Certification authorities approved by the STI-PA."""


class BadRegistry(Invalid):
    """A file is no such registry; nothing of it was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that a registry lists."""

    key: str
    """What names it in its registry: an RMD number, a filer id, an OCN, a first number."""
    name: str = ""
    frn: str = ""
    ocn: str = ""
    first: int | None = None
    """For numbers: the range, both ends within."""
    last: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    """All else that the registry says, by its own names."""

    @property
    def digest(self) -> UUID:
        """Names what the entry says: two entries that say the same have the same one."""
        said = [self.name, self.frn, self.ocn, self.first, self.last, self.detail]
        return UUID(bytes=sha256(msgspec.json.encode(said, order="deterministic")).digest()[:16])


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that could not be read."""

    position: int
    reason: str


Reader = Callable[[BinaryIO], Iterator[Entry | Fault]]


def rows(
    file: BinaryIO, *, required: Iterable[str], aliases: dict[str, str] | None = None
) -> Iterator[tuple[int, dict[str, str] | Fault]]:
    """Yield (line, row by lower-case column name) of a table, comma or tab separated, UTF-8 with or without BOM.

    Column names are compared by their letters and digits alone; ``aliases`` maps such a name to ours.

    Raises:
        BadRegistry: a column of ``required`` is missing, or a line does not end.
    """
    lines = _lines(file)
    head = next(lines, "")
    delimiter = "\t" if head.count("\t") > head.count(",") else ","
    try:
        names = [_name(name, aliases or {}) for name in next(csv.reader([head], delimiter=delimiter), [])]
    except csv.Error as error:
        raise BadRegistry(f"the first line names no columns: {error}") from error
    missing = [name for name in required if name not in names]
    if missing:
        raise BadRegistry(f"the file has no column {missing[0]}; its first line is {head[:160]!r}")
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num + 1, Fault(reader.line_num + 1, f"no row: {error}")
            continue
        if any(value.strip() for value in values):
            # A row that is too short lacks its last values; one that is too long shifted a value into another column.
            place = reader.line_num + 1
            if len(values) > len(names):
                yield place, Fault(place, f"the row has {len(values)} values, the header {len(names)} names")
                continue
            yield place, {name: value.strip() for name, value in zip(names, values, strict=False)}


def _name(text: str, aliases: dict[str, str]) -> str:
    plain = "".join(character for character in text.lower() if character.isalnum())
    return aliases.get(plain, text.strip().lower())


def _lines(file: BinaryIO) -> Iterator[str]:
    first = True
    while octets := file.readline(LINE_OCTETS + 1):
        if len(octets) > LINE_OCTETS:
            raise BadRegistry(f"a line has more than {LINE_OCTETS} octets: the file is damaged, or no such registry")
        try:
            yield octets.decode("utf-8-sig" if first else "utf-8").replace("\x00", "\ufffd")
        except UnicodeDecodeError:
            # Exports by hand are often in the code page of an office machine.
            yield octets.decode("cp1252", "replace").replace("\x00", "\ufffd")
        first = False


def digits(text: str) -> str:
    """Return the ASCII digits of ``text``."""
    return "".join(character for character in text if character in "0123456789")
