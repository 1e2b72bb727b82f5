"""Messages are queued with their cause, delivered once, and leave proof."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

import pytest
from django.db import transaction

from headwater import clock
from headwater.accounts.actors import system
from headwater.audit.models import AuditEntry
from headwater.errors import Conflict, Invalid
from headwater.outbox import actions, mail, queries
from headwater.outbox.models import Message, MessageFile
from headwater.outbox.rules import LEASE, PAUSES, Answer, Attachment, Outcome, State, Way
from headwater.outbox.values import Sendable
from tests.outbox.servers import MailServer

pytestmark = pytest.mark.django_db
WORKER = system("outbox")
FILE = Attachment(name="letter.pdf", media_type="application/pdf", octets=b"%PDF-1.7")
LINK = "https://carrier.example/answer/abcdef"


def queue(key: str = "notice 1", **more: object) -> str:
    fields = {
        "to": "ops@carrier.example",
        "subject": "A question",
        "text": f"Answer here: {LINK}\n",
        "about": "Q-0000000001",
        "secret_part": LINK,
        "attachments": (FILE,),
    }
    with transaction.atomic():
        return actions.queue_mail(key=key, **(fields | more))  # type: ignore[arg-type]


def answering(outcome: Outcome, seen: list[Sendable] | None = None) -> dict[Way, Callable[[Sendable], Answer | None]]:
    def send(message: Sendable) -> Answer:
        if seen is not None:
            seen.append(message)
        return Answer(outcome=outcome, text="said")

    return {Way.MAIL: send, Way.POST: send}


def test_a_mail_goes_out_over_smtp_and_its_receipt_and_hash_stay(mail_server: MailServer) -> None:
    message_id = queue()
    server = mail.MailServer.of(mail_server.url)
    send = {Way.MAIL: lambda message: mail.send(message, server=server, sender="hub@headwater.example")}
    assert actions.deliver(WORKER, message_id, send=send) is State.DELIVERED
    (sent,) = queries.about("Q-0000000001")
    assert (sent.state, sent.attempts, sent.receipt) == (State.DELIVERED, 1, "250 2.0.0 queued as A1B2C3")
    assert LINK in mail_server.mails[0].get_body().get_content()
    entry = AuditEntry.objects.get(tag="outbox:message:delivered")
    assert entry.detail["text_sha256"] == sha256(f"Answer here: {LINK}\n".encode()).hexdigest()


def test_the_same_cause_queues_nothing_twice() -> None:
    first = queue()
    assert queue() == first
    assert queue(key="notice 2") != first
    assert Message.objects.count() == 2
    assert MessageFile.objects.count() == 2


def test_a_message_whose_cause_is_rolled_back_never_existed() -> None:
    with transaction.atomic():
        queue()
        transaction.set_rollback(True)
    assert not Message.objects.exists()


def test_what_was_taken_is_not_sent_again_and_its_one_time_link_is_gone() -> None:
    message_id = queue()
    seen: list[Sendable] = []
    for _ in range(3):
        actions.deliver(WORKER, message_id, send=answering(Outcome.TAKEN, seen))
    assert len(seen) == 1
    row = Message.objects.get()
    assert LINK not in row.text
    assert row.secret_part == ""
    assert not MessageFile.objects.exists()


def test_a_failed_attempt_is_made_again_when_its_pause_is_over_and_not_before() -> None:
    message_id = queue()
    now = clock.now()
    assert actions.deliver(WORKER, message_id, send=answering(Outcome.LATER), now=now) is State.WAITING
    again = Message.objects.get().next_at
    assert again >= now + PAUSES[0]
    seen: list[Sendable] = []
    actions.deliver(WORKER, message_id, send=answering(Outcome.TAKEN, seen), now=again - timedelta(seconds=1))
    assert seen == []
    assert actions.due(again) == [message_id]
    assert actions.deliver(WORKER, message_id, send=answering(Outcome.TAKEN, seen), now=again) is State.DELIVERED
    assert [each.id for each in seen] == [message_id]
    assert LINK in seen[0].text


def test_a_worker_that_dies_in_an_attempt_leaves_the_message_to_another() -> None:
    message_id = queue()

    class Killed(BaseException):
        """As kill -9 ends it: nothing is written after."""

    def die(_message: Sendable) -> Answer:
        raise Killed

    now = clock.now()
    with pytest.raises(Killed):
        actions.deliver(WORKER, message_id, send={Way.MAIL: die}, now=now)
    assert actions.due(now + timedelta(seconds=1)) == []
    assert actions.due(now + LEASE) == [message_id]


def test_what_is_refused_for_good_has_failed_is_audited_and_can_be_tried_anew_by_hand() -> None:
    message_id = queue(secret_part="")
    assert actions.deliver(WORKER, message_id, send=answering(Outcome.REFUSED)) is State.FAILED
    assert AuditEntry.objects.filter(tag="outbox:message:failed").count() == 1
    actions.retry(system("operator"), message_id, now=clock.now())
    seen: list[Sendable] = []
    assert actions.deliver(WORKER, message_id, send=answering(Outcome.TAKEN, seen)) is State.DELIVERED
    assert seen[0].files == (FILE,)
    with pytest.raises(Conflict):
        actions.retry(system("operator"), message_id, now=clock.now())


def test_a_failed_mail_whose_link_was_taken_out_is_not_sent_without_it() -> None:
    message_id = queue()
    actions.deliver(WORKER, message_id, send=answering(Outcome.REFUSED))
    with pytest.raises(Conflict, match="no longer whole"):
        actions.retry(system("operator"), message_id, now=clock.now())


def test_without_a_mail_server_mails_wait_and_count_no_attempt() -> None:
    message_id = queue()
    for number in range(30):
        now = clock.now() + timedelta(hours=number)
        assert actions.deliver(WORKER, message_id, send={Way.MAIL: lambda _: None}, now=now) is State.WAITING
    (waiting,) = queries.messages(state=State.WAITING)
    assert waiting.attempts == 0
    assert queries.mails_wait_for_a_server()


def test_an_address_that_is_two_is_refused() -> None:
    for address in ("a@b.example,c@d.example", "a@b.example\nBcc: x@y.example", "nobody", ""):
        with pytest.raises(Invalid):
            queue(key=address or "empty", to=address)


@pytest.mark.django_db(transaction=True)
def test_a_message_needs_a_transaction() -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        actions.queue_mail(key="k", to="a@b.example", subject="s", text="t", about="x")
