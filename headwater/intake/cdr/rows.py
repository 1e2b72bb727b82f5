"""A file's octets, cut into rows in bounded memory, each with its place; a broken one never costs its neighbours.

The octets come in blocks that end with a line. Blocks are cut by a rule that depends on the file alone, so that a
reader who goes on at a block's end after a crash numbers rows as the first one did.
"""

import csv
import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus

import msgspec

from headwater.errors import Invalid
from headwater.intake.cdr import radius
from headwater.intake.cdr.blocks import ROW_OCTETS, Block
from headwater.intake.cdr.mapping import Input, Layout

#: Lines over which one row may go on inside quotes.
ROW_LINES: Final = 20
#: Values of one row.
ROW_VALUES: Final = 1_000
TOO_LONG: Final = f"the row has more than {ROW_OCTETS} octets"
_BOMS: Final = {b"\xef\xbb\xbf": "UTF-8", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}

# The reader's own bound is for the whole process, and lower.
csv.field_size_limit(max(csv.field_size_limit(), ROW_OCTETS))


class BadFile(Invalid):
    """A file is not what its format says; nothing of it was read."""


class Row(NamedTuple):
    """One row, or why there is none at its place."""

    number: int
    """From 1; the header is none, and lines inside quotes are one row."""
    offset: int
    """Of its first octet in the file, uncompressed."""
    raw: bytes
    values: Any
    """A list for separated values, else a mapping of names."""
    fault: str = ""


