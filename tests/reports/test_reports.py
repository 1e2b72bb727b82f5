"""An agency reports what it saw: through the real door into the real store, into the same detection, and followed."""

import io
import math
import struct
import wave
from contextlib import closing
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.calls.queries import CallQueries
from headwater.calls.records import CallRecord, SourceKind
from headwater.calls.store import CallStore
from headwater.campaigns import actions as campaigns
from headwater.campaigns import memory
from headwater.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from headwater.intake.events.deliver import FeedDoor
from headwater.intake.recordings import Recordings
from headwater.legal import subjects
from headwater.legal.rules import Subjects
from headwater.reports import actions, queries, rules, sending
from headwater.reports.models import AgencyReport, ReportedCall
from headwater.reports.rules import BadReport, ExampleCall
from headwater.reports.states import ReportState, TraceRequest
from headwater.tracebacks.models import Traceback
from tests.evidence.scenery import MICHIGAN, Scene

pytestmark = pytest.mark.django_db
SCRIPT = (
    "This is the billing department of your electric company. Your service will be disconnected in thirty minutes. "
    "Press one now to speak to a representative and avoid disconnection."
)


def call(**changes: object) -> ExampleCall:
    values = {
        "call_at": clock.now() - timedelta(hours=1),
        "calling": "+12155550100",
        "called": MICHIGAN,
        "transcript": SCRIPT,
        "terminating_spc": "709A",
    }
    return ExampleCall(**{**values, **changes})  # type: ignore[arg-type]


def stored(store: CallStore, report_id: str) -> list[CallRecord]:
    ids = [one.record_id for one in ReportedCall.objects.filter(report_id=report_id).order_by("id")]
    return list(CallQueries(store.engine, store.database).records(ids))


