"""Sealing on real stores: what an accepted process gets, what it does not, and that no moment leaves half a package."""

import csv
import fcntl
import io
import json
import zipfile
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.jobs import Job

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.audit.actions import record
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.calls import queries as calls
from headwater.calls.store import CallStore
from headwater.conduct.models import ConductFlag
from headwater.conduct.states import ConductFlagKind
from headwater.errors import Conflict, Forbidden, NotFound, Unavailable
from headwater.evidence import actions, keys, queries, recorded
from headwater.evidence.models import Package
from headwater.evidence.report import Outcome
from headwater.evidence.seal import seal, seal_with
from headwater.evidence.states import PackageState
from headwater.evidence.verify import verify
from headwater.intake import vcon
from headwater.intake.recordings import Recordings
from headwater.legal.models import LegalProcess
from headwater.legal.rules import BadRequest, WrongStep
from headwater.providers.models import Provider
from headwater.providers.registries import actions as registries
from headwater.providers.registries.entries import Registry
from headwater.worker.tasks import ATTEMPTS, seal_package
from tests.evidence.conftest import accept, serve
from tests.evidence.scenery import Scene
from tests.evidence.scenery import build as ring
from tests.providers.registries.files import rmd

OTHERS = [(f"RMD000000{n}", f"000000000{n}", f"Carrier {n}") for n in range(2, 6)]

pytestmark = pytest.mark.django_db


def inside(package: Path, name: str) -> bytes:
    with zipfile.ZipFile(package) as opened:
        return opened.read(name)


def names(package: Path) -> list[str]:
    with zipfile.ZipFile(package) as opened:
        return opened.namelist()


def sealed(home: Path, package_id: str) -> Path:
    seal(package_id)
    return home / "packages" / Package.objects.get(id=package_id).filename


def test_an_accepted_process_ends_in_a_package_that_verifies(package: Path, scene: Scene, custodian_key: bytes):
    report = verify(package, custodian_key)

    assert [check.finding for check in report.failures] == []
    assert report.ok
    row = Package.objects.get()
    assert (row.state, row.facts["origin_spc"], row.facts["grade"]) == ("sealed", "709C", "origin_confirmed")
    assert (row.facts["tracebacks"], row.facts["hops"], row.facts["calls"]) == (2, 6, 8)
    assert row.facts["still_ringing"] is True
    assert LegalProcess.objects.get().state == "produced"
    assert report.key_id == row.key_id
    assert {check.outcome for check in report.checks if check.group == "Key"} == {Outcome.PASSED}


def test_the_package_holds_the_octets_as_they_came_in(package: Path, scene: Scene):
    record = scene.records[0]
    assert inside(package, f"calls/{record.record_id}.raw") == record.raw
    shown = json.loads(inside(package, f"calls/{record.record_id}.json"))
    assert (shown["called"], shown["raw_sha256"]) == ("+1 313 555 0101", record.raw_sha256.hex())


def test_recordings_are_here_as_files_and_inside_vcons_and_what_is_lost_or_changed_is_said(
    home: Path, call_store: tuple[str, CallStore], agency: Actor, reviewer: Actor, monkeypatch: pytest.MonkeyPatch
):
    kept = Recordings(home)
    heard, spoilt, long = b"RIFF heard", b"RIFF spoilt", b"RIFF" + b"x" * 40
    for octets in (heard, spoilt, long):
        kept.put(octets)
    next((home / "recordings").rglob(sha256(spoilt).hexdigest())).write_bytes(b"RIFF other")
    monkeypatch.setattr(recorded, "MOST_OCTETS", 40)
    scene = ring(call_store[1], agency, recordings=(heard, b"never kept", spoilt, long))

    package = sealed(home, accept(reviewer, serve(scene, agency)))

    first, *others = (str(record.record_id) for record in scene.records)
    assert [name for name in names(package) if name.startswith("recordings/")] == [f"recordings/{first}.wav"]
    assert inside(package, f"recordings/{first}.wav") == heard
    (dialog,) = vcon.read(inside(package, f"exports/vcon/{first}.vcon"), now=clock.now()).dialogs
    assert (dialog.body, dialog.mediatype) == (heard, "audio/x-wav")
    assert all(f"exports/vcon/{record_id}.vcon" in names(package) for record_id in others)
    withheld = json.loads(inside(package, "withheld.json"))["withheld"]
    left_out = [(one["count"], one["why"].split(".")[0]) for one in withheld if one["what"] == "recordings"]
    assert len(left_out) == 3
    assert {count for count, _ in left_out} == {1}
    assert any("no longer kept" in why for _, why in left_out)
    assert any("not what" in why for _, why in left_out)
    assert any("at most" in why for _, why in left_out)


