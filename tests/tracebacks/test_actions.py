"""Tracebacks on a real PostgreSQL and a real call store."""

import json
from collections.abc import Callable
from datetime import timedelta
from math import prod
from typing import Any

import msgspec
import pytest
from django.db import connection
from typer.testing import CliRunner

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.calls.records import CallRecord
from headwater.campaigns.models import Campaign, CampaignMember
from headwater.cli.main import build as command_line
from headwater.errors import Conflict, Forbidden, NotFound
from headwater.tracebacks import actions, answering, automation, pointing, queries, questions
from headwater.tracebacks.actions import CannotBeTraced, TracebackNotFound
from headwater.tracebacks.answering import QuestionNotFound, Submission
from headwater.tracebacks.engine import ProviderError, TracebackError
from headwater.tracebacks.models import Answer, Flag, Hop, RefusedAnswer, Traceback, TracebackEvent
from headwater.tracebacks.rules import Budget
from headwater.tracebacks.states import Grade, HopRole, HopState, TracebackState
from headwater.wire.agents import Answer as Answering
from headwater.wire.agents import AnswerCode, Party, Receipt
from tests.tracebacks import support
from tests.tracebacks.support import OPERATOR, Pen, call, octets, opened, register

Keep = Callable[[CallRecord], CallRecord]
pytestmark = pytest.mark.django_db


@pytest.fixture
def alder() -> Pen:
    return Pen(register("709A", "Alder Voice"))


@pytest.fixture
def birch() -> Pen:
    return Pen(register("709B", "Birch Transit"))


@pytest.fixture
def cedar() -> Pen:
    return Pen(register("709C", "Cedar Origin"))


def says(pen: Pen, code: AnswerCode, upstream: Pen | Party | None = None, **more: Any) -> tuple[Receipt, bool]:
    """Answer the one open question of ``pen`` as its agent does."""
    [asked] = questions.waiting_questions(pen.actor)
    return gives(pen, pen.answer(asked, code, upstream.provider if isinstance(upstream, Pen) else upstream, **more))


def gives(pen: Pen, answer: Answering) -> tuple[Receipt, bool]:
    return answering.record_answer(pen.actor, Submission(octets=octets(answer), answer=answer, key_id="k"))


def test_a_call_is_walked_from_the_terminating_provider_to_its_origin(
    keep: Keep, desk: Actor, alder: Pen, birch: Pen, cedar: Pen
) -> None:
    record = keep(call("709A", event="walk"))
    traceback_id = actions.open_for_call(desk, record.record_id)
    for pen, code, upstream in (
        (alder, AnswerCode.UPSTREAM_US, birch),
        (birch, AnswerCode.UPSTREAM_US, cedar),
        (cedar, AnswerCode.ORIGINATED, None),
    ):
        says(pen, code, upstream)
        assert questions.waiting_questions(pen.actor) == []
        actions.advance(traceback_id)
    view = queries.traceback(desk, traceback_id)
    assert view.state is TracebackState.COMPLETED_ORIGINATING
    assert view.grade is Grade.ORIGIN_CONFIRMED
    assert view.origin is not None
    assert view.origin.spc == "709C"
    assert [hop.role for hop in view.path] == [HopRole.TERMINATING, HopRole.INTERMEDIATE, HopRole.ORIGINATING]
    assert queries.replay(OPERATOR, traceback_id) == []
    assert [entry.tag for entry in AuditEntry.objects.filter(tag__startswith="hop:").order_by("seq")] == [
        "hop:question:asked",
        "hop:answer:recorded",
    ] * 3
    assert AuditEntry.objects.filter(tag="traceback:traceback:closed", subject=traceback_id).count() == 1


