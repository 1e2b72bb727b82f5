"""A program that shares nothing with Headwater, as the page for auditors prints it, comes to the same as ours."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.accounts.actors import Actor
from headwater.audit import checkpoints, proof, queries
from tests.audit.test_checkpoint_action import home
from tests.audit.test_proof import grown

__all__ = ["home"]
pytestmark = pytest.mark.django_db

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "verify-the-audit.md"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The program of the page, in a file of its own."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    (text,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert "headwater" not in re.sub(r'""".*?"""', "", text).lower(), "it must share nothing with Headwater"
    path = tmp_path / "check.py"
    path.write_text(text)
    return path


def judged(program: Path, octets: bytes, key: Path) -> str:
    file = program.with_name("proof.json")
    file.write_bytes(octets)
    told = subprocess.run(
        [sys.executable, "-I", str(program), str(file), str(key)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return told.stdout.strip() or told.stderr.strip().splitlines()[-1]


def test_it_proves_entries_and_growth_and_finds_what_was_changed(home: Path, operator: Actor, program: Path):
    key = home / "audit" / checkpoints.PUBLIC_KEY_FILE
    first, second, _ = grown(operator, 3, 8, 21)
    for number in (1, 4, 21):
        good = proof.octets(queries.proof_of(operator, number))
        assert judged(program, good, key) == "GOOD", number
        body = json.loads(good)
        for change in (
            {"sequence": number % 21 + 1},
            {"entry": body["entry"].replace("C-", "D-")},
            {"path": body["path"][:-1]},
            {"checkpoint": body["checkpoint"].replace('"seq":21', '"seq":22')},
        ):
            assert judged(program, json.dumps({**body, **change}).encode(), key) != "GOOD", (number, change)
    for earlier in (first, second):
        good = proof.octets(queries.proof_since(operator, earlier))
        assert judged(program, good, key) == "GOOD", earlier.seq
        body = json.loads(good)
        assert judged(program, json.dumps({**body, "path": body["path"][1:]}).encode(), key) != "GOOD"


def test_it_does_not_take_another_key(home: Path, operator: Actor, program: Path, tmp_path: Path):
    grown(operator, 3)
    other = tmp_path / "other.pem"
    make = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(tmp_path / "other.key")]
    subprocess.run(make, check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", str(tmp_path / "other.key"), "-pubout", "-out", str(other)], check=True)
    assert judged(program, proof.octets(queries.proof_of(operator, 2)), other) == "BAD"
