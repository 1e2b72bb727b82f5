"""The course of a process beyond its decision: letters, notices, time, holds, certification, measured times."""

from datetime import UTC, date, datetime, timedelta

import pytest

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.errors import Conflict, Forbidden, Invalid
from headwater.legal import actions, ending, figures, holds, queries, telling
from headwater.legal.documents import inspect
from headwater.legal.models import LegalProcess, ProcessLetter, ProcessStateChange
from headwater.legal.notices import TOLD, Event, Side, mail
from headwater.legal.parties import Time
from headwater.legal.rules import (
    BadRequest,
    Decision,
    Grant,
    IdentityMethod,
    ProcessState,
    ProcessType,
    Subjects,
    WrongStep,
    business_days_left,
)
from headwater.outbox.models import Message
from headwater.retention import queries as retention
from headwater.retention.models import LegalHold
from tests.evidence.conftest import asked, serve
from tests.evidence.scenery import PDF, Scene

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def decide(reviewer: Actor, process_id: str, decision: Decision = Decision.ACCEPT, **more: object) -> None:
    told = {"reason": "As stated.", "identity_check": "Called the office."}
    actions.decide(reviewer, process_id, decision=decision, **{**told, **more})  # type: ignore[arg-type]


# -- letters


def test_service_is_answered_with_a_receipt_that_names_time_and_hash(served: str, agency: Actor):
    (receipt,) = queries.process(agency, served).letters
    row = LegalProcess.objects.get()
    assert f"{row.served_at:%Y-%m-%d %H:%M:%S} UTC" in receipt.text
    assert inspect("subpoena.pdf", PDF).sha256 in receipt.text
    content = queries.letter(agency, served, receipt.id)
    assert (content.octets[:5], content.sha256) == (b"%PDF-", receipt.sha256)
    assert AuditEntry.objects.get(tag=Tag.PROCESS_SERVED).detail["receipt"] == receipt.sha256


def test_a_letter_says_what_is_opened_and_what_is_not(scene: Scene, agency: Actor, reviewer: Actor):
    two = Subjects(campaigns=frozenset({scene.campaign.id}), numbers=frozenset({"12155550100"}))
    process = serve(scene, agency, customer_identity=True, subjects=two)
    until = clock.now() - DAY
    grant = Grant(
        called_numbers=False,
        customer_identity=False,
        covers_to=until,
        left_out=Subjects(numbers=frozenset({"12155550100"})),
    )
    decide(reviewer, process, Decision.NARROW, grant=grant, reason="<b>Too wide</b> & old")
    found = queries.process(agency, process)
    text = found.letters[-1].text
    for said in (
        "Called numbers in full are not opened",
        "Customer identity is not opened",
        "Calls from +12155550100 are not opened",
        f"Calls from {until:%Y-%m-%d %H:%M} UTC on are not opened",
        "<b>Too wide</b> & old",
    ):
        assert said in text
    assert found.state_words == "Accepted in part"
    assert queries.scope_of(LegalProcess.objects.get()).subjects == Subjects(campaigns=frozenset({scene.campaign.id}))


def test_a_decision_must_be_what_it_is_called(served: str, reviewer: Actor):
    whole = Grant(called_numbers=True, customer_identity=False)
    for decision in (Decision.ACCEPT_IN_PART, Decision.NARROW):
        with pytest.raises(BadRequest):
            decide(reviewer, served, decision, grant=whole)
    assert LegalProcess.objects.get().state == "served"


def test_an_objection_can_be_answered(served: str, reviewer: Actor, agency: Actor):
    decide(reviewer, served, Decision.OBJECT, reason="Too wide.")
    actions.supply(agency, served, note="Only the last two days are needed.")
    assert queries.process(reviewer, served).state is ProcessState.UNDER_REVIEW
    decide(reviewer, served, grant=Grant(called_numbers=True, customer_identity=False))
    assert queries.process(agency, served).accepted


def test_review_begins_when_the_requester_was_checked(served: str, reviewer: Actor, agency: Actor):
    with pytest.raises(WrongStep):
        actions.begin_review(reviewer, served)
    with pytest.raises(Forbidden):
        actions.check_identity(agency, served, method=IdentityMethod.IN_PERSON, how="I am me")
    actions.check_identity(reviewer, served, method=IdentityMethod.PUBLISHED_NUMBER, how="Called 517-373-1110.")
    actions.begin_review(reviewer, served)
    found = queries.process(reviewer, served)
    assert (found.state, found.identity_method) == (ProcessState.UNDER_REVIEW, "published_number")
    assert found.identity_checked_by == reviewer.label


# -- notices


