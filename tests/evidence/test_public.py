"""The public version of a package: nothing in it that is withheld, and no doubt which full package it comes from."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater.accounts.actors import Actor, system
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.errors import Conflict, Forbidden, Invalid, NotFound
from headwater.evidence import actions, durable, keys, layout, public, public_making, queries
from headwater.evidence.models import Package, PublicVersion
from headwater.evidence.verify import verify
from headwater.legal import ending
from headwater.legal.models import LegalProcess
from tests.evidence import specimen
from tests.evidence.scenery import Scene
from tests.evidence.test_verify import members, resealed

PEM = keys.pem(specimen.KEY.public_key())
TODAY = date(2026, 11, 25)
Save = Callable[[str, bytes], Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(name: str, octets: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(octets)
        return path

    return write


def made(full: Path, key: Ed25519PrivateKey = specimen.KEY) -> bytes:
    out = io.BytesIO()
    public.redact(full, out, key, now=specimen.NOW + timedelta(days=1), today=TODAY)
    return out.getvalue()


@pytest.mark.django_db
def test_no_called_number_no_words_and_no_name_is_anywhere_in_it(
    package: Path, scene: Scene, custodian_key: bytes, save: Save
):
    row = Package.objects.get()
    out = io.BytesIO()
    told = actions.make_public(system("operator"), row.id, out)
    path = save("public.zip", out.getvalue())

    report = verify(path, custodian_key, full=package)
    assert report.ok, report.failures
    whole = b"".join(members(out.getvalue()).values())
    for secret in (b"3135550101", b"6145550102", b"313 555 0101", b"614 555 0102"):
        assert secret in b"".join(members(package.read_bytes()).values()) or b" " in secret
        assert secret not in whole
    names = set(members(out.getvalue()))
    assert not [name for name in names if name.startswith(("answers/RC", "transcripts/", "recordings/", "exports/"))]
    assert not names & {"process.json", layout.CUSTODY, layout.CALLS}
    assert {"cover.pdf", "traceback-table.csv", "figures.csv", layout.VERIFIER} <= names
    entry = AuditEntry.objects.get(tag=Tag.PACKAGE_PUBLIC_MADE)
    assert (entry.subject, entry.detail["kept"]) == (row.id, told.kept)


@pytest.mark.django_db
def test_only_who_has_packages_sealed_makes_it_and_of_sealed_ones_alone(
    package: Path, agency: Actor, desk: Actor, reviewer: Actor
):
    row = Package.objects.get()
    for stranger in (agency, desk):
        with pytest.raises(Forbidden):
            actions.make_public(stranger, row.id, io.BytesIO())
    with pytest.raises(NotFound):
        actions.make_public(reviewer, "EP-0000000000", io.BytesIO())
    assert not AuditEntry.objects.filter(tag=Tag.PACKAGE_PUBLIC_MADE).exists()


def test_each_file_of_the_full_package_is_listed_with_what_became_of_it(save: Save):
    full = save("full.zip", specimen.octets())
    files = members(made(full))
    listed = {row["path"]: row for row in json.loads(files[layout.REDACTIONS])["files"]}
    assert set(listed) == set(members(specimen.octets())) - {layout.MANIFEST, layout.SIGNATURE}
    for path, row in listed.items():
        if row["is"] == "kept":
            assert files[path] == members(specimen.octets())[path], path
        else:
            assert (row["rule"], "sha256" in row) == ("W8", False), path
            assert row["class"], path
    assert listed[layout.TRACEBACKS]["is"] == listed["notices.csv"]["is"] == "redacted"
    assert listed[layout.call_raw(specimen.RECORD)]["class"] == "called number"


def test_the_same_package_gives_the_same_octets(save: Save):
    full = save("full.zip", specimen.octets())
    assert made(full) == made(full)


def test_it_is_told_from_the_public_version_of_another_package(save: Save):
    full = save("full.zip", specimen.octets())
    other = save("other.zip", specimen.octets(replace(specimen.material(), limits=("Another limit.",))))
    mine = save("public.zip", made(full))
    assert verify(mine, PEM, full=full).ok
    (failure,) = verify(mine, PEM, full=other).failures
    assert (failure.group, "another than the one" in failure.finding) == ("Full package", True)
    stranger = save("stranger.zip", made(full, Ed25519PrivateKey.generate()))
    (failure,) = verify(stranger, full=full).failures
    assert "not sealed by the key" in failure.finding
    assert not verify(full, PEM, full=full).ok
    assert not verify(mine, PEM, full=full.with_name("missing.zip")).ok


@pytest.mark.parametrize(
    "damage", ["kept file changed", "kept hash changed", "left out here", "file hidden", "rubbish"]
)
def test_a_list_that_does_not_say_what_is_here_is_found_even_in_a_sealed_version(save: Save, damage: str):
    full = save("full.zip", specimen.octets())
    files = members(made(full))
    body = json.loads(files[layout.REDACTIONS])

    def entry(path: str) -> Any:
        return next(row for row in body["files"] if row["path"] == path)

    if damage == "kept file changed":
        files["figures.csv"] += b"x"
    elif damage == "kept hash changed":
        entry("figures.csv")["sha256"] = "ab" * 32
    elif damage == "left out here":
        entry("figures.csv")["is"] = "left out"
    elif damage == "file hidden":
        body["files"].remove(entry(layout.CUSTODY))
    else:
        body["files"] = [[]]
    files[layout.REDACTIONS] = json.dumps(body).encode()
    report = verify(save("public.zip", resealed(files)), full=full)
    assert not report.ok
    named = {failure.file for failure in report.failures}
    assert named <= {"figures.csv", layout.CUSTODY, layout.REDACTIONS}, named


@pytest.mark.parametrize(("change", "why"), [
    ({"sealed": True}, "under seal"), ({"nondisclosure_until": "2026-11-25"}, "not to be disclosed until 2026-11-25"),
])  # fmt: skip
def test_a_process_under_seal_gets_no_public_version(save: Save, change: dict[str, Any], why: str):
    files = members(specimen.octets())
    files["process.json"] = json.dumps({**json.loads(files["process.json"]), **change}).encode()
    with pytest.raises(Conflict, match=why):
        made(save("full.zip", resealed(files)))


def test_what_is_no_full_package_gets_none(save: Save):
    full = save("full.zip", specimen.octets())
    with pytest.raises(Invalid, match="public version already"):
        made(save("public.zip", made(full)))
    spoilt = bytearray(specimen.octets())
    spoilt[5_000] ^= 1
    with pytest.raises(Invalid, match="no package as it was sealed"):
        made(save("spoilt.zip", bytes(spoilt)))
    with zipfile.ZipFile(full) as opened:
        assert "redactions.json" not in opened.namelist()


@pytest.mark.django_db
def test_a_public_version_is_asked_for_made_once_listed_with_its_own_digest_and_kept_beyond_the_process(
    package: Path, agency: Actor, other_agency: Actor, reviewer: Actor, custodian_key: bytes
):
    row = Package.objects.get()
    with pytest.raises(Forbidden):
        actions.ask_public(agency, row.id)
    version = actions.ask_public(reviewer, row.id)
    with pytest.raises(Conflict, match="is being made"):
        actions.ask_public(reviewer, row.id)
    # What a worker left that was killed is cleared away, and running the job again changes nothing.
    torn = package.with_name(f"{version}.0123{durable.DRAFT}")
    torn.write_bytes(b"half a package")
    public_making.make(version)
    public_making.make(version)
    assert not torn.exists()
    assert AuditEntry.objects.filter(tag=Tag.PACKAGE_PUBLIC_MADE, subject=row.id).count() == 1

    (listed,) = queries.packages(agency, row.process_id)[0].public
    ending.withdraw(agency, row.process_id, reason="Settled.")
    with pytest.raises(Forbidden):
        queries.open_package(agency, row.id)
    file = queries.open_public(agency, listed.id)
    assert (file.sha256, file.sha256) == (listed.sha256, sha256(file.path.read_bytes()).hexdigest())
    assert verify(file.path, custodian_key, full=package).ok
    with pytest.raises(NotFound):
        queries.open_public(other_agency, listed.id)


@pytest.mark.django_db
def test_of_what_must_not_be_disclosed_no_public_version_is_asked_for_or_made(package: Path, reviewer: Actor):
    row = Package.objects.get()
    version = actions.ask_public(reviewer, row.id)
    LegalProcess.objects.update(nondisclosure_until=date.today() + timedelta(days=1))  # noqa: DTZ011 - a day
    PublicVersion.objects.update(failure="x")
    with pytest.raises(Conflict, match="must not be disclosed until"):
        actions.ask_public(reviewer, row.id)
    LegalProcess.objects.update(nondisclosure_until=None, sealed=True)
    with pytest.raises(Conflict, match="must not be disclosed"):
        actions.ask_public(reviewer, row.id)
    # One that was asked for before is not made either.
    PublicVersion.objects.update(failure="")
    public_making.make(version)
    made = PublicVersion.objects.get()
    assert made.made_at is None
    assert "must not be disclosed" in made.failure
