"""What holds of the engine whatever comes, in whatever order."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.tracebacks import engine, history
from headwater.tracebacks.engine import ProviderError, TracebackError
from headwater.tracebacks.states import Deadline, Grade, HopState, TracebackState
from headwater.tracebacks.trace import (
    Answered,
    Cancelled,
    DeadlinePassed,
    Event,
    Party,
    Refused,
    Statement,
    Trace,
    Viewed,
)
from headwater.wire.agents import AnswerCode
from tests.tracebacks.playbook import CALL, Play, party, provider
from tests.tracebacks.support import NOON

WORLD = [provider(f"P{number}", by_agent=number % 3 != 0) for number in range(5)]
STRANGERS = [Party(spc="X1", name="Stranger"), Party(spc="F1", name="Abroad", country="IN"), None]

names = st.one_of(st.sampled_from(WORLD), st.sampled_from(STRANGERS))
codes = st.sampled_from([*AnswerCode, *[AnswerCode.UPSTREAM_US] * 6, *[AnswerCode.ORIGINATED] * 2])
records = st.sampled_from(["", "a", "b", "c", "d", "e"])
steps = st.one_of(
    st.tuples(st.just("answer"), st.integers(0, 30), codes, names, records),
    st.tuples(st.just("answer tip"), st.just(0), codes, names, records),
    st.tuples(st.just("answer tip"), st.just(0), codes, names, records),
    st.tuples(st.just("view"), st.integers(0, 30)),
    st.tuples(st.just("lapse"), st.sampled_from(Deadline)),
    st.tuples(st.just("refuse"), st.integers(0, 30)),
    st.tuples(st.just("cancel")),
)


def event_of(trace: Trace, step: tuple[Any, ...], play: Play) -> Event:
    match step[0]:
        case "answer" | "answer tip":
            _, place, code, upstream, record = step
            hop = trace.path[-1] if step[0] == "answer tip" else trace.hops[place % len(trace.hops)]
            play.answers += 1
            known = hasattr(upstream, "provider_id")
            said = Statement(
                answer_id=f"RC-{play.answers}",
                code=code,
                upstream=party(upstream) if known else upstream,
                respondent=upstream if known else None,
                ingress=replace(CALL, call_id=record) if record else None,
                record=record,
                by_person=not record,
                answered_at=play.now,
                received_at=play.now,
            )
            return Answered(question_id=hop.question_id, statement=said)
        case "view":
            return Viewed(question_id=trace.hops[step[1] % len(trace.hops)].question_id, seen_at=play.now)
        case "lapse":
            waiting = next((hop for hop in trace.path if hop.next_deadline), trace.hops[-1])
            if waiting.next_deadline:
                play.now = max(play.now, waiting.next_deadline[1])
                return DeadlinePassed(question_id=waiting.question_id, deadline=waiting.next_deadline[0])
            return DeadlinePassed(question_id=waiting.question_id, deadline=step[1])
        case "refuse":
            hop = trace.hops[step[1] % len(trace.hops)]
            return Refused(question_id=hop.question_id, answer_id="RC-0", reason="x")
        case _:
            return Cancelled(by="user:dana", reason="x")


def check(trace: Trace) -> None:
    """What is true of every trace, worked out apart from the engine's own rules."""
    path = trace.path
    assert [hop.index for hop in path] == list(range(1, len(path) + 1)), "the standing questions are one chain"
    assert len(path) <= engine.MAX_HOPS
    waiting = [hop for hop in path if hop.state in (HopState.NOTIFIED, HopState.VIEWED, HopState.OVERDUE)]
    if trace.state is TracebackState.IN_PROGRESS:
        assert waiting == [path[-1]], "somebody, and only the last, is waited for"
        assert (trace.grade, trace.origin, trace.outcome, trace.closed_at) == (Grade.NONE, None, "", None)
    elif trace.state is not TracebackState.CANCELLED:
        assert not waiting
        assert trace.grade is not Grade.NONE
        assert trace.outcome
        assert trace.closed_at
    if trace.origin is not None or trace.grade is Grade.ORIGIN_CONFIRMED:
        prove_origin(trace)
    if trace.grade is Grade.ENTRY_CONFIRMED:
        assert path[-1].statements[-1].code is AnswerCode.UPSTREAM_FOREIGN
        assert trace.origin is None


def prove_origin(trace: Trace) -> None:
    assert trace.state is TracebackState.COMPLETED_ORIGINATING
    assert trace.grade is Grade.ORIGIN_CONFIRMED
    tip = trace.path[-1]
    assert tip.index >= 2, "somebody else must have named it"
    assert trace.origin == tip.respondent
    assert tip.statements[-1].code is AnswerCode.ORIGINATED
    for hop, upstream in zip(trace.path, trace.path[1:], strict=False):
        assert hop.state is not HopState.DISPUTED
        said = hop.statements[-1]
        assert said.code in (AnswerCode.UPSTREAM_US, AnswerCode.ORIGINATED_RESELLER)
        assert said.upstream
        assert said.upstream.spc == upstream.respondent.spc


@settings(max_examples=400)
@given(plays=st.lists(steps, max_size=40), gaps=st.lists(st.integers(0, 7_200), min_size=40, max_size=40))
def test_any_sequence_of_events_leaves_a_trace_that_says_no_more_than_it_proves(
    plays: list[tuple[Any, ...]], gaps: list[int]
) -> None:
    play = Play(now=NOON).opens(WORLD[0])
    for step, gap in zip(plays, gaps, strict=False):
        play.now += timedelta(seconds=gap)
        event, before = event_of(play.trace, step, play), play.trace
        try:
            play.sees(event)
        except (ProviderError, TracebackError):
            assert play.trace == before, "what is refused changes nothing"
        check(play.trace)
    stored = [(history.decode(history.encode(event)), at) for event, at in play.events]
    assert engine.fold("TB-PLAY", stored) == play.trace, "the stored events give the same trace again"


@settings(max_examples=100)
@given(length=st.integers(2, 12), silent=st.integers(0, 11))
def test_a_chain_ends_at_its_origin_or_at_whoever_is_silent(length: int, silent: int) -> None:
    chain = [provider(f"L{number}") for number in range(length)]
    play = Play().opens(chain[0])
    for number, one in enumerate(chain):
        if number == silent:
            play.goes_silent(one)
            break
        if number + 1 < length:
            play.names(one, chain[number + 1])
        else:
            play.originated(one)
    check(play.trace)
    confirmed = play.trace.grade is Grade.ORIGIN_CONFIRMED
    assert confirmed == (silent >= length)
    if not confirmed:
        assert f"{chain[silent].name} was asked and has not answered." in play.trace.outcome
