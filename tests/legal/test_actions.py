"""Legal process on a real database: who may do what, who sees what, and that each look and change is audited."""

from datetime import timedelta

import pytest

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.errors import Forbidden, NotFound
from headwater.legal import actions, queries
from headwater.legal.documents import inspect
from headwater.legal.models import LegalProcess, ProcessDocument
from headwater.legal.rules import BadRequest, Decision, Grant, ProcessState, WrongStep
from tests.evidence.conftest import asked, serve
from tests.evidence.scenery import PDF, Scene

pytestmark = pytest.mark.django_db
DOCUMENT = inspect("subpoena.pdf", PDF)


def decide(reviewer: Actor, process_id: str, decision: Decision, **more: object) -> None:
    told = {"reason": "As stated.", "identity_check": "Called the office."}
    actions.decide(reviewer, process_id, decision=decision, **{**told, **more})  # type: ignore[arg-type]


def test_a_draft_is_the_agencys_alone_until_it_is_served(scene: Scene, agency: Actor, reviewer: Actor):
    draft = actions.draft(agency, scene.alert_id, asked(), DOCUMENT)

    assert queries.process(agency, draft.id).state is ProcessState.DRAFT
    with pytest.raises(NotFound):
        queries.process(reviewer, draft.id)
    assert queries.review_queue(reviewer) == []

    actions.serve(agency, draft.id)
    assert [waiting.id for waiting in queries.review_queue(reviewer)] == [draft.id]


def test_a_document_is_kept_as_it_was_received(served: str, reviewer: Actor):
    (held,) = queries.process(reviewer, served).documents
    content = queries.document(reviewer, served, held.id)
    assert (content.octets, content.sha256) == (PDF, DOCUMENT.sha256)
    assert AuditEntry.objects.filter(tag=Tag.PROCESS_DOCUMENT_VIEWED, subject=served).count() == 1


def test_another_agency_learns_of_nothing(scene: Scene, served: str, other_agency: Actor):
    assert queries.processes(other_agency) == []
    held = ProcessDocument.objects.get()
    for look in (
        lambda: queries.process(other_agency, served),
        lambda: queries.document(other_agency, served, held.id),
        lambda: actions.withdraw(other_agency, served, reason="Not mine"),
        lambda: actions.supply(other_agency, served, note="Not mine"),
        lambda: actions.serve(other_agency, served),
        lambda: actions.draft(other_agency, scene.alert_id, asked(), DOCUMENT),
    ):
        with pytest.raises(NotFound):
            look()
    assert not AuditEntry.objects.filter(actor=other_agency.label, subject=served).exists()


def test_a_document_of_one_process_is_not_found_under_another(scene: Scene, served: str, agency: Actor):
    other = serve(scene, agency, case_number="another")
    held = ProcessDocument.objects.get(process_id=other)
    with pytest.raises(NotFound):
        queries.document(agency, served, held.id)


def test_each_role_does_only_its_own_part(scene: Scene, served: str, request: pytest.FixtureRequest):
    for name in ("desk", "custodian", "reviewer", "provider"):
        with pytest.raises(Forbidden):
            actions.draft(request.getfixturevalue(name), scene.alert_id, asked(), DOCUMENT)
    for name in ("agency", "desk", "custodian", "provider"):
        with pytest.raises(Forbidden):
            decide(request.getfixturevalue(name), served, Decision.OBJECT)
    for name in ("desk", "provider"):
        with pytest.raises(Forbidden):
            queries.processes(request.getfixturevalue(name))
    assert LegalProcess.objects.get().state == "served"


def test_a_decision_is_told_with_its_reason_and_who_took_it(served: str, reviewer: Actor, agency: Actor):
    decide(reviewer, served, Decision.OBJECT, reason="The statute is not one that reaches us.")
    seen = queries.process(agency, served)
    assert (seen.state, seen.decided, seen.accepted) == (ProcessState.OBJECTED, True, False)
    assert (seen.decision_reason, seen.decided_by) == ("The statute is not one that reaches us.", reviewer.label)
    assert [step.state for step in seen.steps] == ["draft", "served", "identity_checked", "under_review", "objected"]
    assert AuditEntry.objects.get(tag=Tag.PROCESS_DECIDED).detail["decision"] == "object"


def test_what_is_deficient_is_supplied_and_goes_on(served: str, reviewer: Actor, agency: Actor):
    decide(reviewer, served, Decision.ASK_FOR_MORE, reason="Page two is missing.")
    with pytest.raises(WrongStep):
        decide(reviewer, served, Decision.ACCEPT)
    actions.supply(agency, served, note="Here it is.", document=DOCUMENT)
    assert len(queries.process(reviewer, served).documents) == 2
    decide(reviewer, served, Decision.ACCEPT)
    assert queries.process(agency, served).state is ProcessState.ACCEPTED


def test_a_decided_process_is_not_decided_twice(served: str, reviewer: Actor, agency: Actor):
    decide(reviewer, served, Decision.ACCEPT)
    for again in (
        lambda: decide(reviewer, served, Decision.OBJECT),
        lambda: actions.serve(agency, served),
        lambda: actions.begin_review(reviewer, served),
    ):
        with pytest.raises(WrongStep):
            again()


def test_customer_identity_is_opened_only_by_name(scene: Scene, agency: Actor, reviewer: Actor):
    wide = serve(scene, agency, customer_identity=True)
    decide(reviewer, wide, Decision.ACCEPT)
    found = queries.process(agency, wide)
    assert (found.grant.called_numbers, found.grant.customer_identity, found.in_part) == (True, False, True)

    named = serve(scene, agency, customer_identity=True)
    decide(reviewer, named, Decision.ACCEPT, grant=Grant(called_numbers=False, customer_identity=True))
    found = queries.process(agency, named)
    assert (found.grant.called_numbers, found.grant.customer_identity) == (False, True)


def test_a_decision_without_a_reason_or_an_identity_check_changes_nothing(served: str, reviewer: Actor):
    for missing in ({"reason": " "}, {"identity_check": ""}):
        with pytest.raises(BadRequest):
            decide(reviewer, served, Decision.ACCEPT, **missing)
    assert LegalProcess.objects.get().state == "served"


def test_a_draft_can_be_changed_and_a_served_process_cannot(scene: Scene, agency: Actor):
    draft = actions.draft(agency, scene.alert_id, asked(), DOCUMENT)
    actions.revise(agency, draft.id, asked(case_number="2026-2"), None)
    assert queries.process(agency, draft.id).request.case_number == "2026-2"
    assert ProcessDocument.objects.count() == 1
    actions.serve(agency, draft.id)
    with pytest.raises(WrongStep, match="can no longer be changed"):
        actions.revise(agency, draft.id, asked(case_number="2026-3"), None)


def test_a_draft_whose_return_date_has_passed_is_not_served(scene: Scene, agency: Actor):
    draft = actions.draft(agency, scene.alert_id, asked(), DOCUMENT)
    LegalProcess.objects.update(return_date=clock.now().date() - timedelta(days=1))
    with pytest.raises(BadRequest, match="return date"):
        actions.serve(agency, draft.id)


def test_every_look_is_audited_with_who_and_what(served: str, reviewer: Actor, agency: Actor):
    queries.process(reviewer, served)
    queries.processes(agency)
    queries.review_queue(reviewer)
    seen = AuditEntry.objects.filter(tag__in=[Tag.PROCESS_VIEWED, Tag.PROCESS_LISTED]).order_by("seq")
    assert [(entry.actor, entry.subject) for entry in seen] == [
        (reviewer.label, served),
        (agency.label, ""),
        (reviewer.label, "queue"),
    ]
