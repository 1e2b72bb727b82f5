"""What people do with cases, holds, notices and the feed, under the database role of the process that does it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import ProgrammingError, connection, transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.calls.store import CallStore
from headwater.cases import actions, holds, index, joint, matters, queries
from headwater.cases.actions import When
from headwater.cases.models import Case, Matter, Pointer
from headwater.cases.states import CaseState, Lane, MatterKind, MemberRole, Precision, SubjectKind
from headwater.evidence.models import Package
from headwater.legal.documents import inspect
from headwater.legal.models import LegalProcess, ProcessSubject
from headwater.relief import actions as relief
from headwater.relief import addenda, block_list, blocking, delivery
from headwater.relief.models import PackageAddendum
from headwater.relief.states import BlockReason, DeliveryWay, NoticeKind
from headwater.retention import actions as retention
from headwater.retention.models import LegalHold
from headwater.site.config import Process
from tests.cases.conftest import KEY, take_part
from tests.cases.test_deconfliction import case_about, told
from tests.evidence.conftest import serve
from tests.evidence.scenery import PDF, Scene, build
from tests.site.test_grants import roles  # noqa: F401 - the fixture that makes the roles

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@contextmanager
def as_process(process: Process) -> Iterator[None]:
    """Let every statement run with the rights of a process."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {process.database_role}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")


@pytest.fixture
def scene(call_store: tuple[str, CallStore], agency: Actor, settings: Any) -> Scene:
    settings.HEADWATER = replace(settings.HEADWATER, calls_url=call_store[0])
    return build(call_store[1], agency)


def worked(actor: Actor, scene: Scene) -> str:
    """Do everything in a case that its lead may."""
    case_id = actions.open_case(actor, title="Ours")
    actions.add_item(actor, case_id, SubjectKind.CAMPAIGN, scene.campaign.id)
    actions.add_item(actor, case_id, SubjectKind.PROVIDER, "709C")
    actions.add_note(actor, case_id, "x", when=When(at=clock.now(), precision=Precision.DAY, lane=Lane.COURT))
    actions.add_task(actor, case_id, "x", assignee=actor.email)
    actions.keep_document(actor, case_id, "a.pdf", b"x")
    actions.set_member(actor, case_id, actor.email, MemberRole.LEAD)
    actions.change_case(actor, case_id, title="Still ours", reference="1", restricted=True)
    found = queries.case(actor, case_id)
    actions.settle_task(actor, case_id, found.tasks[0].id, done=True)
    actions.remove_item(actor, case_id, found.items[-1].id)
    queries.document(actor, case_id, found.documents[0].id)
    assert queries.timeline(actor, case_id, form="csv")
    return case_id


def test_the_desk_works_a_case_and_holds_its_calls(reviewer: Actor, scene: Scene):
    with as_process(Process.DESK):
        case_id = worked(reviewer, scene)
        hold = holds.hold(reviewer, case_id, reason="Litigation")
        actions.add_item(reviewer, case_id, SubjectKind.TRACEBACK, scene.traceback_ids[0])
        retention.release_hold(reviewer, hold.id, reason="Settled", now=clock.now())
        actions.move_case(reviewer, case_id, to=CaseState.CLOSED, reason="Settled")
    assert LegalHold.objects.filter(released_at=None).count() == 1
    with as_process(Process.WORK):
        retention.refresh_holds(now=clock.now())


def test_agencies_meet_under_the_rights_of_the_portal_and_the_worker(
    agency: Actor, other_agency: Actor, operator: Actor, scene: Scene
):
    for actor, state in ((agency, "MI"), (other_agency, "OH")):
        told(scene, actor, state=state)
        with as_process(Process.PORTAL):
            worked(actor, scene)
            take_part(actor)
            matters.enter(actor, MatterKind.CASE, case_about(actor, scene))
    with as_process(Process.WORK):
        assert index.index(operator, KEY) == 1
    with as_process(Process.PORTAL):
        (match,) = matters.matches(agency)
        joint_id = joint.invite(agency, match.id, title="Together")
        joint.answer(other_agency, joint_id, accept=True)
        joint.add_note(other_agency, joint_id, "x")
        assert len(joint.joint_case(agency, joint_id).notes) == 1
        joint.leave(agency, joint_id)
        matters.set_consent(agency, given=False)
        assert matters.matches(other_agency) == []
    assert not Pointer.objects.filter(matter__organisation_id=agency.organisation_id).exists()
    assert Matter.objects.filter(withdrawn_at=None).count() == 1


