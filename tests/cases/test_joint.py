"""Joint cases: shared notes once both have joined, and nothing of either's own case."""

import pytest

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Role
from headwater.accounts.queries import actor_of
from headwater.cases import actions, joint, matters, queries
from headwater.cases.models import JointNote
from headwater.cases.states import MatterKind, PartyState
from headwater.errors import Conflict, Forbidden, Invalid, NotFound
from tests.cases.conftest import take_part
from tests.cases.test_deconfliction import case_about, find, told
from tests.conftest import person
from tests.evidence.scenery import Scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def matched(scene: Scene, agency: Actor, other_agency: Actor, operator: Actor) -> str:
    """A match between the two agencies, as the first sees it."""
    for actor, state in ((agency, "MI"), (other_agency, "OH")):
        told(scene, actor, state=state)
        take_part(actor)
        matters.enter(actor, MatterKind.CASE, case_about(actor, scene))
    find(operator)
    (found,) = matters.matches(agency)
    return found.id


def test_notes_are_shared_once_the_other_has_accepted(matched: str, agency: Actor, other_agency: Actor):
    joint_id = joint.invite(agency, matched, title="Legal-Enforcement, MI and OH")
    with pytest.raises(Conflict, match="both sides"):
        joint.add_note(agency, joint_id, "Too early")
    (seen,) = joint.joint_cases(other_agency)
    assert (seen.title, seen.state, seen.notes) == ("Legal-Enforcement, MI and OH", PartyState.INVITED, ())
    joint.answer(other_agency, joint_id, accept=True)
    joint.add_note(agency, joint_id, "We file on Thursday.")
    joint.add_note(other_agency, joint_id, "So do we.")
    for actor in (agency, other_agency):
        found = joint.joint_case(actor, joint_id)
        assert [(note.agency, note.text) for note in found.notes] == [
            ("Ohio AG", "So do we."),
            ("Michigan AG", "We file on Thursday."),
        ]
        assert found.together


def test_neither_sees_the_other_s_own_case(matched: str, agency: Actor, other_agency: Actor):
    joint_id = joint.invite(agency, matched, title="Both")
    own = queries.cases(other_agency)[0].id
    joint.answer(other_agency, joint_id, accept=True, case_id=own)
    mine, theirs = joint.joint_case(agency, joint_id), joint.joint_case(other_agency, joint_id)
    assert theirs.case_id == own
    assert own not in str(mine)
    assert mine.case_id not in str(theirs)
    with pytest.raises(NotFound):
        queries.case(agency, own)


def test_who_declines_or_leaves_reads_nothing(matched: str, agency: Actor, other_agency: Actor):
    joint_id = joint.invite(agency, matched, title="Both")
    joint.answer(other_agency, joint_id, accept=False)
    assert joint.joint_case(other_agency, joint_id).state is PartyState.DECLINED
    second = joint.invite(agency, matched, title="Both again")
    joint.answer(other_agency, second, accept=True)
    joint.add_note(agency, second, "Between us.")
    joint.leave(other_agency, second)
    left = joint.joint_case(other_agency, second)
    assert (left.state, left.notes) == (PartyState.LEFT, ())
    with pytest.raises(Conflict):
        joint.add_note(other_agency, second, "x")
    with pytest.raises(Conflict, match="both sides"):
        joint.add_note(agency, second, "Nobody there")
    assert JointNote.objects.count() == 1


def test_a_third_agency_learns_nothing_of_a_joint_case(matched: str, agency: Actor, other_agency: Actor):
    joint_id = joint.invite(agency, matched, title="Both")
    third = actor_of(
        person(OrganisationKind.AGENCY, Role.AGENCY_OFFICER, "t@ag-tx.example", name="Texas AG", state="TX")
    )
    assert joint.joint_cases(third) == []
    for step in (
        lambda: joint.joint_case(third, joint_id),
        lambda: joint.answer(third, joint_id, accept=True),
        lambda: joint.add_note(third, joint_id, "x"),
        lambda: joint.leave(third, joint_id),
        lambda: joint.invite(third, matched, title="x"),
    ):
        with pytest.raises(NotFound):
            step()


@pytest.mark.parametrize("who", ["desk", "provider"])
def test_others_than_agencies_have_no_joint_cases(matched: str, who: str, request: pytest.FixtureRequest):
    stranger: Actor = request.getfixturevalue(who)
    with pytest.raises(Forbidden):
        joint.joint_cases(stranger)
    with pytest.raises(Forbidden):
        joint.invite(stranger, matched, title="x")


def test_an_invitation_needs_a_match_that_still_stands(matched: str, agency: Actor, other_agency: Actor):
    with pytest.raises(Invalid):
        joint.invite(agency, matched, title=" ")
    joint.invite(agency, matched, title="Both")
    with pytest.raises(Conflict, match="already"):
        joint.invite(agency, matched, title="Both")
    matters.set_consent(other_agency, given=False)
    with pytest.raises(NotFound, match="may have ended"):
        joint.invite(agency, matched, title="Both")


def test_an_invitation_is_answered_once_and_with_one_s_own_case(matched: str, agency: Actor, other_agency: Actor):
    joint_id = joint.invite(agency, matched, title="Both")
    foreign = actions.open_case(agency, title="Not theirs")
    with pytest.raises(NotFound):
        joint.answer(other_agency, joint_id, accept=True, case_id=foreign)
    joint.answer(other_agency, joint_id, accept=True)
    with pytest.raises(Conflict):
        joint.answer(other_agency, joint_id, accept=False)