class Cutter:
    """Cuts blocks into rows. Holds what a row left open at the end of a block, and the header."""

    def __init__(self, form: Input, *, header: list[str] | None = None, number: int = 0) -> None:
        self._form = form
        self.header = header
        """Names of the columns, once they are known; those of the mapping where the file has none."""
        self.number = number
        self._before = form.skip
        self._after = form.after_header if header is None and form.header else 0
        if header is not None:
            self._before = 0
        elif not form.header:
            self.header = list(form.columns)
        self._open: list[tuple[int, bytes]] = []

    @property
    def held_octets(self) -> int:
        """How many octets at the end of what came are a row that is not complete: a reader goes on before them."""
        return sum(len(part) + 1 for _, part in self._open)

    def rows(self, block: Block, *, last: bool = False) -> Iterator[Row]:
        """Yield the rows that ``block`` completes; ``last`` says that nothing follows.

        Raises:
            BadFile: the header is missing or no header of this format.
        """
        octets = block.octets
        offset = block.offset
        last = last or bool(block.too_long)
        if offset == 0:
            octets, offset = _without_mark(octets)
        if self._form.layout is Layout.JSON:
            yield from self._objects(octets, offset, last=last)
        else:
            yield from self._lines(octets, offset, last=last)
        if block.too_long:
            self.number += 1
            start = block.offset + len(block.octets)
            yield Row(self.number, start, block.too_long, None, TOO_LONG)

    # -- lines -------------------------------------------------------------------------------------------------------

    def _lines(self, octets: bytes, offset: int, *, last: bool) -> Iterator[Row]:
        lines = self._joined(octets, offset, last=last)
        if self._form.layout is Layout.CSV:
            yield from self._table(lines)
            return
        for start, raw in lines:
            if not raw.strip():
                continue
            self.number += 1
            yield self._logged(start, raw)

    def _joined(self, octets: bytes, offset: int, *, last: bool) -> list[tuple[int, bytes]]:
        """Return (offset, octets) of each row: lines, joined where a quoted value goes on in the next."""
        found: list[tuple[int, bytes]] = []
        many = self._form.layout is Layout.CSV and self._form.quoted and self._form.multiline
        if self._form.layout is Layout.RADIUS:
            return self._paragraphs(octets, offset, last=last)
        parts = octets.split(b"\n")
        if not parts[-1]:
            parts.pop()
        if not many or (not self._open and b'"' not in octets):
            for part in parts:
                found.append((offset, part))
                offset += len(part) + 1
            return found
        waiting, self._open = self._open, []
        odd = sum(part.count(b'"') for _, part in waiting) % 2 == 1
        for part in parts:
            odd ^= part.count(b'"') % 2 == 1
            if not waiting and not odd:
                found.append((offset, part))
            else:
                waiting.append((offset, part))
                if not odd or len(waiting) >= ROW_LINES:
                    found += _closed(waiting, open_still=odd)
                    waiting, odd = [], False
            offset += len(part) + 1
        if last:
            found += _closed(waiting, open_still=True)
        else:
            self._open = waiting
        return found

    def _paragraphs(self, octets: bytes, offset: int, *, last: bool) -> list[tuple[int, bytes]]:
        """Return RADIUS packets: a hexadecimal line, or the indented lines of one entry of a detail file."""
        found: list[tuple[int, bytes]] = []
        for part in octets.split(b"\n"):
            if part[:1] in {b"\t", b" "} and part.strip() and self._open and len(self._open) < ROW_VALUES:
                self._open.append((offset, part))
            else:
                found += _whole(self._open)
                self._open = [(offset, part)] if part.strip() else []
            offset += len(part) + 1
        if last:
            found += _whole(self._open)
            self._open = []
        return found

    def _table(self, lines: list[tuple[int, bytes]]) -> Iterator[Row]:
        while self._before and lines:
            self._before -= 1
            lines = lines[1:]
        encoding = self._form.encoding
        while lines and (self.header is None or self._after):
            first = lines[0][1].decode(encoding, "replace").rstrip("\r")
            lines = lines[1:]
            if self.header is not None:
                self._after -= 1
            elif first.strip():
                self.header = [name.strip() for name in _split(first, self._form)]
        texts = b"\n".join(raw for _, raw in lines).decode(encoding, "replace")
        if texts.count("\n") == len(lines) - 1:  # no row goes on in a next line
            cut = [text.removesuffix("\r") for text in texts.split("\n")] if lines else []
        else:
            cut = [raw.decode(encoding, "replace").removesuffix("\r") for _, raw in lines]
        yield from self._values(lines, cut)

    def _values(self, lines: list[tuple[int, bytes]], texts: list[str]) -> Iterator[Row]:
        form = self._form
        number = self.number
        split = _rows(texts, form)
        least, most = form.least, form.most
        if form.header and self.header is not None:
            least = most = len(self.header)  # a row that was cut off, or has a stray delimiter, says wrong things
        for (offset, raw), text in zip(lines, texts, strict=True):
            fault = ""
            values: list[str] = []
            try:
                values = next(split)
            except csv.Error as error:
                fault = f"no row of separated values: {error}"
            if not text or text.isspace():
                continue
            number += 1
            self.number = number
            if raw[-1:] == b"\r":
                raw = raw[:-1]  # noqa: PLW2901 - the line's end is no part of the row
            if not fault and not least <= len(values) <= most:
                fault = f"the row has {len(values)} columns, not {least}" + (f" to {most}" if most > least else "")
            if len(raw) > ROW_OCTETS:
                fault, raw = TOO_LONG, raw[:1_024]  # noqa: PLW2901 - as above
            yield Row(number, offset, raw, _without_extra(values, form), fault)

    def _logged(self, offset: int, raw: bytes) -> Row:
        raw = raw.removesuffix(b"\r")
        if len(raw) > ROW_OCTETS:
            return Row(self.number, offset, raw[:1_024], None, TOO_LONG)
        text = raw.decode(self._form.encoding, "replace")
        if self._form.layout is Layout.RADIUS:
            try:
                return Row(self.number, offset, raw, radius.values(text))
            except radius.BadPacket as error:
                return Row(self.number, offset, raw, None, str(error))
        place = text.find(self._form.begins)
        if place < 0:
            return Row(self.number, offset, raw, None, f"the line does not hold {self._form.begins!r}")
        pairs = (part.partition("=") for part in text[place:].split(self._form.delimiter)[:ROW_VALUES])
        return Row(self.number, offset, raw, {name.strip(): value for name, equals, value in pairs if equals})

    # -- objects -----------------------------------------------------------------------------------------------------

    def _objects(self, octets: bytes, offset: int, *, last: bool) -> Iterator[Row]:
        """Yield JSON objects: one a line where they are, else one after the other wherever they end."""
        if self._open:
            offset, before = self._open[0]
            octets, self._open = before + octets, []
        place = 0
        while place < len(octets):
            end = octets.find(b"\n", place)
            line = octets[place : end if end >= 0 else len(octets)]
            plain = line.strip(b" \t\r,")
            if plain in {b"", b"[", b"]"}:
                place += len(line) + 1
                continue
            if plain.startswith(b"cdr="):
                yield self._posted(offset + place, plain)
                place += len(line) + 1
                continue
            row = self._object_of_line(offset + place, plain)
            if row is not None:
                place += len(line) + 1
                yield row
                continue
            found = self._object_of_lines(octets, place, offset, last=last)
            if found is None:
                self._open = [(offset + place, octets[place:])]
                return
            row, place = found
            if row is not None:
                yield row

    def _object_of_line(self, offset: int, plain: bytes) -> Row | None:
        if plain[:1] != b"{" or plain[-1:] != b"}":
            return None
        try:
            value = msgspec.json.decode(plain)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        self.number += 1
        return Row(self.number, offset, plain, value)

    def _posted(self, offset: int, plain: bytes) -> Row:
        """Read the form that a switch posts: ``cdr=`` and URL-encoded JSON."""
        self.number += 1
        try:
            text = unquote_plus(plain[4:].partition(b"&")[0].decode("ascii", "replace"))
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            return Row(self.number, offset, plain[:ROW_OCTETS], None, f"no JSON after cdr=: {error}")
        fault = "" if isinstance(value, dict) else "the record is no JSON object"
        return Row(self.number, offset, plain, value if not fault else None, fault)

    def _object_of_lines(self, octets: bytes, place: int, offset: int, *, last: bool) -> tuple[Row | None, int] | None:
        """Return the object that begins at ``place`` and where the next one may; ``None`` where more is needed."""
        start = place
        while start < len(octets) and octets[start : start + 1] in b" \t\r\n,[]":
            start += 1
        if start >= len(octets):
            return None, len(octets)
        # One wrong octet must not move the others: what is no UTF-8 is kept by an escape, and goes out as it came in.
        text = octets[start : start + ROW_OCTETS].decode("utf-8", "surrogateescape")
        try:
            value, length = _DECODER.raw_decode(text)
        except (ValueError, RecursionError) as error:
            if not last and len(octets) - start < ROW_OCTETS:
                return None
            end = _next_object(octets, start + 1)
            self.number += 1
            return Row(
                self.number, offset + start, octets[start : min(end, start + 1_024)], None, f"no JSON: {error}"
            ), end
        raw = text[:length].encode("utf-8", "surrogateescape")
        self.number += 1
        fault = "" if isinstance(value, dict) else "the record is no JSON object"
        return Row(self.number, offset + start, raw, value if not fault else None, fault), start + len(raw)


