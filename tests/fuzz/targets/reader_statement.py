"""Statements and forms that reach the query facade: what is let through names no withheld column."""

import re
from contextlib import suppress

from headwater.calls import facade, rights, statements

SEEDS = [
    b"\0SELECT event_id, count() AS n FROM calls WHERE call_id = {id:String} GROUP BY event_id FORMAT Native",
    b"\0WITH x AS (SELECT calling FROM headwater.calls) SELECT * FROM x JOIN hours USING (calling)",
    b"\0SELECT (1, 'a''b\\'c') /* c */ -- d\n, toDateTime64('2026-11-24', 6, 'UTC')",
    b'\1--x\r\nContent-Disposition: form-data; name="query"\r\n\r\nSELECT 1\r\n--x--\r\n',
]
TOKENS = [
    b"called", b"raw", b"`raw`", b'"raw"', b"COLUMNS('r.w')", b"file(", b"INTO OUTFILE", b"SETTINGS ", b"url(", b"/*",
    b"*/", b"--", b"{a:Identifier}", b"FROM system.", b"numbers(9)", b";", b"#!", b"\\'", b"''", b"called_digits",
]  # fmt: skip
_REFUSED = re.compile(r"\b(?:raw|called_digits|called_raw|headers|transcript)\b")
_LITERAL = re.compile(r"'(?:[^'\\]|\\.|'')*'|--[^\n]*|#[ !][^\n]*|/\*.*?\*/", re.DOTALL)


def target(data: bytes) -> None:
    text = data[1:].decode("utf-8", "replace")
    if data[:1] == b"\1":
        with suppress(facade._Refused):
            facade._form("multipart/form-data; boundary=x", data[1:])
        return
    for held in (rights.ALL, rights.of("desk"), rights.NARROWEST):
        try:
            output = statements.check(text, database="headwater", rights=held)
        except statements.RefusedStatement:
            continue
        assert output in statements.FORMATS | {""}
        if held is rights.NARROWEST:
            assert not _REFUSED.search(_LITERAL.sub("''", text).lower()), text
