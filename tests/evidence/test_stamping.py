"""Time stamps by a real authority's program, checked by ours and by OpenSSL's."""

import io
import random
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from headwater.accounts.actors import Actor
from headwater.errors import Unavailable
from headwater.evidence import build, keys, layout, stamp
from headwater.evidence.models import Package
from headwater.evidence.report import Outcome
from headwater.evidence.seal import seal
from headwater.evidence.stamping import stamped
from headwater.evidence.states import PackageState
from headwater.evidence.verify import verify
from tests.evidence import specimen
from tests.evidence.authority import Authority, serving
from tests.evidence.conftest import accept
from tests.evidence.test_verify import members, resealed

PEM = keys.pem(specimen.KEY.public_key())


@pytest.fixture(scope="module", params=["rsa", "p256"])
def authority(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with serving(Authority(tmp_path_factory.mktemp("tsa"), ec=request.param == "p256")) as found:
        yield found


@pytest.fixture(scope="module")
def package(authority: Authority) -> bytes:
    out = io.BytesIO()
    authority.misbehave = None
    build.write(
        out, specimen.material(), specimen.KEY, stamped=partial(stamped, url=authority.url, root=authority.root)
    )
    return out.getvalue()


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[bytes], Path]:
    def save(octets: bytes) -> Path:
        path = tmp_path / "package.zip"
        path.write_bytes(octets)
        return path

    return save


def test_a_stamped_package_says_when_it_existed_and_by_whom(package: bytes, saved: Callable[[bytes], Path]):
    report = verify(saved(package), PEM)
    assert report.ok, report.failures
    told = [check for check in report.checks if check.group == "Time stamp"]
    assert [check.outcome for check in told] == [Outcome.PASSED, Outcome.NOTED]
    assert "as Test time-stamp authority states" in told[0].finding
    assert stamp.read(members(package)[layout.STAMP]).signed is True


def test_openssl_comes_to_the_same(package: bytes, authority: Authority, tmp_path: Path):
    found = members(package)
    for name in (layout.MANIFEST, layout.STAMP):
        (tmp_path / name).write_bytes(found[name])
    command = [
        "openssl",
        "ts",
        "-verify",
        "-data",
        layout.MANIFEST,
        "-in",
        layout.STAMP,
        "-CAfile",
        str(authority.root),
    ]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Verification: OK" in told.stdout, told.stderr


def test_every_octet_of_the_stamp_counts(package: bytes, saved: Callable[[bytes], Path]):
    start = package.index(members(package)[layout.STAMP])
    rng = random.Random(3)
    for at in rng.sample(range(start, start + len(members(package)[layout.STAMP])), 60):
        octets = bytearray(package)
        octets[at] ^= 1 << rng.randrange(8)
        assert not verify(saved(bytes(octets)), PEM).ok, at


def test_a_stamp_over_something_else_is_found_even_in_a_sealed_package(
    package: bytes, authority: Authority, saved: Callable[[bytes], Path]
):
    files = members(package)
    files[layout.STAMP] = stamped(b"another manifest", url=authority.url, root=authority.root)
    (failure,) = verify(saved(resealed(files)), PEM).failures
    assert failure.finding == "The time stamp is not over this manifest."


def test_what_the_authority_did_not_sign_is_no_stamp(package: bytes):
    octets = members(package)[layout.STAMP]
    at = octets.index(b"20", 40)
    year = octets.index(b"Z", at)
    changed = octets[: year - 1] + bytes([octets[year - 1] ^ 1]) + octets[year:]
    assert stamp.read(changed).signed is False


def test_an_authority_that_is_away_wrong_or_of_another_root_stops_the_sealing_with_what_to_do(
    authority: Authority, tmp_path: Path
):
    good = authority.answer
    for answer in ((500, b""), (302, b""), (200, b"rubbish"), (200, b"\x30\x03\x02\x01\x00"), (200, b"x" * 200_000)):
        authority.misbehave = answer
        with pytest.raises(Unavailable):
            stamped(b"manifest", url=authority.url, root=authority.root)
    authority.misbehave = None
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    with pytest.raises(Unavailable, match="HEADWATER_TSA_ROOT"):
        stamped(b"manifest", url=authority.url, root=other.root)
    with pytest.raises(Unavailable, match="cannot be read"):
        stamped(b"manifest", url=authority.url, root=tmp_path / "absent.pem")
    with pytest.raises(Unavailable, match="does not answer"):
        stamped(b"manifest", url="http://127.0.0.1:9/", root=authority.root)
    # The answer to another question, replayed.
    authority.misbehave = (200, good((authority.folder / "query").read_bytes()))
    with pytest.raises(Unavailable, match="does not hold"):
        stamped(b"another manifest", url=authority.url, root=authority.root)
    authority.misbehave = None


@hypothesis_settings(max_examples=300)
@given(st.data())
def test_a_damaged_response_is_refused_or_read_and_never_an_error_of_another_kind(package: bytes, data: st.DataObject):
    octets = bytearray(members(package)[layout.STAMP])
    for _ in range(data.draw(st.integers(1, 6))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(octets)))
    for damaged in (bytes(octets), bytes(octets[:cut])):
        try:
            stamp.read(damaged)
        except (ValueError, IndexError):
            continue


@pytest.mark.django_db
def test_an_installation_with_an_authority_seals_with_its_stamp_and_waits_for_it_where_it_is_away(
    home: Path, served: str, reviewer: Actor, authority: Authority, settings: Any
):
    settings.HEADWATER = replace(settings.HEADWATER, tsa_url=authority.url, tsa_root=authority.root)
    package_id = accept(reviewer, served)
    authority.misbehave = (503, b"")
    with pytest.raises(Unavailable, match="does not answer"):
        seal(package_id)
    assert not list((home / "packages").glob("*.zip"))
    assert Package.objects.get().state == PackageState.SEALING
    authority.misbehave = None
    seal(package_id)
    assert Package.objects.get().state == PackageState.SEALED
    report = verify(home / "packages" / f"{package_id}.zip")
    assert report.ok
    assert any(check.group == "Time stamp" and check.outcome is Outcome.PASSED for check in report.checks)
