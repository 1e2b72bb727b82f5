"""A scope follows a merge and its undo; what the acceptance left out stays closed all the same."""

import pytest

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.alerts import actions as alerts
from headwater.alerts import queries as told
from headwater.alerts.models import Alert
from headwater.campaigns import edits, merged
from headwater.campaigns.models import Campaign, CampaignEdit, CampaignMember
from headwater.cases import actions as cases
from headwater.cases import queries as case_queries
from headwater.cases.states import SubjectKind
from headwater.legal import access, queries
from headwater.legal.rules import Subjects
from headwater.relief import actions as relief
from headwater.relief import queries as relief_queries
from headwater.relief.states import NoticeKind
from tests.evidence.conftest import serve
from tests.evidence.scenery import Scene
from tests.legal.test_access import accept

pytestmark = pytest.mark.django_db
OTHER = "C-0000000002"


@pytest.fixture
def target(scene: Scene) -> Campaign:
    """Another campaign, with one call of its own."""
    found = Campaign.objects.get()
    found.pk, found.name, found.calls = OTHER, "Amazon-SuspiciousCharge", 1
    found.save(force_insert=True)
    call = CampaignMember.objects.order_by("call_at").first()
    assert call is not None
    call.pk, call.campaign_id = "0" * 32, OTHER
    call.save(force_insert=True)
    return found


def merge(desk: Actor, scene: Scene, target: Campaign) -> int:
    """Let the scene's campaign go into ``target``, as people do it."""
    edit = edits.ask_merge(desk, target.id, scene.campaign.id, why="One script.")
    edits.carry_out(now=clock.now())
    assert CampaignEdit.objects.get(pk=edit).done_at is not None
    return edit


def undo(desk: Actor, edit: int) -> None:
    edits.ask_undo(desk, edit)
    edits.carry_out(now=clock.now())


def test_a_scope_leads_where_its_campaign_went_and_back_again(
    scene: Scene, target: Campaign, agency: Actor, reviewer: Actor, desk: Actor
):
    process = accept(reviewer, serve(scene, agency))
    own = CampaignMember.objects.filter(campaign=scene.campaign).count()
    edit = merge(desk, scene, target)
    live = access.live(agency, process, now=clock.now())
    assert live.calls == own + 1
    assert {one.id for one in live.tracebacks} == set(scene.traceback_ids)
    assert live.liveness is not None
    assert live.liveness.still_ringing
    undo(desk, edit)
    assert access.live(agency, process, now=clock.now()).calls == own


def test_a_merge_opens_nothing_that_the_acceptance_left_out(
    scene: Scene, target: Campaign, agency: Actor, reviewer: Actor, desk: Actor
):
    alert = Alert.objects.get(organisation_id=agency.organisation_id)
    alert.pk, alert.campaign_id = "AL-0000000002", OTHER
    alert.save(force_insert=True)
    both = Subjects(campaigns=frozenset({scene.campaign.id, OTHER}))
    left_out = Subjects(campaigns=frozenset({OTHER}))
    process = accept(reviewer, serve(scene, agency, subjects=both), left_out=left_out)
    merge(desk, scene, target)
    scope = queries.open_scope(agency, process, now=clock.now())
    assert scope.subjects.campaigns == {scene.campaign.id}
    live = access.live(agency, process, now=clock.now())
    assert (live.calls, len(live.tracebacks)) == (0, 2)


def test_alerts_cases_and_relief_follow_the_same_rule(scene: Scene, target: Campaign, agency: Actor, desk: Actor):
    case_id = cases.open_case(agency, title="The calls")
    cases.add_item(agency, case_id, SubjectKind.CAMPAIGN, scene.campaign.id)
    notice = relief.send_notice(desk, scene.campaign.id, scene.origin.id, kind=NoticeKind.CEASE_AND_DESIST)
    before = Alert.objects.count()
    edit = merge(desk, scene, target)
    # Who was told of the one was told of both, and the old alert shows that it rings.
    Campaign.objects.filter(id=OTHER).update(confirmed_at=clock.now(), states_hit={"MI": 3, "OH": 2})
    alerts.send_for_campaign(OTHER, now=clock.now())
    assert Alert.objects.count() == before
    (row,) = told.alerts(agency, campaign_id=OTHER)
    assert (row.campaign_id, row.calls_now) == (scene.campaign.id, Campaign.objects.get(id=OTHER).calls)
    assert told.campaign_liveness(agency, row.id, clock.now()).still_ringing
    # The case still shows the campaign, and its calls in the timeline.
    timeline = case_queries.timeline(agency, case_id, form="csv")
    assert any("call reported" in moment.what for moment in timeline)
    # Notice and measure stand at either number; a further one goes to the campaign that holds the calls.
    for number in (scene.campaign.id, OTHER):
        assert [one.id for one in relief_queries.relief(desk, number, now=clock.now()).notices] == [notice.id]
    undo(desk, edit)
    assert relief_queries.relief(desk, OTHER, now=clock.now()).notices == ()


def test_chains_of_merges_are_one_campaign_and_what_was_split_off_is_another(scene: Scene, target: Campaign):
    third = Campaign.objects.get(id=OTHER)
    third.pk, third.name = "C-0000000003", "Third"
    third.save(force_insert=True)
    split = Campaign.objects.get(id=OTHER)
    split.pk, split.name, split.split_from_id = "C-0000000004", "Fourth", scene.campaign.id
    split.save(force_insert=True)
    Campaign.objects.filter(id=scene.campaign.id).update(merged_into=OTHER)
    Campaign.objects.filter(id=OTHER).update(merged_into=third)
    all_three = {scene.campaign.id, OTHER, third.id}
    for one in all_three:
        assert merged.united({one}) == all_three
    assert merged.standing(Campaign.objects.get(id=scene.campaign.id)).id == third.id
    assert merged.united({split.id, "C-NOBODY"}) == {split.id, "C-NOBODY"}
