"""Subscribers are written to once, also after a restart; what changed is told; a link ends it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from headwater import clock
from headwater.accounts import webhooks
from headwater.accounts.actors import Actor
from headwater.accounts.models import Organisation
from headwater.accounts.permissions import OrganisationKind
from headwater.accounts.webhook_kinds import EventKind
from headwater.alerts import actions, deliveries, feed, queries, subscriptions
from headwater.alerts.models import AlertVersion, FeedObject, Sending, Subscription
from headwater.alerts.subscriptions import Wanted
from headwater.alerts.values import Cadence, Why
from headwater.audit.models import AuditEntry
from headwater.campaigns.models import Campaign
from headwater.campaigns.states import CampaignState
from headwater.errors import Conflict, Forbidden, Invalid, NotFound
from headwater.outbox.models import Message
from tests.alerts.test_actions import MICHIGAN, OHIO, ring

pytestmark = pytest.mark.django_db


def mails() -> list[Message]:
    return list(Message.objects.filter(way="mail").order_by("created_at"))


def subscribe(actor: Actor, **wanted: Any) -> str:
    made = Wanted(**{"name": "All", "email": "duty@ag.example", **wanted})
    return subscriptions.subscribe(actor, made, now=clock.now() - timedelta(hours=2)).id


def send() -> str:
    (alert_id,) = actions.send_for_campaign(ring(MICHIGAN, OHIO, MICHIGAN).id, now=clock.now())
    return alert_id


def test_an_alert_is_mailed_once_however_often_the_worker_runs(agency: Actor) -> None:
    subscription = subscribe(agency)
    alert_id = send()
    assert deliveries.write() == 1
    assert deliveries.write() == 0
    (mail,) = mails()
    assert mail.address == "duty@ag.example"
    assert "2 of them to MI" in mail.text
    assert f"/alerts/{alert_id}/" in mail.text
    assert MICHIGAN.removeprefix("+1") not in mail.text
    assert Sending.objects.get().message_id == mail.id
    assert AuditEntry.objects.filter(tag="alert:alert:delivered", subject=subscription).count() == 1


def test_a_worker_that_dies_before_its_commit_has_sent_nothing_and_the_next_sends_once(agency: Actor) -> None:
    subscribe(agency)
    send()

    def die() -> None:
        with transaction.atomic():
            deliveries.write()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        die()
    assert (mails(), Sending.objects.count()) == ([], 0)
    assert deliveries.write() == 1
    assert len(mails()) == 1


def test_webhooks_are_told_once_with_the_facts(agency: Actor) -> None:
    webhooks.add(agency, url="https://siem.ag.example/in", kinds=[EventKind.ALERT_SENT.value])
    alert_id = send()
    (post,) = Message.objects.filter(way="post")
    assert (post.kind, post.about) == ("alert.sent", alert_id)
    assert '"calls_in_state":2' in post.text
    assert MICHIGAN.removeprefix("+1") not in post.text
    subscribe(agency, webhook=True)
    deliveries.write()
    assert Message.objects.filter(way="post").count() == 1


def test_a_subscription_without_webhooks_tells_no_endpoint(agency: Actor) -> None:
    webhooks.add(agency, url="https://siem.ag.example/in", kinds=[EventKind.ALERT_SENT.value])
    subscribe(agency, webhook=False)
    send()
    deliveries.write()
    assert Message.objects.filter(way="post").count() == 0
    assert len(mails()) == 1


def test_nobody_is_written_to_of_what_they_did_not_ask_for_and_a_pause_holds(agency: Actor) -> None:
    subscribe(agency, families=("student-loan",))
    paused = subscribe(agency)
    subscriptions.pause(agency, paused)
    send()
    assert deliveries.write() == 0
    subscriptions.resume(agency, paused)
    assert deliveries.write() == 1


def test_who_subscribes_today_is_not_sent_last_week(agency: Actor) -> None:
    send()
    subscriptions.subscribe(agency, Wanted(name="New", email="duty@ag.example"))
    assert deliveries.write() == 0


def test_a_digest_gathers_several_alerts_in_one_mail(agency: Actor) -> None:
    subscription = subscribe(agency, cadence=Cadence.HOURLY)
    send()
    second = Campaign.objects.create(
        name="Second", family="x", state=CampaignState.CONFIRMED, first_call_at=clock.now(), last_call_at=clock.now(),
        detected_at=clock.now(), confirmed_at=clock.now(), rule_version="t", calls=3, states_hit={"MI": 3},
    )  # fmt: skip
    actions.send_for_campaign(second.id, now=clock.now())
    assert deliveries.write() == 2
    (mail,) = mails()
    assert mail.subject == "2 alerts on 2 campaigns"
    assert set(Sending.objects.values_list("subscription_id", "digest")) == {(subscription, True)}
    assert deliveries.write(now=clock.now() + timedelta(hours=2)) == 0


def test_what_changed_is_a_new_version_and_is_mailed_where_it_matters(agency: Actor) -> None:
    subscribe(agency)
    alert_id = send()
    deliveries.write()
    campaign = Campaign.objects.get()
    assert actions.tell_more(now=clock.now()) == []
    Campaign.objects.filter(id=campaign.id).update(state=CampaignState.DORMANT)
    assert actions.tell_more(now=clock.now()) == [alert_id]
    assert actions.tell_more(now=clock.now()) == []
    view = queries.alert(agency, alert_id)
    assert [version.why for version in view.versions] == [Why.QUIET, Why.FIRST]
    assert view.known["state"] == "dormant"
    assert view.facts["state"] == "confirmed"  # what was said first stays
    deliveries.write()
    assert [mail.subject.endswith("fell silent") for mail in mails()] == [False, True]


def test_a_states_agency_cannot_subscribe_to_another_state(agency: Actor, db: None) -> None:
    with pytest.raises(Forbidden, match="MI alone"):
        subscribe(agency, states=("OH",))
    with pytest.raises(Invalid, match="ZZ is no state"):
        subscribe(agency, states=("ZZ",))
    assert Subscription.objects.count() == 0


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"name": " "}, "Name the subscription"),
        ({"email": "no-address"}, "no mail address"),
        ({"email": "", "webhook": False}, "Choose a mail address"),
        ({"calls_an_hour": -1}, "from 0"),
    ],
)
def test_a_subscription_that_could_send_nothing_is_refused(agency: Actor, wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        subscribe(agency, **wanted)


def test_an_agency_has_a_bounded_number_of_subscriptions(agency: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MOST", 2)
    subscribe(agency)
    subscribe(agency)
    with pytest.raises(Conflict):
        subscribe(agency)


def test_another_agency_sees_and_changes_nothing_of_it(agency: Actor, other_agency: Actor) -> None:
    subscription = subscribe(agency)
    assert subscriptions.subscriptions(other_agency) == []
    for act in (subscriptions.pause, subscriptions.resume, subscriptions.end):
        with pytest.raises(NotFound):
            act(other_agency, subscription)
    with pytest.raises(NotFound):
        subscriptions.change(other_agency, subscription, Wanted(name="Mine", email="x@y.example"))


def test_the_link_of_a_mail_ends_the_subscription_and_no_other_link_does(agency: Actor) -> None:
    subscription = subscribe(agency)
    token = subscriptions.stop_token(subscription)
    for wrong in (subscription, f"{subscription}.{'0' * 40}", token[:-1], "x.y", ""):
        with pytest.raises(NotFound):
            subscriptions.end_by_link(wrong)
    assert subscriptions.of_token(token).email == "duty@ag.example"
    subscriptions.end_by_link(token)
    send()
    assert deliveries.write() == 0
    with pytest.raises(NotFound):
        subscriptions.end_by_link(token)
    assert AuditEntry.objects.filter(tag="alert:subscription:ended", actor="link:unsubscribe").count() == 1


def test_the_feed_gains_each_version_once_in_an_order_that_no_client_can_miss(agency: Actor) -> None:
    send()
    Campaign.objects.update(state=CampaignState.DORMANT)
    actions.tell_more(now=clock.now())
    rows = list(FeedObject.objects.order_by("id"))
    assert len({row.added_at for row in rows}) == len(rows)
    assert [row.added_at for row in rows] == sorted(row.added_at for row in rows)
    campaigns = [row for row in rows if row.kind == "campaign"]
    assert len({row.stix_id for row in campaigns}) == 1
    assert len({row.version for row in campaigns}) == 2
    assert [row.kind for row in rows].count("location") == 2
    version = AlertVersion.objects.order_by("number").first()
    assert version is not None
    with transaction.atomic():
        assert feed.add(agency.organisation_id, [row.body for row in rows]) == 0


def test_each_agency_has_a_collection_of_its_own(agency: Actor, other_agency: Actor) -> None:
    actions.send_for_campaign(ring(MICHIGAN, OHIO, MICHIGAN).id, now=clock.now())
    mine, theirs = (feed.collection_id(actor.organisation_id) for actor in (agency, other_agency))
    assert mine != theirs
    assert feed.read(agency, str(mine), feed.Asked()).entries
    with pytest.raises(NotFound):
        feed.read(agency, str(theirs), feed.Asked())


def test_the_desk_sees_who_subscribed_and_a_provider_does_not(agency: Actor, desk: Actor, provider: Actor) -> None:
    subscribe(agency)
    assert len(subscriptions.subscriptions(desk)) == 1
    assert subscriptions.subscriptions(provider) == []
    with pytest.raises(Forbidden):
        subscriptions.subscribe(desk, Wanted(name="x", email="x@y.example"))
    assert Organisation.objects.filter(kind=OrganisationKind.AGENCY).exists()
