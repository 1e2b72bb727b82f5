"""Which format a file has: each ready mapping is tried on its first rows, and the answer says why. Pure."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from headwater.errors import Invalid
from headwater.intake.cdr.blocks import Block
from headwater.intake.cdr.mapping import Layout, Mapping, presets
from headwater.intake.cdr.reading import Batch, FileReader
from headwater.intake.cdr.rows import BadFile
from headwater.intake.cdr.shown import FIELD_NAMES, fields_of
from headwater.intake.provenance import Provenance

#: Octets at the beginning of a file by which its format is told.
HEAD_OCTETS: Final = 65_536
#: Rows that are looked at.
ROWS: Final = 50
#: Share of the rows that a format must be able to read.
ENOUGH: Final = 0.5
_ANYBODY: Final = Provenance(source_id="preview")
#: Times only have to be readable here; which zone they are of changes nothing.
_UTC: Final = ZoneInfo("UTC")


class UnknownLayout(Invalid):
    """No ready format fits the file, or several do; the message says which, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How well one format fits."""

    mapping: Mapping
    readable: int
    looked_at: int
    marks: int
    """How many names or texts of the format were found: a format that asks for more is meant where two fit."""
    trouble: str = ""

    @property
    def share(self) -> float:
        """Share of the rows that the format reads."""
        return self.readable / self.looked_at if self.looked_at else 0.0

    @property
    def reason(self) -> str:
        """Say why, in one sentence."""
        if self.trouble:
            return f"{self.mapping.name}: {self.trouble}"
        marks = f", {self.marks} of its marks are there" if self.marks else ""
        return f"{self.mapping.name}: {self.readable} of the first {self.looked_at} rows can be read{marks}"


def trials(head: bytes, now: datetime) -> list[Trial]:
    """Return how each ready format fits a file that begins with ``head``, the best first."""
    found = [_tried(mapping, head, now) for mapping in presets().values()]
    return sorted(found, key=lambda one: (-one.share, -one.marks, one.mapping.name))


def recognised(head: bytes, now: datetime) -> Trial:
    """Return the one format that fits a file.

    Raises:
        UnknownLayout: none does, or several as well as each other.
    """
    found = [one for one in trials(head, now) if one.share >= ENOUGH]
    if not found:
        raise UnknownLayout(
            "The file shows none of the ready formats. Name one with --format, or give a mapping of your own: "
            "docs/howto/send-cdrs.md shows how. Ready: " + ", ".join(presets()) + "."
        )
    best = found[0]
    equal = [one for one in found if (one.share, one.marks) == (best.share, best.marks)]
    if len(equal) > 1:
        raise UnknownLayout(
            "The file could be " + " or ".join(one.mapping.name for one in equal) + "; say which with --format."
        )
    return best


def _tried(mapping: Mapping, head: bytes, now: datetime) -> Trial:
    marks = _marks(mapping, head)
    if marks < 0:
        return Trial(mapping=mapping, readable=0, looked_at=0, marks=0, trouble="its marks are not in the file")
    try:
        batch = first_rows(head, mapping, now, zone=mapping.zone_info or _UTC)
    except BadFile as error:
        return Trial(mapping=mapping, readable=0, looked_at=0, marks=0, trouble=str(error))
    readable, looked_at = len(batch.records) + batch.passed, batch.number_of_rows
    if not batch.records:
        readable = 0  # rows that are passed over show nothing alone
    return Trial(mapping=mapping, readable=readable, looked_at=looked_at, marks=marks)


def first_rows(  # noqa: PLR0913 - all by name
    head: bytes,
    mapping: Mapping,
    now: datetime,
    *,
    zone: ZoneInfo | None = None,
    secret: bytes = b"",
    whole: bool = False,
) -> Batch:
    """Return the first ``ROWS`` rows of a file that begins with ``head``, as ``mapping`` understands them.

    ``whole`` says that the file is not longer. Raises as ``FileReader.read`` does.
    """
    octets = head if whole or len(head) < HEAD_OCTETS else head[: head.rfind(b"\n") + 1 or len(head)]
    reader = FileReader(mapping, _ANYBODY, zone=zone, secret=secret)
    if mapping.input.layout is not Layout.JSON:
        octets = b"".join(io.BytesIO(octets).readlines()[: (ROWS + 30) * 2])
    batch = reader.read(Block(0, octets), now, last=True)
    if not whole and len(head) >= HEAD_OCTETS and batch.refused and mapping.input.layout is Layout.JSON:
        batch.refused.pop()  # the head ends within an object
    for kept in (batch.records, batch.rows, batch.refused):
        del kept[ROWS:]
    return batch


def _marks(mapping: Mapping, head: bytes) -> int:
    """Return how many marks of the format the head shows; -1 where one is missing."""
    detect = mapping.detect
    text = head.decode("utf-8", "replace").lstrip("\ufeff")
    if any(mark not in text for mark in detect.contains) or not _SHOWN[mapping.input.layout](text, mapping):
        return -1
    if detect.first:
        delimiter = mapping.input.delimiter
        rows = [line.split(delimiter, 1)[0].strip().strip('"') for line in text.split("\n")[:ROWS] if delimiter in line]
        if not rows or any(first not in detect.first for first in rows):
            return -1
    return len(detect.columns) + len(detect.contains) + bool(detect.first)


def _json_shown(text: str, mapping: Mapping) -> bool:
    if text.startswith("cdr="):
        return True
    return text.lstrip()[:1] in {"{", "["} and all(f'"{name}"' in text for name in mapping.detect.columns)


def _radius_shown(text: str, _mapping: Mapping) -> bool:
    return _is_hexadecimal(text.lstrip().split("\n", 1)[0].strip()) or "Acct-Status-Type" in text


def _table_shown(text: str, mapping: Mapping) -> bool:
    names = {name.strip().strip('"') for name in text.split("\n", 1)[0].rstrip("\r").split(mapping.input.delimiter)}
    return not mapping.input.header or set(mapping.detect.columns) <= names


_SHOWN: Final[dict[Layout, Callable[[str, Mapping], bool]]] = {
    Layout.CSV: _table_shown,
    Layout.JSON: _json_shown,
    Layout.KEY_VALUE: lambda _text, _mapping: True,
    Layout.RADIUS: _radius_shown,
}


def _is_hexadecimal(text: str) -> bool:
    return len(text) >= 40 and text[:2] == "04" and all(character in "0123456789abcdefABCDEF" for character in text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of a preview: what was understood, or why nothing was."""

    row: int
    cells: tuple[str, ...] = ()
    reason: str = ""
    raw: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The first rows of a file as a mapping understands them."""

    mapping: Mapping
    explained: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    sources: tuple[tuple[str, str], ...]
    """(field, column of the file that fills it)."""
    passed: int

    @property
    def filled(self) -> tuple[int, ...]:
        """Places of the columns in which some row says something."""
        return tuple(
            place for place in range(len(self.columns)) if any(line.cells[place] for line in self.lines if line.cells)
        )

    @property
    def refused(self) -> int:
        """Rows that could not be read."""
        return sum(1 for line in self.lines if line.reason)


def preview(  # noqa: PLR0913 - all by name
    head: bytes, mapping: Mapping | None, now: datetime, *, zone: str = "", secret: str = "", whole: bool = False
) -> Preview:
    """Return the first rows as understood; without ``mapping`` the file shows its format.

    Raises:
        UnknownLayout: the file shows no format, or several.
        NeedsZone: its times are local, and nobody said whose.
        BadFile, BadMapping: the file is none of this format; there is no such zone.
    """
    explained = ""
    if mapping is None:
        trial = recognised(head, now)
        mapping, explained = trial.mapping, f"read as {trial.reason}"
    mapping = mapping.with_zone(zone)
    explained = explained or f"read as {mapping.name} ({mapping.title})"
    batch = first_rows(head, mapping, now, zone=ZoneInfo(zone) if zone else None, secret=secret.encode(), whole=whole)
    lines = [
        Line(row=number, cells=tuple(fields_of(record).values()))
        for number, record in zip(batch.rows, batch.records, strict=True)
    ]
    lines += [
        Line(row=one.row, reason=one.reason, raw=one.raw[:300].decode("utf-8", "replace")) for one in batch.refused
    ]
    return Preview(
        mapping=mapping,
        explained=explained,
        columns=FIELD_NAMES,
        lines=tuple(sorted(lines, key=lambda line: line.row)),
        sources=sources(mapping),
        passed=batch.passed,
    )


def sources(mapping: Mapping) -> tuple[tuple[str, str], ...]:
    """Return which columns fill which field, of the first kind of row that is kept."""
    kind = next(variant for variant in mapping.row if not variant.skip)
    found = [(f"{name} time", time.column) for name, time in kind.times.items()]
    found += [(name, field.column) for name, field in kind.fields.items() if field.column != []]
    return tuple(
        (name, ", ".join(map(str, column)) if isinstance(column, list) else str(column)) for name, column in found
    )
