"""The agency's subscription pages as an officer uses them, and the link that ends one without signing in."""

import pytest

from headwater.accounts.models import Organisation
from headwater.alerts import subscriptions
from headwater.alerts.models import Subscription
from headwater.alerts.subscriptions import stop_token
from headwater.alerts.values import Cadence
from tests.conftest import Browser

pytestmark = pytest.mark.django_db
FORM = {
    "name": "Utility, at once",
    "calls_an_hour": "5",
    "cadence": "at_once",
    "email": "duty@ag.example",
    "webhook": "on",
}


def made(agency_client: Browser, **changes: str) -> Subscription:
    assert agency_client.post("/subscriptions/", {**FORM, **changes}).status_code == 302
    return Subscription.objects.get()


def test_an_officer_subscribes_changes_pauses_and_ends(agency_client: Browser) -> None:
    row = made(agency_client)
    assert (row.calls_an_hour, row.cadence, row.states) == (5, Cadence.AT_ONCE, [])
    page = agency_client.get("/subscriptions/").content.decode()
    assert "Utility, at once" in page
    assert "from 5 calls an hour" in page
    assert agency_client.post(f"/subscriptions/{row.id}/", {**FORM, "cadence": "daily"}).status_code == 302
    for act in ("pause", "resume"):
        assert agency_client.post(f"/subscriptions/{row.id}/act/", {"act": act}).status_code == 302
        row.refresh_from_db()
        assert (row.paused_at is not None) == (act == "pause")
    assert row.cadence == Cadence.DAILY
    assert agency_client.post(f"/subscriptions/{row.id}/act/", {"act": "end"}).status_code == 302
    row.refresh_from_db()
    assert row.ended_at is not None
    assert agency_client.get(f"/subscriptions/{row.id}/").status_code == 404


def test_a_form_that_would_send_nothing_says_so_and_keeps_what_was_typed(agency_client: Browser) -> None:
    answer = agency_client.post("/subscriptions/", {"name": "Mine", "calls_an_hour": "0", "cadence": "hourly"})
    assert answer.status_code == 422
    assert "Choose a mail address, webhooks, or both" in answer.content.decode()
    assert 'value="Mine"' in answer.content.decode()
    assert not Subscription.objects.exists()


def test_a_states_agency_is_offered_no_other_state_and_a_federal_one_all(agency_client: Browser) -> None:
    page = agency_client.get("/subscriptions/").content.decode()
    assert "in Michigan" in page
    assert "Ohio" not in page
    row = made(agency_client, states="OH")
    assert row.states == []
    Organisation.objects.filter(id=row.organisation_id).update(state="")
    assert "Ohio" in agency_client.get("/subscriptions/").content.decode()


def test_another_agency_finds_none_of_it(agency_client: Browser, other_agency_client: Browser) -> None:
    row = made(agency_client)
    assert other_agency_client.get(f"/subscriptions/{row.id}/").status_code == 404
    assert other_agency_client.post(f"/subscriptions/{row.id}/act/", {"act": "end"}).status_code == 404
    assert row.name not in other_agency_client.get("/subscriptions/").content.decode()


def test_programs_read_the_subscriptions_as_values(agency_client: Browser) -> None:
    row = made(agency_client)
    told = agency_client.get("/subscriptions/", headers={"accept": "application/json"}).json()
    assert [one["id"] for one in told["subscriptions"]] == [row.id]


def test_the_link_of_a_mail_asks_first_and_ends_on_a_press_of_the_button(agency_client: Browser) -> None:
    row = made(agency_client)
    link = f"/subscriptions/stop/{stop_token(row.id)}/"
    stranger = Browser("portal")
    assert "End this subscription?" in stranger.get(link).content.decode()
    row.refresh_from_db()
    assert row.ended_at is None
    assert "Nothing more is sent" in stranger.post(link).content.decode()
    row.refresh_from_db()
    assert row.ended_by == "link:unsubscribe"
    assert stranger.get(link).status_code == 404
    assert stranger.get("/subscriptions/stop/SU-0000000000.0000/").status_code == 404


def test_an_unknown_act_changes_nothing(agency_client: Browser) -> None:
    row = made(agency_client)
    assert agency_client.post(f"/subscriptions/{row.id}/act/", {"act": "explode"}).status_code == 422
    assert len(subscriptions.families()) == 0
