"""The engine as a playbook: events in, commands out."""

from dataclasses import replace
from datetime import timedelta

import pytest

from headwater.tracebacks import engine
from headwater.tracebacks.commands import Ask, Close, Escalate, Flag, Remind, Reopen
from headwater.tracebacks.engine import (
    HOP_TRANSITIONS,
    TRACEBACK_TRANSITIONS,
    HopMove,
    Move,
    ProviderError,
    TracebackError,
)
from headwater.tracebacks.outcomes import role
from headwater.tracebacks.states import Deadline, FlagKind, Grade, HopRole, HopState, TracebackState
from headwater.tracebacks.trace import Answered, DeadlinePassed, Opened, Party, Refused, Viewed
from headwater.wire.agents import AnswerCode
from tests.tracebacks.playbook import ALDER, BIRCH, CALL, CEDAR, DOGWOOD, PAPER, Play, provider

ABROAD = Party(spc="F001", name="Far Tel", country="IN")
C = AnswerCode


def play() -> Play:
    return Play().opens()


def waiting_on_birch() -> Play:
    return play().names(ALDER, BIRCH)


# -- the walk


def test_opening_asks_the_terminating_provider_about_the_call_as_it_was_reported() -> None:
    hop = play().does(Ask).asks(ALDER).hop(ALDER)
    assert (hop.index, hop.attempt, hop.window_s, hop.call) == (1, 1, 60, CALL)
    assert hop.platform_due_at - hop.asked_at == timedelta(seconds=60)


def test_an_upstream_is_asked_with_the_record_of_whoever_named_it() -> None:
    hop = waiting_on_birch().does(Ask).asks(BIRCH).hop(BIRCH)
    assert hop.index == 2
    assert hop.call.call_id == "into-ALDER"
    assert hop.window_s == 30
    assert hop.downstream == play().hop(ALDER).question_id


def test_without_a_record_the_upstream_is_asked_what_the_downstream_was_asked() -> None:
    hop = play().names(ALDER, BIRCH, ingress=None, matched_at=None, record="", by_person=True).hop(BIRCH)
    assert hop.call == CALL


def test_an_origin_is_confirmed_when_its_neighbour_named_it_and_it_says_so_itself() -> None:
    trace = (
        waiting_on_birch()
        .names(BIRCH, CEDAR)
        .originated(CEDAR)
        .does(Close)
        .ends(TracebackState.COMPLETED_ORIGINATING, Grade.ORIGIN_CONFIRMED)
        .trace
    )
    assert trace.origin == CEDAR
    assert trace.outcome == (
        "Cedar Voice states that its customer placed the call; "
        "Birch Voice independently states that it received the call from Cedar Voice."
    )
    assert [role(hop) for hop in trace.path] == [HopRole.TERMINATING, HopRole.INTERMEDIATE, HopRole.ORIGINATING]


def test_originated_at_the_terminating_provider_is_on_net_and_names_no_origin() -> None:
    trace = play().originated(ALDER).ends(TracebackState.COMPLETED_ORIGINATING, Grade.ON_NET).trace
    assert trace.origin is None
    assert "no neighbour confirms it" in trace.outcome


def test_a_foreign_upstream_makes_the_answerer_the_gateway_and_names_no_origin() -> None:
    play_ = waiting_on_birch().answers_with(BIRCH, C.UPSTREAM_FOREIGN, ABROAD)
    trace = play_.ends(TracebackState.ENDED_FOREIGN, Grade.ENTRY_CONFIRMED).trace
    assert trace.origin is None
    assert role(trace.path[-1]) is HopRole.GATEWAY
    assert "Birch Voice is the point of entry into the United States" in trace.outcome
    assert "Far Tel (IN)" in trace.outcome
    assert "Who originated the call is not known" in trace.outcome


