import uuid
from datetime import timedelta

import pytest

from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.campaigns import actions, edits, graph, memory, queries
from headwater.campaigns.labels import shipped as shipped_labels
from headwater.campaigns.links import learn, shipped
from headwater.campaigns.models import Campaign, CampaignEdit, CampaignExemplar, CampaignMember
from headwater.campaigns.replay import replay
from headwater.campaigns.states import CampaignState
from headwater.errors import Conflict, Forbidden, Invalid, NotFound
from tests.campaigns.material import CALLED, NOW, SOURCES, held_out, report, reports, scripts_of

pytestmark = pytest.mark.django_db

LEGAL, OTHER = "Legal-Enforcement-Notice", "Amazon-AuthorizeOrder"


def two_campaigns() -> tuple[str, str]:
    """Return the identifiers of two confirmed campaigns, four calls each."""
    known = memory.load()
    actions.observe(known, reports([scripts_of(LEGAL)[0]] * 4), now=NOW)
    actions.observe(known, reports([scripts_of(OTHER)[0]] * 4, first=20), now=NOW)
    one, other = Campaign.objects.order_by("detected_at", "first_call_at").values_list("id", flat=True)
    legal = CampaignMember.objects.get(record_id=reports([""])[0].record_id).campaign_id
    return (one, other) if one == legal else (other, one)


def facts(campaign_id: str) -> tuple[object, ...]:
    row = Campaign.objects.get(id=campaign_id)
    return row.calls, row.states_hit, row.sources, row.first_call_at, row.last_call_at, row.merged_into_id


def test_a_merge_moves_every_call_and_undoing_it_brings_all_back(desk: Actor):
    one, other = two_campaigns()
    before = facts(one), facts(other), sorted(CampaignExemplar.objects.values_list("record_id", "campaign_id"))

    edit = edits.ask_merge(desk, one, other, why="one callback number")
    assert Campaign.objects.get(id=one).calls == 4
    assert edits.carry_out(now=NOW) == 1

    assert (Campaign.objects.get(id=one).calls, Campaign.objects.get(id=other).merged_into_id) == (8, one)
    assert CampaignMember.objects.filter(campaign_id=one).count() == 8
    assert [row.id for row in queries.campaigns(desk, now=NOW).rows] == [one]
    # A call of the merged script joins what is left, and the old identifier still leads somewhere.
    known = memory.load()
    actions.observe(known, [report(90, scripts_of(OTHER)[0])], now=NOW)
    assert CampaignMember.objects.get(record_id=report(90, "").record_id).campaign_id == one
    assert queries.campaign(desk, other, now=NOW).merged_into == one

    edits.ask_undo(desk, edit)
    edits.carry_out(now=NOW + timedelta(minutes=1))

    CampaignMember.objects.filter(record_id=report(90, "").record_id).delete()
    edits._recount(one)
    after = facts(one), facts(other), sorted(CampaignExemplar.objects.values_list("record_id", "campaign_id"))
    assert after == before
    tags = list(AuditEntry.objects.filter(tag__startswith="campaign:").values_list("tag", flat=True))
    assert {Tag.CAMPAIGN_EDIT_ASKED, Tag.CAMPAIGN_MERGED, Tag.CAMPAIGN_EDIT_UNDONE} <= set(tags)


def test_a_split_takes_the_calls_that_joined_by_the_chosen_script(desk: Actor):
    one, other = two_campaigns()
    edits.ask_merge(desk, one, other, why="a mistake")
    edits.carry_out(now=NOW)
    chosen = CampaignExemplar.objects.filter(campaign_id=one, text=scripts_of(OTHER)[0]).values_list(
        "record_id", flat=True
    )

    edit = edits.ask_split(desk, one, list(chosen), why="two scripts")
    edits.carry_out(now=NOW)

    split = Campaign.objects.get(split_from_id=one)
    assert (split.calls, Campaign.objects.get(id=one).calls) == (4, 4)
    known = memory.load()
    actions.observe(known, [report(91, scripts_of(OTHER)[0])], now=NOW)
    assert CampaignMember.objects.get(record_id=report(91, "").record_id).campaign_id == split.id
    edits.ask_undo(desk, edit)
    edits.carry_out(now=NOW)
    assert Campaign.objects.get(id=one).calls == 8


