"""Deconfliction: no information flows unless both opted in, and then only that the other exists and whom to call."""

import random
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import Organisation
from headwater.accounts.permissions import OrganisationKind, Role
from headwater.accounts.queries import actor_of
from headwater.alerts.models import Alert
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.campaigns.models import CampaignMember
from headwater.cases import actions, deconfliction, index, matters
from headwater.cases.deconfliction import Open, Thing, pairs, pointer
from headwater.cases.matters import Contact
from headwater.cases.models import Consent, Match, Matter, Pointer
from headwater.cases.states import MatterKind, SubjectKind
from headwater.errors import Conflict, Forbidden, Invalid, NotFound
from headwater.legal import actions as legal
from headwater.legal.rules import Decision, Grant
from headwater.outbox import queries as outbox
from tests.cases.conftest import KEY, contact, take_part
from tests.conftest import person
from tests.evidence.conftest import serve
from tests.evidence.scenery import Scene

#: The machine may be slow; what is drawn is small.
NOW = datetime(2026, 11, 24, tzinfo=UTC)

# -- the decision ----------------------------------------------------------------------------------------------------

WORLDS = st.lists(
    st.builds(
        Open,
        matter=st.uuids().map(str),
        organisation=st.sampled_from("ABC"),
        takes_part=st.booleans(),
        pointers=st.frozensets(st.sampled_from("uvwxyz"), max_size=4),
    ),
    max_size=10,
    unique_by=lambda one: one.matter,
)


@given(WORLDS)
def test_two_matters_match_where_both_take_part_and_share_something_and_nowhere_else(world: list[Open]):
    found = pairs(world)
    for one in world:
        for other in world:
            if one.matter < other.matter:
                expected = (
                    one.takes_part
                    and other.takes_part
                    and one.organisation != other.organisation
                    and bool(one.pointers & other.pointers)
                )
                assert ((one.matter, other.matter) in found) == expected


@given(WORLDS, st.frozensets(st.sampled_from("uvwxyz")))
def test_what_an_agency_sees_does_not_depend_on_matters_that_are_not_in(world: list[Open], pointers: frozenset[str]):
    """Non-interference: whatever a matter that takes no part points at, everybody sees the same."""
    hidden = [Open(matter="hidden", organisation=name, takes_part=False, pointers=pointers) for name in "ABC"]
    assert pairs([*world, *hidden]) == pairs(world)


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_two_things_have_one_pointer_only_if_they_are_one(kind: str, value: str, other_kind: str, other_value: str):
    same = pointer(KEY, Thing(kind, value)) == pointer(KEY, Thing(other_kind, other_value))
    assert same == ((kind, value) == (other_kind, other_value))


def test_without_the_key_a_number_s_pointer_cannot_be_computed():
    number = Thing("number", "12025550100")
    assert pointer(KEY, number) != pointer(b"another key", number)
    assert "12025550100" not in pointer(KEY, number)


def test_matters_a_day_are_bounded_and_one_that_was_taken_out_rests():
    assert deconfliction.may_enter([NOW] * (deconfliction.MATTERS_A_DAY - 1), None, NOW) == ""
    assert "tomorrow" in deconfliction.may_enter([NOW] * deconfliction.MATTERS_A_DAY, None, NOW)
    old = [NOW - timedelta(days=1)] * deconfliction.MATTERS_A_DAY
    assert deconfliction.may_enter(old, None, NOW) == ""
    assert "taken out" in deconfliction.may_enter([], NOW - timedelta(hours=23), NOW)
    assert deconfliction.may_enter([], NOW - timedelta(hours=24), NOW) == ""


# -- the whole path --------------------------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


def told(scene: Scene, actor: Actor, *, state: str, calls: int = deconfliction.CALLS_OF_A_GROUND) -> None:
    """Let the campaign ring in an agency's state, and tell the agency."""
    Alert.objects.get_or_create(
        campaign=scene.campaign,
        organisation_id=actor.organisation_id,
        defaults={"state": state, "created_at": clock.now()},
    )
    CampaignMember.objects.bulk_create(
        CampaignMember(
            record_id=f"{random.getrandbits(128):032x}", campaign=scene.campaign, call_at=clock.now(),
            joined_at=clock.now(), source_id="app", calling="12025550123", called_masked="x", called_state=state,
            score=1.0, rule_version="t", reasons={},
        )
        for _ in range(calls)
    )  # fmt: skip