def test_a_reseller_in_the_register_is_asked_and_one_outside_it_is_the_frontier() -> None:
    waiting_on_birch().answers_with(BIRCH, C.ORIGINATED_RESELLER, CEDAR).asks(CEDAR)
    ended = waiting_on_birch().answers_with(BIRCH, C.ORIGINATED_RESELLER, Party(spc="", name="Small Dial"))
    trace = ended.ends(TracebackState.ENDED_UNREACHABLE, Grade.FRONTIER).trace
    assert "Proven up to Birch Voice, which names Small Dial." in trace.outcome


def test_an_upstream_in_no_register_ends_the_walk_with_its_name_shown() -> None:
    ended = waiting_on_birch().answers_with(BIRCH, C.UPSTREAM_US, Party(spc="ZZZ9", name="Ghost Tel"))
    trace = ended.ends(TracebackState.ENDED_UNREACHABLE, Grade.FRONTIER).trace
    assert trace.outcome == (
        "Proven up to Birch Voice, which names Ghost Tel. Ghost Tel was not asked: Ghost Tel is in no register of "
        "ours. Whether Ghost Tel originated the call or passed it on is not known."
    )


@pytest.mark.parametrize(
    ("code", "state", "words"),
    [
        (C.RECORD_NOT_FOUND, TracebackState.ENDED_RECORD_NOT_FOUND, "searched and found no record"),
        (C.RECORD_EXPIRED, TracebackState.ENDED_RECORD_NOT_FOUND, "no longer keeps records"),
        (C.DECLINED, TracebackState.ENDED_NON_RESPONSIVE, "declined to answer, giving as its reason: counsel says no"),
        (C.LEGIT_CLAIM, TracebackState.ENDED_DISPUTED, "claims the calls are lawful"),
    ],
)
def test_an_answer_that_leads_nowhere_ends_at_the_frontier(code: AnswerCode, state: TracebackState, words: str) -> None:
    trace = waiting_on_birch().answers_with(BIRCH, code, note="counsel says no").ends(state, Grade.FRONTIER).trace
    assert trace.outcome.startswith("Proven up to Alder Voice, which names Birch Voice.")
    assert words in trace.outcome
    assert "Whether Birch Voice originated the call or passed it on is not known." in trace.outcome
    assert trace.origin is None


def test_a_refusal_is_flagged_with_its_reason() -> None:
    declined = waiting_on_birch().answers_with(BIRCH, C.DECLINED, note="no subpoena").flags(BIRCH, FlagKind.DECLINED)
    [flag] = [command for command in declined.last if isinstance(command, Flag)]
    assert flag.detail == "no subpoena"


# -- silence and lateness


def test_the_platforms_target_reminds_the_legal_due_time_escalates_and_silence_ends_it() -> None:
    silent = (
        waiting_on_birch()
        .views(BIRCH)
        .stands(BIRCH, HopState.VIEWED)
        .lapses(BIRCH, Deadline.PLATFORM)
        .does(Remind)
        .stands(BIRCH, HopState.VIEWED)
        .lapses(BIRCH, Deadline.LEGAL)
        .does(Flag, Escalate)
        .flags(BIRCH, FlagKind.LATE)
        .stands(BIRCH, HopState.OVERDUE)
        .lapses(BIRCH, Deadline.FINAL)
        .flags(BIRCH, FlagKind.NON_RESPONSIVE)
        .ends(TracebackState.ENDED_NON_RESPONSIVE, Grade.FRONTIER)
    )
    assert "Birch Voice was asked and has not answered." in silent.trace.outcome


def test_a_silent_terminating_provider_proves_nothing() -> None:
    trace = play().goes_silent(ALDER).trace
    assert "nothing upstream of it is proven" in trace.outcome
    assert trace.grade is Grade.FRONTIER