def test_what_cannot_be_is_refused_and_changes_nothing(desk: Actor, agency: Actor):
    one, other = two_campaigns()
    with pytest.raises(Forbidden):
        edits.ask_merge(agency, one, other, why="")
    with pytest.raises(Invalid, match="into itself"):
        edits.ask_merge(desk, one, one, why="")
    with pytest.raises(NotFound):
        edits.ask_merge(desk, one, "C-0000000000", why="")
    with pytest.raises(Invalid, match="leave at least one"):
        edits.ask_split(
            desk, one, list(CampaignExemplar.objects.filter(campaign_id=one).values_list("pk", flat=True)), why=""
        )
    with pytest.raises(NotFound):
        edits.ask_undo(desk, 999_999)
    first, second = edits.ask_merge(desk, one, other, why="a"), edits.ask_merge(desk, other, one, why="b")
    edits.carry_out(now=NOW)
    assert CampaignEdit.objects.get(pk=first).done_at
    assert "had gone into another" in CampaignEdit.objects.get(pk=second).refused
    with pytest.raises(Conflict):
        edits.ask_undo(desk, second)
    assert edits.carry_out(now=NOW) == 0


def test_what_people_decide_is_what_weights_are_learnt_from(desk: Actor):
    one, other = two_campaigns()
    edits.ask_merge(desk, one, other, why="")
    edits.carry_out(now=NOW)
    decided = edits.decisions()
    assert decided
    assert all(pair.same for pair in decided)
    learnt = learn(shipped_labels(), decided=decided, version="links/tried")
    assert learnt.version == "links/tried"
    assert learnt != shipped()


def test_a_lawful_sender_is_shown_last_and_nothing_of_it_is_lost(desk: Actor):
    one, other = two_campaigns()
    before = CampaignMember.objects.count(), CampaignExemplar.objects.count()
    edits.allow(desk, one, "the county's own flood warnings")
    rows = queries.campaigns(desk, now=NOW).rows
    assert [row.id for row in rows] == [other, one]
    assert (CampaignMember.objects.count(), CampaignExemplar.objects.count()) == before
    assert queries.campaign(desk, one, now=NOW).allowed_because == "the county's own flood warnings"
    edits.allow(desk, one, "")
    assert queries.campaign(desk, one, now=NOW).allowed_because == ""


def test_one_sender_alone_confirms_nothing_however_often_it_tells(desk: Actor):
    known = memory.load()
    text = scripts_of(LEGAL)[0]
    flood = [report(2 * i, text, calling="12025550142") for i in range(60)]
    assert {record.source_id for record in flood} == {SOURCES[0]}

    observed = actions.observe(known, flood, now=NOW)

    campaign = Campaign.objects.get()
    assert (observed.confirmed, campaign.state, campaign.confirmed_at) == ((), CampaignState.SUSPECTED, None)
    assert queries.campaign(desk, campaign.id, now=NOW).told_by == ((SOURCES[0], 60),)
    # Another sender tells of it: now it is one.
    assert actions.observe(known, [report(1, text)], now=NOW).confirmed == (campaign.id,)


