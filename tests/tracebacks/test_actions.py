"""Tracebacks on a real PostgreSQL and a real call store."""

from collections.abc import Callable

import pytest

from headwater.accounts.actors import Actor
from headwater.calls.records import CallRecord
from headwater.tracebacks import actions, answering, queries, questions
from headwater.tracebacks.answering import Submission
from headwater.tracebacks.states import Grade, HopRole, TracebackState
from headwater.wire.agents import AnswerCode
from tests.tracebacks.support import OPERATOR, Pen, call, octets, register

Keep = Callable[[CallRecord], CallRecord]
pytestmark = pytest.mark.django_db


def test_a_call_is_walked_from_the_terminating_provider_to_its_origin(keep: Keep, desk: Actor) -> None:
    alder, birch, cedar = (Pen(register(spc)) for spc in ("709A", "709B", "709C"))
    record = keep(call("709A", event="walk"))
    traceback_id = actions.open_for_call(desk, record.record_id)
    for pen, code, upstream in (
        (alder, AnswerCode.UPSTREAM_US, birch.provider),
        (birch, AnswerCode.UPSTREAM_US, cedar.provider),
        (cedar, AnswerCode.ORIGINATED, None),
    ):
        [asked] = questions.waiting_questions(pen.actor)
        answer = pen.answer(asked, code, upstream)
        answering.record_answer(pen.actor, Submission(octets=octets(answer), answer=answer, key_id="k"))
        assert questions.waiting_questions(pen.actor) == []
        actions.advance(traceback_id)
    view = queries.traceback(desk, traceback_id)
    assert view.state is TracebackState.COMPLETED_ORIGINATING
    assert view.grade is Grade.ORIGIN_CONFIRMED
    assert view.origin is not None
    assert view.origin.spc == "709C"
    assert [hop.role for hop in view.path] == [HopRole.TERMINATING, HopRole.INTERMEDIATE, HopRole.ORIGINATING]
    assert queries.replay(OPERATOR, traceback_id) == []