@pytest.mark.parametrize("deadlines", [1, 2, 3])
def test_a_late_answer_still_moves_upstream(deadlines: int) -> None:
    late = waiting_on_birch()
    for deadline in (Deadline.PLATFORM, Deadline.LEGAL, Deadline.FINAL)[:deadlines]:
        late.lapses(BIRCH, deadline)
    late.names(BIRCH, CEDAR).asks(CEDAR)
    assert late.trace.state is TracebackState.IN_PROGRESS
    late.stands(BIRCH, HopState.ANSWERED if deadlines == 1 else HopState.ANSWERED_LATE)
    if deadlines == 3:
        late.does(Ask, Reopen)
    assert late.originated(CEDAR).trace.grade is Grade.ORIGIN_CONFIRMED


def test_people_have_business_hours_and_agents_seconds() -> None:
    hop = play().names(ALDER, PAPER).hop(PAPER)
    assert hop.platform_due_at - hop.asked_at == timedelta(hours=4)


# -- more information, disputes, corrections


def test_need_info_is_asked_again_with_a_wider_window_at_most_twice() -> None:
    again = waiting_on_birch()
    windows = [again.hop(BIRCH).window_s]
    for _ in range(2):
        again.answers_with(BIRCH, C.NEED_INFO).asks(BIRCH)
        windows.append(again.hop(BIRCH).window_s)
    assert windows == [30, 120, 600]
    assert again.hop(BIRCH).attempt == 3
    again.answers_with(BIRCH, C.NEED_INFO).ends(TracebackState.ENDED_RECORD_NOT_FOUND, Grade.FRONTIER)
    assert "was asked 3 times and could not tell" in again.trace.outcome
    assert again.path() == ["ALDER", "BIRCH"]


def test_after_a_wider_question_the_first_one_takes_no_answer() -> None:
    again = waiting_on_birch()
    first = again.hop(BIRCH)
    again.answers_with(BIRCH, C.NEED_INFO)
    said = again.statement(BIRCH, C.ORIGINATED, None, {})
    with pytest.raises(TracebackError, match=f"answer {again.hop(BIRCH).question_id} instead"):
        again.sees(Answered(question_id=first.question_id, statement=said))


def test_not_ours_returns_the_call_once_to_the_hop_that_named_it() -> None:
    disputed = waiting_on_birch().answers_with(BIRCH, C.NOT_OURS).asks(ALDER)
    disputed.flags(ALDER, FlagKind.CONTRADICTED).flags(BIRCH, FlagKind.CONTRADICTED)
    assert disputed.trace.hops[0].state is HopState.DISPUTED
    assert disputed.hop(ALDER).attempt == 2
    assert disputed.names(ALDER, CEDAR).asks(CEDAR).path() == ["ALDER", "CEDAR"]
    assert disputed.originated(CEDAR).trace.grade is Grade.ORIGIN_CONFIRMED


def test_when_both_sides_insist_the_dispute_stands() -> None:
    insisting = waiting_on_birch().answers_with(BIRCH, C.NOT_OURS).names(ALDER, BIRCH).asks(BIRCH)
    ended = insisting.answers_with(BIRCH, C.NOT_OURS).ends(TracebackState.ENDED_DISPUTED, Grade.FRONTIER)
    assert ended.trace.outcome == (
        "Alder Voice names Birch Voice, which denies it. Birch Voice states that it did not carry this call."
    )


def test_a_denial_that_is_taken_back_resolves_the_dispute() -> None:
    ended = waiting_on_birch().answers_with(BIRCH, C.NOT_OURS).names(ALDER, BIRCH).answers_with(BIRCH, C.NOT_OURS)
    ended.originated(BIRCH).ends(TracebackState.COMPLETED_ORIGINATING, Grade.ORIGIN_CONFIRMED)
    assert ended.hop(ALDER).state is HopState.ANSWERED


def test_a_late_denial_takes_the_origin_back_until_the_neighbour_speaks_again() -> None:
    found = waiting_on_birch().names(BIRCH, CEDAR).originated(CEDAR)
    reopened = found.answers_with(BIRCH, C.NOT_OURS)
    assert reopened.trace.state is TracebackState.IN_PROGRESS
    assert (reopened.trace.grade, reopened.trace.origin) == (Grade.NONE, None)
    assert reopened.path() == ["ALDER"]


