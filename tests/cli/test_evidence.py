"""``headwater evidence`` as its reader types it: a process of its own, its words and its exit code."""

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from headwater.evidence import keys
from tests.evidence import specimen


def evidence(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "headwater", "evidence", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment or None, check=False)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "package.zip"
    path.write_bytes(specimen.octets())
    return path


@pytest.fixture
def custodian(tmp_path: Path) -> Path:
    path = tmp_path / "custodian.pem"
    path.write_bytes(keys.pem(specimen.KEY.public_key()))
    return path


def test_a_good_package_says_every_check_and_exits_0(package: Path, custodian: Path):
    told = evidence("verify", str(package), "--key", str(custodian))
    assert (told.returncode, told.stderr) == (0, "")
    for group in ("Container", "Signature", "Key", "Manifest", "Files", "Calls", "Answers", "Custody", "Figures"):
        assert f"ok    {group}:" in told.stdout
    assert told.stdout.splitlines()[-1].startswith("GOOD")


def test_without_a_key_the_limit_is_said(package: Path):
    told = evidence("verify", str(package))
    assert told.returncode == 0
    assert "note  Key: No key was given" in told.stdout


def test_one_changed_octet_exits_1_and_names_the_file(package: Path):
    octets = bytearray(package.read_bytes())
    octets[octets.index(b"HOW TO READ IT")] ^= 1
    package.write_bytes(octets)
    told = evidence("verify", str(package))
    assert told.returncode == 1
    assert "FAIL  Files: README.txt was changed" in told.stdout
    assert "Changed or missing: README.txt. Do not rely on it." in told.stdout.splitlines()[-1]


def test_every_file_is_told_when_asked(package: Path):
    short, long = evidence("verify", str(package)), evidence("verify", str(package), "--every")
    assert len(long.stdout.splitlines()) > len(short.stdout.splitlines()) + 10
    assert "declaration-draft.pdf has the size" in long.stdout


def test_what_is_no_package_and_what_is_no_key_are_said_without_a_trace(tmp_path: Path, package: Path):
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(b"\0" * 100)
    for arguments, code in (
        ((str(rubbish),), 1),
        ((str(tmp_path / "missing.zip"),), 1),
        ((str(package), "--key", str(rubbish)), 1),
        ((str(package), "--key", str(tmp_path / "missing.pem")), 2),
    ):
        told = evidence("verify", *arguments)
        assert told.returncode == code
        assert "Traceback" not in told.stderr + told.stdout


def test_the_public_key_is_printed_and_the_private_one_is_not(tmp_path: Path):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    private = Ed25519PrivateKey.generate()
    octets = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (secrets / keys.FILE).write_bytes(octets)
    told = evidence("key", HEADWATER_HOME=str(tmp_path))
    assert told.stdout.encode() == keys.pem(private.public_key())
    assert keys.key_id(private.public_key()) in told.stderr
    assert "PRIVATE" not in told.stdout + told.stderr


def test_a_missing_key_says_what_to_do(tmp_path: Path):
    told = evidence("key", HEADWATER_HOME=str(tmp_path))
    assert told.returncode == 1
    assert "headwater database prepare" in told.stderr