def test_the_next_question_asks_with_the_ingress_leg_of_the_answer(alder: Pen, birch: Pen) -> None:
    traceback_id = opened(call("709A"))
    [first] = questions.waiting_questions(alder.actor)
    assert (first.called, first.window_s, first.downstream, first.hop) == ("15035550142", 60, None, 1)
    says(alder, AnswerCode.UPSTREAM_US, birch)
    actions.advance(traceback_id)
    [second] = questions.waiting_questions(birch.actor)
    assert (second.call_id, second.window_s, second.hop) == ("in-709A@example", 30, 2)
    assert second.downstream == Party(spc="709A", name="Alder Voice")
    assert second.legal_due_at > second.platform_due_at > second.asked_at


def test_the_same_octets_again_give_the_same_receipt_and_no_second_answer(alder: Pen, birch: Pen) -> None:
    opened(call("709A"))
    [asked] = questions.waiting_questions(alder.actor)
    answer = alder.answer(asked, AnswerCode.UPSTREAM_US, birch.provider)
    submission = Submission(octets=octets(answer), answer=answer, key_id="k")
    first, fresh = answering.record_answer(alder.actor, submission)
    again, fresh_again = answering.record_answer(alder.actor, submission)
    assert (fresh, fresh_again) == (True, False)
    assert first == again
    assert Answer.objects.count() == 1
    assert bytes(Answer.objects.get().octets) == submission.octets


def test_advancing_twice_changes_nothing_the_second_time(alder: Pen, birch: Pen) -> None:
    traceback_id = opened(call("709A"))
    says(alder, AnswerCode.UPSTREAM_US, birch)
    actions.advance(traceback_id)
    before = (TracebackEvent.objects.count(), Hop.objects.count(), AuditEntry.objects.count())
    actions.advance(traceback_id)
    assert (TracebackEvent.objects.count(), Hop.objects.count(), AuditEntry.objects.count()) == before


def test_the_opened_event_replays_to_the_stored_rows_and_a_changed_row_is_found(alder: Pen, birch: Pen) -> None:
    traceback_id = opened(call("709A"))
    says(alder, AnswerCode.UPSTREAM_US, birch)
    actions.advance(traceback_id)
    assert queries.replay(OPERATOR, traceback_id) == []
    Hop.objects.filter(index=1).update(answer_code="ORIGINATED")
    Traceback.objects.update(grade="origin_confirmed")
    found = queries.replay(OPERATOR, traceback_id)
    assert len(found) == 2
    assert "grade is 'origin_confirmed', the events give ''" in found[0]


def test_an_impossible_answer_is_refused_kept_and_audited_and_the_question_stays(alder: Pen) -> None:
    opened(call("709A"))
    for _ in range(2):
        with pytest.raises(ProviderError, match="must name the provider"):
            says(alder, AnswerCode.UPSTREAM_US)
    kept = RefusedAnswer.objects.first()
    assert kept
    assert "must name the provider" in kept.reason
    assert msgspec.json.decode(bytes(kept.octets))["code"] == "UPSTREAM_US"
    assert AuditEntry.objects.filter(tag="hop:answer:refused").count() == RefusedAnswer.objects.count()
    assert Answer.objects.count() == 0
    assert len(questions.waiting_questions(alder.actor)) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"provider": Party(spc="709B")}, "names 709B as its provider"),
        ({"traceback_id": "TB-0000000000"}, "belongs to"),
        ({"version": 9}, "version 9 is not spoken here"),
        ({"answered_at": "yesterday"}, "is no ISO 8601 time"),
        ({"answered_at": "2026-11-24T10:00:00"}, "has no zone"),
        ({"note": "x" * 3_000}, "2000 characters"),
        ({"basis": ["x"] * 41}, "40 lines"),
        ({"upstream": Party(spc="", name="")}, "neither by code nor by name"),
        ({"upstream": Party(spc="X" * 17)}, "code of up to 16"),
        ({"upstream": Party(spc="709B", country="USA")}, "country of 2"),
    ],
)
def test_what_does_not_fit_the_question_is_refused(alder: Pen, birch: Pen, change: dict[str, Any], words: str) -> None:
    opened(call("709A"))
    [asked] = questions.waiting_questions(alder.actor)
    answer = msgspec.structs.replace(alder.answer(asked, AnswerCode.UPSTREAM_US, birch.provider), **change)
    with pytest.raises(ProviderError, match=words):
        answering.record_answer(alder.actor, Submission(octets=octets(answer), answer=answer, key_id="k"))


