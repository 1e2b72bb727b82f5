"""Webhook endpoints in the portal and the carrier pages, to a real endpoint, under the real database roles."""

import dataclasses
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import transaction
from django.test import override_settings
from standardwebhooks import Webhook

from headwater import clock
from headwater.accounts import webhooks
from headwater.accounts.actors import Actor
from headwater.accounts.models import WebhookEndpoint
from headwater.accounts.webhook_kinds import EventKind
from headwater.errors import Invalid, NotFound
from headwater.outbox.models import Message
from headwater.outbox.rules import State
from headwater.site.config import Process
from headwater.worker import postman
from tests.conftest import Browser
from tests.outbox.servers import Endpoint, status
from tests.web.test_process_roles import as_role, roles

__all__ = ["roles"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A provider's own system, which the operator of the test calls internal."""
    standing = Endpoint()
    own = dataclasses.replace(settings.HEADWATER, webhook_hosts=frozenset({"127.0.0.1"}))
    with override_settings(HEADWATER=own):
        yield standing
    standing.stop()


def ask(provider: Actor, key: str = "question 1") -> int:
    with transaction.atomic():
        return webhooks.queue_event(
            key=key,
            organisation_id=provider.organisation_id,
            kind=EventKind.QUESTION_ASKED,
            data={"question": "Q-1"},
            about="Q-1",
        )


def deliver() -> list[State]:
    return [postman.deliver(row) for row in Message.objects.values_list("id", flat=True).order_by("id")]


def secret_on(page: str) -> str:
    return page.partition('value="whsec_')[2].partition('"')[0]


def test_a_carrier_adds_an_endpoint_in_its_pages_and_its_system_proves_each_event(
    endpoint: Endpoint, provider: Actor, provider_client: Browser, roles: None
) -> None:
    with as_role(Process.CARRIER):
        answer = provider_client.post("/webhooks/", {"url": endpoint.url, "kinds": ["question.asked"]})
        secret = "whsec_" + secret_on(answer.content.decode())
        assert "no-store" in answer["Cache-Control"]
        assert secret not in provider_client.get("/webhooks/").content.decode()
    with as_role(Process.DESK):
        assert ask(provider) == 1
        assert ask(provider) == 1  # a retry of the cause
    with as_role(Process.WORK):
        assert deliver() == [State.DELIVERED]
    ((headers, body),) = endpoint.posts
    assert Webhook(secret).verify(body, headers)["data"] == {"question": "Q-1"}
    with as_role(Process.CARRIER):
        shown = provider_client.get(f"/webhooks/{WebhookEndpoint.objects.get().id}/").content.decode()
        assert "HTTP 200 thank you" in shown


def test_an_event_goes_to_those_who_want_it_and_to_no_other_organisation(
    endpoint: Endpoint, provider: Actor, other_provider: Actor, agency: Actor
) -> None:
    webhooks.add(other_provider, url=endpoint.url, kinds=["question.asked"])
    webhooks.add(provider, url=endpoint.url, kinds=["notice.sent"])
    assert ask(provider) == 0
    with pytest.raises(Invalid):
        webhooks.add(agency, url=endpoint.url, kinds=["question.asked"])


def test_another_organisations_endpoint_does_not_exist(
    endpoint: Endpoint, provider: Actor, other_provider_client: Browser
) -> None:
    view, _ = webhooks.add(provider, url=endpoint.url, kinds=["notice.sent"])
    assert other_provider_client.get(f"/webhooks/{view.id}/").status_code == 404
    for act in ("rotate", "test", "remove"):
        assert other_provider_client.post(f"/webhooks/{view.id}/{act}/").status_code == 404
    assert view.url not in other_provider_client.get("/webhooks/").content.decode()


def test_while_a_secret_is_changed_old_and_new_prove_an_event_and_after_a_day_the_new_one_alone(
    endpoint: Endpoint, provider: Actor
) -> None:
    view, old = webhooks.add(provider, url=endpoint.url, kinds=["question.asked"])
    new = webhooks.rotate(provider, view.id)
    ask(provider)
    deliver()
    ((headers, body),) = endpoint.posts
    assert Webhook(old).verify(body, headers) == Webhook(new).verify(body, headers)
    assert len(webhooks.secrets_of(view.id, now=clock.now() + webhooks.OVERLAP)) == 1


def test_a_removed_or_paused_endpoint_is_told_nothing(endpoint: Endpoint, provider: Actor) -> None:
    view, _ = webhooks.add(provider, url=endpoint.url, kinds=["question.asked"])
    ask(provider)
    webhooks.remove(provider, view.id)
    assert deliver() == [State.FAILED]
    again, _ = webhooks.add(provider, url=endpoint.url, kinds=["question.asked"])
    webhooks.change(provider, again.id, kinds=["question.asked"], paused=True)
    assert ask(provider, "question 2") == 0
    assert endpoint.posts == []
    with pytest.raises(NotFound):
        webhooks.rotate(provider, view.id)


def test_an_endpoint_that_says_gone_is_paused_with_the_reason(endpoint: Endpoint, provider: Actor, roles: None) -> None:
    endpoint.answer = status(410)
    webhooks.add(provider, url=endpoint.url, kinds=["question.asked"])
    ask(provider)
    with as_role(Process.WORK):
        assert deliver() == [State.FAILED]
    (view,) = webhooks.endpoints(provider)
    assert view.pause_reason == "It answered 410 Gone."


def test_a_test_event_reaches_also_a_paused_endpoint(endpoint: Endpoint, provider_client: Browser) -> None:
    provider_client.post("/webhooks/", {"url": endpoint.url, "kinds": ["notice.sent"]})
    row = WebhookEndpoint.objects.get()
    provider_client.post(f"/webhooks/{row.id}/", {"kinds": ["notice.sent"], "pause": "1"})
    provider_client.post(f"/webhooks/{row.id}/test/")
    assert deliver() == [State.DELIVERED]


@pytest.mark.parametrize("url", ["https://169.254.169.254/", "http://hooks.example.com/", "javascript:alert(1)"])
def test_an_address_that_leads_inside_is_refused_with_the_reason(agency_client: Browser, url: str) -> None:
    answer = agency_client.post("/webhooks/", {"url": url, "kinds": ["alert.sent"]})
    assert answer.status_code == 422
    assert not WebhookEndpoint.objects.exists()


def test_the_desk_sees_what_left_and_no_text(
    endpoint: Endpoint, provider: Actor, desk_client: Browser, roles: None
) -> None:
    webhooks.add(provider, url=endpoint.url, kinds=["question.asked"])
    ask(provider)
    deliver()
    with as_role(Process.DESK):
        shown = desk_client.get("/outbox/?state=delivered").content.decode()
    assert endpoint.url in shown
    assert "HTTP 200 thank you" in shown
    assert "question.asked" in shown
