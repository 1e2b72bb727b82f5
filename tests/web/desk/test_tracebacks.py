"""The desk's tracebacks, as an analyst reads them."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import pairwise

import pytest
from django.test import Client

from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.calls.records import CallRecord
from headwater.tracebacks import actions, answering, questions
from headwater.tracebacks.answering import Submission
from headwater.tracebacks.models import Traceback
from headwater.wire.agents import AnswerCode
from tests.tracebacks.support import Pen, call, octets, opened, register

pytestmark = pytest.mark.django_db


def answered(pen: Pen, code: AnswerCode, upstream: Pen | None = None, **more: object) -> None:
    [asked] = questions.waiting_questions(pen.actor)
    answer = pen.answer(asked, code, upstream.provider if upstream else None, **more)
    answering.record_answer(pen.actor, Submission(octets=octets(answer), answer=answer, key_id="k"))
    actions.advance(asked.traceback_id)


@pytest.fixture
def walked() -> str:
    alder, birch = Pen(register("709A", "Alder <i>& Sons</i>")), Pen(register("709B", "Birch Transit"))
    traceback_id = opened(call("709A"))
    answered(alder, AnswerCode.UPSTREAM_US, birch, basis=["Call-ID equal: +9.2 nats"], candidates=3)
    return traceback_id


def test_the_list_holds_open_tracebacks_with_whom_they_wait_for_and_no_called_number(
    desk_client: Client, walked: str
) -> None:
    page = desk_client.get("/tracebacks/").content.decode()
    assert walked in page
    assert "Birch Transit" in page
    assert "+1 503 *** ****" in page
    assert "5550142" not in page.replace(" ", "")


def test_one_traceback_shows_path_table_and_activity_and_is_audited_once(desk_client: Client, walked: str) -> None:
    page = desk_client.get(f"/tracebacks/{walked}/").content.decode()
    assert "Birch Transit is asked now" in page
    assert "Call-ID equal: +9.2 nats" in page
    assert "3 records compared" in page
    assert "5550142" not in page.replace(" ", "")
    desk_client.get(f"/tracebacks/{walked}/", headers={"HX-Request": "true"})
    assert AuditEntry.objects.filter(tag="traceback:traceback:viewed", subject=walked).count() == 1


def test_the_drawing_is_well_formed_names_everything_and_escapes_it(desk_client: Client, walked: str) -> None:
    page = desk_client.get(f"/tracebacks/{walked}/").content.decode()
    assert "<i>& Sons" not in page
    svg = page[page.index('<svg xmlns="http://www.w3.org/2000/svg" class="hw-path"') :]
    drawing = ET.fromstring(svg[: svg.index("</svg>") + 6])  # noqa: S314 - our own drawing
    texts = [element.text for element in drawing.iter() if element.text]
    assert f"Path of {walked}" in texts
    assert "Birch Transit" in texts
    assert "Not known yet" in texts
    assert not [element for element in drawing.iter() if "style" in element.attrib]


def test_an_open_traceback_renews_itself_and_an_ended_one_does_not(desk_client: Client, walked: str) -> None:
    assert "hx-get" in desk_client.get(f"/tracebacks/{walked}/", headers={"HX-Request": "true"}).content.decode()
    birch = Pen(_provider("709B"))
    answered(birch, AnswerCode.ORIGINATED)
    ended = desk_client.get(f"/tracebacks/{walked}/", headers={"HX-Request": "true"}).content.decode()
    assert "hx-get" not in ended
    assert "independently states that it received the call from Birch Transit" in ended
    assert "Its customer" in ended
    assert "Identity needs legal" in ended


def test_a_path_of_twelve_hops_is_drawn_downwards(desk_client: Client) -> None:
    pens = [Pen(register(f"8{number:02}X", f"Carrier {number}")) for number in range(12)]
    traceback_id = opened(call("800X"))
    for pen, upstream in pairwise(pens):
        answered(pen, AnswerCode.UPSTREAM_US, upstream)
    page = desk_client.get(f"/tracebacks/{traceback_id}/").content.decode()
    assert 'viewBox="0 0 176 ' in page


def test_a_call_is_traced_by_hand_from_its_record(
    desk_client: Client, keep: Callable[[CallRecord], CallRecord]
) -> None:
    register("709A")
    record = keep(call("709A", event="by-hand"))
    response = desk_client.post("/tracebacks/open/", {"record_id": str(record.record_id)})
    assert response.status_code == 302
    assert Traceback.objects.get().record_id == record.record_id
    again = desk_client.post("/tracebacks/open/", {"record_id": str(record.record_id)})
    assert again.status_code == 422
    assert "is being traced already" in again.content.decode()


def test_a_record_that_is_none_or_says_too_little_is_refused_in_words(
    desk_client: Client, keep: Callable[[CallRecord], CallRecord]
) -> None:
    assert "Enter a valid UUID" in desk_client.post("/tracebacks/open/", {"record_id": "x"}).content.decode()
    record = keep(call("ZZZ1", event="nobody"))
    page = desk_client.post("/tracebacks/open/", {"record_id": str(record.record_id)}).content.decode()
    assert "in no register of ours" in page


def test_calling_off_needs_a_reason_and_keeps_it(desk_client: Client, walked: str) -> None:
    assert desk_client.post(f"/tracebacks/{walked}/cancel/", {"reason": " "}).status_code == 422
    assert desk_client.post(f"/tracebacks/{walked}/cancel/", {"reason": "wrong call"}).status_code == 302
    page = desk_client.get(f"/tracebacks/{walked}/").content.decode()
    assert "wrong call" in page
    assert Traceback.objects.get().state == "cancelled"


def test_a_custodian_reads_but_neither_opens_nor_calls_off(custodian_client: Client, walked: str) -> None:
    page = custodian_client.get(f"/tracebacks/{walked}/")
    assert page.status_code == 200
    assert "Call off" not in page.content.decode()
    assert custodian_client.post(f"/tracebacks/{walked}/cancel/", {"reason": "x"}).status_code == 403
    assert custodian_client.post("/tracebacks/open/", {"record_id": "x"}).status_code == 403


def test_no_traceback_is_no_page(desk_client: Client, desk: Actor) -> None:
    assert desk_client.get("/tracebacks/TB-0000000000/").status_code == 404


def _provider(spc: str):
    from headwater.providers import queries

    found = queries.by_spc(spc)
    assert found
    return found
