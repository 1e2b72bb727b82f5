"""A file or an answer of a source, cut into its records: bounded, and a broken one never costs its neighbours."""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from collections.abc import Mapping as Members
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec

from headwater.errors import Invalid, TooLarge
from headwater.intake.events.mapping import Format, Input, Mapping, at_path

#: Octets of one line; of one record of a CSV file, which may go on over some lines inside quotes.
LINE_OCTETS: Final = 65_536
ROW_LINES: Final = 20
#: Octets of one JSON document, inflated. Larger exports come as NDJSON or CSV.
DOCUMENT_OCTETS: Final = 256 * 1024 * 1024
_GZIP: Final = b"\x1f\x8b"


class Item(NamedTuple):
    """One record of a source, or why there is none at its place."""

    position: int
    """Line of a text file, or place in a JSON list; from 1."""
    value: Any
    original: str
    fault: str = ""


class BadFile(Invalid):
    """A file is not what its mapping says it is; nothing of it was read."""


def items(file: BinaryIO, form: Input) -> Iterator[Item]:
    """Yield the records of a file, plain or gzipped.

    Raises:
        BadFile: it is no such file, or a header names other columns.
        TooLarge: a JSON document beyond ``DOCUMENT_OCTETS``.
    """
    file = _inflated(file)
    try:
        if form.format is Format.JSON:
            yield from _json_items(file, form)
        elif form.format is Format.NDJSON:
            yield from _ndjson_items(file)
        else:
            yield from _table_items(file, form)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadFile(f"the gzip file is damaged or cut off: {error}") from error


def recognise(head: bytes, mappings: Members[str, Mapping]) -> Mapping | None:
    """Return the mapping whose format the first octets of a file show, or ``None`` where none or several do."""
    if head[:2] == _GZIP:
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, LINE_OCTETS)
        except zlib.error:
            return None
    text = head.decode("utf-8-sig", "replace")
    found = [mapping for mapping in mappings.values() if _shows(text, mapping.input)]
    # The one that asks for most is meant: a format's marks may be a part of another's.
    found.sort(key=lambda mapping: -len(mapping.input.detect_columns) - len(mapping.input.detect_keys))
    return found[0] if found else None


def _shows(text: str, form: Input) -> bool:
    first = text.split("\n", 1)[0].strip()
    if form.detect_columns:
        return set(form.detect_columns) <= set(_names(first, form))
    if form.detect_keys:
        begins = text.lstrip()[:1]
        return begins in {"{", "["} and all(f'"{key}"' in text for key in form.detect_keys)
    return bool(form.detect_pattern) and re.match(form.detect_pattern, first) is not None


def _inflated(file: BinaryIO) -> BinaryIO:
    head = file.read(2)
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if head == _GZIP else file  # type: ignore[return-value]  # it reads as one


def _lines(file: BinaryIO) -> Iterator[tuple[int, str, str]]:
    """Yield (number, text, fault) of each line; of one that is too long, its beginning."""
    number = 0
    while octets := file.readline(LINE_OCTETS + 1):
        number += 1
        fault = ""
        if len(octets) > LINE_OCTETS and not octets.endswith(b"\n"):
            fault = f"the line has more than {LINE_OCTETS} octets"
            octets = octets[:LINE_OCTETS]
            while (rest := file.readline(LINE_OCTETS)) and not rest.endswith(b"\n"):
                pass
        text = octets.decode("utf-8-sig" if number == 1 else "utf-8", "backslashreplace").rstrip("\r\n")
        yield number, text, fault


def _ndjson_items(file: BinaryIO) -> Iterator[Item]:
    for number, line, fault in _lines(file):
        if fault or line.strip():
            yield Item(number, None, line, fault) if fault else _json_item(number, line)


def _json_item(number: int, line: str) -> Item:
    try:
        return Item(number, msgspec.json.decode(line), line)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        return Item(number, None, line, f"no JSON: {error}")


def _json_items(file: BinaryIO, form: Input) -> Iterator[Item]:
    octets = file.read(DOCUMENT_OCTETS + 1)
    if len(octets) > DOCUMENT_OCTETS:
        raise TooLarge(f"the JSON document has more than {DOCUMENT_OCTETS} octets; send it as NDJSON")
    try:
        document = msgspec.json.decode(octets.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadFile(f"the file is no JSON document: {error}") from error
    found = at_path(document, form.records) if form.records else document
    if found is None and form.records:
        raise BadFile(f"the document has nothing at {form.records!r}: it is another answer than the mapping expects")
    for number, value in enumerate(found if isinstance(found, list) else [found], start=1):
        original = msgspec.json.encode(value).decode()
        yield Item(number, value, original, "" if isinstance(value, dict) else "the record is no JSON object")


def _table_items(file: BinaryIO, form: Input) -> Iterator[Item]:
    columns = form.columns
    waiting: list[tuple[int, str]] = []
    for number, line, fault in _lines(file):
        if fault:
            yield from _given_up(waiting)
            waiting = []
            yield Item(number, None, line, fault)
            continue
        if not waiting and not line.strip():
            continue
        waiting.append((number, line))
        # An odd number of quotes: the record goes on in the next line.
        if sum(text.count('"') for _, text in waiting) % 2 and form.format is Format.CSV:
            if len(waiting) >= ROW_LINES:
                first, *rest = waiting
                yield Item(first[0], None, first[1], f"a quoted value does not end within {ROW_LINES} lines")
                waiting = rest if sum(text.count('"') for _, text in rest) % 2 else []
                yield from (_row(columns, number, text, form) for number, text in rest if not waiting)
            continue
        place, original = waiting[0][0], "\n".join(text for _, text in waiting)
        waiting = []
        if not columns:
            columns = _header(original, form)
            continue
        yield _row(columns, place, original, form)
    yield from _given_up(waiting)


def _given_up(waiting: list[tuple[int, str]]) -> Iterator[Item]:
    for number, text in waiting:
        yield Item(number, None, text, "a quoted value does not end")


def _header(line: str, form: Input) -> list[str]:
    names = _names(line, form)
    missing = [name for name in form.detect_columns if name not in names]
    if missing or not names:
        raise BadFile(f"the file has no column {(missing or ['at all'])[0]}; its first line is {line[:120]!r}")
    return names


def _names(line: str, form: Input) -> list[str]:
    """Return the names of a header line; none where it is no row."""
    try:
        return [name.strip() for name in next(_rows(line.split("\n"), form), [])]
    except csv.Error:
        return []


def _row(columns: list[str], place: int, original: str, form: Input) -> Item:
    try:
        values = next(_rows(original.split("\n"), form), [])
    except csv.Error as error:
        return Item(place, None, original, f"no row: {error}")
    if len(values) > len(columns):
        return Item(place, None, original, f"the row has {len(values)} values, the header {len(columns)} names")
    return Item(place, dict(zip(columns, values, strict=False)), original)


def _rows(lines: list[str], form: Input) -> Iterator[list[str]]:
    # Line feeds inside quotes are put back: the reader gets the lines one by one.
    whole = [f"{line}\n" for line in lines]
    if form.format is Format.TSV:
        return csv.reader(whole, delimiter="\t", quoting=csv.QUOTE_NONE)
    return csv.reader(whole, delimiter=form.delimiter)
