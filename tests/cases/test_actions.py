"""Cases: strictly by organisation, by role within it, and never less than what was there before."""

from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import pytest

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Role
from headwater.accounts.queries import actor_of
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.cases import actions, queries
from headwater.cases.actions import When
from headwater.cases.models import CaseItem, CaseMember, Matter
from headwater.cases.states import CaseState, Lane, MemberRole, Precision, SubjectKind
from headwater.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from headwater.legal.rules import Decision, Grant
from headwater.relief import actions as relief
from headwater.relief.states import MeasureKind, NoticeKind
from tests.cases.conftest import take_part
from tests.conftest import person
from tests.evidence.conftest import serve
from tests.evidence.scenery import Scene

pytestmark = pytest.mark.django_db


def opened(actor: Actor, **changes: Any) -> str:
    return actions.open_case(actor, **{"title": "Grandparent scam, autumn", "reference": "MI-2026-17", **changes})


def test_who_opens_a_case_leads_it_and_the_colleagues_read_it(agency: Actor, partner: Actor):
    case_id = opened(agency)
    mine, theirs = queries.case(agency, case_id), queries.case(partner, case_id)
    assert (mine.role, theirs.role) == (MemberRole.LEAD, MemberRole.READER)
    assert mine.may_add
    assert not theirs.may_add
    assert [row.id for row in queries.cases(partner)] == [case_id]
    assert AuditEntry.objects.filter(tag=Tag.CASE_VIEWED, subject=case_id).count() == 2


@pytest.mark.parametrize("other", ["other_agency", "desk", "reviewer", "custodian"])
def test_no_other_organisation_learns_of_a_case(agency: Actor, other: str, request: pytest.FixtureRequest):
    case_id = opened(agency)
    stranger: Actor = request.getfixturevalue(other)
    assert queries.cases(stranger) == []
    for look in (queries.case, lambda a, c: queries.timeline(a, c, form="csv"), lambda a, c: queries.document(a, c, 1)):
        with pytest.raises(NotFound):
            look(stranger, case_id)
    for step in (
        lambda: actions.add_note(stranger, case_id, "x"),
        lambda: actions.add_item(stranger, case_id, SubjectKind.PROVIDER, "709A"),
        lambda: actions.keep_document(stranger, case_id, "a.pdf", b"x"),
        lambda: actions.move_case(stranger, case_id, to=CaseState.CLOSED, reason="x"),
        lambda: actions.set_member(stranger, case_id, "alex@ag-mi.example", MemberRole.READER),
    ):
        with pytest.raises(NotFound):
            step()


def test_a_provider_has_no_cases(provider: Actor):
    with pytest.raises(Forbidden):
        queries.cases(provider)
    with pytest.raises(Forbidden):
        opened(provider)


def test_a_restricted_case_is_there_for_its_members_alone(agency: Actor, partner: Actor):
    case_id = opened(agency, restricted=True)
    with pytest.raises(NotFound):
        queries.case(partner, case_id)
    assert queries.cases(partner) == []
    with pytest.raises(Invalid, match="restricted"):
        actions.add_task(agency, case_id, "Call them", assignee="ada@ag-mi.example")
    actions.set_member(agency, case_id, "ada@ag-mi.example", MemberRole.CONTRIBUTOR)
    assert queries.case(partner, case_id).may_add
    actions.remove_member(agency, case_id, "ada@ag-mi.example")
    with pytest.raises(NotFound):
        queries.case(partner, case_id)


def test_what_a_role_does_not_allow_is_refused(agency: Actor, partner: Actor):
    case_id = opened(agency)
    with pytest.raises(Forbidden, match="only read"):
        actions.add_note(partner, case_id, "x")
    actions.set_member(agency, case_id, "ada@ag-mi.example", MemberRole.CONTRIBUTOR)
    actions.add_note(partner, case_id, "Called the bank.")
    for step in (
        lambda: actions.set_member(partner, case_id, "ada@ag-mi.example", MemberRole.LEAD),
        lambda: actions.move_case(partner, case_id, to=CaseState.CLOSED, reason="x"),
        lambda: actions.change_case(partner, case_id, title="Mine", reference="", restricted=True),
    ):
        with pytest.raises(Forbidden):
            step()


def test_somebody_always_leads_a_case(agency: Actor, partner: Actor):
    case_id = opened(agency)
    for step in (
        lambda: actions.remove_member(agency, case_id, "alex@ag-mi.example"),
        lambda: actions.set_member(agency, case_id, "alex@ag-mi.example", MemberRole.READER),
    ):
        with pytest.raises(Conflict, match="must lead"):
            step()
    actions.set_member(agency, case_id, "ada@ag-mi.example", MemberRole.LEAD)
    actions.remove_member(partner, case_id, "alex@ag-mi.example")
    assert queries.case(agency, case_id).role is MemberRole.READER
    assert CaseMember.objects.filter(case_id=case_id).count() == 2


