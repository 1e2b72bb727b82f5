"""How tables and values become octets: CSV that no spreadsheet executes, JSON in one fixed form. Pure."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV injection"); "'" makes it text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def cell(value: object) -> str:
    """Return ``value`` as CSV text that stays text: a formula gets an apostrophe, NUL is shown as a symbol."""
    if value is None:
        return ""
    if isinstance(value, list | tuple | Mapping):
        value = json.dumps(value, sort_keys=True, ensure_ascii=False)
    text = str(value).replace("\x00", "\u2400")
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) else text


def csv_octets(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return ``rows`` as CSV (RFC 4180, UTF-8), each value guarded by ``cell``."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows([cell(row.get(column)) for column in columns] for row in rows)
    return out.getvalue().encode("utf-8", "replace")


def columns_of(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Return the columns of rows that have no fixed ones: every member that one of them has, in their order."""
    return list(dict.fromkeys(name for row in rows for name in row))


def header(octets: bytes) -> list[str]:
    """Return the columns that a table of ours names; ``ValueError`` where it is none."""
    try:
        return next(csv.reader(io.StringIO(octets.decode(), newline="")), [])
    except csv.Error as error:
        raise ValueError(str(error)) from error


def json_octets(value: Any) -> bytes:
    """Return ``value`` as readable JSON: sorted members, two spaces, UTF-8, one newline at the end."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace") + b"\n"