def test_the_terminating_provider_that_denies_the_call_ends_it_disputed() -> None:
    play().answers_with(ALDER, C.NOT_OURS).ends(TracebackState.ENDED_DISPUTED, Grade.FRONTIER)


def test_a_correction_is_a_new_version_and_moves_the_path() -> None:
    corrected = waiting_on_birch().names(BIRCH, CEDAR).originated(CEDAR).names(BIRCH, DOGWOOD).asks(DOGWOOD)
    assert corrected.path() == ["ALDER", "BIRCH", "DOGWOOD"]
    assert len(corrected.hop(BIRCH).statements) == 2
    assert corrected.hop(CEDAR).withdrawn_at is not None
    assert corrected.trace.origin is None
    assert corrected.originated(DOGWOOD).trace.origin == DOGWOOD


def test_a_correction_that_leads_to_the_same_place_asks_nobody_again() -> None:
    said = {"note": "found the other log as well"}
    corrected = waiting_on_birch().names(BIRCH, CEDAR).names(BIRCH, CEDAR, **said).does()
    assert corrected.path() == ["ALDER", "BIRCH", "CEDAR"]
    assert len(corrected.hop(BIRCH).statements) == 2


# -- impossible answers


@pytest.mark.parametrize(
    ("code", "upstream", "more", "words"),
    [
        (C.UPSTREAM_US, None, {}, "must name the provider"),
        (C.UPSTREAM_FOREIGN, None, {}, "must name the provider"),
        (C.ORIGINATED, CEDAR, {}, "names no upstream"),
        (C.DECLINED, CEDAR, {}, "names no upstream"),
        (C.UPSTREAM_US, BIRCH, {}, "names itself"),
        (C.UPSTREAM_US, ABROAD, {}, "answer UPSTREAM_FOREIGN"),
        (C.UPSTREAM_FOREIGN, CEDAR, {}, "give its country"),
        (C.UPSTREAM_FOREIGN, Party(spc="P", country="PR"), {}, "give its country"),
        (C.UPSTREAM_US, CEDAR, {"matched_at": CALL.call_at - timedelta(hours=1)}, "lies more than"),
        (C.UPSTREAM_US, CEDAR, {"matched_at": CALL.call_at + timedelta(hours=1)}, "lies more than"),
        (C.UPSTREAM_US, CEDAR, {"answered_at": CALL.call_at - timedelta(days=1)}, "before the question"),
        (C.UPSTREAM_US, CEDAR, {"answered_at": CALL.call_at + timedelta(days=1)}, "in the future"),
    ],
)
def test_an_impossible_answer_raises_and_changes_nothing(code, upstream, more, words) -> None:
    waiting = waiting_on_birch()
    before = waiting.trace
    with pytest.raises(ProviderError, match=words):
        waiting.answers_with(BIRCH, code, upstream, **more)
    assert waiting.trace == before


def test_the_same_provider_twice_with_the_same_record_is_a_loop() -> None:
    looping = waiting_on_birch().names(BIRCH, ALDER).asks(ALDER)
    assert looping.path() == ["ALDER", "BIRCH", "ALDER"]
    with pytest.raises(ProviderError, match="same record was given at hop 1"):
        looping.names(ALDER, BIRCH)
    assert looping.names(ALDER, CEDAR, record="another record").asks(CEDAR).path()[-1] == "CEDAR"


def test_no_path_grows_beyond_twelve_hops() -> None:
    chain = [provider(f"N{number}") for number in range(14)]
    long = Play().opens(chain[0])
    for number in range(11):
        long.names(chain[number], chain[number + 1]).asks(chain[number + 1])
    long.names(chain[11], chain[12]).ends(TracebackState.ENDED_UNREACHABLE, Grade.FRONTIER)
    assert "the limit of hops is reached" in long.trace.outcome
    assert len(long.trace.hops) == engine.MAX_HOPS