def test_an_agency_s_case_is_not_there_for_the_desk_s_role_nor_a_pointer_for_the_portal_s(
    agency: Actor, desk: Actor, operator: Actor, scene: Scene
):
    told(scene, agency, state="MI")
    case_id = worked(agency, scene)
    own = actions.open_case(desk, title="The consortium's")
    with as_process(Process.DESK):
        assert set(Case.objects.values_list("id", flat=True)) == {own}
    with as_process(Process.PORTAL):
        assert set(Case.objects.values_list("id", flat=True)) == {case_id}
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            Pointer.objects.values_list("digest", flat=True).first()
    with as_process(Process.CARRIER), pytest.raises(ProgrammingError), transaction.atomic():
        Case.objects.first()


def test_notices_entries_and_appeals_go_their_way(desk: Actor, provider: Actor, operator: Actor, scene: Scene):
    with as_process(Process.DESK):
        order = inspect("order.pdf", PDF)
        sent = relief.send_notice(
            desk, scene.campaign.id, scene.origin.id, kind=NoticeKind.COURT_ORDER, order="TRO", document=order
        )
        delivery.enter_delivery(desk, sent.id, way=DeliveryWay.COURIER, at=clock.now(), proof="1Z 999")
        ground = blocking.Ground(reason=BlockReason.COURT_ORDER, evidence="26-cv-1")
        blocking.enter_do_not_originate(desk, ["12025550100"], ground=ground, days=3)  # type: ignore[list-item]
    (entry,) = block_list.blocks()
    cedar = Actor(
        label="user:cy@cedar.example", organisation_kind=OrganisationKind.PROVIDER, provider_id=scene.origin.id,
        permissions=frozenset({Permission.NOTICE_ANSWER}),
    )  # fmt: skip
    with as_process(Process.CARRIER):
        relief.open_notice(cedar, sent.id)
        delivery.document(cedar, sent.id, sent.documents[0].id)
        appealed = blocking.appeal(provider, entry.reference, text="Ours.")
        assert block_list.listed(provider, now=clock.now())
        assert block_list.appeals(provider)
    with as_process(Process.WORK):
        assert blocking.publish(operator, SIGNER, appeals="x", now=clock.now()) == 1
    with as_process(Process.PUBLIC):
        assert block_list.published().entries == 1
    with as_process(Process.DESK):
        blocking.decide_appeal(desk, appealed.id, upheld=True, reason="So it is.")
        assert block_list.appeals(desk)
    with as_process(Process.WORK):
        assert blocking.publish(operator, SIGNER, appeals="x", now=clock.now() + timedelta(seconds=1)) == 2


def test_an_addendum_is_asked_for_in_the_portal_and_signed_by_the_worker(agency: Actor, custodian: Actor, scene: Scene):
    process_id = serve(scene, agency)
    until = clock.now() + timedelta(days=1)
    LegalProcess.objects.filter(id=process_id).update(state="produced", access_until=until)
    ProcessSubject.objects.filter(process_id=process_id).update(granted=True)
    package = Package.objects.create(
        process_id=process_id, state="sealed", requested_at=clock.now(), sealed_at=clock.now(),
        manifest_sha256="0" * 64,
        facts={"campaigns": [{"campaign": scene.campaign.id}]},
    )  # fmt: skip
    with as_process(Process.PORTAL):
        addendum_id = addenda.ask(agency, package.id)
        addenda.since(agency, package.id, now=clock.now())
    with as_process(Process.WORK):
        addenda.sign(addendum_id, SIGNER, now=clock.now())
    with as_process(Process.PORTAL):
        addenda.document(agency, package.id, addendum_id)
    with as_process(Process.DESK):
        addenda.ask(custodian, package.id)
    assert PackageAddendum.objects.count() == 2