def test_each_opening_of_octets_is_audited_before_it_is_in_the_custody_log(package: Path, scene: Scene):
    opened = AuditEntry.objects.filter(tag=Tag.CALL_RAW_OPENED)
    assert set(opened.values_list("subject", flat=True)) == {str(record.record_id) for record in scene.records}
    log = inside(package, "custody-log.jsonl").decode()
    assert log.count("call:raw:opened") == len(scene.records)
    assert opened.last().detail["package"] == Package.objects.get().id


def test_the_path_table_names_each_hop_with_its_times_and_upstream(package: Path):
    rows = list(csv.DictReader(io.StringIO(inside(package, "provider-path.csv").decode())))
    first = rows[:3]
    assert [(row["provider_spc"], row["answer"], row["upstream_spc"]) for row in first] == [
        ("709A", "UPSTREAM_US", "709B"),
        ("709B", "UPSTREAM_US", "709C"),
        ("709C", "ORIGINATED", ""),
    ]
    assert all(row["asked_at"] and row["answered_at"] and float(row["took_seconds"]) >= 0 for row in rows)
    assert {row["signed"] for row in rows} == {"yes"}


def test_without_the_grant_no_called_number_is_anywhere_in_the_package(
    home: Path, served: str, reviewer: Actor, custodian_key: bytes
):
    package = sealed(home, accept(reviewer, served, called_numbers=False))

    with zipfile.ZipFile(package) as opened:
        whole = b"".join(opened.read(name) for name in opened.namelist())
    for number in (b"3135550101", b"6145550102", b"313 555 0101", b"614 555 0102"):
        assert number not in whole
    assert not [name for name in names(package) if name.endswith((".raw", ".jws"))]
    withheld = {part["what"]: part["count"] for part in json.loads(inside(package, "withheld.json"))["withheld"]}
    assert withheld["raw octets of call records"] == 8
    assert withheld["octets of answers"] == 6
    assert not AuditEntry.objects.filter(tag=Tag.CALL_RAW_OPENED).exists()
    report = verify(package, custodian_key)
    assert report.ok, report.failures


def test_customer_identity_is_said_to_be_withheld(package: Path):
    withheld = json.loads(inside(package, "withheld.json"))["withheld"]
    assert [part["why"] for part in withheld if part["what"] == "customer identity"] == [
        "The acceptance opens path data only. The originating provider holds the customer's identity."
    ]


def test_calls_outside_the_time_that_the_process_covers_stay_out(
    home: Path, scene: Scene, agency: Actor, reviewer: Actor
):
    last = scene.records[4].call_at
    process_id = serve(scene, agency, covers_from=scene.records[2].call_at, covers_to=last)
    package = sealed(home, accept(reviewer, process_id))

    listed = list(csv.DictReader(io.StringIO(inside(package, "calls/members.csv").decode())))
    assert [row["record_id"] for row in listed] == [str(record.record_id) for record in scene.records[2:4]]
    assert Package.objects.get().facts["tracebacks"] == 0
    withheld = {part["what"]: part["count"] for part in json.loads(inside(package, "withheld.json"))["withheld"]}
    assert withheld["tracebacks"] == 2


