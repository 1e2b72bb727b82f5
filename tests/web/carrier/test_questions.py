"""The carrier pages, as somebody at a carrier uses them."""

import re
from typing import Any

import pytest
from django.test import Client

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.tracebacks import actions, queries
from headwater.tracebacks.models import Answer, Traceback
from headwater.tracebacks.states import Grade, HopState, TracebackState
from tests.tracebacks.support import OPERATOR, call, opened, register

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(provider: Actor) -> str:
    """A question that waits for the provider ``First Carrier`` (709J), its called number 1 503 555 0142."""
    traceback_id = opened(call("709J"))
    return Traceback.objects.get(id=traceback_id).hops.get().id


def said(**more: Any) -> dict[str, str]:
    return {
        "code": "UPSTREAM_US",
        "upstream_spc": "505K",
        "upstream_name": "",
        "upstream_country": "US",
        "note": "",
    } | more


def test_a_question_waits_on_the_first_page_with_both_clocks(provider_client: Client, asked: str) -> None:
    page = provider_client.get("/").content.decode()
    assert f"/questions/{asked}/" in page
    assert "Legal due" in page
    assert "Platform target" in page
    assert "503 555 0142" not in page


def test_the_called_number_is_shown_where_it_must_be_searched_and_each_look_is_audited(
    provider_client: Client, asked: str
) -> None:
    for _ in range(2):
        assert "503 555 0142" in provider_client.get(f"/questions/{asked}/").content.decode()
    assert (
        AuditEntry.objects.filter(tag="hop:question:viewed", subject=asked, actor="user:pat@first.example").count() == 2
    )


def test_an_answer_by_hand_gives_a_receipt_and_moves_the_walk_upstream(
    provider_client: Client, other_provider: Actor, asked: str, desk: Actor
) -> None:
    response = provider_client.post(f"/questions/{asked}/", said())
    assert response.status_code == 302
    receipt = provider_client.get(response.url).content.decode()
    answer = Answer.objects.get()
    assert answer.id in receipt
    assert answer.octets_sha256 in receipt
    assert answer.answered_by == "user:pat@first.example"
    trace = actions.advance(answer.hop.traceback_id)
    assert [hop.respondent.spc for hop in trace.path] == ["709J", "505K"]
    view = queries.traceback(desk, trace.traceback_id)
    assert view.path[0].by_person
    assert f"/questions/{asked}/" in provider_client.get("/answered/").content.decode()
    assert "Nothing is asked of you now" in provider_client.get("/").content.decode()


def test_sending_the_same_form_twice_makes_one_answer(
    provider_client: Client, other_provider: Actor, asked: str
) -> None:
    first = provider_client.post(f"/questions/{asked}/", said())
    second = provider_client.post(f"/questions/{asked}/", said())
    assert first.url == second.url
    assert Answer.objects.count() == 1


def test_a_correction_is_a_new_version(provider_client: Client, other_provider: Actor, asked: str) -> None:
    provider_client.post(f"/questions/{asked}/", said())
    provider_client.post(f"/questions/{asked}/", said(code="ORIGINATED", upstream_spc=""))
    assert list(Answer.objects.order_by("version").values_list("version", "code")) == [
        (1, "UPSTREAM_US"),
        (2, "ORIGINATED"),
    ]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (said(upstream_spc=""), "Name the provider that handed the call to you."),
        (said(code="DECLINED"), "Give the reason"),
        (said(code="UPSTREAM_FOREIGN", upstream_spc="ZZ9"), "give its country"),
        (said(upstream_spc="709J"), "names itself"),
        (said(code="SOMETHING"), "Select a valid choice"),
        ({}, "This field is required"),
    ],
)
def test_an_impossible_answer_is_sent_back_with_its_reason(
    provider_client: Client, other_provider: Actor, asked: str, fields: dict[str, str], words: str
) -> None:
    response = provider_client.post(f"/questions/{asked}/", fields)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert Answer.objects.count() == 0


def test_an_upstream_outside_the_register_ends_as_a_frontier_that_names_it(provider_client: Client, asked: str) -> None:
    provider_client.post(f"/questions/{asked}/", said(upstream_spc="", upstream_name="Nowhere <b>Tel</b>"))
    trace = actions.advance(Answer.objects.get().hop.traceback_id)
    assert trace.state is TracebackState.ENDED_UNREACHABLE
    assert trace.grade is Grade.FRONTIER
    assert "Nowhere <b>Tel</b> is in no register of ours" in trace.outcome


def test_nobody_sees_or_answers_another_providers_question(
    other_provider_client: Client, desk_client: Client, asked: str
) -> None:
    assert other_provider_client.get(f"/questions/{asked}/").status_code == 404
    assert other_provider_client.post(f"/questions/{asked}/", said(upstream_spc="709J")).status_code == 404
    assert "Nothing is asked of you now" in other_provider_client.get("/").content.decode()
    assert desk_client.get(f"/questions/{asked}/").status_code == 404
    assert Answer.objects.count() == 0


def test_pages_without_sign_in_lead_to_it(asked: str) -> None:
    from tests.conftest import Browser

    for path in ("/", "/answered/", f"/questions/{asked}/"):
        assert Browser("carrier").get(path).status_code == 302


def test_a_question_that_was_asked_again_takes_no_answer(provider_client: Client, asked: str) -> None:
    provider_client.post(f"/questions/{asked}/", said(code="NEED_INFO", upstream_spc=""))
    actions.advance(Answer.objects.get().hop.traceback_id)
    page = provider_client.get(f"/questions/{asked}/").content.decode()
    assert "no longer stands" in page
    assert 'name="code"' not in page
    response = provider_client.post(f"/questions/{asked}/", said(code="ORIGINATED", upstream_spc=""))
    assert response.status_code == 422
    [again] = re.findall(r"/questions/(Q-\w+)/", provider_client.get("/").content.decode())
    assert again != asked


def test_a_viewed_question_is_seen_at_the_desk(provider_client: Client, asked: str, desk: Actor) -> None:
    provider_client.get(f"/questions/{asked}/")
    traceback_id = Traceback.objects.get().id
    assert actions.due(clock.now()) == []
    actions.advance(traceback_id)
    assert queries.traceback(desk, traceback_id).path[0].state is HopState.VIEWED
    assert queries.replay(OPERATOR, traceback_id) == []


def test_the_register_is_offered_for_the_upstream(provider_client: Client, asked: str) -> None:
    register("812K", "Birch Transit")
    assert '<option value="812K">Birch Transit' in provider_client.get(f"/questions/{asked}/").content.decode()
