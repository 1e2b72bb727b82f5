"""Overdue questions reach the desk: on the queue's page, and by one mail to those on duty, who are never nobody."""

from datetime import datetime, timedelta

import pytest

from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.audit.models import AuditEntry
from headwater.errors import Forbidden
from headwater.outbox.models import Message
from headwater.tracebacks import escalating, telling
from headwater.tracebacks.models import Hop, Telling, Traceback
from headwater.tracebacks.reminders import Step
from tests.conftest import Browser
from tests.tracebacks.support import NOON, call, opened, register

pytestmark = pytest.mark.django_db
DESK = "https://desk.example"


def overdue(*spcs: str) -> datetime:
    """Let a question to each provider become two business hours overdue; return the moment."""
    for spc in spcs:
        register(spc, channel="pages")
        opened(call(spc, event=spc, at=NOON - timedelta(minutes=1)), now=NOON)
    at = max(Hop.objects.values_list("legal_due_at", flat=True)) + timedelta(hours=3)
    telling.turn(carrier_url="https://carrier.example", now=at)
    assert Telling.objects.filter(step=Step.DESK, hop__provider__spc__in=spcs).count() == len(spcs)
    return at


def mailed() -> list[str]:
    rows = Message.objects.filter(way="mail", about__startswith="desk:")
    return sorted(rows.values_list("address", flat=True))


def test_where_nobody_has_the_duty_everybody_who_may_act_is_mailed_once(
    desk_user: User, reviewer_user: User, custodian_user: User, agency_user: User
) -> None:
    at = overdue("709A", "709B")
    assert escalating.mail_desk(desk_url=DESK, now=at) == 2
    assert escalating.mail_desk(desk_url=DESK, now=at + timedelta(hours=1)) == 0, "nothing is new"
    assert mailed() == sorted([desk_user.email, reviewer_user.email])
    text = Message.objects.filter(about__startswith="desk:").first().text
    for one in Traceback.objects.all():
        assert f"{DESK}/tracebacks/{one.id}/" in text
    assert "5550142" not in text
    assert AuditEntry.objects.filter(tag="desk:escalation:mailed").count() == 1


def test_who_took_the_duty_is_mailed_alone_until_they_leave_it_or_their_account_closes(
    desk_user: User, desk: Actor, reviewer_user: User, reviewer: Actor, custodian: Actor
) -> None:
    escalating.take_duty(desk)
    escalating.take_duty(desk)
    assert escalating.duty(reviewer) == escalating.DutyView(people=(desk_user.email,), own=False)
    with pytest.raises(Forbidden):
        escalating.take_duty(custodian)
    at = overdue("709A")
    assert escalating.mail_desk(desk_url=DESK, now=at) == 1
    assert mailed() == [desk_user.email]
    User.objects.filter(id=desk_user.id).update(is_active=False)
    overdue("709B")
    assert escalating.mail_desk(desk_url=DESK, now=at + timedelta(minutes=5)) == 0, "a quarter of an hour apart"
    assert escalating.mail_desk(desk_url=DESK, now=at + timedelta(minutes=16)) == 1
    assert mailed() == sorted([desk_user.email, reviewer_user.email]), "an escalation never reaches nobody"
    escalating.leave_duty(desk)
    assert escalating.duty(reviewer).people == ()
    assert list(
        AuditEntry.objects.filter(tag__startswith="desk:duty:").order_by("seq").values_list("tag", flat=True)
    ) == [
        "desk:duty:taken",
        "desk:duty:left",
    ]


def test_what_was_answered_meanwhile_is_neither_mailed_nor_listed(desk_user: User, desk: Actor) -> None:
    at = overdue("709A")
    assert [one.provider_name for one in escalating.escalations(desk)] == ["709A Voice"]
    Hop.objects.update(state="answered_late")
    assert escalating.mail_desk(desk_url=DESK, now=at) == 0
    assert mailed() == []
    assert escalating.escalations(desk) == []


def test_the_queue_s_page_lists_them_and_lets_a_person_take_the_duty(desk_client: Browser, desk_user: User) -> None:
    overdue("709A")
    page = desk_client.get("/tracebacks/").content.decode()
    assert Hop.objects.get().id in page
    assert "because nobody has taken the duty" in page
    desk_client.post("/tracebacks/duty/", {"duty": "take"})
    page = desk_client.get("/tracebacks/").content.decode()
    assert f"Mailed to {desk_user.email}" in page
    desk_client.post("/tracebacks/duty/", {"duty": "leave"})
    assert "because nobody has taken the duty" in desk_client.get("/tracebacks/").content.decode()