def test_what_another_agency_did_is_neither_shown_nor_counted(
    home: Path, scene: Scene, served: str, reviewer: Actor, other_agency: Actor
):
    with transaction.atomic():
        record(other_agency, Tag.CAMPAIGN_VIEWED, scene.campaign.id)
    package = sealed(home, accept(reviewer, served))

    assert other_agency.label.encode() not in inside(package, "custody-log.jsonl")
    told = [part for part in json.loads(inside(package, "withheld.json"))["withheld"] if "custody log" in part["what"]]
    assert [part["count"] for part in told] == [0]


def test_a_free_note_that_may_name_the_customer_keeps_its_answer_closed(
    home: Path, call_store: tuple[str, CallStore], agency: Actor, reviewer: Actor
):
    scene = ring(call_store[1], agency, note="Our customer is Jane Caller of 1 Main Street.")
    package = sealed(home, accept(reviewer, serve(scene, agency)))

    with zipfile.ZipFile(package) as opened:
        assert not any(b"Jane Caller" in opened.read(name) for name in opened.namelist())
    # The octets are base64url: look for what they would decode to, not only for the words.
    assert sum(name.endswith(".jws") for name in names(package)) == 4
    withheld = {part["what"]: part["count"] for part in json.loads(inside(package, "withheld.json"))["withheld"]}
    assert withheld["octets of answers"] == 2


def test_formulas_in_names_stay_text_in_every_table(
    home: Path, call_store: tuple[str, CallStore], agency: Actor, reviewer: Actor
):
    hostile = ('=HYPERLINK("http://x","y")', "@SUM(A1)", "+1+cmd|' /C calc'!A0")
    scene = ring(call_store[1], agency, names=hostile)
    package = sealed(home, accept(reviewer, serve(scene, agency)))

    for name in ("provider-path.csv", "timeline.csv", "calls/members.csv"):
        for row in csv.reader(io.StringIO(inside(package, name).decode())):
            assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "|", "%", "\t", "\r"))], name
    assert verify(package).ok


def test_markup_in_names_and_words_is_text_on_paper(
    home: Path, call_store: tuple[str, CallStore], agency: Actor, reviewer: Actor
):
    hostile = "<img src='file:///etc/passwd'/> & <b>bold</b> "
    words = "your social security number has been suspended press one to speak to an officer of the law now"
    names_ = (hostile, "</para><para>", "\u4e2d\u56fd\u202eVoIP")
    scene = ring(call_store[1], agency, names=names_, text=f"{hostile}{words}")
    package = sealed(home, accept(reviewer, serve(scene, agency)))
    assert verify(package).ok
    assert inside(package, "declaration-draft.pdf").startswith(b"%PDF-")


def test_sealing_twice_changes_nothing(package: Path, home: Path):
    before = (package.read_bytes(), Package.objects.get().sealed_at, AuditEntry.objects.count())
    seal(Package.objects.get().id)
    assert (package.read_bytes(), Package.objects.get().sealed_at, AuditEntry.objects.count()) == before


def test_a_draft_that_a_killed_worker_left_is_cleared_away(home: Path, served: str, reviewer: Actor):
    package_id = accept(reviewer, served)
    folder = home / "packages"
    folder.mkdir()
    left = folder / f"{package_id}.0123456789abcdef.draft"
    left.write_bytes(b"half a package")
    (folder / f"{package_id}.zip").write_bytes(b"whole on disk, but its row was never committed")

    package = sealed(home, package_id)
    assert not left.exists()
    assert verify(package).ok