def test_a_poisoned_feed_cannot_chain_two_campaigns_together(desk: Actor):
    one, other = two_campaigns()
    first, second = scripts_of(LEGAL)[0].split(), scripts_of(OTHER)[0].split()
    mixed = []
    for i in range(40):
        cut = len(first) * (i % 9 + 1) // 10
        mixed.append(" ".join(first[:cut] + second[len(second) * (i % 9 + 1) // 10 :]))
    known = memory.load()
    actions.observe(known, [report(1_000 + 2 * i, text) for i, text in enumerate(mixed)], now=NOW)

    honest = [report(2_000, scripts_of(LEGAL)[0]), report(2_001, scripts_of(OTHER)[0])]
    actions.observe(known, honest, now=NOW)

    placed = {m.record_id: m.campaign_id for m in CampaignMember.objects.all()}
    assert placed[honest[0].record_id] == one
    assert placed[honest[1].record_id] == other
    assert Campaign.objects.filter(merged_into__isnull=False).count() == 0
    # And each of the poisoned calls says why it is where it is, and by whom it was told.
    for member in CampaignMember.objects.filter(record_id__in=[report(1_000 + 2 * i, "").record_id for i in range(40)]):
        assert member.source_id == SOURCES[0]
        assert member.reasons["rule"]


def test_framing_a_number_joins_nothing_and_proposes_nothing(desk: Actor):
    one, other = two_campaigns()
    innocent = "12025550142"
    spoken = " Call us back at 202 555 0142."
    known = memory.load()
    told = [report(3_000 + 2 * i, scripts_of(LEGAL)[0] + spoken, calling=innocent) for i in range(30)]
    told += [report(4_000 + 2 * i, scripts_of(OTHER)[0] + spoken, calling=innocent) for i in range(30)]
    actions.observe(known, told, now=NOW)

    # A callback number that anybody can speak is one kind of evidence; a number that anybody can spoof is another. Both
    # together make a proposal to a person at most: never a merge.
    assert Campaign.objects.filter(merged_into__isnull=False).count() == 0
    for proposal in graph.merge_proposals(desk):
        assert len(proposal.proposal.nodes) >= 2
    neighbour = report(
        5_000, "Hi, this is Ann from the library, your books are due back on Friday, see you.", calling=innocent
    )
    actions.observe(known, [neighbour], now=NOW)
    member = CampaignMember.objects.get(record_id=neighbour.record_id)
    assert member.campaign_id not in (one, other)


def test_every_membership_replays_to_the_same_answer(desk: Actor):
    rows = [row["transcript"] for row in held_out() if len(row["transcript"].split()) > 6][:140]
    records = reports(rows)
    known = memory.load()
    for start in range(0, len(records), 20):
        actions.observe(known, records[start : start + 20], now=NOW)
    for record in [*records[:8], *records[60:140:9]]:
        found = replay(desk, record.record_id, record.transcript)
        assert found.same, (record.transcript, found.differs)
    other = replay(desk, records[3].record_id, "something else entirely was said in this call today")
    assert not other.same
    with pytest.raises(NotFound):
        replay(desk, uuid.uuid4(), "")


def test_the_graph_shows_what_calls_share_and_how_much_it_proves(desk: Actor, agency: Actor):
    known = memory.load()
    text = scripts_of(LEGAL)[0] + " Call 888 555 0123 or press 1. This is Amazon, the amount is $499.00."
    actions.observe(known, reports([text] * 4), now=NOW)
    campaign = Campaign.objects.get()
    found = {(node.kind, node.value): node for node in graph.nodes(desk, campaign.id)}
    assert found["callback", "18885550123"].calls == 4
    assert found["callback", "18885550123"].weight == 7.0
    assert ("brand", "Amazon") in found
    assert ("amount", "499.00") in found
    assert ("block", "202555") in found
    assert not any(called[-7:] in value for called in CALLED for _, value in found)
    assert graph.nodes(agency, campaign.id) == ()


def test_naming_a_campaigns_number_and_brand_does_not_make_a_lawful_message_one_of_its_calls(desk: Actor):
    scam = [
        "This is Amazon security. An iPhone was ordered on your account for $799. Call us back at 844 555 0142 now.",
        "Amazon security here. Your account was charged $799 for an iPhone. To stop it call back at 844 555 0142.",
        "Your Amazon account shows an order of an iPhone for $799. If it was not you call 844 555 0142 at once.",
    ]
    known = memory.load()
    actions.observe(known, [report(n, text) for n, text in enumerate(scam)], now=NOW)
    founded = set(CampaignMember.objects.values_list("campaign_id", flat=True))
    lawful = report(
        9_001,
        "Good morning from the county consumer office. On Tuesday at six we hold an evening in the town hall on how to "
        "tell a real message of Amazon from a false one. Do not call 844 555 0142. Nobody of ours asks for $799.",
    )
    actions.observe(known, [lawful], now=NOW)
    assert CampaignMember.objects.get(record_id=lawful.record_id).campaign_id not in founded