def test_each_event_is_told_once_to_whom_it_concerns(served: str, agency: Actor, reviewer: Actor):
    at = clock.now()
    assert telling.tell(served, Event.SERVED, at) == 2
    assert telling.tell(served, Event.SERVED, at) == 2
    sent = {message.address: message for message in Message.objects.filter(about=served)}
    assert set(sent) == {"alex@ag-mi.example", "rae@consortium.example"}
    row = LegalProcess.objects.get()
    for message in sent.values():
        assert served in message.text
        # Other people's servers read along: nothing of the matter.
        for secret in (row.case_number, row.campaign.name, row.campaign_id):
            assert secret not in message.text + message.subject


@pytest.mark.parametrize("event", list(Event))
def test_every_event_has_words_for_each_side_that_is_told(event: Event):
    assert TOLD[event]
    for side in TOLD[event]:
        written = mail(event, process="LP-1", kind="Subpoena", at=clock.now(), base_url="https://p.example/", side=side)
        path = "/requests/LP-1/" if side is Side.AGENCY else "/process/LP-1/"
        assert f"https://p.example{path}" in written.text
        assert "\n" not in written.subject


# -- time


def test_the_consortium_asks_for_a_later_return_date_and_the_agency_grants_it(
    served: str, reviewer: Actor, agency: Actor
):
    before = LegalProcess.objects.get().return_date
    later = datetime.combine(before + 7 * DAY, datetime.min.time(), UTC)
    for wrong in (datetime.combine(before, datetime.min.time(), UTC), later + 400 * DAY):
        with pytest.raises(BadRequest):
            actions.ask_extension(reviewer, served, what=Time.RETURN_DATE, until=wrong, reason="x")
    actions.ask_extension(reviewer, served, what=Time.RETURN_DATE, until=later, reason="A provider is slow.")
    with pytest.raises(Conflict):
        actions.ask_extension(reviewer, served, what=Time.RETURN_DATE, until=later, reason="Again.")
    (asked_for,) = queries.process(agency, served).extensions
    with pytest.raises(Conflict):
        actions.answer_extension(reviewer, served, asked_for.id, granted=True, answer="To myself.")
    actions.answer_extension(agency, served, asked_for.id, granted=True, answer="Agreed.")
    found = queries.process(agency, served)
    assert (found.due, found.request.return_date) == (before + 7 * DAY, before)
    assert found.letters[-1].title == "Answer to a request for time"
    with pytest.raises(Conflict):
        actions.answer_extension(agency, served, asked_for.id, granted=False, answer="No.")


def test_longer_access_is_the_agencys_to_ask_for_and_the_consortiums_to_grant(
    served: str, reviewer: Actor, agency: Actor
):
    until = clock.now() + 200 * DAY
    with pytest.raises(Conflict):
        actions.ask_extension(agency, served, what=Time.ACCESS, until=until, reason="Nothing is open yet.")
    decide(reviewer, served)
    with pytest.raises(Conflict):
        actions.ask_extension(reviewer, served, what=Time.ACCESS, until=until, reason="Not ours to ask.")
    actions.ask_extension(agency, served, what=Time.ACCESS, until=until, reason="Trial is in May.")
    (asked_for,) = queries.process(agency, served).extensions
    before = LegalProcess.objects.get().access_until
    actions.answer_extension(reviewer, served, asked_for.id, granted=False, answer="Ask again in March.")
    assert LegalProcess.objects.get().access_until == before
    actions.ask_extension(agency, served, what=Time.ACCESS, until=until, reason="It is March.")
    asked_for = queries.process(agency, served).extensions[-1]
    actions.answer_extension(reviewer, served, asked_for.id, granted=True, answer="Granted.")
    assert LegalProcess.objects.get().access_until == until


def test_people_are_warned_once_before_each_end(served: str, reviewer: Actor):
    decide(reviewer, served)
    now = LegalProcess.objects.get().access_until
    assert now is not None
    soon = now - 6 * DAY
    assert ending.run_clock(now=soon)["warned"] == 1
    assert ending.run_clock(now=soon + timedelta(hours=1))["warned"] == 0
    LegalProcess.objects.update(access_until=now + 30 * DAY)
    assert ending.run_clock(now=now + 29 * DAY)["warned"] == 1


# -- preservation


@pytest.fixture
def preserved(scene: Scene, agency: Actor) -> str:
    request = asked(process_type=ProcessType.PRESERVATION, called_numbers=False, statute="")
    draft = actions.draft(agency, scene.alert_id, request, None)
    return actions.serve(agency, draft.id).id


def test_a_preservation_request_holds_its_calls_from_service_and_opens_nothing(
    scene: Scene, preserved: str, reviewer: Actor, agency: Actor
):
    now = clock.now()
    hold = holds.preserve(preserved, now=now)
    assert holds.preserve(preserved, now=now) == hold
    assert LegalHold.objects.count() == 1
    assert len(retention.held(now=now).record_ids) == len(scene.records)
    decide(reviewer, preserved, grant=Grant(called_numbers=False, customer_identity=False))
    assert queries.process(agency, preserved).state is ProcessState.ACCEPTED
    assert queries.open_scopes(agency, now=now) == ()