def test_a_person_of_another_organisation_cannot_be_made_a_member(agency: Actor, other_agency: Actor):
    case_id = opened(agency)
    with pytest.raises(Invalid, match="Nobody of your organisation"):
        actions.set_member(agency, case_id, "olive@ag-oh.example", MemberRole.READER)
    with pytest.raises(Invalid):
        actions.add_task(agency, case_id, "x", assignee="olive@ag-oh.example")


def test_an_agency_adds_what_it_was_told_of_and_nothing_else(agency: Actor, scene: Scene):
    # Of a state in which the campaign does not ring.
    stranger = actor_of(person(OrganisationKind.AGENCY, Role.AGENCY_OFFICER, "t@ag-tx.example", name="TX", state="TX"))
    case_id, foreign = opened(agency), opened(stranger)
    actions.add_item(agency, case_id, SubjectKind.CAMPAIGN, scene.campaign.id, why="Our alert")
    with pytest.raises(Conflict, match="already"):
        actions.add_item(agency, case_id, SubjectKind.CAMPAIGN, scene.campaign.id)
    for kind, reference in (
        (SubjectKind.CAMPAIGN, scene.campaign.id),
        (SubjectKind.TRACEBACK, scene.traceback_ids[0]),
        (SubjectKind.PROCESS, serve(scene, agency)),
        (SubjectKind.CAMPAIGN, "C-NONE"),
    ):
        with pytest.raises(NotFound):
            actions.add_item(stranger, foreign, kind, reference)
    actions.add_item(agency, case_id, SubjectKind.PROVIDER, "709c")
    (campaign, provider) = queries.case(agency, case_id).items
    assert (campaign.name, provider.name) == (scene.campaign.name, "Cedar VoIP (709C)")


def test_the_consortium_s_case_has_calls_tracebacks_notices_and_court_in_its_lanes(desk: Actor, scene: Scene):
    case_id = opened(desk)
    for kind, reference in (
        (SubjectKind.CAMPAIGN, scene.campaign.id),
        *((SubjectKind.TRACEBACK, one) for one in scene.traceback_ids),
    ):
        actions.add_item(desk, case_id, kind, reference)
    relief.send_notice(desk, scene.campaign.id, scene.origin.id, kind=NoticeKind.CEASE_AND_DESIST)
    relief.enter_measure(
        desk, scene.campaign.id, kind=MeasureKind.ORDER_ISSUED, at=clock.now() - timedelta(hours=1), what="TRO"
    )
    found = queries.case(desk, case_id).moments
    assert {one.lane for one in found} >= {Lane.CALLS, Lane.TRACEBACKS, Lane.NOTICES, Lane.COURT}
    assert [one.at for one in found] == sorted(one.at for one in found)


def test_an_agency_sees_measures_once_its_process_is_accepted_and_notices_never(
    agency: Actor, partner: Actor, desk: Actor, reviewer: Actor, scene: Scene
):
    case_id = opened(agency)
    actions.add_item(agency, case_id, SubjectKind.CAMPAIGN, scene.campaign.id)
    relief.enter_measure(
        desk, scene.campaign.id, kind=MeasureKind.ORDER_ISSUED, at=clock.now() - timedelta(hours=1), what="TRO"
    )
    process_id = serve(scene, agency)
    actions.add_item(agency, case_id, SubjectKind.PROCESS, process_id)
    assert not [one for one in queries.case(agency, case_id).moments if one.lane is Lane.COURT]
    from headwater.legal import actions as legal

    legal.decide(
        reviewer, process_id, decision=Decision.ACCEPT, reason="In order.", identity_check="Called the office.",
        grant=Grant(called_numbers=False, customer_identity=False),
    )  # fmt: skip
    lanes = {one.lane for one in queries.case(agency, case_id).moments}
    assert {Lane.COURT, Lane.PROCESS} <= lanes
    # The path of a traced call comes with the same acceptance, and to the people whom it names.
    actions.add_item(agency, case_id, SubjectKind.TRACEBACK, scene.traceback_ids[0])
    told = [one.what for one in queries.case(agency, case_id).moments if one.reference == scene.traceback_ids[0]]
    assert told[:2] == ["Traced call placed", "Traceback opened"]
    assert not [one for one in queries.case(partner, case_id).moments if one.lane in {Lane.COURT, Lane.TRACEBACKS}]


def test_a_thing_that_the_reader_may_no_longer_know_of_stays_named_and_tells_nothing(agency: Actor, scene: Scene):
    case_id = opened(agency)
    actions.add_item(agency, case_id, SubjectKind.CAMPAIGN, scene.campaign.id)
    assert queries.case(agency, case_id).moments
    other = person(OrganisationKind.AGENCY, Role.AGENCY_OFFICER, "t@ag-tx.example", name="TX", state="TX")
    scene.campaign.alerts.filter(organisation_id=agency.organisation_id).update(organisation=other.organisation)
    found = queries.case(agency, case_id)
    assert [item.open for item in found.items] == [False]
    assert not found.moments


