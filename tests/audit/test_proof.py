"""Proofs for whoever has no database: of one entry, and that the log only grew."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from headwater.accounts.actors import Actor
from headwater.audit import checkpoints, proof, queries
from headwater.audit.actions import checkpoint, record
from headwater.audit.statement import Checkpoint
from headwater.audit.tags import Tag
from headwater.audit.verify import chain_hash
from headwater.cli.main import build
from headwater.errors import Forbidden, NotFound
from tests.audit.test_checkpoint_action import home

__all__ = ["home"]

pytestmark = pytest.mark.django_db


def faults(found: proof.Proof, home: Path) -> list[str]:
    key = checkpoints.public_key(home / "audit" / checkpoints.PUBLIC_KEY_FILE)
    return proof.check(
        found,
        signed=lambda one: checkpoints.signature_holds(one, key),
        entry_hash=lambda previous, seq, text: chain_hash(prev_hash=previous, seq=seq, entry=text),
    )


def grown(operator: Actor, *sizes: int) -> list[Checkpoint]:
    made, size = [], 0
    for wanted in sizes:
        for number in range(size, wanted):
            record(operator, Tag.CALL_VIEWED, f"C-{number}")
        size = wanted
        made.append(checkpoint())
    return [one for one in made if one is not None]


def test_an_entry_is_proven_to_whoever_has_the_audits_key(home: Path, operator: Actor) -> None:
    grown(operator, 13)
    for number in (1, 7, 13):
        found = proof.read(proof.octets(queries.proof_of(operator, number)))
        assert faults(found, home) == []
        assert f"C-{number - 1}" in found.entry
        bent = replace(found, entry=found.entry.replace("C-", "D-"))
        assert faults(bent, home) == ["the entry is not in the log whose root was signed"]
        assert faults(replace(found, sequence=number % 13 + 1), home)
        assert faults(replace(found, path=found.path[:-1]), home)
        assert faults(replace(found, path=("zz",)), home)


def test_the_log_is_proven_to_have_only_grown(home: Path, operator: Actor) -> None:
    first, second, _ = grown(operator, 3, 8, 21)
    for earlier in (first, second):
        found = proof.read(proof.octets(queries.proof_since(operator, earlier)))
        assert faults(found, home) == []
        other = replace(earlier, root="ab" * 32)
        assert faults(replace(found, earlier=other), home) == [
            "the earlier checkpoint is not signed by the given key",
            "the later log does not begin with the earlier one",
        ]


def test_what_is_not_signed_yet_or_not_there_is_said(home: Path, operator: Actor, agency: Actor) -> None:
    (signed,) = grown(operator, 2)
    record(operator, Tag.CALL_VIEWED, "C-later")
    for number in (0, 3, 99):
        with pytest.raises(NotFound, match="its last entry is 2"):
            queries.proof_of(operator, number)
    with pytest.raises(NotFound, match="signs 5 entries"):
        queries.proof_since(operator, replace(signed, seq=5))
    with pytest.raises(Forbidden):
        queries.proof_of(agency, 1)


def test_the_commands_write_and_check_a_proof(home: Path, operator: Actor, tmp_path: Path) -> None:
    grown(operator, 5)
    (tmp_path / "proof.json").write_bytes(proof.octets(queries.proof_of(operator, 2)))
    key = str(home / "audit" / checkpoints.PUBLIC_KEY_FILE)
    run = CliRunner().invoke
    told = run(build(["audit"]), ["audit", "check-proof", str(tmp_path / "proof.json"), "--key", key])
    assert told.exit_code == 0
    assert "GOOD  Entry 2 is one of the 5" in told.stdout
    other = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "other.pem").write_bytes(other)
    told = run(
        build(["audit"]), ["audit", "check-proof", str(tmp_path / "proof.json"), "--key", str(tmp_path / "other.pem")]
    )
    assert (told.exit_code, "not signed by the given key" in told.stdout) == (1, True)
    (tmp_path / "proof.json").write_text("{}")
    assert run(build(["audit"]), ["audit", "check-proof", str(tmp_path / "proof.json"), "--key", key]).exit_code == 2


@given(st.binary(max_size=300) | st.recursive(st.none() | st.integers() | st.text(max_size=9), st.lists).map(
    lambda value: json.dumps({"format": proof.FORMAT, "path": value, "checkpoint": value}).encode()))  # fmt: skip
def test_rubbish_is_no_proof_and_no_other_error(octets: bytes) -> None:
    with pytest.raises(ValueError, match=r"no proof|Expecting|Extra data|codec|Unterminated|Invalid|surrogate"):
        proof.read(octets)


def test_a_number_without_end_is_no_place_in_the_audit(home: Path, operator: Actor) -> None:
    grown(operator, 3)
    text = proof.octets(queries.proof_of(operator, 2)).replace(b'"sequence": 2', b'"sequence": 9e999')
    with pytest.raises(ValueError, match="no proof of Headwater"):
        proof.read(text)
