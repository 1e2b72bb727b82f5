"""Answering one question by a one-time link from a mail, without signing in.

The link opens one question of one provider and nothing else. Its token is 256 random bits, kept as SHA-256 alone. A
mail scanner that follows it sees the masked number and uses nothing up: the called number is shown, and the look
audited, when a person asks for it; the link is spent when an answer is taken.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.errors import Conflict, NotFound
from headwater.tracebacks import answering, questions
from headwater.tracebacks.answering import Submission
from headwater.tracebacks.checks import ProviderError
from headwater.tracebacks.models import AnswerLink, Hop
from headwater.tracebacks.questions import QuestionView
from headwater.wire import agents as wire

#: A link lives this much longer than the question's final due time: a late answer still moves upstream.
AFTER_FINAL = timedelta(days=7)
_TOKEN_OCTETS = 32


class LinkNotFound(NotFound):
    """There is no such link, or it is over: the three look the same to whoever has only guessed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """A link that holds, with what it opens."""

    id: str
    address: str
    expires_at: datetime
    used_at: datetime | None
    receipt_id: str
    question: QuestionView
    actor: Actor


def make(hop: Hop, address: str, *, now: datetime) -> str:
    """Make a link in the present transaction and return its token, which nobody can read again."""
    token = secrets.token_urlsafe(_TOKEN_OCTETS)
    AnswerLink.objects.create(
        hop=hop,
        token_sha256=_digest(token),
        address=address,
        made_at=now,
        expires_at=hop.final_due_at + AFTER_FINAL,
    )
    return token


def opened(token: str, *, now: datetime | None = None) -> LinkView:
    """Return what a link opens, used or not. Looking changes nothing.

    Raises:
        LinkNotFound: there is none, or it has expired.
    """
    row = AnswerLink.objects.select_related("hop__provider").filter(token_sha256=_digest(token)).first()
    if row is None or row.expires_at <= (now or clock.now()):
        raise LinkNotFound(
            "This link does not open a question: it has expired, or is not written in full. Sign in to the carrier "
            "pages to see what is asked, or wait for the next reminder, which has a fresh link."
        )
    return _view(row)


def show(token: str, *, now: datetime | None = None) -> LinkView:
    """Return what a link opens and note that a person saw the called number: each time is audited.

    Raises:
        LinkNotFound: there is none, or it has expired.
        Conflict: it was used: its question is shown no more.
    """
    now = now or clock.now()
    with transaction.atomic():
        found = opened(token, now=now)
        if found.used_at is not None:
            raise Conflict("An answer was given by this link. Sign in to the carrier pages to correct it.")
        answering.open_question(found.actor, found.question.question.question_id, now=now)
        AnswerLink.objects.filter(id=found.id, opened_at=None).update(opened_at=now)
    return found


def answer(token: str, submission: Submission, *, now: datetime | None = None) -> wire.Receipt:
    """Take the answer that a link allows, and spend the link.

    Raises:
        LinkNotFound: there is none, or it has expired.
        Conflict: an answer was given by it already, or it is for another question.
        ProviderError: the answer is impossible; it is kept with the reason, and the link stays.
    """
    now = now or clock.now()
    impossible: ProviderError | None = None
    with transaction.atomic():
        row = AnswerLink.objects.select_for_update(no_key=True).filter(token_sha256=_digest(token)).first()
        found = opened(token, now=now)
        if row is None or row.used_at is not None:
            raise Conflict("An answer was given by this link already. Sign in to the carrier pages to correct it.")
        if submission.answer.question_id != row.hop_id:
            raise Conflict("This link answers one question, and this is another.")
        try:
            receipt, _fresh = answering.record_answer(found.actor, submission, now=now)
        except ProviderError as error:
            impossible = error  # raised below: what was refused is kept, and must not be rolled back
        else:
            row.used_at, row.answer_id = now, receipt.receipt_id
            row.save(update_fields=["used_at", "answer"])
    if impossible is not None:
        raise impossible
    return receipt


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "replace")).hexdigest()


def _view(row: AnswerLink) -> LinkView:
    actor = Actor(
        label=f"link:{row.address}",
        organisation_id=row.hop.provider.organisation_id or "",
        organisation_kind=OrganisationKind.PROVIDER,
        provider_id=row.hop.provider_id,
        permissions=frozenset({Permission.QUESTION_READ, Permission.QUESTION_ANSWER}),
    )
    return LinkView(
        id=row.id,
        address=row.address,
        expires_at=row.expires_at,
        used_at=row.used_at,
        receipt_id=row.answer_id or "",
        question=questions.question(actor, row.hop_id),
        actor=actor,
    )