def test_a_provider_answers_its_own_questions_alone(alder: Pen, birch: Pen, desk: Actor) -> None:
    opened(call("709A"))
    [asked] = questions.waiting_questions(alder.actor)
    answer = alder.answer(asked, AnswerCode.ORIGINATED)
    submission = Submission(octets=octets(answer), answer=answer, key_id="k")
    with pytest.raises(QuestionNotFound):
        answering.record_answer(birch.actor, submission)
    with pytest.raises(Forbidden):
        answering.record_answer(desk, submission)
    assert Answer.objects.count() == 0


def test_silence_ends_the_traceback_and_a_late_answer_reopens_it(alder: Pen, birch: Pen, cedar: Pen) -> None:
    start = clock.now() - timedelta(days=20)
    traceback_id = opened(call("709A", at=start), now=start)
    hop = Hop.objects.get()
    assert actions.due(hop.platform_due_at) == []
    assert actions.due(hop.platform_due_at + timedelta(seconds=2)) == [traceback_id]
    trace = actions.advance(traceback_id)
    assert trace.state is TracebackState.ENDED_NON_RESPONSIVE
    assert actions.due(clock.now()) == []
    assert sorted(Flag.objects.values_list("kind", flat=True)) == ["late", "non_responsive"]
    says(alder, AnswerCode.UPSTREAM_US, birch)
    assert actions.advance(traceback_id).state is TracebackState.IN_PROGRESS
    assert Hop.objects.get(index=1).state == HopState.ANSWERED_LATE
    assert len(questions.waiting_questions(birch.actor)) == 1
    assert AuditEntry.objects.filter(tag="traceback:traceback:reopened").count() == 1
    assert queries.replay(OPERATOR, traceback_id) == []


def test_an_answer_that_came_in_time_counts_before_the_deadline_that_passed_since(alder: Pen, birch: Pen) -> None:
    start = clock.now() - timedelta(days=20)
    traceback_id = opened(call("709A", at=start), now=start)
    [asked] = questions.waiting_questions(alder.actor)
    answer = alder.answer(
        asked,
        AnswerCode.UPSTREAM_US,
        birch.provider,
    )
    answer = msgspec.structs.replace(answer, answered_at=asked.asked_at)
    answering.record_answer(
        alder.actor, Submission(octets=octets(answer), answer=answer, key_id="k"), now=start + timedelta(seconds=5)
    )
    actions.advance(traceback_id)
    hop = Hop.objects.get(index=1)
    assert hop.state == HopState.ANSWERED
    assert hop.answered_at == start + timedelta(seconds=5)


def test_what_came_at_one_instant_is_seen_before_it_is_answered(alder: Pen, birch: Pen, desk: Actor) -> None:
    traceback_id = opened(call("709A"))
    [asked] = questions.waiting_questions(alder.actor)
    answer = alder.answer(asked, AnswerCode.UPSTREAM_US, birch.provider)
    now = clock.now()
    answering.record_answer(alder.actor, Submission(octets=octets(answer), answer=answer, key_id="k"), now=now)
    answering.mark_viewed(alder.actor, [asked.question_id], now=now)
    actions.advance(traceback_id)
    kinds = [stored["event"]["event"] for stored in queries.events(desk, traceback_id)]
    assert kinds == ["opened", "viewed", "answered"]


def test_an_answer_that_no_job_took_is_found_by_the_clock(alder: Pen, birch: Pen) -> None:
    traceback_id = opened(call("709A"))
    says(alder, AnswerCode.UPSTREAM_US, birch)
    assert actions.due(clock.now()) == []
    assert actions.due(clock.now() + timedelta(seconds=3)) == [traceback_id]


