"""Queueing messages in the transaction that causes them, and delivering them.

Delivery is at least once, as mail and HTTP allow no more: where the other server took a message and we died before
that was written down, it goes out again, under the same ``Message-ID`` or ``webhook-id``.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction

from headwater import clock
from headwater.audit import actions as audit
from headwater.audit.actions import Who
from headwater.audit.tags import Tag
from headwater.errors import Conflict, Invalid, NotFound, TooLarge
from headwater.jobs import Job, defer
from headwater.outbox import rules
from headwater.outbox.models import Attempt, Message, MessageFile
from headwater.outbox.rules import Answer, Attachment, State, Way
from headwater.outbox.values import Sendable

__all__ = ["Attachment", "deliver", "queue_mail", "queue_post"]

REDACTED = "[one-time link, removed after sending]"
#: Octets of a server's answer that are kept.
_RECEIPT = 2_000


def queue_mail(  # noqa: PLR0913 - one argument a part of the mail, each by name
    *,
    key: str,
    to: str,
    subject: str,
    text: str,
    about: str,
    organisation_id: str = "",
    attachments: tuple[Attachment, ...] = (),
    secret_part: str = "",
) -> str:
    """Queue one mail in the present transaction and return its identifier.

    Args:
        key: What causes it. A mail of this key that was queued before is returned, and nothing is queued.
        to: One address.
        subject: One line.
        text: The body, plain text.
        about: Subject as the audit names it, such as ``LP-7K3QM9ZD4F``.
        organisation_id: Whose person it is for.
        attachments: Files that go with it.
        secret_part: A one-time link in the text: no page shows it, and it is taken out once the mail is settled.

    Raises:
        RuntimeError: there is no transaction.
        Invalid: the address, the subject or a file's name cannot stand in a mail.
        TooLarge: text or files are too long.
    """
    try:
        validate_email(to)
    except ValidationError as error:
        raise Invalid(f"{to[:80]!r} is no mail address; the mail {subject[:60]!r} was not queued.") from error
    rules.check_mail(subject=subject, text=text, attachments=attachments)
    row = _message(key=key, way=Way.MAIL, address=to, text=text, about=about, organisation_id=organisation_id)
    row.subject, row.secret_part = subject, secret_part
    files = [
        MessageFile(
            message=row,
            name=file.name,
            media_type=file.media_type,
            sha256=sha256(file.octets).hexdigest(),
            octets=file.octets,
        )
        for file in attachments
    ]
    return _queue(row, files)


def queue_post(  # noqa: PLR0913 - one argument a part of the event, each by name
    *,
    key: str,
    url: str,
    endpoint: str,
    kind: str,
    data: Mapping[str, Any],
    about: str,
    organisation_id: str = "",
) -> str:
    """Queue one webhook in the present transaction and return its identifier.

    The body is ``{"type": kind, "timestamp": ..., "data": data}`` (Standard Webhooks). ``endpoint`` names the endpoint
    whose secret signs it at the moment of sending. Rooms call ``accounts.webhooks.queue_event``, which knows them.

    Raises:
        RuntimeError: there is no transaction.
        TooLarge: the event is longer than 256 KiB.
    """
    now = clock.now()
    body = {"type": kind, "timestamp": now.isoformat().replace("+00:00", "Z"), "data": dict(data)}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str)
    if len(text.encode()) > rules.MOST_TEXT:
        raise TooLarge(f"The event {kind} about {about} is longer than {rules.MOST_TEXT} octets.")
    row = _message(key=key, way=Way.POST, address=url, text=text, about=about, organisation_id=organisation_id)
    row.kind, row.endpoint = kind, endpoint
    return _queue(row, [])


def _message(*, key: str, way: Way, address: str, text: str, about: str, organisation_id: str) -> Message:  # noqa: PLR0913 - columns
    now = clock.now()
    if not 0 < len(key) <= 200:
        raise Invalid(f"The key {key[:60]!r} of a message must have 1 to 200 characters.")
    return Message(
        key=key,
        way=way.value,
        address=address,
        text=text,
        text_sha256=sha256(text.encode()).hexdigest(),
        about=about,
        organisation_id=organisation_id,
        state=State.WAITING.value,
        next_at=now,
        created_at=now,
    )


def _queue(row: Message, files: list[MessageFile]) -> str:
    if not connection.in_atomic_block:
        raise RuntimeError(f"the message {row.key} needs transaction.atomic(): it leaves only if its cause stands")
    Message.objects.bulk_create([row], ignore_conflicts=True)
    queued = str(Message.objects.values_list("id", flat=True).get(key=row.key))
    if queued == row.id:
        MessageFile.objects.bulk_create(files)
        defer(Job.DELIVER_MESSAGE, once=f"deliver {row.id}", message_id=row.id)
    return queued


Send = Callable[[Sendable], Answer | None]
"""Makes one attempt; None where there is no way to make one now."""


def deliver(actor: Who, message_id: str, *, send: Mapping[Way, Send], now: datetime | None = None) -> State:
    """Try to deliver one message, if it is due and nobody else is at it; return where it stands.

    What is settled is not sent again. The attempt is written down before it is made, with a lease: a worker that dies
    in the midst of it leaves the message to be tried again when the lease is over.
    """
    now = now or clock.now()
    with transaction.atomic():
        row = Message.objects.select_for_update(no_key=True).filter(id=message_id).first()
        if row is None or row.state != State.WAITING or row.next_at > now:
            return State(row.state) if row is not None else State.FAILED
        row.attempts += 1
        row.next_at = now + rules.LEASE
        row.save(update_fields=["attempts", "next_at"])
        sendable = _sendable(row)
    answer = send[Way(row.way)](sendable)
    with transaction.atomic():
        row = Message.objects.select_for_update(no_key=True).get(id=message_id)
        if row.state == State.WAITING:
            _settle(actor, row, answer, now=clock.now())
    return State(row.state)


def _settle(actor: Who, row: Message, answer: Answer | None, *, now: datetime) -> None:
    if answer is None:
        row.attempts -= 1
        row.next_at = now + rules.UNSENDABLE_PAUSE
        row.receipt = rules.NO_SERVER
        row.save(update_fields=["attempts", "next_at", "receipt"])
        return
    text = answer.text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")[:_RECEIPT]
    Attempt.objects.create(message=row, at=now, outcome=answer.outcome.value, answer=text)
    state, row.next_at = rules.after(answer, attempts=row.attempts, now=now)
    row.state, row.receipt = state.value, text
    if state is not State.WAITING:
        row.settled_at = now
        if row.secret_part:
            row.text, row.secret_part = row.text.replace(row.secret_part, REDACTED), ""
        if state is State.DELIVERED:
            row.files.all().delete()
        tag = Tag.MESSAGE_DELIVERED if state is State.DELIVERED else Tag.MESSAGE_FAILED
        detail = {"about": row.about, "to": row.address, "attempts": row.attempts, "answer": text[:400]}
        row.save()
        audit.record(actor, tag, row.id, detail | {"text_sha256": row.text_sha256})
        return
    row.save()


@transaction.atomic
def retry(actor: Who, message_id: str, *, now: datetime) -> None:
    """Try a message that has failed anew, from its first pause on.

    Raises:
        NotFound: there is no such message.
        Conflict: it has not failed, or its one-time link was taken out when it did.
    """
    row = Message.objects.select_for_update(no_key=True).filter(id=message_id).first()
    if row is None:
        raise NotFound(f"There is no message {message_id}.")
    if row.state != State.FAILED:
        raise Conflict(f"The message {message_id} is {row.state}; only one that failed is tried anew.")
    if row.text_sha256 != sha256(row.text.encode()).hexdigest():
        raise Conflict(f"The message {message_id} is no longer whole: do again what caused it.")
    row.state, row.attempts, row.next_at, row.settled_at = State.WAITING.value, 0, now, None
    row.save(update_fields=["state", "attempts", "next_at", "settled_at"])
    defer(Job.DELIVER_MESSAGE, once=f"deliver {row.id}", message_id=row.id)
    audit.record(actor, Tag.MESSAGE_RETRIED, row.id, {"about": row.about, "to": row.address})


def _sendable(row: Message) -> Sendable:
    files = tuple(Attachment(name=f.name, media_type=f.media_type, octets=bytes(f.octets)) for f in row.files.all())
    return Sendable(
        id=row.id,
        address=row.address,
        subject=row.subject,
        text=row.text,
        endpoint=row.endpoint,
        created_at=row.created_at,
        files=files,
    )


def due(now: datetime, *, limit: int = 200) -> list[str]:
    """Return the messages to try now, the longest waiting first."""
    waiting = Message.objects.filter(state=State.WAITING.value, next_at__lte=now).order_by("next_at")
    return list(waiting.values_list("id", flat=True)[:limit])
