"""A sealed package, as octets and sealed by one who lies: a report of checks, never an exception."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from headwater.errors import Invalid
from headwater.evidence import addendum, keys, layout
from headwater.evidence.verify import verify
from tests.evidence import specimen
from tests.evidence.test_addendum import STATEMENT
from tests.evidence.test_verify import GOOD, members, resealed

_FILES = members(GOOD)
_TABLES = sorted(name for name in _FILES if name.endswith((".json", ".jsonl", ".csv")) and name != layout.SIGNATURE)
_PEM = keys.pem(specimen.KEY.public_key())
_ADDENDUM = addendum.octets(STATEMENT, keys.raw(specimen.KEY.public_key()), specimen.KEY.sign)
SEEDS = [
    b"\xff" + GOOD[:2_000] + GOOD[-6_000:],
    b"\xfe" + _ADDENDUM,
    *(bytes([number]) + _FILES[name][:6_000] for number, name in enumerate(_TABLES)),
]
TOKENS = [
    b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"../", b"null", b"[]", b"{}", b"1e999", b"-1", b'"sha256":"', b"NaN",
    b'"path":', b'"size":', b"\\ud800", b"\r\n", b"[[[[[[",
]  # fmt: skip
LONGEST = 8_192
SHORT_RUN = 60
_HERE = Path(tempfile.gettempdir()) / f"headwater-fuzz-{os.getpid()}.zip"


def target(data: bytes) -> None:
    kind, data = data[:1], data[1:]
    if kind == b"\xfe":
        with suppress(addendum.NotAnAddendum, Invalid):
            addendum.check(data, _PEM)
        return
    whole = data if kind == b"\xff" else _with(_TABLES[kind[0] % len(_TABLES)] if kind else _TABLES[0], data)
    _HERE.write_bytes(whole)
    try:
        report = verify(_HERE, _PEM)
    finally:
        _HERE.unlink()
    assert report.checks
    assert all(check.finding for check in report.checks)


def _with(name: str, octets: bytes) -> bytes:
    """Return the package with one file replaced, sealed anew by the custodian's own key."""
    if name == layout.MANIFEST:
        return GOOD[:100] + octets + GOOD[100:]
    return resealed({**_FILES, name: octets})