def test_a_package_that_another_worker_seals_is_left_to_it(home: Path, served: str, reviewer: Actor):
    package_id = accept(reviewer, served)
    (home / "packages").mkdir()
    with (home / "packages" / f".{package_id}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="another worker"):
            seal(package_id)
    assert Package.objects.get().state == PackageState.SEALING


class Silent:
    """A call store that does not answer."""

    def records(self, ids: Any) -> Any:
        message = f"the call store does not answer for {len(ids)} records"
        raise Unavailable(message)

    raw = records


def test_a_call_store_that_is_away_leaves_the_package_to_be_sealed_later(home: Path, served: str, reviewer: Actor):
    package_id = accept(reviewer, served)
    key = keys.load(home / "secrets")
    with pytest.raises(Unavailable):
        seal_with(package_id, Silent(), key, home / "packages")  # type: ignore[arg-type]
    assert Package.objects.get().state == PackageState.SEALING
    assert not list((home / "packages").glob("*.draft"))
    assert verify(sealed(home, package_id)).ok


def test_a_missing_key_is_said_and_nothing_is_written(home: Path, served: str, reviewer: Actor):
    package_id = accept(reviewer, served)
    (home / "secrets" / keys.FILE).unlink()
    with pytest.raises(Unavailable, match="database prepare"):
        seal(package_id)
    assert not (home / "packages").exists()


def attempt(package_id: str, number: int) -> None:
    """Run the sealing job as the worker does, as its attempt after ``number`` others."""
    job = Job(
        id=1, queue="default", lock=None, queueing_lock=None, task_name=seal_package.name, attempts=number,
        task_kwargs={"package_id": package_id},
    )  # fmt: skip
    seal_package(JobContext(app=app, job=job, start_timestamp=0.0, abort_reason=lambda: None), package_id=package_id)


def test_a_sealing_whose_last_attempt_fails_is_said_to_have_failed_and_can_be_asked_for_again(
    home: Path, served: str, reviewer: Actor
):
    package_id = accept(reviewer, served)
    kept = (home / "secrets" / keys.FILE).read_bytes()
    (home / "secrets" / keys.FILE).unlink()
    with pytest.raises(Unavailable):
        attempt(package_id, ATTEMPTS - 1)
    assert Package.objects.get().state == PackageState.SEALING
    with pytest.raises(Unavailable):
        attempt(package_id, ATTEMPTS)
    assert Package.objects.get().state == PackageState.FAILED
    assert "database prepare" in Package.objects.get().failure

    (home / "secrets" / keys.FILE).write_bytes(kept)
    again = actions.request_package(reviewer, served)
    assert verify(sealed(home, again.id)).ok


def test_an_error_of_another_kind_ends_a_sealing_too_and_its_words_stay_in_the_log(
    home: Path, served: str, reviewer: Actor
):
    package_id = accept(reviewer, served)
    (home / "packages").write_bytes(b"a file where the folder should be")
    with pytest.raises(OSError, match="packages"):
        attempt(package_id, ATTEMPTS)
    row = Package.objects.get()
    assert (row.state, row.failure) == (PackageState.FAILED, "unexpected FileExistsError; see the log")


def test_a_package_that_would_not_verify_is_never_given_out(
    home: Path, served: str, reviewer: Actor, call_store: tuple[str, CallStore]
):
    package_id = accept(reviewer, served)

    class Forging:
        """A call store whose octets are not those that came in."""

        def __init__(self) -> None:
            self._real = calls.connect(call_store[0])

        def records(self, ids: Any) -> Any:
            return self._real.records(ids)

        def raw(self, ids: Any) -> Any:
            return {record_id: octets + b" " for record_id, octets in self._real.raw(ids).items()}

    seal_with(package_id, Forging(), keys.load(home / "secrets"), home / "packages")  # type: ignore[arg-type]

    row = Package.objects.get()
    assert row.state == PackageState.FAILED
    assert "does not have the SHA-256" in row.failure
    assert not list((home / "packages").glob("*.zip"))
    assert AuditEntry.objects.filter(tag=Tag.PACKAGE_SEALING_FAILED, subject=package_id).exists()
    # The reviewer asks again, now that the store is in order.
    again = actions.request_package(reviewer, served)
    assert verify(sealed(home, again.id)).ok


def test_one_package_at_a_time_is_asked_for(served: str, reviewer: Actor):
    accept(reviewer, served)
    with pytest.raises(Conflict, match="being sealed"):
        actions.request_package(reviewer, served)
    Package.objects.update(requested_at=clock.now() - actions.LONGEST_SEALING - timedelta(seconds=1))
    actions.request_package(reviewer, served)
    assert sorted(Package.objects.values_list("state", flat=True)) == ["failed", "sealing"]


def test_no_package_without_an_acceptance(served: str, reviewer: Actor):
    with pytest.raises(WrongStep):
        actions.request_package(reviewer, served)
    assert not Package.objects.exists()


def test_an_acceptance_that_fails_asks_for_nothing(served: str, reviewer: Actor, agency: Actor):
    with pytest.raises(BadRequest):
        accept(reviewer, served, customer_identity=True)
    with pytest.raises(Forbidden):
        accept(agency, served)
    assert LegalProcess.objects.get().state == "served"
    assert not Package.objects.exists()


def test_only_the_agency_and_the_custodian_download(package: Path, agency: Actor, request: pytest.FixtureRequest):
    package_id = Package.objects.get().id
    custodian: Actor = request.getfixturevalue("custodian")
    for reader in (agency, custodian):
        assert queries.open_package(reader, package_id).path == package
    with pytest.raises(NotFound):
        queries.open_package(request.getfixturevalue("other_agency"), package_id)
    for stranger in ("reviewer", "desk", "provider"):
        with pytest.raises(Forbidden):
            queries.open_package(request.getfixturevalue(stranger), package_id)
    downloads = AuditEntry.objects.filter(tag=Tag.PACKAGE_DOWNLOADED, subject=package_id)
    assert [entry.actor for entry in downloads.order_by("seq")] == [agency.label, custodian.label]


def test_a_package_whose_file_is_gone_or_cut_is_said_to_be(package: Path, agency: Actor):
    package_id = Package.objects.get().id
    package.write_bytes(package.read_bytes()[:-1])
    with pytest.raises(Unavailable, match="incomplete"):
        queries.open_package(agency, package_id)
    assert not AuditEntry.objects.filter(tag=Tag.PACKAGE_DOWNLOADED).exists()


def test_a_dossier_states_the_filings_as_of_the_sealing_and_the_flags_that_stand(
    home: Path, scene: Scene, served: str, reviewer: Actor
):
    cedar = Provider.objects.get(spc="709C")
    Provider.objects.filter(id=cedar.id).update(rmd_number="RMD0000001")
    file = home / "rmd.csv"
    for day, name in ((3, "Cedar VoIP of old"), (1, "Cedar VoIP LLC")):
        file.write_bytes(rmd(("RMD0000001", "0000000001", name), *OTHERS))
        as_of = clock.now() - timedelta(days=day)
        registries.load(system("operator"), registries.NewLoad(registry=Registry.RMD, as_of=as_of), file)
    ConductFlag.objects.create(
        provider=cedar, kind=ConductFlagKind.ORIGINATES_OR_ACCEPTS, statement="Originated 2 of 2.", part=2, whole=2,
        whole_words="completed tracebacks", evidence=[], rule_version="c/1", raised_at=clock.now(),
    )  # fmt: skip

    package = sealed(home, accept(reviewer, served))

    dossier = json.loads(inside(package, f"providers/{cedar.id}.json"))
    (listed,) = [entry for entry in dossier["filings"]["listed"] if entry["registry"] == Registry.RMD]
    assert (listed["key"], listed["name"]) == ("RMD0000001", "Cedar VoIP LLC")
    assert [entry["name"] for entry in dossier["filings"]["before"]] == ["Cedar VoIP of old"]
    (flag,) = dossier["standing_flags"]
    assert (flag["statement"], flag["part"], flag["whole"]) == ("Originated 2 of 2.", 2, 2)
    alder = Provider.objects.get(spc="709A")
    assert json.loads(inside(package, f"providers/{alder.id}.json"))["filings"]["note"]


def test_the_traceback_table_says_when_it_was_where_the_call_went(package: Path):
    rows = list(csv.DictReader(io.StringIO(inside(package, "traceback-table.csv").decode())))
    assert len(rows) == 6
    for row in rows:
        assert row["local_zone"] in {"America/New_York", "America/Detroit"}
        utc, local = (datetime.fromisoformat(row[name]) for name in ("call_at_utc", "call_at_local"))
        assert utc == local
        assert local.utcoffset() in {timedelta(hours=-5), timedelta(hours=-4)}
        assert "***" in row["called_masked"]
