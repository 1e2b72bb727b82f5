"""Webhooks to real endpoints, good and hostile."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from headwater.outbox import post
from headwater.outbox.post import Poster
from headwater.outbox.rules import Outcome
from headwater.outbox.values import Sendable
from tests.outbox.servers import Endpoint, drip, status

OWN = frozenset({"127.0.0.1"})
SECRET, OLD = bytes(range(32)), bytes(range(32, 64))


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An endpoint that takes everything."""
    standing = Endpoint()
    yield standing
    standing.stop()


def message(url: str) -> Sendable:
    text = json.dumps({"type": "question.asked", "data": {"id": "Q-1", "name": "Müller"}}, ensure_ascii=False)
    return Sendable(
        id="MS-0000000001", address=url, subject="", text=text, endpoint="WH-1", created_at=datetime.now(UTC)
    )


def test_the_receiver_can_prove_who_sent_it_and_that_nothing_was_changed(endpoint: Endpoint) -> None:
    answer = Poster(internal_hosts=OWN).post(message(endpoint.url), [SECRET], now=datetime.now(UTC))
    assert (answer.outcome, answer.text) == (Outcome.TAKEN, "HTTP 200 thank you")
    ((headers, body),) = endpoint.posts
    assert Webhook(SECRET).verify(body, headers)["data"]["name"] == "Müller"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace(b"Q-1", b"Q-2"), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(body, headers)


def test_while_a_secret_is_rotated_both_prove_it(endpoint: Endpoint) -> None:
    Poster(internal_hosts=OWN).post(message(endpoint.url), [SECRET, OLD], now=datetime.now(UTC))
    ((headers, body),) = endpoint.posts
    assert Webhook(SECRET).verify(body, headers) == Webhook(OLD).verify(body, headers)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (204, Outcome.TAKEN),
        (301, Outcome.LATER),
        (400, Outcome.LATER),
        (404, Outcome.LATER),
        (410, Outcome.GONE),
        (500, Outcome.LATER),
    ],
)
def test_the_status_decides_what_comes_of_it(endpoint: Endpoint, code: int, outcome: Outcome) -> None:
    endpoint.answer = status(code)
    assert Poster(internal_hosts=OWN).post(message(endpoint.url), [SECRET], now=datetime.now(UTC)).outcome is outcome


def test_a_redirect_is_not_followed(endpoint: Endpoint) -> None:
    other = Endpoint()
    endpoint.answer = status(307, Location=other.url)
    answer = Poster(internal_hosts=OWN).post(message(endpoint.url), [SECRET], now=datetime.now(UTC))
    other.stop()
    assert answer.outcome is Outcome.LATER
    assert other.posts == []


def test_a_busy_endpoint_says_when_to_come_again(endpoint: Endpoint) -> None:
    endpoint.answer = status(429, Retry_After="90")
    answer = Poster(internal_hosts=OWN).post(message(endpoint.url), [SECRET], now=datetime.now(UTC))
    assert answer.wait == timedelta(seconds=90)


def test_a_long_answer_is_cut(endpoint: Endpoint) -> None:
    endpoint.answer = status(200, b"x" * 5_000_000)
    answer = Poster(internal_hosts=OWN).post(message(endpoint.url), [SECRET], now=datetime.now(UTC))
    assert answer.outcome is Outcome.TAKEN
    assert len(answer.text) <= post.MOST_ANSWER + 10


def test_an_answer_that_never_ends_holds_nobody_up(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "READ_S", 0.5)
    endpoint.answer = drip
    answer = Poster(internal_hosts=OWN).post(message(endpoint.url), [SECRET], now=datetime.now(UTC))
    assert answer.outcome is Outcome.TAKEN  # its status was read; the rest is of no interest


def test_a_public_name_that_leads_to_a_private_address_is_not_asked(endpoint: Endpoint) -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34", "127.0.0.1"]

    url = "https://hooks.example.com/in"
    answer = Poster(resolve=resolve).post(message(url), [SECRET], now=datetime.now(UTC))
    assert answer.outcome is Outcome.REFUSED
    assert "no public address" in answer.text
    assert asked == ["hooks.example.com"]
    assert endpoint.posts == []


def test_an_endpoint_that_is_not_there_is_tried_again(endpoint: Endpoint) -> None:
    endpoint.stop()
    answer = Poster(internal_hosts=OWN).post(message(endpoint.url), [SECRET], now=datetime.now(UTC))
    assert answer.outcome is Outcome.LATER
