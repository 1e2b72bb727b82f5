"""Answers that come twice, late or out of order leave the walk as if each had come once; impossible ones nothing.

That an answer to another question, or of another's key, never reaches the engine is the door's (tests/api)."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from headwater.tracebacks import engine
from headwater.tracebacks.commands import Ask
from headwater.tracebacks.engine import ProviderError, TracebackError
from headwater.tracebacks.states import Grade, HopKind
from headwater.tracebacks.trace import Answered, Hop, Opened, Respondent, Statement, Terms, Trace
from headwater.wire.agents import AnswerCode
from tests.tracebacks.playbook import CALL, party, provider
from tests.tracebacks.support import NOON

CHAIN = [provider(f"HOP{number}") for number in range(5)]
TERMS = Terms(second_look=True, bridges=True, gaps=True)


def said(trace: Trace, question_id: str, at: int) -> Statement:
    """What the provider of a question truly answers."""
    hop = trace.hop(question_id)
    assert hop
    place = CHAIN.index(hop.respondent)
    upstream: Respondent | None = CHAIN[place + 1] if place + 1 < len(CHAIN) else None
    moment = NOON + timedelta(seconds=at)
    return Statement(
        answer_id=f"RC-{question_id}",
        code=AnswerCode.UPSTREAM_US if upstream else AnswerCode.ORIGINATED,
        upstream=party(upstream) if upstream else None,
        respondent=upstream,
        ingress=replace(hop.call, call_id=f"into-{place}"),
        matched_at=hop.call.call_at,
        record=f"record-{place}",
        link_ppm=1_000_000,
        answered_at=moment,
        received_at=moment,
    )


def forged(data: st.DataObject, true: Statement, hop: Hop | None) -> Statement:
    """Change an answer into one that cannot be true."""
    assert hop
    itself = party(hop.respondent)
    return data.draw(
        st.sampled_from(
            [
                replace(true, code=AnswerCode.UPSTREAM_US, upstream=itself, respondent=hop.respondent),
                replace(true, code=AnswerCode.UPSTREAM_US, upstream=None, respondent=None),
                replace(true, code=AnswerCode.ORIGINATED, upstream=itself),
                replace(true, matched_at=hop.call.call_at + timedelta(days=1)),
                replace(true, answered_at=true.answered_at + timedelta(days=1)),
                replace(true, answered_at=hop.asked_at - timedelta(hours=1)),
            ]
        )
    )


@given(st.data())
def test_duplicated_delayed_reordered_and_forged_answers_change_nothing(data: st.DataObject) -> None:
    trace, commands = engine.step(
        Trace(traceback_id="TB-FAULTS"), Opened(call=CALL, terminating=CHAIN[0], terms=TERMS), NOON
    )
    waiting = [one.question_id for one in commands if isinstance(one, Ask)]
    given_before: list[tuple[str, Statement]] = []
    clock = 0
    while waiting:
        clock += 1
        choice = data.draw(st.sampled_from(["answer", "again", "forged"])) if given_before else "answer"
        if choice == "answer":
            question_id = waiting.pop(data.draw(st.integers(0, len(waiting) - 1)))
            statement = said(trace, question_id, clock)
            given_before.append((question_id, statement))
        elif choice == "again":
            question_id, statement = data.draw(st.sampled_from(given_before))
        else:  # what no provider can truly say of this call
            question_id = waiting[0]
            statement = forged(data, said(trace, question_id, clock), trace.hop(question_id))
        before = trace
        try:
            trace, commands = engine.step(trace, Answered(question_id=question_id, statement=statement), _at(clock))
        except (ProviderError, TracebackError):
            assert trace is before
            continue
        assert choice != "forged", "a forgery was taken"
        fresh = [one.question_id for one in commands if isinstance(one, Ask)]
        waiting += fresh
        waiting = [one for one in waiting if (hop := trace.hop(one)) and hop.live and not hop.statements]
    live = [(hop.index, hop.respondent.spc) for hop in trace.hops if hop.live and hop.kind is HopKind.WALK]
    assert len(live) == len(set(live)), "no hop stands twice"
    assert [hop.respondent for hop in trace.path] == CHAIN
    assert (trace.grade, trace.origin) == (Grade.ORIGIN_CONFIRMED, CHAIN[-1])


def _at(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)
