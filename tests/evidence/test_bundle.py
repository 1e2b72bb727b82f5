"""The verifier that travels in a package, run as its reader would: by a bare Python, away from this project."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from headwater.evidence import bundle, keys, layout
from tests.evidence import specimen


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "EP-SPECIMEN01.zip"
    path.write_bytes(specimen.octets())
    return path


def run(package: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Take the verifier out of the package and run it: no site packages, no environment, another folder."""
    program = package.with_name("verify.pyz")
    if not program.exists():
        with zipfile.ZipFile(package) as opened:
            program.write_bytes(opened.read(layout.VERIFIER))
    command = [sys.executable, "-I", "-S", str(program), str(package), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=package.parent, env={})


def test_the_verifier_in_a_package_checks_it_with_the_standard_library_alone(package: Path, tmp_path: Path):
    (tmp_path / "custodian.pem").write_bytes(keys.pem(specimen.KEY.public_key()))
    told = run(package, "--key", str(tmp_path / "custodian.pem"))
    assert (told.returncode, told.stderr) == (0, "")
    assert "GOOD" in told.stdout
    assert "1 answers verify under the keys that their providers registered" in told.stdout


def test_it_names_the_file_in_which_one_octet_was_changed(package: Path):
    run(package)
    changed = bytearray(package.read_bytes())
    at = changed.index(b"This is an important call.")
    changed[at] ^= 0x20
    package.write_bytes(bytes(changed))
    told = run(package)
    assert told.returncode == 1
    assert "BAD" in told.stdout
    assert f"transcripts/{specimen.RECORD}.txt" in told.stdout or f"calls/{specimen.RECORD}" in told.stdout


def test_it_holds_the_package_against_another_key(package: Path, tmp_path: Path):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    (tmp_path / "other.pem").write_bytes(keys.pem(Ed25519PrivateKey.generate().public_key()))
    told = run(package, "--key", str(tmp_path / "other.pem"))
    assert told.returncode == 1
    assert "Another key sealed this package" in told.stdout


def test_a_wrong_question_is_answered_and_not_a_traceback(package: Path, tmp_path: Path):
    for arguments in ((str(tmp_path / "absent.pem"),), ()):
        told = run(package, *(("--key", *arguments) if arguments else ("--nonsense",)))
        assert told.returncode == 2
        assert "Traceback" not in told.stderr
    (tmp_path / "rubbish.zip").write_bytes(b"\x00" * 100)
    run(package)
    told = subprocess.run(
        [sys.executable, "-I", "-S", str(tmp_path / "verify.pyz"), str(tmp_path / "rubbish.zip")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stderr) == (1, "")


def test_the_bundle_holds_each_source_as_it_is_and_is_the_same_each_time():
    first = bundle.octets()
    bundle.octets.cache_clear()
    assert bundle.octets() == first
