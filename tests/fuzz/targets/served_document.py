"""An uploaded document: passed unchanged under a harmless name, or refused with what was found in it."""

import zlib
from pathlib import Path

from headwater.errors import Invalid, TooLarge
from headwater.legal import documents

_PDF = (Path(__file__).parents[2] / "evidence" / "subpoena.pdf").read_bytes()
_HEAD, _END = b"%PDF-1.7\n", b"\nstartxref\n9\n%%EOF\n"


def _stream(dictionary: bytes, body: bytes) -> bytes:
    return _HEAD + b"1 0 obj\n<<" + dictionary + b">>\nstream\n" + body + b"\nendstream\nendobj" + _END


SEEDS = [
    _PDF[:6_000] if len(_PDF) > 6_000 else _PDF,
    _HEAD + b"1 0 obj\n<</Type /Catalog /OpenAction 2 0 R>>\nendobj" + _END,
    _stream(b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", zlib.compress(b"1 0 <</S /JavaScript /JS (x)>>")),
    _stream(b"/Filter [/FlateDecode]", zlib.compress(bytes(300_000))),
]
TOKENS = [
    b"/J#61vaScript",
    b"/JS ",
    b"/Launch",
    b"/Encrypt ",
    b"/ObjStm",
    b"stream\r\n",
    b"endstream",
    b"#4A",
    b"%%EOF",
]


def target(data: bytes) -> None:
    name = data[-40:].decode("latin-1")
    safe = documents.safe_filename(name)
    assert safe.endswith(".pdf")
    assert "/" not in safe
    assert documents.safe_filename(safe) == safe
    try:
        found = documents.inspect(name, data)
    except (Invalid, TooLarge):
        return
    assert found.octets == data
    assert b"/JavaScript " not in data