def test_a_note_with_a_moment_stands_in_its_lane_as_exactly_as_it_is_known(agency: Actor):
    case_id = opened(agency)
    at = clock.now() - timedelta(days=3)
    actions.add_note(agency, case_id, "Hearing held", when=When(at=at, precision=Precision.DAY, lane=Lane.COURT))
    actions.add_note(agency, case_id, "No moment")
    (moment,) = queries.case(agency, case_id).moments
    assert (moment.lane, moment.spoken, moment.who) == (Lane.COURT, f"{at:%Y-%m-%d}", agency.label)
    with pytest.raises(Invalid, match="filled from the record"):
        actions.add_note(agency, case_id, "x", when=When(at=at, precision=Precision.DAY, lane=Lane.CALLS))


def test_tasks_are_given_done_and_overdue(agency: Actor, partner: Actor):
    case_id = opened(agency)
    actions.add_task(agency, case_id, "Ask the bank", assignee="ADA@ag-mi.example", due_on=date(2020, 1, 1))
    (task,) = queries.case(agency, case_id).tasks
    assert (task.assignee, task.overdue(date(2020, 1, 2)), task.overdue(date(2020, 1, 1))) == ("Ada", True, False)
    assert queries.cases(agency)[0].open_tasks == 1
    actions.settle_task(agency, case_id, task.id, done=True)
    assert not queries.case(agency, case_id).tasks[0].overdue(date(2030, 1, 1))
    assert queries.cases(agency)[0].open_tasks == 0
    actions.settle_task(agency, case_id, task.id, done=False)
    assert queries.case(agency, case_id).tasks[0].done_at is None


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("order.pdf", "order.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Temp\\x.exe", "x.exe"),
        ("\u202egpj.exe\x00", "gpj.exe"),
        ("...", "document"),
        ("a\r\nSet-Cookie: x", "aSet-Cookie: x"),
    ],
)
def test_a_document_is_kept_octet_by_octet_under_a_harmless_name(agency: Actor, name: str, kept: str):
    case_id, octets = opened(agency), b"%PDF-1.7 \x00\xff anything at all"
    assert actions.keep_document(agency, case_id, name, octets) == sha256(octets).hexdigest()
    (held,) = queries.case(agency, case_id).documents
    found = queries.document(agency, case_id, held.id)
    assert (found.filename, found.octets) == (kept, octets)


def test_a_document_that_is_empty_or_too_large_is_refused(agency: Actor):
    case_id = opened(agency)
    with pytest.raises(Invalid):
        actions.keep_document(agency, case_id, "a", b"")
    with pytest.raises(TooLarge):
        actions.keep_document(agency, case_id, "a", bytes(actions.LARGEST_DOCUMENT + 1))


def test_a_closed_case_takes_nothing_until_it_is_reopened(agency: Actor):
    case_id = opened(agency)
    actions.move_case(agency, case_id, to=CaseState.CLOSED, reason="Settled.")
    with pytest.raises(Conflict, match="Reopen"):
        actions.add_note(agency, case_id, "x")
    with pytest.raises(Conflict, match="already"):
        actions.move_case(agency, case_id, to=CaseState.CLOSED, reason="x")
    actions.move_case(agency, case_id, to=CaseState.OPEN, reason="They rang again.")
    actions.add_note(agency, case_id, "x")


def test_what_was_taken_out_stays_on_record(agency: Actor, scene: Scene):
    case_id = opened(agency)
    actions.add_item(agency, case_id, SubjectKind.PROVIDER, "709C")
    (item,) = queries.case(agency, case_id).items
    actions.remove_item(agency, case_id, item.id)
    assert queries.case(agency, case_id).items == ()
    assert CaseItem.objects.count() == 1
    with pytest.raises(NotFound):
        actions.remove_item(agency, case_id, item.id)


def test_every_step_of_a_case_is_in_the_audit(agency: Actor, partner: Actor, scene: Scene):
    case_id = opened(agency)
    actions.set_member(agency, case_id, "ada@ag-mi.example", MemberRole.READER)
    actions.add_item(agency, case_id, SubjectKind.PROVIDER, "709C")
    actions.add_note(agency, case_id, "x")
    actions.add_task(agency, case_id, "x")
    actions.keep_document(agency, case_id, "a", b"x")
    queries.timeline(agency, case_id, form="csv")
    actions.move_case(agency, case_id, to=CaseState.CLOSED, reason="x")
    tags = list(AuditEntry.objects.filter(subject=case_id).order_by("seq").values_list("tag", flat=True))
    assert tags == [
        Tag.CASE_MEMBER_ADDED, Tag.CASE_OPENED, Tag.CASE_MEMBER_ADDED, Tag.CASE_ITEM_ADDED, Tag.CASE_NOTE_ADDED,
        Tag.CASE_TASK_ADDED, Tag.CASE_DOCUMENT_KEPT, Tag.CASE_EXPORTED, Tag.CASE_CLOSED,
    ]  # fmt: skip


def test_closing_a_case_takes_it_out_of_deconfliction(agency: Actor):
    take_part(agency)
    case_id = opened(agency)
    Matter.objects.create(
        organisation_id=agency.organisation_id, kind="case", reference=case_id, entered_at=clock.now(), entered_by="x"
    )
    actions.move_case(agency, case_id, to=CaseState.CLOSED, reason="x")
    assert Matter.objects.get().withdrawn_by == agency.label
