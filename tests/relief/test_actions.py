"""From the notice to the end of the calls: sent, delivered, answered, and what the calls did."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.calls.store import CallStore
from headwater.campaigns.models import CampaignMember
from headwater.errors import Conflict, Forbidden, Invalid, NotFound
from headwater.numbering.numbers import E164
from headwater.relief import actions, block_list, blocking, queries
from headwater.relief.models import BlockEntry, Measure, Notice
from headwater.relief.states import MeasureKind, NoticeKind, NoticeState, ReportedAction, Verdict
from tests.evidence.scenery import Scene, build

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(call_store: tuple[str, CallStore], agency: Actor, settings: Any) -> Scene:
    """A campaign whose calls were traced over Alder (709A) and Birch (709B) to Cedar VoIP (709C)."""
    settings.HEADWATER = replace(settings.HEADWATER, calls_url=call_store[0])
    return build(call_store[1], agency)


@pytest.fixture
def cedar(scene: Scene) -> Actor:
    """Somebody at the origin."""
    return Actor(
        label="user:cy@cedar.example",
        organisation_id="OR-CEDAR",
        organisation_kind=OrganisationKind.PROVIDER,
        provider_id=scene.origin.id,
        permissions=frozenset({Permission.NOTICE_ANSWER}),
    )


def send(desk: Actor, scene: Scene, **changes: Any) -> queries.NoticeView:
    values: dict[str, Any] = {"kind": NoticeKind.SUSPECTED_TRAFFIC, **changes}
    return actions.send_notice(desk, scene.campaign.id, scene.origin.id, **values)


def relief(desk: Actor, scene: Scene) -> queries.ReliefView:
    return queries.relief(desk, scene.campaign.id, now=clock.now())


def test_who_can_stop_the_calls_is_the_origin_and_then_its_downstream(desk: Actor, scene: Scene):
    found = relief(desk, scene).stoppers
    assert [(row.stopper.spc, len(row.stopper.traceback_ids)) for row in found] == [("709C", 2), ("709B", 2)]
    assert found[0].provider_id == scene.origin.id
    assert found[1].stopper.can_do == "Take no more of this traffic from Cedar VoIP"


def test_a_notice_states_the_traced_calls_masked_and_what_is_asked_until_when(desk: Actor, scene: Scene):
    sent = send(desk, scene)
    assert set(sent.traceback_ids) == set(scene.traceback_ids)
    assert all(traceback_id in sent.letter for traceback_id in scene.traceback_ids)
    assert "you answered ORIGINATED" in sent.letter
    assert "3135550101" not in sent.letter.replace(" ", "")
    assert sent.mitigation_due_at - sent.sent_at == timedelta(hours=48)
    assert f"{sent.mitigation_due_at:%Y-%m-%d %H:%M:%S} UTC" in sent.letter
    entry = AuditEntry.objects.get(tag=Tag.NOTICE_SENT, subject=sent.id)
    assert entry.detail["letter_sha256"] == sent.letter_sha256
    assert Measure.objects.get().kind == MeasureKind.NOTICE_SENT


def test_opening_it_is_the_proof_of_delivery_once_and_for_all(desk: Actor, scene: Scene, cedar: Actor):
    sent = send(desk, scene)
    first = actions.open_notice(cedar, sent.id)
    again = actions.open_notice(cedar, sent.id)
    assert (first.state, first.seen_by) == (NoticeState.SEEN, cedar.label)
    assert again.seen_at == first.seen_at
    assert AuditEntry.objects.filter(tag=Tag.NOTICE_OPENED, subject=sent.id).count() == 2


def test_a_report_is_a_measure_from_the_time_that_the_provider_states(desk: Actor, scene: Scene, cedar: Actor):
    sent = send(desk, scene)
    actions.open_notice(cedar, sent.id)
    actions.acknowledge(cedar, sent.id)
    acted = clock.now() - timedelta(seconds=5)
    found = actions.report(cedar, sent.id, action=ReportedAction.CUSTOMER_ENDED, acted_at=acted, note="Account closed.")
    assert (found.state, found.reports[0].action) == (NoticeState.REPORTED, ReportedAction.CUSTOMER_ENDED)
    measure = Measure.objects.get(kind=MeasureKind.PROVIDER_ACTED)
    assert measure.at == acted
    corrected = actions.report(cedar, sent.id, action=ReportedAction.INVESTIGATING, acted_at=acted)
    assert [(said.version, said.action) for said in corrected.reports] == [
        (2, ReportedAction.INVESTIGATING),
        (1, ReportedAction.CUSTOMER_ENDED),
    ]
    # To investigate stops nothing: it is no measure.
    assert Measure.objects.filter(kind=MeasureKind.PROVIDER_ACTED).count() == 1


@pytest.mark.parametrize(("late", "verdict"), [(30, Verdict.STOPPED), (7_000, Verdict.TOO_EARLY)])
def test_before_and_after_are_compared_at_each_measure(desk: Actor, scene: Scene, late: int, verdict: Verdict):
    """Where reports take two hours, two hours of silence say nothing yet."""
    now = clock.now()
    CampaignMember.objects.all().delete()
    scene.campaign.first_call_at = now - timedelta(hours=4)
    scene.campaign.save()
    CampaignMember.objects.bulk_create(
        CampaignMember(
            record_id=f"00000000-0000-0000-0000-{n:012d}", campaign=scene.campaign,
            call_at=now - timedelta(hours=4) + timedelta(minutes=n),
            joined_at=now - timedelta(hours=4) + timedelta(minutes=n, seconds=late), source_id="app",
            calling="12025550123", called_masked="+1 313 *** ****", score=1.0, rule_version="t", reasons={},
        )
        for n in range(120)
    )  # fmt: skip
    actions.enter_measure(
        desk, scene.campaign.id, kind=MeasureKind.ORDER_ISSUED, at=now - timedelta(hours=2), what="TRO, D. Ariz."
    )
    (row,) = relief(desk, scene).effects
    assert (row.effect.verdict, row.effect.before.calls, row.effect.after.calls) == (verdict, 120, 0)
    assert sum(relief(desk, scene).chart.counts) == 120
    assert len(relief(desk, scene).chart.measures) == 1


@pytest.mark.parametrize("other", ["other_provider", "desk", "agency"])
def test_a_notice_of_another_provider_does_not_exist(
    desk: Actor, scene: Scene, other: str, request: pytest.FixtureRequest
):
    sent = send(desk, scene)
    stranger: Actor = request.getfixturevalue(other)
    for step in (actions.open_notice, actions.acknowledge):
        with pytest.raises(NotFound):
            step(stranger, sent.id)
    with pytest.raises(NotFound):
        actions.report(stranger, sent.id, action=ReportedAction.BLOCKED, acted_at=clock.now())
    assert Notice.objects.get().state == NoticeState.SENT


def test_only_those_with_the_permission_act(scene: Scene, agency: Actor, provider: Actor, custodian: Actor):
    for stranger in (agency, provider, custodian):
        with pytest.raises(Forbidden):
            send(stranger, scene)
        with pytest.raises(Forbidden):
            blocking.block_numbers(stranger, scene.campaign.id, [E164("12025550123")], days=1)
    for stranger in (agency, provider):
        with pytest.raises(Forbidden):
            relief(stranger, scene)


def test_steps_out_of_order_and_impossible_times_are_refused(desk: Actor, scene: Scene, cedar: Actor):
    sent = send(desk, scene)
    with pytest.raises(actions.WrongStep, match="open it before"):
        actions.acknowledge(cedar, sent.id)
    actions.open_notice(cedar, sent.id)
    for acted in (clock.now() + timedelta(minutes=1), scene.campaign.first_call_at - timedelta(seconds=1)):
        with pytest.raises(Invalid, match="when you acted"):
            actions.report(cedar, sent.id, action=ReportedAction.BLOCKED, acted_at=acted)
    with pytest.raises(Invalid, match="dispute and why"):
        actions.report(cedar, sent.id, action=ReportedAction.DISPUTED, acted_at=clock.now(), note=" ")
    with pytest.raises(Invalid, match="lie ahead"):
        actions.enter_measure(
            desk, scene.campaign.id, kind=MeasureKind.OTHER, at=clock.now() + timedelta(hours=1), what="x"
        )
    with pytest.raises(Invalid):
        actions.enter_measure(desk, scene.campaign.id, kind=MeasureKind.NOTICE_SENT, at=clock.now(), what="x")


def test_a_notice_rests_on_a_traced_call_and_is_not_sent_twice(desk: Actor, scene: Scene, other_provider: Actor):
    send(desk, scene)
    with pytest.raises(Conflict, match="has this notice already"):
        send(desk, scene)
    with pytest.raises(Conflict, match="hop of no traceback"):
        actions.send_notice(desk, scene.campaign.id, other_provider.provider_id, kind=NoticeKind.SUSPECTED_TRAFFIC)
    with pytest.raises(Invalid, match="Name the order"):
        send(desk, scene, kind=NoticeKind.COURT_ORDER)
    served = send(desk, scene, kind=NoticeKind.COURT_ORDER, order="D. Ariz. 4:23-cv-00233, order of 2026-11-24")
    assert "4:23-cv-00233" in served.letter
    assert set(Measure.objects.values_list("kind", flat=True)) == {"notice_sent", "order_served"}


def test_only_the_campaigns_own_numbers_are_blocked_and_each_entry_ends(desk: Actor, scene: Scene):
    own = E164(CampaignMember.objects.values_list("calling", flat=True)[0])
    with pytest.raises(Invalid, match="No call of this campaign showed"):
        blocking.block_numbers(desk, scene.campaign.id, [own, E164("12125550199")], days=7)
    assert not BlockEntry.objects.exists()
    assert blocking.block_numbers(desk, scene.campaign.id, [own, own], days=7) == 1
    assert blocking.block_numbers(desk, scene.campaign.id, [own], days=7) == 0
    (entry,) = block_list.blocks()
    assert (entry.number, entry.valid_to - entry.valid_from) == (own, timedelta(days=7))
    assert block_list.blocks(entry.valid_to) == []
    for days in (0, 31):
        with pytest.raises(Invalid):
            blocking.block_numbers(desk, scene.campaign.id, [own], days=days)


def test_an_entry_that_ended_or_was_taken_back_can_be_entered_again(desk: Actor, scene: Scene):
    own = E164(CampaignMember.objects.values_list("calling", flat=True)[0])
    blocking.block_numbers(desk, scene.campaign.id, [own], days=1)
    BlockEntry.objects.update(valid_to=clock.now() - timedelta(seconds=1))
    assert blocking.block_numbers(desk, scene.campaign.id, [own], days=1) == 1
    (entry,) = block_list.blocks()
    with pytest.raises(Invalid, match="Say why"):
        blocking.withdraw_block(desk, entry.id, reason=" ")
    blocking.withdraw_block(desk, entry.id, reason="Belongs to a school.")
    assert block_list.blocks() == []
    with pytest.raises(NotFound):
        blocking.withdraw_block(desk, entry.id, reason="again")
    assert blocking.block_numbers(desk, scene.campaign.id, [own], days=1) == 1
    assert AuditEntry.objects.get(tag=Tag.BLOCK_WITHDRAWN).detail["reason"] == "Belongs to a school."