def test_a_preservation_is_renewed_once_and_ends_by_itself(preserved: str, reviewer: Actor, agency: Actor):
    now = clock.now()
    holds.preserve(preserved, now=now)
    first = LegalProcess.objects.get().hold_until
    assert first is not None

    def renew() -> None:
        actions.ask_extension(agency, preserved, what=Time.PRESERVATION, until=now, reason="The warrant is coming.")
        asked_for = queries.process(agency, preserved).extensions[-1]
        actions.answer_extension(reviewer, preserved, asked_for.id, granted=True, answer="Renewed.")

    renew()
    assert LegalProcess.objects.get().hold_until == first + 90 * DAY
    with pytest.raises(Conflict, match="renewed already"):
        renew()
    assert ending.run_clock(now=first + 90 * DAY - timedelta(seconds=1))["released"] == 0
    assert ending.run_clock(now=first + 90 * DAY)["released"] == 1
    assert LegalHold.objects.get().released_at is not None
    assert holds.preserve(preserved, now=first + 91 * DAY) == ""


@pytest.mark.parametrize("how", ["withdrawn", "objected"])
def test_a_hold_ends_with_its_request(preserved: str, reviewer: Actor, agency: Actor, how: str):
    now = clock.now()
    holds.preserve(preserved, now=now)
    if how == "withdrawn":
        actions.withdraw(agency, preserved, reason="No longer needed.")
    else:
        decide(reviewer, preserved, Decision.OBJECT)
    assert holds.release_ended(now=now) == 1
    assert retention.held(now=now).record_ids == frozenset()
    assert holds.release_ended(now=now) == 0


# -- end


def test_what_is_produced_is_certified_and_closed(served: str, reviewer: Actor, custodian: Actor, agency: Actor):
    decide(reviewer, served)
    with pytest.raises(WrongStep):
        actions.certify(custodian, served, certified_by="Cory Example, custodian")
    actions.begin_production(custodian, served)
    actions.finish_production(custodian, served)
    with pytest.raises(Forbidden):
        actions.certify(agency, served, certified_by="x")
    with pytest.raises(Invalid):
        actions.certify(custodian, served, certified_by=" ")
    actions.certify(custodian, served, certified_by="Cory Example, custodian")
    actions.close(reviewer, served, reason="Done with.")
    found = queries.process(agency, served)
    assert (found.state, found.certified_by) == (ProcessState.CLOSED, "Cory Example, custodian")
    assert found.letters[-1].title == "End of process"
    with pytest.raises(Conflict):
        actions.name_person(agency, served, email="alex@ag-mi.example")


def test_a_withdrawn_draft_leaves_no_letter_and_tells_nobody(scene: Scene, agency: Actor):
    draft = actions.draft(agency, scene.alert_id, asked(), inspect("subpoena.pdf", PDF))
    actions.withdraw(agency, draft.id, reason="Not needed.")
    assert not ProcessLetter.objects.exists()


# -- measured


def test_times_are_measured_from_the_steps_as_they_were(scene: Scene, agency: Actor, reviewer: Actor):
    now = clock.now()
    for minutes in (10, 20, 30, 600):
        process = serve(scene, agency)
        decide(reviewer, process)
        actions.begin_production(reviewer, process)
        actions.finish_production(reviewer, process)
        start = now - timedelta(days=2)
        LegalProcess.objects.filter(id=process).update(served_at=start)
        for state, at in (("accepted", minutes - 5), ("produced", minutes)):
            ProcessStateChange.objects.filter(process_id=process, to_state=state).update(
                at=start + timedelta(minutes=at)
            )
    serve(scene, agency)
    found = figures.measured(now=clock.now())
    everything, subpoenas = found.rows
    assert (everything.served, subpoenas.words) == (5, "Subpoena")
    assert everything.to_production.median == timedelta(minutes=20)
    assert everything.to_production.p90 == everything.to_production.longest == timedelta(minutes=600)
    assert everything.to_production.counts == (1, 2, 0, 1, 0, 0, 0)
    assert everything.after_acceptance.median == timedelta(minutes=5)
    assert (found.in_time, found.late) == (4, 0)


def test_business_days_leave_weekends_and_holidays_out():
    # Thanksgiving 2026 is on November 26.
    assert business_days_left(date(2026, 11, 27), date(2026, 11, 25)) == 1
    assert business_days_left(date(2026, 11, 30), date(2026, 11, 25)) == 2
    assert business_days_left(date(2026, 11, 25), date(2026, 11, 25)) == 0
    assert business_days_left(date(2026, 11, 20), date(2026, 11, 25)) == -3
