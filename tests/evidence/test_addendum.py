"""An addendum's statement is what was signed, octet by octet, by the key that the reader brought."""

import json
import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from headwater.cli.main import build
from headwater.evidence import addendum, keys
from headwater.evidence.addendum import NotAnAddendum

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PEM = keys.pem(KEY.public_key())
STATEMENT = {
    **dict.fromkeys(addendum.MEMBERS, "x"),
    "still_ringing": True, "calls_since_sealing": 12, "number": 2, "previous": "ab" * 32, "rate_per_minute": "3.20",
}  # fmt: skip


def made(**changes: object) -> bytes:
    return addendum.octets({**STATEMENT, **changes}, keys.raw(KEY.public_key()), KEY.sign)


def test_what_was_signed_is_stated_in_plain_words():
    found = addendum.check(made(), PEM)
    text = "\n".join(addendum.lines(found))
    assert found.pinned
    assert "was still ringing: 12 calls were reported" in text
    assert "was not ringing any more" in "\n".join(addendum.lines(addendum.check(made(still_ringing=False))))
    assert "It is the first one." in addendum.lines(addendum.check(made(previous="")))


def test_any_changed_octet_is_found():
    octets, rng = made(), random.Random(1)
    for _ in range(300):
        changed = bytearray(octets)
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        with pytest.raises(NotAnAddendum):
            addendum.check(bytes(changed), PEM)


def test_another_key_is_told_from_the_custodian_s():
    other = Ed25519PrivateKey.generate()
    forged = addendum.octets(STATEMENT, keys.raw(other.public_key()), other.sign)
    with pytest.raises(NotAnAddendum, match="another key"):
        addendum.check(forged, PEM)
    assert not addendum.check(forged).pinned


@pytest.mark.parametrize(
    "octets",
    [b"", b"{}", b"[]", b"null", b"{" * 5_000, b"\xff{", b"x" * (addendum.LARGEST + 1), made()[:-2], made() + b" "],
)
def test_what_is_no_addendum_is_refused_in_words(octets: bytes):
    with pytest.raises(NotAnAddendum):
        addendum.check(octets, PEM)


def test_a_statement_that_leaves_something_out_is_refused():
    short = {name: value for name, value in STATEMENT.items() if name != "last_call_at"}
    with pytest.raises(NotAnAddendum, match="last_call_at"):
        addendum.check(addendum.octets(short, keys.raw(KEY.public_key()), KEY.sign), PEM)


def test_the_command_takes_an_addendum_where_it_takes_a_package(tmp_path: Path):
    file, pem = tmp_path / "EP-1-addendum-1.json", tmp_path / "key.pem"
    file.write_bytes(made())
    pem.write_bytes(PEM)
    arguments = ["evidence", "verify", str(file), "--key", str(pem)]
    good = CliRunner().invoke(build(arguments), arguments)
    assert (good.exit_code, good.output.splitlines()[0][:3]) == (0, "OK.")
    changed = json.loads(made())
    changed["statement"]["calls_since_sealing"] = 13
    file.write_text(json.dumps(changed))
    bad = CliRunner().invoke(build(arguments), arguments)
    assert bad.exit_code == 1
    assert "NOT AS SIGNED" in bad.output