def test_an_answer_that_has_become_impossible_meanwhile_stays_on_record_and_moves_nothing(
    alder: Pen, birch: Pen, cedar: Pen, desk: Actor
) -> None:
    traceback_id = opened(call("709A"))
    says(alder, AnswerCode.UPSTREAM_US, birch)
    actions.cancel(desk, traceback_id, reason="wrong call")
    actions.advance(traceback_id)
    view = queries.traceback(desk, traceback_id)
    assert view.state is TracebackState.CANCELLED
    assert view.path[0].answer_code == ""
    assert "could no longer be taken" in view.events[-1].text
    assert queries.replay(OPERATOR, traceback_id) == []


def test_after_a_cancellation_nothing_is_asked_or_taken(alder: Pen, desk: Actor) -> None:
    traceback_id = opened(call("709A"))
    [asked] = questions.waiting_questions(alder.actor)
    actions.cancel(desk, traceback_id, reason="wrong call")
    assert questions.waiting_questions(alder.actor) == []
    answer = alder.answer(asked, AnswerCode.ORIGINATED)
    with pytest.raises(TracebackError):
        answering.record_answer(alder.actor, Submission(octets=octets(answer), answer=answer, key_id="k"))


def test_a_call_is_not_traced_twice_at_once_nor_without_what_is_needed(keep: Keep, desk: Actor, alder: Pen) -> None:
    record = keep(call("709A", event="twice"))
    actions.open_for_call(desk, record.record_id)
    with pytest.raises(Conflict, match="traced already"):
        actions.open_for_call(desk, record.record_id)
    unknown = keep(call("ZZZZ", event="unknown"))
    with pytest.raises(CannotBeTraced, match="ZZZZ"):
        actions.open_for_call(desk, unknown.record_id)
    silent = keep(call("709A", event="uncalled", called=""))
    with pytest.raises(CannotBeTraced, match="called number"):
        actions.open_for_call(desk, silent.record_id)
    with pytest.raises(NotFound):
        actions.open_for_call(desk, call("709A", event="not kept").record_id)


def test_who_may_do_what(desk: Actor, custodian: Actor, agency: Actor, provider: Actor, alder: Pen) -> None:
    traceback_id = opened(call("709A"))
    for actor in (agency, provider, alder.actor):
        with pytest.raises(TracebackNotFound):
            queries.traceback(actor, traceback_id)
        assert queries.tracebacks(actor) == []
        with pytest.raises(Forbidden):
            actions.cancel(actor, traceback_id, reason="x")
        with pytest.raises(TracebackNotFound):
            queries.answers(actor, traceback_id)
    assert queries.traceback(custodian, traceback_id).id == traceback_id
    with pytest.raises(Forbidden):
        actions.open_for_campaign(custodian, "C-0000000000")


def campaign_with(keep: Keep, *calls: tuple[str, str, timedelta], name: str = "SSA-Suspended") -> Campaign:
    """A confirmed campaign whose members are (event, terminating code, age)."""
    now = clock.now()
    campaign = support.campaign(name)
    for event, spc, age in calls:
        record = keep(call(spc, event=f"{campaign.id}-{event}", at=now - age))
        CampaignMember.objects.create(
            record_id=record.record_id,
            campaign=campaign,
            call_at=record.call_at,
            joined_at=now,
            source_id="app",
            calling=record.calling,
            called_masked="+1 503 *** ****",
            terminating_spc=spc,
            score=1.0,
            rule_version="test",
        )
    return campaign