# -- what we may not do


def test_nothing_follows_a_cancellation() -> None:
    over = waiting_on_birch().cancels().does(Close)
    assert over.trace.state is TracebackState.CANCELLED
    with pytest.raises(TracebackError, match="called off"):
        over.names(BIRCH, CEDAR)
    with pytest.raises(TracebackError):
        over.lapses(BIRCH, Deadline.PLATFORM)


def test_what_ended_cannot_be_cancelled() -> None:
    with pytest.raises(TracebackError, match="cannot 'cancel'"):
        play().originated(ALDER).cancels()


def test_a_deadline_counts_only_when_it_has_passed_and_in_its_order() -> None:
    waiting = waiting_on_birch()
    asked = waiting.hop(BIRCH).question_id
    for deadline in Deadline:
        with pytest.raises(TracebackError, match="has not run out"):
            waiting.sees(DeadlinePassed(question_id=asked, deadline=deadline))
    waiting.now = waiting.hop(BIRCH).final_due_at
    with pytest.raises(TracebackError, match="final has not run out"):
        waiting.sees(DeadlinePassed(question_id=asked, deadline=Deadline.FINAL))


def test_an_answered_question_has_no_deadline() -> None:
    assert waiting_on_birch().hop(ALDER).next_deadline is None


@pytest.mark.parametrize(
    "event",
    [
        Viewed(question_id="Q-NONE", seen_at=CALL.call_at),
        DeadlinePassed(question_id="Q-NONE", deadline=Deadline.LEGAL),
        Refused(question_id="Q-NONE", answer_id="RC-1", reason="late"),
        Opened(call=CALL, terminating=BIRCH),
    ],
)
def test_events_that_do_not_fit_are_our_mistake(event) -> None:
    with pytest.raises(TracebackError):
        play().sees(event)


def test_a_refused_answer_moves_nothing() -> None:
    waiting = waiting_on_birch()
    before = waiting.trace
    waiting.sees(Refused(question_id=waiting.hop(BIRCH).question_id, answer_id="RC-9", reason="x")).does()
    assert waiting.trace == before


# -- the tables


def test_each_state_has_its_row() -> None:
    assert set(TRACEBACK_TRANSITIONS) == set(TracebackState)
    assert set(HOP_TRANSITIONS) == set(HopState)


@pytest.mark.parametrize("state", TracebackState)
@pytest.mark.parametrize("by", Move)
def test_a_pair_outside_the_table_of_tracebacks_raises(state: TracebackState, by: Move) -> None:
    if by in TRACEBACK_TRANSITIONS[state]:
        assert engine.move(state, by) is TRACEBACK_TRANSITIONS[state][by]
    else:
        with pytest.raises(TracebackError, match="cannot"):
            engine.move(state, by)


@pytest.mark.parametrize("state", HopState)
@pytest.mark.parametrize("by", HopMove)
def test_a_pair_outside_the_table_of_hops_raises(state: HopState, by: HopMove) -> None:
    if by in HOP_TRANSITIONS[state]:
        assert engine.move_hop(state, by) is HOP_TRANSITIONS[state][by]
    else:
        with pytest.raises(TracebackError, match="cannot"):
            engine.move_hop(state, by)


def test_folding_the_events_gives_the_trace_again() -> None:
    walked = waiting_on_birch().views(BIRCH).lapses(BIRCH, Deadline.PLATFORM).names(BIRCH, CEDAR).originated(CEDAR)
    assert engine.fold("TB-PLAY", walked.events) == walked.trace


def test_question_identifiers_differ_between_tracebacks_and_are_the_same_on_replay() -> None:
    other = Play(trace=replace(Play().trace, traceback_id="TB-OTHER")).opens()
    assert other.hop(ALDER).question_id != play().hop(ALDER).question_id
    assert play().hop(ALDER).question_id == play().hop(ALDER).question_id
