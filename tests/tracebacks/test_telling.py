"""Questions by mail and webhook: a real SMTP server, the link as its reader uses it, reminders told once."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from headwater import clock
from headwater.accounts import webhooks
from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.errors import Conflict
from headwater.outbox.models import Message
from headwater.providers import contacts
from headwater.providers.models import ContactTier, Provider
from headwater.tracebacks import actions, answer_links, by_hand, sheets, telling
from headwater.tracebacks.models import Answer, AnswerLink, Hop, RefusedAnswer, Telling, Traceback
from headwater.tracebacks.reminders import Step
from headwater.tracebacks.states import TellingWay
from headwater.wire.agents import AnswerCode
from headwater.worker import postman
from tests.conftest import Browser
from tests.outbox.servers import MailServer
from tests.tracebacks.support import NOON, call, opened

pytestmark = pytest.mark.django_db
CARRIER = "https://carrier.example"


@pytest.fixture
def mails(settings: Any) -> Iterator[MailServer]:
    server = MailServer()
    settings.HEADWATER = replace(settings.HEADWATER, smtp_url=server.url, mail_from="tracebacks@consortium.example")
    yield server
    server.stop()


@pytest.fixture
def asked(provider: Actor) -> Hop:
    """A question to First Carrier, put at noon of a Tuesday in New York; people answer there."""
    contacts.add(provider, name="Night desk", email="noc@first.example", tier=ContactTier.FIRST)
    contacts.add(provider, name="Counsel", email="legal@first.example", tier=ContactTier.ESCALATION)
    return Traceback.objects.get(id=opened(call("709J", at=NOON - timedelta(minutes=1)), now=NOON)).hops.get()


@pytest.fixture
def asked_now(provider: Actor) -> Hop:
    """The same, put at this moment: what follows is done in the pages."""
    contacts.add(provider, name="Night desk", email="noc@first.example", tier=ContactTier.FIRST)
    return Traceback.objects.get(id=opened(call("709J"))).hops.get()


def turn(at: Any) -> int:
    return telling.turn(carrier_url=CARRIER, now=at)


def deliver() -> None:
    for message in Message.objects.filter(way="mail", state="waiting").order_by("created_at"):
        postman.deliver(message.id)


def link_of(mail: Any) -> str:
    found = re.search(rf"{CARRIER}(/link/[^\s]+/)", mail.get_content())
    assert found
    return found[1]


def test_a_question_is_mailed_with_a_link_that_answers_it_without_signing_in(
    mails: MailServer, asked_now: Hop, other_provider: Actor
) -> None:
    assert turn(clock.now()) == 1
    deliver()
    (mail,) = mails.mails
    text = mail.get_content()
    assert mail["To"] == "noc@first.example"
    assert asked_now.id in mail["Subject"]
    assert "5550142" not in text.replace(" ", "").replace("-", "")
    assert "555" not in text.split("Called", 1)[1].split("\n", 1)[0].replace("+1 503", "")
    anybody, path = Browser("carrier"), link_of(mail)
    first = anybody.get(path)
    assert "5550142" not in first.content.decode().replace(" ", "")
    assert AnswerLink.objects.get().opened_at is None  # a mail scanner has used nothing up
    assert first.headers["Referrer-Policy"] == "no-referrer"
    shown = anybody.post(path, {"show": "1"}).content.decode()
    assert "503 555 0142" in shown
    assert AuditEntry.objects.filter(tag="hop:question:viewed", actor="link:noc@first.example").count() == 1
    said = {"code": "UPSTREAM_US", "upstream_spc": "505K", "upstream_name": "", "upstream_country": "US", "note": ""}
    done = anybody.post(path, said).content.decode()
    answer = Answer.objects.get()
    assert answer.id in done
    assert answer.answered_by == "link:noc@first.example"
    assert "This question is answered" in anybody.get(path).content.decode()
    again = anybody.post(path, said | {"upstream_spc": "999Z"})
    assert "This question is answered" in again.content.decode()
    assert Answer.objects.count() == 1
    trace = actions.advance(asked_now.traceback_id)
    assert [hop.respondent.spc for hop in trace.path] == ["709J", "505K"]


def test_a_wrong_expired_or_foreign_link_opens_nothing(mails: MailServer, asked_now: Hop) -> None:
    turn(clock.now())
    deliver()
    path = link_of(mails.mails[0])
    anybody = Browser("carrier")
    assert anybody.get(path[:-3] + "xx/").status_code == 404
    AnswerLink.objects.update(expires_at=NOON)
    assert anybody.get(path).status_code == 404
    assert anybody.post(path, {"show": "1"}).status_code == 404


def test_the_token_is_nowhere_but_in_the_mail(mails: MailServer, asked_now: Hop) -> None:
    turn(clock.now())
    deliver()
    token = link_of(mails.mails[0]).split("/")[2]
    assert AnswerLink.objects.get().token_sha256 == answer_links._digest(token)
    assert token not in Message.objects.get(way="mail").text
    assert token not in "".join(str(row) for row in AuditEntry.objects.values_list("entry", flat=True))


def test_an_impossible_answer_is_kept_and_the_link_stays(mails: MailServer, asked_now: Hop) -> None:
    turn(clock.now())
    deliver()
    path = link_of(mails.mails[0])
    answer = Browser("carrier").post(
        path, {"code": "UPSTREAM_US", "upstream_spc": "709J", "upstream_name": "", "upstream_country": "US", "note": ""}
    )
    assert answer.status_code == 422
    assert "names itself" in answer.content.decode()
    assert RefusedAnswer.objects.count() == 1
    assert AnswerLink.objects.get().used_at is None


def test_reminders_go_out_once_and_escalate_to_the_second_tier_and_the_desk(mails: MailServer, asked: Hop) -> None:
    told: dict[str, list[str]] = {}
    at = NOON
    while at < asked.final_due_at:
        for _ in range(2):  # a second look at the same moment tells nothing more
            turn(at)
        actions.advance(asked.traceback_id, now=at + timedelta(seconds=3))
        at += timedelta(minutes=15)
    deliver()
    for mail in mails.mails:
        told.setdefault(mail["Subject"].split(":")[0].strip(), []).append(mail["To"])
    assert told == {
        "Traceback question " + asked.id: ["noc@first.example"],
        "Reminder": ["noc@first.example"],
        "Due in two business hours": ["noc@first.example"],
        "Overdue": ["noc@first.example", "legal@first.example"],
        "Last reminder": ["noc@first.example", "legal@first.example"],
    }
    assert Telling.objects.filter(step=Step.DESK.value, way=TellingWay.DESK.value).count() == 1
    assert AnswerLink.objects.count() == len(mails.mails)
    assert AuditEntry.objects.filter(tag="hop:desk:told", subject=asked.id).count() == 1


def test_an_answered_question_is_reminded_of_no_more(
    mails: MailServer, asked_now: Hop, provider_client: Client
) -> None:
    turn(clock.now())
    provider_client.post(f"/questions/{asked_now.id}/", {"code": "RECORD_NOT_FOUND", "upstream_country": "US"})
    actions.advance(asked_now.traceback_id)
    before = Telling.objects.filter(hop=asked_now).count()
    turn(asked_now.legal_due_at + timedelta(hours=1))
    assert Telling.objects.filter(hop=asked_now).count() == before


def test_an_agent_that_is_there_is_given_its_time_before_a_person_is_troubled(
    mails: MailServer, provider: Actor
) -> None:
    contacts.add(provider, name="Night desk", email="noc@first.example", tier=ContactTier.FIRST)
    Provider.objects.filter(spc="709J").update(channel="agent", agent_seen_at=NOON - timedelta(seconds=20))
    hop = Traceback.objects.get(id=opened(call("709J", at=NOON - timedelta(minutes=1)), now=NOON)).hops.get()
    assert turn(NOON) == 0
    assert turn(hop.platform_due_at - timedelta(seconds=1)) == 0
    assert turn(hop.platform_due_at) == 1


def test_a_provider_with_an_endpoint_gets_the_event_and_without_anybody_that_is_said(
    provider: Actor, other_provider: Actor
) -> None:
    webhooks.add(provider, url="https://hooks.first.example/in", kinds=["question.asked"])
    for spc in ("709J", "505K"):
        opened(call(spc, at=NOON - timedelta(minutes=1), event=spc), now=NOON)
    turn(NOON)
    ways = set(Telling.objects.values_list("hop__provider__spc", "way"))
    assert ways == {("709J", "webhook"), ("505K", "nobody")}
    body = Message.objects.get(way="post").text
    assert "question.asked" in body
    assert "5550142" not in body


def test_a_file_of_answers_is_taken_row_by_row_and_the_same_file_again_changes_nothing(
    provider: Actor, other_provider: Actor
) -> None:
    ids = [Traceback.objects.get(id=opened(call("709J", event=str(n)), now=None)).hops.get().id for n in range(4)]
    lines = sheets.export(provider).decode("utf-8-sig").splitlines()
    assert len(lines) == 5
    assert "15035550142" in lines[1]
    head = "question_id,code,upstream_spc,upstream_name,upstream_country,note"
    rows = [
        head,
        f"{ids[0]},UPSTREAM_US,505K,,,",
        f"{ids[1]},declined,,,,",
        f"{ids[2]},,,,,later",
        f"{ids[3]},RECORD_NOT_FOUND,,,,'=1+1",
        "Q-0000000000,RECORD_NOT_FOUND,,,,=cmd()",
    ]
    octets = "\r\n".join(rows).encode("utf-8-sig")
    first = sheets.bring(provider, name="answers.csv", octets=octets)
    assert [row.outcome for row in first.rows] == ["taken", "refused", "left_out", "taken", "refused"]
    assert (first.taken, first.repeated, first.rejected) == (2, 0, 2)
    assert Answer.objects.get(hop_id=ids[3]).payload["note"] == "=1+1"
    refused = first.refused.decode("utf-8-sig").splitlines()
    assert refused[0].endswith("refused_because")
    assert "Give the reason" in refused[1]
    assert ",'=cmd()," in refused[2]  # no spreadsheet runs what somebody wrote
    second = sheets.bring(provider, name="answers.csv", octets=octets)
    assert (second.taken, second.repeated, second.rejected) == (0, 2, 2)
    assert [row.receipt_id for row in second.rows] == [row.receipt_id for row in first.rows]
    assert Answer.objects.count() == 2


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (b"", "no column question_id"),
        (b"question_id\nQ-1\n", "no column code"),
        (b"question_id,code,code\n", "same name"),
    ],
)
def test_what_is_no_table_of_answers_is_refused_whole(provider: Actor, octets: bytes, told: str) -> None:
    with pytest.raises(sheets.BadSheet, match=told):
        sheets.bring(provider, name="x.csv", octets=octets)


def test_a_link_takes_one_answer_and_only_for_its_own_question(
    asked_now: Hop, other_provider: Actor, provider: Actor
) -> None:
    token = answer_links.make(asked_now, "noc@first.example", now=clock.now())
    other = Traceback.objects.get(id=opened(call("709J", event="2"))).hops.get()
    wrong = answer_links.make(other, "noc@first.example", now=clock.now())
    own = answer_links.opened(token)
    said = by_hand.submission(own.question, by_hand.Said(code=AnswerCode.RECORD_NOT_FOUND))
    with pytest.raises(Conflict, match="another"):
        answer_links.answer(wrong, said)
    assert answer_links.answer(token, said).question_id == asked_now.id
    changed = by_hand.submission(own.question, by_hand.Said(code=AnswerCode.NOT_OURS))
    with pytest.raises(Conflict, match="already"):
        answer_links.answer(token, changed)
    with pytest.raises(Conflict):
        answer_links.show(token)
    assert Answer.objects.count() == 1