_DECODER: Final = json.JSONDecoder()


def _next_object(octets: bytes, start: int) -> int:
    found = octets.find(b"\n{", start)
    return found + 1 if found >= 0 else len(octets)


def _closed(waiting: list[tuple[int, bytes]], *, open_still: bool) -> list[tuple[int, bytes]]:
    """Return lines as one row; as rows of their own where their quotes never closed."""
    if not waiting:
        return []
    if open_still:
        return waiting
    return _whole(waiting)


def _whole(lines: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    return [(lines[0][0], b"\n".join(part for _, part in lines))] if lines else []


def _without_mark(octets: bytes) -> tuple[bytes, int]:
    for mark, name in _BOMS.items():
        if octets.startswith(mark):
            if name != "UTF-8":
                raise BadFile("The file is UTF-16 text. Save it as UTF-8 (CSV UTF-8 in a spreadsheet), and send that.")
            return octets[len(mark) :], len(mark)
    return octets, 0


def _without_extra(values: list[str], form: Input) -> list[str]:
    if form.extra is not None and len(values) == form.extra.count:
        at = form.extra.at - 1
        return values[:at] + values[at + form.extra.number :]
    return values


def _rows(texts: list[str], form: Input) -> Iterator[list[str]]:
    if form.loose_quotes:
        return (_loose(text, form.delimiter) for text in texts)
    if not form.quoted:
        return csv.reader((f"{text}\n" for text in texts), delimiter=form.delimiter, quoting=csv.QUOTE_NONE)
    if not any('"' in text for text in texts):
        return csv.reader(texts, delimiter=form.delimiter)
    return _Each(texts, form.delimiter)


class _Each:
    """The reader of the standard library, held to one row for one text: an open quote must not take the next row."""

    def __init__(self, texts: list[str], delimiter: str) -> None:
        self._texts = texts
        self._delimiter = delimiter
        self._place = 0
        self._reader = self._fresh()

    def _fresh(self) -> Iterator[list[str]]:
        return csv.reader(iter(self._next_text, None), delimiter=self._delimiter)

    def _next_text(self) -> str | None:
        place = self._place
        self._place = place + 1
        return self._texts[place] if place < len(self._texts) else None

    def __iter__(self) -> "_Each":
        return self

    def __next__(self) -> list[str]:
        place = self._place
        try:
            row = next(self._reader)
        finally:
            overran = self._place > place + 1
            self._place = place + 1
        if overran:
            self._reader = self._fresh()
            raise csv.Error("a quoted value does not end")
        return row


def _split(text: str, form: Input) -> list[str]:
    try:
        return next(_rows([text], form), [])
    except csv.Error as error:
        raise BadFile(f"the header cannot be read: {error}") from error


def _loose(text: str, delimiter: str) -> list[str]:
    """Split a row in which quotes inside quoted values are not doubled: only one beside a delimiter counts."""
    values: list[str] = []
    for part in text.split(delimiter):
        if values and values[-1].startswith('"') and not _ends(values[-1]):
            values[-1] += delimiter + part
        else:
            values.append(part)
    return [value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value for value in values]


def _ends(value: str) -> bool:
    return len(value) > 1 and value.endswith('"')