def test_a_campaign_gets_fresh_tracebacks_spread_over_terminating_carriers_once(
    keep: Keep, alder: Pen, birch: Pen
) -> None:
    minute, day = timedelta(minutes=1), timedelta(days=1)
    campaign = campaign_with(
        keep,
        ("1", "709A", minute),
        ("2", "709A", 2 * minute),
        ("3", "709A", 3 * minute),
        ("4", "709B", 60 * minute),
        ("5", "709B", 11 * day),
        ("6", "ZZZZ", minute),
        ("7", "", minute),
    )
    assert len(actions.open_for_campaign(OPERATOR, campaign.id)) == 3
    assert actions.open_for_campaign(OPERATOR, campaign.id) == []
    traced = Traceback.objects.filter(campaign=campaign).values_list("terminating_provider__spc", flat=True)
    assert sorted(traced) == ["709A", "709A", "709B"]
    assert questions.waiting_questions(birch.actor)[0].campaign == "SSA-Suspended"
    assert len(queries.for_campaign(OPERATOR, campaign.id)) == 3


def test_later_calls_fill_what_a_campaign_still_lacks(keep: Keep, alder: Pen) -> None:
    campaign = campaign_with(keep, ("1", "709A", timedelta(minutes=1)))
    assert len(actions.open_for_campaign(OPERATOR, campaign.id, limit=2)) == 1
    assert actions.open_for_campaign(OPERATOR, campaign.id, limit=1) == []
    with pytest.raises(NotFound):
        actions.open_for_campaign(OPERATOR, "C-0000000000")


@pytest.mark.django_db(transaction=True)
def test_an_opening_that_fails_leaves_nothing(alder: Pen) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tracebacks_hop ADD CONSTRAINT no_hops CHECK (index < 0) NOT VALID")
    try:
        with pytest.raises(Exception, match="no_hops"):
            opened(call("709A"))
        assert not Traceback.objects.exists()
        assert not AuditEntry.objects.filter(tag="traceback:traceback:opened").exists()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE tracebacks_hop DROP CONSTRAINT no_hops")


def test_views_say_how_each_answer_came_and_what_it_rests_on(alder: Pen, birch: Pen, desk: Actor) -> None:
    traceback_id = opened(call("709A"))
    says(alder, AnswerCode.UPSTREAM_US, birch, basis=["Call-ID equal"], score_millinats=9_200, candidates=4)
    actions.advance(traceback_id)
    hop = queries.traceback(desk, traceback_id).path[0]
    assert (hop.basis, hop.score_millinats, hop.candidates) == (("Call-ID equal",), 9_200, 4)
    assert (hop.by_person, hop.key_id, hop.upstream.name if hop.upstream else "") == (False, "k", "Birch Transit")
    assert hop.took is not None
    [answer] = queries.answers(desk, traceback_id)
    assert answer.octets_sha256 == hop.answer_sha256
    assert [event["event"]["event"] for event in queries.events(desk, traceback_id)] == ["opened", "answered"]


def test_a_carrier_at_which_too_many_questions_wait_gets_no_further_traceback(keep: Keep, alder: Pen) -> None:
    campaign = campaign_with(keep, ("1", "709A", timedelta(minutes=1)), ("2", "709A", timedelta(minutes=2)))
    small = Budget(open_by_agent=1)
    assert len(actions.open_for_campaign(OPERATOR, campaign.id, budget=small)) == 2, "nothing waits yet"
    later = campaign_with(keep, ("3", "709A", timedelta(minutes=1)), name="Card-Services")
    assert actions.open_for_campaign(OPERATOR, later.id, budget=small) == []
    assert len(actions.open_for_campaign(OPERATOR, later.id)) == 1


def test_by_itself_the_busiest_campaign_comes_first_and_a_turn_is_bounded(keep: Keep, alder: Pen, birch: Pen) -> None:
    few = campaign_with(keep, ("1", "709A", timedelta(minutes=1)))
    many = campaign_with(keep, *((str(n), "709B", timedelta(minutes=n)) for n in range(2, 7)), name="Card-Services")
    for one in (few, many):
        one.state, one.last_call_at = "confirmed", clock.now()
        one.save()
    opened = automation.turn(budget=Budget(a_turn=2))
    assert [Traceback.objects.get(id=one).campaign_id for one in opened] == [many.id, many.id]
    assert len(automation.turn()) == 2, "what is left: one of each"
    assert automation.turn() == []


