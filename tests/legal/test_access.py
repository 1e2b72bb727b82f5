"""Scoped access on a real database: nothing outside the scope comes out, and it ends at once."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.permissions import Role
from headwater.accounts.queries import actor_of
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.campaigns.models import Campaign, CampaignMember
from headwater.errors import NotFound
from headwater.legal import access, actions, ending, queries
from headwater.legal.models import LegalProcess, ProcessPerson, ProcessSubject
from headwater.legal.rules import Decision, Grant
from headwater.legal.scope import Matter
from headwater.tracebacks.models import Traceback
from tests.evidence.conftest import serve
from tests.evidence.scenery import Scene

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def accept(reviewer: Actor, process_id: str, **grant: object) -> str:
    values = {"called_numbers": True, "customer_identity": False, **grant}
    actions.decide(
        reviewer,
        process_id,
        decision=Decision.ACCEPT,
        reason="In order.",
        identity_check="Called the office.",
        grant=Grant(**values),  # type: ignore[arg-type]
    )
    return process_id


@pytest.fixture
def opened(scene: Scene, served: str, reviewer: Actor) -> str:
    return accept(reviewer, served)


def test_an_acceptance_opens_calls_and_tracebacks_with_their_paths(scene: Scene, opened: str, agency: Actor):
    live = access.live(agency, opened, now=clock.now())
    assert live.calls == CampaignMember.objects.filter(campaign=scene.campaign).count() > 0
    assert live.liveness is not None
    assert live.liveness.still_ringing
    assert {one.id for one in live.tracebacks} == set(Traceback.objects.values_list("id", flat=True))
    path = access.traceback(agency, opened, live.tracebacks[0].id, now=clock.now())
    assert [hop.provider for hop in path.hops] == ["Alder Voice", "Birch Telecom", "Cedar VoIP"]
    assert path.called == Traceback.objects.get(id=path.id).called


def test_every_look_is_audited_with_what_was_seen(opened: str, agency: Actor):
    live = access.live(agency, opened, now=clock.now())
    access.calls(agency, opened, now=clock.now())
    access.ringing(agency, opened, now=clock.now())
    looks = AuditEntry.objects.filter(tag=Tag.PROCESS_SCOPE_VIEWED, subject=opened).order_by("seq")
    assert [look.detail["what"] for look in looks] == ["live", "calls", "figures"]
    assert all(look.actor == agency.label for look in looks)
    first = looks[0].detail
    assert first["calls"] == [str(call.record_id) for call in live.newest]
    assert set(first["tracebacks"]) == {one.id for one in live.tracebacks}


def looks(actor: Actor, process_id: str, traceback_id: str) -> list[object]:
    """Return what each way of looking gives: the kind of its refusal, or True."""
    now = clock.now()
    found: list[object] = []
    for look in (
        lambda: access.live(actor, process_id, now=now),
        lambda: access.ringing(actor, process_id, now=now),
        lambda: access.calls(actor, process_id, now=now),
        lambda: access.traceback(actor, process_id, traceback_id, now=now),
    ):
        try:
            with transaction.atomic():
                look()
        except NotFound:
            found.append(NotFound)
        else:
            found.append(True)
    return found


def colleague(agency_user: User) -> Actor:
    row = User.objects.create(
        email="casey@ag-mi.example",
        name="Casey Example",
        organisation=agency_user.organisation,
        role=Role.AGENCY_OFFICER,
        created_at=clock.now(),
        confirmed_at=clock.now(),
        password="!",
    )
    return actor_of(row)


def test_only_the_named_may_look_and_who_is_taken_off_no_more(
    opened: str, agency: Actor, agency_user: User, other_agency: Actor, reviewer: Actor
):
    traced = Traceback.objects.values_list("id", flat=True)[0]
    casey = colleague(agency_user)
    assert looks(agency, opened, traced) == [True] * 4
    for stranger in (casey, other_agency, reviewer):
        assert looks(stranger, opened, traced) == [NotFound] * 4
    actions.name_person(agency, opened, email="Casey@ag-mi.example")
    assert looks(casey, opened, traced) == [True] * 4
    actions.remove_person(agency, opened, email="casey@ag-mi.example")
    assert looks(casey, opened, traced) == [NotFound] * 4


def test_nobody_of_another_agency_can_be_named(opened: str, agency: Actor, other_agency_user: User):
    with pytest.raises(NotFound):
        actions.name_person(agency, opened, email=other_agency_user.email)
    # Even a row that says so opens nothing: the person is not of the agency.
    ProcessPerson.objects.create(
        process_id=opened, user=other_agency_user, added_at=clock.now(), added_by="user:somebody"
    )
    traced = Traceback.objects.values_list("id", flat=True)[0]
    assert looks(actor_of(other_agency_user), opened, traced) == [NotFound] * 4


def test_access_ends_with_withdrawal_with_closing_with_its_time_and_with_a_leaver(
    scene: Scene, agency: Actor, agency_user: User, reviewer: Actor
):
    traced = Traceback.objects.values_list("id", flat=True)[0]
    withdrawn, closed, expired, left = (accept(reviewer, serve(scene, agency)) for _ in range(4))
    actions.withdraw(agency, withdrawn, reason="The matter is settled.")
    actions.close(reviewer, closed, reason="Produced and done with.")
    LegalProcess.objects.filter(id=expired).update(access_until=clock.now() - timedelta(seconds=1))
    for ended in (withdrawn, closed, expired):
        assert looks(agency, ended, traced) == [NotFound] * 4, ended
    assert looks(agency, left, traced) == [True] * 4
    agency_user.is_active = False
    agency_user.save()
    assert looks(agency, left, traced) == [NotFound] * 4


def test_the_clock_closes_what_ran_out_and_says_so_once(opened: str):
    LegalProcess.objects.update(access_until=clock.now() - timedelta(seconds=1))
    assert ending.run_clock(now=clock.now())["closed"] == 1
    assert ending.run_clock(now=clock.now())["closed"] == 0
    row = LegalProcess.objects.get()
    assert (row.state, row.state_changes.last().by) == ("closed", "system:legal-clock")
    assert "access ended" in row.end_reason


def test_a_process_that_is_not_accepted_opens_nothing(served: str, agency: Actor):
    traced = Traceback.objects.values_list("id", flat=True)[0]
    assert looks(agency, served, traced) == [NotFound] * 4


def test_called_numbers_and_a_providers_own_words_follow_their_class(scene: Scene, agency: Actor, reviewer: Actor):
    from headwater.tracebacks.models import Answer

    for row in Answer.objects.all():
        row.payload = {**row.payload, "note": "Our customer is Acme Dialling Ltd."}
        row.save()
    traced = Traceback.objects.values_list("id", flat=True)[0]
    closed = accept(reviewer, serve(scene, agency, customer_identity=True), called_numbers=False)
    found = access.traceback(agency, closed, traced, now=clock.now())
    assert found.called == ""
    assert {(hop.note, hop.note_withheld) for hop in found.hops} == {("", True)}
    opened = accept(reviewer, serve(scene, agency, customer_identity=True), customer_identity=True)
    found = access.traceback(agency, opened, traced, now=clock.now())
    assert found.called != ""
    assert {hop.note for hop in found.hops} == {"Our customer is Acme Dialling Ltd."}


def test_a_row_beyond_the_rules_is_never_handed_out(opened: str, agency: Actor):
    scope = queries.open_scope(agency, opened, now=clock.now())
    call = CampaignMember.objects.first()
    assert call is not None
    inside = Matter(call_at=call.call_at, campaign=call.campaign_id)
    access._hold(scope, inside)
    with pytest.raises(access.OutsideScope):
        access._hold(scope, Matter(call_at=call.call_at, campaign="C-ELSEWHERE0"))


# -- the property: views, rules and pages agree, whatever the world

BASE = datetime(2026, 11, 1, tzinfo=UTC)
CAMPAIGNS = ("C-AAAAAAAAAA", "C-BBBBBBBBBB", "C-CCCCCCCCCC", "C-DDDDDDDDDD")
NUMBERS = ("12155550101", "12155550102", "")
_call = st.tuples(st.sampled_from(CAMPAIGNS), st.sampled_from(NUMBERS), st.integers(0, 6), st.booleans())
_subject = st.one_of(
    st.tuples(st.just("campaign"), st.sampled_from(CAMPAIGNS)),
    st.tuples(st.just("number"), st.sampled_from(NUMBERS[:2])),
    st.tuples(st.just("traceback"), st.integers(0, 7)),
)


@pytest.fixture
def world(agency_user: User) -> User:
    from tests.tracebacks.support import register

    register("709A", "Alder Voice")
    for name in CAMPAIGNS:
        Campaign.objects.create(
            id=name, name=name, first_call_at=BASE, last_call_at=BASE, detected_at=BASE, rule_version="test"
        )
    return agency_user


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    calls=st.lists(_call, min_size=1, max_size=8),
    subjects=st.lists(_subject, max_size=4, unique=True),
    window=st.tuples(st.integers(0, 6), st.one_of(st.none(), st.integers(1, 7))),
    granted=st.lists(st.booleans(), min_size=4, max_size=4),
    # Into which of those before it each campaign went; 0: into none.
    merges=st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 3)),
)
def test_no_query_under_a_process_gives_anything_outside_its_scope(  # noqa: PLR0917 - hypothesis names them
    world: User, calls: list, subjects: list, window: tuple, granted: list, merges: tuple
):
    from headwater.providers.models import Provider

    with transaction.atomic():
        point = transaction.savepoint()
        provider = Provider.objects.get(spc="709A")
        for name, into in zip(CAMPAIGNS[1:], merges, strict=True):
            Campaign.objects.filter(id=name).update(merged_into=CAMPAIGNS[into - 1] if into else None)
        members, traced = [], []
        for campaign, number, day, trace in calls:
            at = BASE + day * DAY
            record = uuid.uuid4()
            members.append(
                CampaignMember.objects.create(
                    record_id=record, campaign_id=campaign, call_at=at, joined_at=at, source_id="S", calling=number,
                    called_masked="+1 313 *** ****", score=1.0, rule_version="test",
                )
            )  # fmt: skip
            if trace:
                traced.append(
                    Traceback.objects.create(
                        campaign_id=campaign, record_id=record, calling=number, called="13135550101", call_at=at,
                        terminating_provider=provider, opened_by="test", opened_at=at, engine_version="test",
                    )
                )  # fmt: skip
        row = LegalProcess.objects.create(
            agency=world.organisation, submitted_by=world, campaign_id=CAMPAIGNS[0], process_type="subpoena",
            state="accepted", case_number="1", authority="x", statute="x", signer="x", scope="x",
            covers_from=BASE, return_date=BASE.date(), created_at=BASE, served_at=BASE,
            granted_from=BASE + window[0] * DAY,
            granted_to=None if window[1] is None else BASE + window[1] * DAY,
            access_until=clock.now() + DAY,
        )  # fmt: skip
        ProcessPerson.objects.create(process=row, user=world, added_at=BASE, added_by="test")
        for (kind, value), opens in zip(subjects, itertools.cycle(granted), strict=False):
            named = (traced[value % len(traced)].id if traced else "TB-NONE") if kind == "traceback" else value
            ProcessSubject.objects.get_or_create(process=row, kind=kind, value=named, defaults={"granted": opens})

        actor, now = actor_of(world), clock.now()
        scope = queries.open_scope(actor, row.id, now=now)
        of_record = {one.record_id: one for one in traced}
        expected_calls = {
            member.record_id
            for member in members
            if scope.allows(
                Matter(
                    call_at=member.call_at,
                    campaign=member.campaign_id,
                    calling=member.calling,
                    traceback=of_record[member.record_id].id if member.record_id in of_record else "",
                )
            )
        }
        expected_traced = {
            one.id
            for one in traced
            if scope.allows(
                Matter(call_at=one.call_at, campaign=one.campaign_id, calling=one.calling, traceback=one.id)
            )
        }
        live = access.live(actor, row.id, now=now)
        assert {call.record_id for call in access.calls(actor, row.id, now=now).rows} == expected_calls
        assert live.calls == len(expected_calls)
        assert {one.id for one in live.tracebacks} == expected_traced
        for one in traced:
            if one.id not in expected_traced:
                with pytest.raises(NotFound), transaction.atomic():
                    access.traceback(actor, row.id, one.id, now=now)
        transaction.savepoint_rollback(point)


def test_an_unnamed_person_of_no_agency_has_no_scopes(opened: str, agency: Actor, other_agency: Actor, provider: Actor):
    assert [scope.process for scope in queries.open_scopes(agency, now=clock.now())] == [opened]
    assert queries.open_scopes(other_agency, now=clock.now()) == ()
    assert queries.open_scopes(provider, now=clock.now()) == ()


def test_a_sealed_process_is_known_to_the_named_alone(scene: Scene, agency: Actor, agency_user: User, reviewer: Actor):
    sealed = serve(scene, agency, sealed=True, order_reference="W.D. Mich. 26-mc-1")
    casey = colleague(agency_user)
    assert queries.process(agency, sealed).request.sealed
    assert [one.id for one in queries.review_queue(reviewer)] == [sealed]
    assert queries.processes(casey) == []
    with pytest.raises(NotFound):
        queries.process(casey, sealed)