def case_about(actor: Actor, scene: Scene) -> str:
    case_id = actions.open_case(actor, title="Ours", reference="1")
    actions.add_item(actor, case_id, SubjectKind.CAMPAIGN, scene.campaign.id)
    return case_id


@pytest.fixture
def both(scene: Scene, agency: Actor, other_agency: Actor) -> dict[str, str]:
    """Both agencies work on the scene's campaign, in cases of their own; neither has opted in."""
    told(scene, agency, state="MI")
    told(scene, other_agency, state="OH")
    return {"mi": case_about(agency, scene), "oh": case_about(other_agency, scene)}


def find(operator: Actor) -> int:
    return index.index(operator, KEY)


def test_both_sides_learn_that_the_other_exists_and_whom_to_call(
    both: dict[str, str], agency: Actor, other_agency: Actor, operator: Actor
):
    take_part(agency)
    take_part(other_agency)
    mine = matters.enter(agency, MatterKind.CASE, both["mi"])
    theirs = matters.enter(other_agency, MatterKind.CASE, both["oh"])
    assert find(operator) == 1
    (seen,), (by_them,) = matters.matches(agency), matters.matches(other_agency)
    assert (seen.agency, seen.contact.name, seen.matter.reference) == ("Ohio AG", "Ohio", both["mi"])
    assert (by_them.agency, by_them.contact, by_them.matter.reference) == (
        "Michigan AG",
        contact("Michigan"),
        both["oh"],
    )
    # Nothing of the other's matter: neither its number, its case, its title nor what is shared.
    for view, secrets in ((seen, (theirs, both["oh"])), (by_them, (mine, both["mi"]))):
        text = str(asdict(view))
        assert not any(secret in text for secret in (*secrets, "Ours", "campaign", "12025550123"))
    for own in (mine, theirs):
        (mail,) = outbox.about(own)
        assert "Another agency works on a matter near" in mail.subject
    assert find(operator) == 0
    assert len(outbox.about(mine)) == 1


@pytest.mark.parametrize("missing", ["consent", "matter", "their_consent", "their_matter"])
def test_nothing_flows_where_either_has_not_opted_in(
    both: dict[str, str], agency: Actor, other_agency: Actor, operator: Actor, missing: str
):
    for actor, word, case_id in ((agency, "", both["mi"]), (other_agency, "their_", both["oh"])):
        if missing != f"{word}consent":
            take_part(actor)
            if missing != f"{word}matter":
                matters.enter(actor, MatterKind.CASE, case_id)
        else:
            with pytest.raises(Conflict, match="does not take part"):
                matters.enter(actor, MatterKind.CASE, case_id)
    assert find(operator) == 0
    assert matters.matches(agency) == matters.matches(other_agency) == []
    assert not Match.objects.exists()


@pytest.mark.parametrize("how", ["matter", "consent", "case"])
def test_an_opt_out_ends_it_at_once_for_both_and_leaves_no_pointer(
    both: dict[str, str], agency: Actor, other_agency: Actor, operator: Actor, how: str
):
    take_part(agency)
    take_part(other_agency)
    mine = matters.enter(agency, MatterKind.CASE, both["mi"])
    matters.enter(other_agency, MatterKind.CASE, both["oh"])
    find(operator)
    assert Pointer.objects.filter(matter_id=mine).exists()
    match how:
        case "matter":
            matters.withdraw(agency, mine)
        case "consent":
            matters.set_consent(agency, given=False)
        case _:
            from headwater.cases.states import CaseState

            actions.move_case(agency, both["mi"], to=CaseState.CLOSED, reason="Settled.")
    # Before the worker has run again.
    assert matters.matches(agency) == matters.matches(other_agency) == []
    assert not Pointer.objects.filter(matter_id=mine).exists()
    assert not Match.objects.exists()
    assert find(operator) == 0
    assert AuditEntry.objects.filter(tag=Tag.DECONFLICTION_OPTED_OUT, subject=mine).count() == 1


