"""What an analyst reads of a walk that went past a lost record: through the real doors, on a real database."""

import pytest
from django.test import Client

from headwater.tracebacks import actions, answering, questions
from headwater.tracebacks.answering import Submission
from headwater.tracebacks.models import Traceback
from headwater.wire.agents import AnswerCode
from tests.tracebacks.support import Pen, call, octets, opened, register

pytestmark = pytest.mark.django_db


def says(pen: Pen, code: AnswerCode, upstream: Pen | None = None) -> None:
    """Answer every open question of ``pen``, and let what follows happen."""
    for asked in questions.waiting_questions(pen.actor):
        answer = pen.answer(asked, code, upstream.provider if upstream else None)
        answering.record_answer(pen.actor, Submission(octets=octets(answer), answer=answer, key_id="k"))
        actions.advance(asked.traceback_id)


@pytest.fixture
def bridged() -> str:
    """A call whose second provider lost its record; an earlier traceback shows who hands calls to it."""
    alder, birch, cedar = (
        Pen(register(spc, name))
        for spc, name in (("709A", "Alder Telephone"), ("709B", "Birch Transit"), ("709C", "Cedar Voice"))
    )
    opened(call("709A", event="earlier"))
    says(alder, AnswerCode.UPSTREAM_US, birch)
    says(birch, AnswerCode.UPSTREAM_US, cedar)
    says(cedar, AnswerCode.ORIGINATED)
    traceback_id = opened(call("709A", event="lost"))
    says(alder, AnswerCode.UPSTREAM_US, birch)
    for _ in range(3):
        says(birch, AnswerCode.RECORD_NOT_FOUND)
    says(alder, AnswerCode.UPSTREAM_US, birch)
    says(cedar, AnswerCode.ORIGINATED)
    return traceback_id


def test_a_bridge_is_shown_as_one_and_its_origin_is_no_finding(desk_client: Client, bridged: str) -> None:
    page = desk_client.get(f"/tracebacks/{bridged}/").content.decode()
    assert "Origin by its own statement" in page
    assert "no neighbour confirms it" in page
    assert "bridged over Birch Transit" in page
    assert "Asked once more whom it names" in page
    assert "found by its own record" in page
    assert Traceback.objects.get(id=bridged).origin is None


def test_an_ended_traceback_is_opened_again_with_a_reason(desk_client: Client, bridged: str) -> None:
    assert "Open again" in desk_client.get(f"/tracebacks/{bridged}/").content.decode()
    desk_client.post(f"/tracebacks/{bridged}/reopen/", {"reason": ""})
    assert Traceback.objects.get(id=bridged).state != "in_progress"
    desk_client.post(f"/tracebacks/{bridged}/reopen/", {"reason": "Birch found its archive"})
    page = desk_client.get(f"/tracebacks/{bridged}/").content.decode()
    assert "Birch found its archive" in page
    assert Traceback.objects.get(id=bridged).state == "in_progress"
