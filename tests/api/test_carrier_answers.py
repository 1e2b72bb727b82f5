"""Answers about numbers, and many answers at once, as an agent hands them in and as an impostor does."""

from typing import Any

import msgspec
import pytest
from django.core import mail

from headwater import clock
from headwater.audit.models import AuditEntry
from headwater.outbox.models import Message
from headwater.tracebacks import actions, forward_asking, forwarding
from headwater.tracebacks.forward import ForwardGrade, ForwardState
from headwater.tracebacks.models import Answer, ForwardAnswer, ForwardQuestion, RefusedAnswer
from headwater.wire import agents as wire
from headwater.wire.agents import AnswerCode
from headwater.wire.forward import ForwardCode, NumberAnswer, NumberQuestion
from tests.api.test_carriers import WRITE, Agent
from tests.tracebacks.support import OPERATOR, call, opened

pytestmark = pytest.mark.django_db
NUMBER = "18005550142"
BATCH = "/api/agents/v1/answers/batch"


@pytest.fixture
def alder() -> Agent:
    return Agent.of("709A")


@pytest.fixture
def birch() -> Agent:
    return Agent.of("709B")


def numbers(agent: Agent) -> list[NumberQuestion]:
    return msgspec.json.decode(agent.poll().content, type=wire.Questions).numbers


def said(agent: Agent, asked: NumberQuestion, code: ForwardCode, **more: Any) -> bytes:
    party = wire.Party(spc=agent.pen.provider.spc)
    now = clock.now().isoformat().replace("+00:00", "Z")
    ids = {"question_id": asked.question_id, "forward_id": asked.forward_id}
    answer = NumberAnswer(**({**ids, "provider": party, "code": code, "answered_at": now} | more))
    return agent.signed(msgspec.json.encode(answer))


def batch(agent: Agent, *answers: bytes) -> Any:
    body = msgspec.json.encode(wire.Answers(answers=[one.decode() for one in answers]))
    token = agent.bearer(agent.claims(WRITE, body))
    return agent.http.post(BATCH, body, content_type="application/json", headers={"Authorization": token})


def test_a_number_is_followed_by_agents_answers_to_who_serves_it(alder: Agent, birch: Agent) -> None:
    one = forwarding.open_forward(OPERATOR, NUMBER, pointers={"709A": "the responsible organisation"})
    assert numbers(birch) == []
    [asked] = numbers(alder)
    assert (asked.number, asked.sources) == (NUMBER, ["the responsible organisation"])
    assert ForwardQuestion.objects.get().seen_by == "provider:709A"
    body = said(alder, asked, ForwardCode.PORTED, names=wire.Party(spc="709B"))
    first, again = alder.post(body), alder.post(body)
    assert (first.status_code, again.status_code, first.content == again.content) == (201, 200, True)
    assert numbers(alder) == []
    forwarding.advance(one)
    forwarding.advance(one)  # a job may run twice
    [next_] = numbers(birch)
    assert next_.sources == ["709A Voice"]
    assert birch.post(said(birch, next_, ForwardCode.SERVES)).status_code == 201
    forwarding.advance(one)
    view = forwarding.forward_of(OPERATOR, one)
    assert view.trace.grade is ForwardGrade.SERVER_CONFIRMED
    assert ForwardAnswer.objects.filter(taken_at=None).count() == 0
    given = AuditEntry.objects.filter(tag="forward:answer:given").values_list("detail", flat=True)
    assert [one["code"] for one in given] == ["PORTED", "SERVES"]


def test_an_impossible_or_foreign_answer_about_a_number_is_refused_and_kept(alder: Agent, birch: Agent) -> None:
    one = forwarding.open_forward(OPERATOR, NUMBER, pointers={"709A": "the responsible organisation"})
    [asked] = numbers(alder)
    assert birch.post(said(birch, asked, ForwardCode.SERVES)).status_code == 404
    nameless = alder.post(said(alder, asked, ForwardCode.PORTED))
    assert nameless.status_code == 422
    assert "must name the provider" in nameless.json()["detail"]
    other = alder.post(said(alder, asked, ForwardCode.SERVES, provider=wire.Party(spc="709B")))
    assert other.status_code == 422
    assert RefusedAnswer.objects.count() == 2
    forwarding.cancel_forward(OPERATOR, one, "asked by mistake")
    assert numbers(alder) == []
    assert alder.post(said(alder, asked, ForwardCode.SERVES)).status_code == 409
    assert ForwardAnswer.objects.count() == 0
    assert forwarding.forward_of(OPERATOR, one).trace.state is ForwardState.CANCELLED


def test_people_are_written_to_once_where_no_agent_is_there_and_no_customer_is_asked_for(birch: Agent) -> None:
    del birch
    from tests.tracebacks.support import register

    register("CEDAR", channel="pages", contact_email="traceback@cedar.example")
    forwarding.open_forward(OPERATOR, NUMBER, pointers={"CEDAR": "the number block registry"})
    assert forward_asking.tell_due(carrier_url="https://carrier.example") == 1
    assert forward_asking.tell_due(carrier_url="https://carrier.example") == 0
    sent = Message.objects.get(way="mail")
    assert sent.address == "traceback@cedar.example"
    assert f"https://carrier.example/numbers/{ForwardQuestion.objects.get().id}/" in sent.text
    assert "needs legal process" in sent.text
    assert mail.outbox == []


def test_each_answer_of_a_batch_stands_by_itself_and_the_whole_may_come_again(alder: Agent, birch: Agent) -> None:
    traces = [opened(call("709A", event=str(event))) for event in range(3)]
    first, second, third = alder.questions()
    sent = [
        alder.signed(alder.pen.answer(first, AnswerCode.UPSTREAM_US, birch.pen.provider)),
        alder.signed(alder.pen.answer(second, AnswerCode.UPSTREAM_US)),  # names nobody
        birch.signed(birch.pen.answer(third, AnswerCode.ORIGINATED)),  # another's key
        b"rubbish",
        alder.signed(alder.pen.answer(third, AnswerCode.ORIGINATED)),
    ]
    response = batch(alder, *sent)
    assert response.status_code == 200
    results = msgspec.json.decode(response.content, type=wire.Results).results
    assert [one.status for one in results] == [201, 422, 422, 422, 201]
    assert results[1].problem is not None
    assert "must name the provider" in results[1].problem.detail
    assert [one.receipt.question_id for one in results if one.receipt] == [first.question_id, third.question_id]
    again = msgspec.json.decode(batch(alder, *sent).content, type=wire.Results).results
    assert [one.status for one in again] == [200, 422, 422, 422, 200]
    assert [one.receipt for one in again] == [one.receipt for one in results]
    assert Answer.objects.count() == 2
    assert AuditEntry.objects.filter(tag="hop:answer:recorded").count() == 2
    assert AuditEntry.objects.filter(tag="hop:answer:refused").count() == 3
    for one in traces:
        actions.advance(one)
    assert len(birch.questions()) == 1


def test_a_batch_that_is_none_or_too_long_is_refused_whole(alder: Agent) -> None:
    assert batch(alder, *([b"x"] * 101)).status_code == 413
    for body in (b"[]", b'{"answers":[1]}', b"\xff"):
        token = alder.bearer(alder.claims(WRITE, body))
        answer = alder.http.post(BATCH, body, content_type="application/json", headers={"Authorization": token})
        assert answer.status_code == 422
    assert batch(alder).json() == {"results": []}
    assert alder.http.post(BATCH, b"{}", content_type="application/json").status_code == 401