def test_an_accepted_process_is_a_matter_and_ends_with_it(
    scene: Scene, agency: Actor, other_agency: Actor, operator: Actor, reviewer: Actor
):
    told(scene, other_agency, state="OH")
    take_part(agency)
    take_part(other_agency)
    matters.enter(other_agency, MatterKind.CASE, case_about(other_agency, scene))
    process_id = serve(scene, agency)
    with pytest.raises(NotFound):
        matters.enter(agency, MatterKind.PROCESS, process_id)
    legal.decide(
        reviewer, process_id, decision=Decision.ACCEPT, reason="In order.", identity_check="Called.",
        grant=Grant(called_numbers=False, customer_identity=False),
    )  # fmt: skip
    with pytest.raises(NotFound):
        matters.enter(other_agency, MatterKind.PROCESS, process_id)
    matters.enter(agency, MatterKind.PROCESS, process_id)
    assert find(operator) == 1
    from headwater.legal.models import LegalProcess

    LegalProcess.objects.filter(id=process_id).update(state="withdrawn")
    assert find(operator) == 0
    assert matters.matches(agency) == matters.matches(other_agency) == []
    assert Matter.objects.get(reference=process_id).withdrawn_by == operator.label


# -- attacks ---------------------------------------------------------------------------------------------------------


def test_a_matter_without_a_ground_cannot_probe_the_index(
    scene: Scene, both: dict[str, str], agency: Actor, other_agency: Actor, operator: Actor
):
    """An agency that was told of nothing, or whose state the campaign hardly reaches, learns nothing by entering."""
    prober = actor_of(
        person(OrganisationKind.AGENCY, Role.AGENCY_OFFICER, "p@ag-tx.example", name="Texas AG", state="TX")
    )
    take_part(prober)
    take_part(agency)
    matters.enter(agency, MatterKind.CASE, both["mi"])
    empty = actions.open_case(prober, title="Probe")
    with pytest.raises(Invalid, match="no ground"):
        matters.enter(prober, MatterKind.CASE, empty)
    # A provider can be put into a case by anybody, and is no ground: the origin is not found by trying all.
    actions.add_item(prober, empty, SubjectKind.PROVIDER, "709C")
    with pytest.raises(Invalid, match="no ground"):
        matters.enter(prober, MatterKind.CASE, empty)
    told(scene, prober, state="TX", calls=deconfliction.CALLS_OF_A_GROUND - 1)
    actions.add_item(prober, empty, SubjectKind.CAMPAIGN, scene.campaign.id)
    with pytest.raises(Invalid, match="no ground"):
        matters.enter(prober, MatterKind.CASE, empty)
    # Another agency's case is not there.
    with pytest.raises(NotFound):
        matters.enter(prober, MatterKind.CASE, both["mi"])
    assert find(operator) == 0
    assert matters.matches(prober) == []


def test_probing_by_going_in_and_out_is_slowed_and_seen(both: dict[str, str], agency: Actor):
    take_part(agency)
    mine = matters.enter(agency, MatterKind.CASE, both["mi"])
    matters.withdraw(agency, mine)
    with pytest.raises(Conflict, match="taken out"):
        matters.enter(agency, MatterKind.CASE, both["mi"])
    Matter.objects.update(withdrawn_at=clock.now() - timedelta(days=2), entered_at=clock.now() - timedelta(days=2))
    matters.enter(agency, MatterKind.CASE, both["mi"])
    tags = AuditEntry.objects.filter(tag__startswith="deconfliction:matter:").order_by("seq")
    assert list(tags.values_list("tag", flat=True)) == [
        Tag.DECONFLICTION_OPTED_IN, Tag.DECONFLICTION_OPTED_OUT, Tag.DECONFLICTION_OPTED_IN,
    ]  # fmt: skip


def test_a_day_s_matters_are_bounded_also_for_cases_made_for_it(scene: Scene, agency: Actor):
    told(scene, agency, state="MI")
    take_part(agency)
    for _ in range(deconfliction.MATTERS_A_DAY):
        matters.enter(agency, MatterKind.CASE, case_about(agency, scene))
    with pytest.raises(Conflict, match="tomorrow"):
        matters.enter(agency, MatterKind.CASE, case_about(agency, scene))


def test_two_matters_of_one_agency_are_no_match(scene: Scene, agency: Actor, operator: Actor):
    told(scene, agency, state="MI")
    take_part(agency)
    for _ in range(2):
        matters.enter(agency, MatterKind.CASE, case_about(agency, scene))
    assert find(operator) == 0


@pytest.mark.parametrize("who", ["desk", "reviewer", "provider"])
def test_deconfliction_is_between_agencies(both: dict[str, str], who: str, request: pytest.FixtureRequest):
    stranger: Actor = request.getfixturevalue(who)
    for step in (
        lambda: matters.set_consent(stranger, given=True, contact=contact("X")),
        lambda: matters.enter(stranger, MatterKind.CASE, both["mi"]),
        lambda: matters.matches(stranger),
        lambda: matters.consent(stranger),
        lambda: matters.matters(stranger),
    ):
        with pytest.raises(Forbidden):
            step()