def test_a_call_without_a_record_lets_another_be_traced_by_itself(keep: Keep, alder: Pen) -> None:
    campaign = campaign_with(keep, *((str(n), "709A", timedelta(minutes=n)) for n in range(1, 8)))
    campaign.state, campaign.last_call_at = "confirmed", clock.now()
    campaign.save()
    assert len(automation.turn()) == 3
    Traceback.objects.filter(campaign=campaign).update(state="ended_record_not_found", grade="frontier")
    assert len(automation.turn()) == 3
    Traceback.objects.filter(campaign=campaign).update(state="completed_originating", grade="origin_confirmed")
    assert automation.turn() == [], "an origin is confirmed: no more by itself"


def test_tracebacks_of_a_campaign_make_a_lead_that_says_it_is_none_of_a_finding(
    keep: Keep, desk: Actor, alder: Pen, birch: Pen, cedar: Pen
) -> None:
    campaign = campaign_with(keep, *((str(n), "709A", timedelta(minutes=n)) for n in range(1, 4)))
    opened_ = actions.open_for_campaign(OPERATOR, campaign.id)
    for _ in range(3):  # its name, the refusal, the name once more
        for asked in questions.waiting_questions(alder.actor):
            gives(alder, alder.answer(asked, AnswerCode.UPSTREAM_US, birch.provider))
        for asked in questions.waiting_questions(birch.actor):
            gives(birch, birch.answer(asked, AnswerCode.DECLINED))
        for traceback_id in opened_:
            actions.advance(traceback_id)
    found = pointing.leads_of(desk, campaign.id)
    first = found.leads[0]
    assert first.spc == birch.provider.spc
    assert first.traces == 3
    assert "not a finding" in first.sentence
    assert 0.3 < first.probability < 0.9
    assert {(one.id, one.bearing.value) for one in first.behind} == {(one, "ended") for one in opened_}
    assert found.unknown == pytest.approx(prod(1 - one.probability for one in found.leads))
    [(whole, at_birch)] = pointing.leads_at(desk, birch.provider.id)
    assert (whole.campaign_id, at_birch) == (campaign.id, first)
    assert pointing.leads_at(alder.actor, birch.provider.id) == []
    with pytest.raises(NotFound):
        pointing.leads_of(alder.actor, campaign.id)
    words = ["campaigns", "leads", campaign.id]
    assert birch.provider.spc in CliRunner().invoke(command_line(words), words).output
    words.append("--json")
    told = json.loads(CliRunner().invoke(command_line(words), words).output)
    assert told["leads"][0]["tracebacks_ended_at_it"] == 3


def test_what_cannot_all_be_true_is_kept_of_both_sides_once_and_shown(desk: Actor, alder: Pen, birch: Pen) -> None:
    traceback_id = opened(call("709A"))
    [asked] = questions.waiting_questions(alder.actor)
    for pen, code, upstream, length in (
        (alder, AnswerCode.UPSTREAM_US, birch.provider, 9_000),
        (birch, AnswerCode.ORIGINATED, None, 600_000),
    ):
        [asked] = questions.waiting_questions(pen.actor)
        plain = pen.answer(asked, code, upstream)
        assert plain.ingress
        gives(pen, msgspec.structs.replace(plain, ingress=msgspec.structs.replace(plain.ingress, duration_ms=length)))
        actions.advance(traceback_id)
    actions.advance(traceback_id)
    flags = Flag.objects.filter(hop__traceback_id=traceback_id, kind="contradicted")
    assert sorted(flags.values_list("provider__spc", flat=True)) == ["709A", "709B"]
    [found] = queries.traceback(desk, traceback_id).contradictions
    assert "600 s" in found.sentence
    assert queries.replay(OPERATOR, traceback_id) == []
