"""What a traceback's page shows beside the path: raw evidence, messages, disputes, what comes next."""

from datetime import timedelta

import pytest
from django.test import Client

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.conduct import actions as conduct
from headwater.providers import contacts
from headwater.providers import queries as providers
from headwater.providers.models import ContactTier
from headwater.tracebacks import telling
from headwater.tracebacks.models import Hop, RefusedAnswer
from tests.conduct.scenery import traced
from tests.tracebacks.support import register

pytestmark = pytest.mark.django_db


@pytest.fixture
def under_way(provider: Actor) -> str:
    """A traceback whose first provider answered and whose second, First Carrier, is asked."""
    own = providers.by_id(provider.provider_id)
    assert own is not None
    contacts.add(provider, name="Night desk", email="noc@first.example", tier=ContactTier.FIRST)
    return traced([register("111A", "Alder Voice"), own], at=clock.now(), end=None)


def test_each_answer_is_shown_as_it_came_with_its_called_number_masked(desk_client: Client, under_way: str) -> None:
    page = desk_client.get(f"/tracebacks/{under_way}/").content.decode()
    assert "&quot;code&quot;: &quot;UPSTREAM_US&quot;" in page
    assert "in-111A@example" in page
    assert "15035550142" not in page
    assert "+1 503 *** ****" in page


def test_a_refused_answer_stands_there_with_its_reason(
    desk_client: Client, provider_client: Client, under_way: str
) -> None:
    question = Hop.objects.get(traceback_id=under_way, provider__spc="709J").id
    provider_client.post(
        f"/questions/{question}/", {"code": "UPSTREAM_US", "upstream_spc": "709J", "upstream_country": "US"}
    )
    assert RefusedAnswer.objects.count() == 1
    assert "709J names itself as its upstream" in desk_client.get(f"/tracebacks/{under_way}/").content.decode()


def test_who_was_written_to_and_what_comes_next_are_told(desk_client: Client, under_way: str) -> None:
    telling.turn(carrier_url="https://carrier.example", now=clock.now() + timedelta(minutes=1))
    page = desk_client.get(f"/tracebacks/{under_way}/").content.decode()
    assert "By mail with a one-time link, noc@first.example" in page
    assert "First Carrier counts as non-responsive" in page
    assert "/link/" not in page


def test_a_dispute_stands_on_the_traceback_that_it_is_about(
    desk_client: Client, provider: Actor, under_way: str
) -> None:
    question = Hop.objects.get(traceback_id=under_way, provider__spc="709J").id
    conduct.open_dispute(provider, question, statement="Our switch was down that hour.")
    assert "Our switch was down that hour." in desk_client.get(f"/tracebacks/{under_way}/").content.decode()