def test_another_agency_s_matter_cannot_be_taken_out(both: dict[str, str], agency: Actor, other_agency: Actor):
    take_part(agency)
    take_part(other_agency)
    mine = matters.enter(agency, MatterKind.CASE, both["mi"])
    with pytest.raises(NotFound):
        matters.withdraw(other_agency, mine)
    assert Matter.objects.get(id=mine).withdrawn_at is None


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        Contact(name="", telephone="1", email="a@b.example"),
        Contact(name="A", telephone="1", email="no address"),
        Contact(name="A\x00", telephone="1", email="a@b.example"),
        Contact(name="A", telephone="1" * 41, email="a@b.example"),
    ],
)
def test_an_agency_that_takes_part_says_whom_to_call(agency: Actor, wrong: Contact | None):
    with pytest.raises(Invalid):
        matters.set_consent(agency, given=True, contact=wrong)
    assert not Consent.objects.exists()


def test_the_index_keeps_no_number_in_the_clear(both: dict[str, str], agency: Actor, operator: Actor):
    take_part(agency)
    matters.enter(agency, MatterKind.CASE, both["mi"])
    find(operator)
    digests = list(Pointer.objects.values_list("digest", flat=True))
    assert digests
    assert all(len(digest) == 64 and int(digest, 16) >= 0 for digest in digests)
    detail = [entry.detail for entry in AuditEntry.objects.filter(tag__startswith="deconfliction:")]
    assert "12025550123" not in str(detail)


def test_looking_at_one_s_matches_reads_no_pointer(both: dict[str, str], agency: Actor, operator: Actor):
    take_part(agency)
    matters.enter(agency, MatterKind.CASE, both["mi"])
    find(operator)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        matters.matches(agency)
    assert not any("cases_pointer" in query["sql"] for query in asked.captured_queries)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_agencies_do_they_see_what_both_opted_into_and_nothing_else(
    scene: Scene, agency: Actor, other_agency: Actor, operator: Actor, seed: int
):
    """A model beside the real thing: random opt-ins, opt-outs and runs of the index, compared after every step."""
    rng = random.Random(seed)
    actors = {"mi": agency, "oh": other_agency}
    cases: dict[str, str] = {}
    for name, actor in actors.items():
        told(scene, actor, state=name.upper())
        cases[name] = case_about(actor, scene)
    part: dict[str, bool] = dict.fromkeys(actors, False)
    entered: dict[str, str] = {}
    matched = False
    for _ in range(25):
        name = rng.choice(list(actors))
        match rng.choice(["in", "out", "enter", "take", "index", "index"]):
            case "in":
                take_part(actors[name])
                part[name] = True
            case "out":
                matters.set_consent(actors[name], given=False)
                part[name] = False
                if entered.pop(name, None):
                    matched = False
            case "enter" if part[name] and name not in entered:
                Matter.objects.exclude(withdrawn_at=None).update(
                    withdrawn_at=clock.now() - timedelta(days=2), entered_at=clock.now() - timedelta(days=2)
                )
                entered[name] = matters.enter(actors[name], MatterKind.CASE, cases[name])
            case "take" if name in entered:
                matters.withdraw(actors[name], entered.pop(name))
                matched = False
            case "index":
                find(operator)
                matched = len(entered) == 2
            case _:
                continue
        if not all(part.values()) or len(entered) < 2:
            matched = False
        seen: dict[str, Any] = {who: [one.agency for one in matters.matches(actor)] for who, actor in actors.items()}
        assert seen == ({"mi": ["Ohio AG"], "oh": ["Michigan AG"]} if matched else {"mi": [], "oh": []})


def test_a_federal_agency_s_ground_is_the_campaign_wherever_it_rings(scene: Scene, agency: Actor):
    federal = Organisation.objects.create(kind=OrganisationKind.AGENCY, name="FCC", created_at=clock.now())
    assert matters.alerted_campaigns(federal, (scene.campaign.id,)) == frozenset()
    Alert.objects.create(campaign=scene.campaign, organisation=federal, created_at=clock.now())
    told(scene, agency, state="MI")
    assert matters.alerted_campaigns(federal, (scene.campaign.id,)) == {scene.campaign.id}