def sound() -> bytes:
    """A second of a tone, as a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(b"".join(struct.pack("<h", int(9_000 * math.sin(n / 5))) for n in range(8_000)))
    return out.getvalue()


def test_example_calls_enter_the_store_with_their_sender_and_their_origin(
    scene: Scene, agency: Actor, door: FeedDoor, call_store: tuple[str, CallStore]
):
    brought = actions.report_calls(agency, [call(), call(called="+16145550102", callback="+18005550199")])
    assert brought.state is ReportState.RECEIVED
    sending.send(brought.id, door)
    found = queries.report(agency, brought.id)
    assert (found.state, found.stored, found.refused, found.calls) == (ReportState.TAKEN, 2, 0, 2)
    for record in stored(call_store[1], brought.id):
        assert (record.source_id, record.source_kind) == (agency.organisation_id, SourceKind.COMPLAINT)
        assert record.transcript == SCRIPT
        raw = CallQueries(call_store[1].engine, call_store[1].database).raw([record.record_id])
        assert brought.id.encode() in raw[record.record_id]
        assert record.headers["collected_by"] == "reported by an agency"


def test_sending_again_after_a_crash_doubles_nothing(
    scene: Scene, agency: Actor, door: FeedDoor, call_store: tuple[str, CallStore]
):
    brought = actions.report_calls(agency, [call()])
    sending.send(brought.id, door)
    first = [record.record_id for record in stored(call_store[1], brought.id)]
    # As if the worker had died after the door's answer and before its own commit.
    ReportedCall.objects.all().delete()
    AgencyReport.objects.update(state="received")
    sending.send(brought.id, door)
    found = queries.report(agency, brought.id)
    assert (found.stored, found.duplicates) == (0, 1)
    assert [record.record_id for record in stored(call_store[1], brought.id)] == first


def test_a_csv_of_calls_and_a_complaint_export_are_known_by_their_form(
    scene: Scene, agency: Actor, door: FeedDoor, call_store: tuple[str, CallStore]
):
    at = (clock.now() - timedelta(hours=2)).isoformat()
    rows = [
        "call_at,calling,called,callback,transcript,duration_s,terminating_spc",
        f'{at},+12155550100,{MICHIGAN},+18005550199,"Press one, now",31,709A',
        f"{at},anonymous,{MICHIGAN},,,,",
        f"yesterday,+12155550100,{MICHIGAN},,,,",
    ]
    brought = actions.report_file(agency, "../../calls.csv", "\n".join(rows).encode())
    sending.send(brought.id, door)
    found = queries.report(agency, brought.id)
    assert (found.filename, found.stored, found.refused) == ("calls.csv", 2, 1)
    assert {record.terminating_spc for record in stored(call_store[1], brought.id)} == {"709A", ""}

    ftc = (
        "Company_Phone_Number,Created_Date,Violation_Date,Consumer_City,Consumer_State,Consumer_Area_Code,Subject,"
        "Recorded_Message_Or_Robocall\n2155550100,2026-11-20 10:00:00,2026-11-20 09:00:00,Detroit,Michigan,313,"
        "Warranties & protection plans,Y\n"
    )
    brought = actions.report_file(agency, "dnc.csv", ftc.encode())
    sending.send(brought.id, door)
    assert queries.report(agency, brought.id).stored == 1


@pytest.mark.parametrize("octets", [b"\x00\x01\x02" * 100, b"a,b,c\n1,2,3\n", b"MZ\x90\x00", b"PK\x03\x04zip"])
def test_a_file_of_no_known_form_is_refused_with_what_to_bring(
    scene: Scene, agency: Actor, door: FeedDoor, octets: bytes
):
    brought = actions.report_file(agency, "x.csv", octets)
    sending.send(brought.id, door)
    found = queries.report(agency, brought.id)
    assert found.state is ReportState.REFUSED
    assert "call_at,calling,called" in found.problem


def test_a_recording_goes_in_as_a_vcon_and_is_kept_under_its_hash(
    scene: Scene, agency: Actor, door: FeedDoor, call_store: tuple[str, CallStore], home: object
):
    octets = sound()
    brought = actions.report_recording(agency, call(transcript=""), "voicemail.wav", octets)
    sending.send(brought.id, door)
    found = queries.report(agency, brought.id)
    assert (found.state, found.stored, found.problem) == (ReportState.TAKEN, 1, "")
    (record,) = stored(call_store[1], brought.id)
    kept = Recordings(home).get(record.headers["audio_sha256"])  # type: ignore[arg-type]
    assert kept == octets


@pytest.mark.parametrize("octets", [b"MZ program", b"<html>", b"RIFF1234AVI ", b"%PDF-1.7"])
def test_what_is_no_sound_is_no_recording(scene: Scene, agency: Actor, octets: bytes):
    with pytest.raises(BadReport, match="WAV"):
        actions.report_recording(agency, call(), "x.wav", octets)
    assert not AgencyReport.objects.exists()


def test_reported_calls_join_the_campaign_that_others_report_and_the_agency_may_name_it(
    scene: Scene, other_agency: Actor, server: object, call_store: tuple[str, CallStore]
):
    # Ohio's account came after the alerts: nobody told it of the campaign.
    with pytest.raises(NotFound):
        subjects.named(other_agency.organisation_id, Subjects(campaigns=frozenset({scene.campaign.id})), None)
    text = scene.records[0].transcript
    brought = actions.report_calls(other_agency, [call(transcript=text)])
    headers = {"Headwater-Organisation": other_agency.organisation_id}
    url = f"http://127.0.0.1:{server.port}"  # type: ignore[attr-defined]
    with closing(FeedDoor(url, "the worker's own", headers=headers)) as door:
        sending.send(brought.id, door)
    campaigns.observe(memory.load(), stored(call_store[1], brought.id), now=clock.now())
    (joined,) = queries.report(other_agency, brought.id).campaigns
    assert (joined.campaign_id, joined.calls, joined.confirmed) == (scene.campaign.id, 1, True)
    named = Subjects(campaigns=frozenset({scene.campaign.id}))
    assert subjects.named(other_agency.organisation_id, named, None) == named


def taken(agency: Actor, door: FeedDoor, *calls: ExampleCall) -> str:
    brought = actions.report_calls(agency, list(calls))
    sending.send(brought.id, door)
    return brought.id


def test_fresh_calls_are_traced_at_once(scene: Scene, agency: Actor, door: FeedDoor):
    before = Traceback.objects.count()
    report = taken(agency, door, call(), call(called="+15175550103"))
    asked = actions.ask_tracebacks(agency, report, reason="It rings now.")
    assert asked.trace is TraceRequest.OPENING
    assert actions.open_tracebacks(report) == 2
    assert actions.open_tracebacks(report) == 0
    found = queries.report(agency, report)
    assert found.trace is TraceRequest.OPENED
    assert len(found.tracebacks) == Traceback.objects.count() - before == 2
    with pytest.raises(Conflict):
        actions.ask_tracebacks(agency, report, reason="Again.")


def test_old_calls_wait_for_the_desk_which_opens_or_declines_with_its_reason(
    scene: Scene, agency: Actor, reviewer: Actor, door: FeedDoor
):
    old = clock.now() - timedelta(days=11)
    opened, declined = (taken(agency, door, call(call_at=old + timedelta(seconds=n))) for n in range(2))
    for report in (opened, declined):
        assert actions.ask_tracebacks(agency, report, reason="Part of our case.").trace is TraceRequest.ASKED
    assert [one.id for one in queries.waiting(reviewer)] == [opened, declined]
    actions.decide_tracebacks(reviewer, opened, opens=True, answer="Records are kept there.")
    assert actions.open_tracebacks(opened) == 1
    actions.decide_tracebacks(reviewer, declined, opens=False, answer="Purged by now.")
    assert queries.report(agency, declined).trace_answer == "Purged by now."
    with pytest.raises(Conflict):
        actions.decide_tracebacks(reviewer, declined, opens=True, answer="x")


def test_what_one_agency_has_traced_unasked_is_bounded():
    now = clock.now()
    known = [rules.Known(record_id=str(n), call_at=now - timedelta(minutes=n)) for n in range(30)]
    assert len(rules.automatic(known, traced_today=0, now=now)) == rules.MOST_AUTOMATIC
    assert [one.record_id for one in rules.automatic(known, traced_today=0, now=now)][:2] == ["0", "1"]
    assert len(rules.automatic(known, traced_today=rules.MOST_A_DAY - 2, now=now)) == 2
    assert rules.automatic(known, traced_today=rules.MOST_A_DAY + 3, now=now) == ()
    stale = [rules.Known(record_id="x", call_at=now - rules.FRESH - timedelta(seconds=1))]
    assert rules.automatic(stale, traced_today=0, now=now) == ()


def test_another_agency_learns_of_no_report_and_others_may_not_report(
    scene: Scene, agency: Actor, other_agency: Actor, request: pytest.FixtureRequest, door: FeedDoor
):
    report = taken(agency, door, call())
    assert queries.reports(other_agency) == []
    for look in (
        lambda: queries.report(other_agency, report),
        lambda: actions.ask_tracebacks(other_agency, report, reason="x"),
    ):
        with pytest.raises(NotFound):
            look()
    for nobody in ("desk", "provider", "custodian"):
        with pytest.raises(Forbidden):
            actions.report_calls(request.getfixturevalue(nobody), [call()])
    with pytest.raises(Forbidden):
        actions.decide_tracebacks(agency, report, opens=True, answer="x")


def test_the_same_key_brings_one_report(scene: Scene, agency: Actor):
    calls = [call()]
    first, again = (actions.report_calls(agency, calls, key="k") for _ in range(2))
    assert first.id == again.id
    with pytest.raises(Conflict, match="another content"):
        actions.report_calls(agency, [call(calling="+12155550199")], key="k")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"called": "nobody"}, "called"),
        ({"callback": "x"}, "callback"),
        ({"call_at": clock.now() + timedelta(days=2)}, "call_at"),
        ({"call_at": datetime(2026, 11, 1)}, "call_at"),  # noqa: DTZ001 - a time without a zone is what is tried
        ({"transcript": "x" * 20_001}, "transcript"),
        ({"duration_s": -1.0}, "duration_s"),
    ],
)
def test_a_call_that_cannot_be_stored_is_named_by_place_and_field(agency: Actor, change: dict[str, object], field: str):
    with pytest.raises(BadReport) as refused:
        actions.report_calls(agency, [call(), call(**change)])
    assert list(refused.value.problems) == [f"calls.1.{field}"]


def test_too_much_at_once_is_refused(agency: Actor):
    with pytest.raises(TooLarge):
        actions.report_calls(agency, [call()] * (rules.MOST_CALLS + 1))
    with pytest.raises(Invalid):
        actions.report_calls(agency, [])
    with pytest.raises(BadReport):
        actions.report_file(agency, "x", b"")


def test_each_step_is_audited(scene: Scene, agency: Actor, door: FeedDoor):
    report = taken(agency, door, call())
    actions.ask_tracebacks(agency, report, reason="Now.")
    actions.open_tracebacks(report)
    tags = list(AuditEntry.objects.filter(subject=report).order_by("seq").values_list("tag", flat=True))
    assert tags == [Tag.REPORT_RECEIVED, Tag.REPORT_SETTLED, Tag.REPORT_TRACE_ASKED, Tag.REPORT_TRACED]
    assert isinstance(ReportedCall.objects.get().record_id, UUID)
