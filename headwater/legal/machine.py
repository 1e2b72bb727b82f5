"""Process that an agency's own system serves for an officer: in one step, and never twice for one key."""

from dataclasses import dataclass
from typing import Final

from django.db import IntegrityError, transaction

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.errors import Conflict, Invalid
from headwater.legal import actions, queries
from headwater.legal.documents import Document
from headwater.legal.models import LegalProcess
from headwater.legal.queries import ProcessView
from headwater.legal.rules import Request

LONGEST_KEY: Final = 128


class KeyReused(Conflict):
    """The key was used before for something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One process as a machine sends it."""

    key: str
    """The sender's own; the same key and content again are answered with the same process."""
    fingerprint: str
    """SHA-256 (hex) of what was sent."""
    officer: str
    """E-mail address of the officer who can be asked about it."""
    request: Request
    document: Document | None
    alert_id: str = ""
    people: tuple[str, ...] = ()
    """Colleagues to whom it is to be open, beside the officer."""


def submit(actor: Actor, sent: Submission) -> tuple[ProcessView, bool]:
    """Draft and serve, both or neither; return the process and whether it is new.

    Raises:
        Invalid: the key is none.
        KeyReused: the key was used for another content.
        Forbidden, NotFound, BadRequest: as for ``actions.draft``.
    """
    actor.require(Permission.PROCESS_SUBMIT)
    if not 1 <= len(sent.key) <= LONGEST_KEY or not sent.key.isascii() or not sent.key.isprintable():
        raise Invalid(f"Give an Idempotency-Key of 1 to {LONGEST_KEY} printable ASCII characters.")
    before = _before(actor, sent)
    if before is not None:
        return before, False
    try:
        with transaction.atomic():
            drafted = actions.draft(
                actor, sent.alert_id, sent.request, sent.document, officer=sent.officer, idempotency_key=sent.key
            )
            LegalProcess.objects.filter(id=drafted.id).update(request_sha256=sent.fingerprint)
            for email in sent.people:
                actions.name_person(actor, drafted.id, email=email)
            actions.serve(actor, drafted.id)
    except IntegrityError:
        # Of two that come at once with one key the second finds what the first served.
        before = _before(actor, sent)
        if before is None:
            raise
        return before, False
    return queries.process(actor, drafted.id), True


def _before(actor: Actor, sent: Submission) -> ProcessView | None:
    row = LegalProcess.objects.filter(agency_id=actor.organisation_id, idempotency_key=sent.key).first()
    if row is None:
        return None
    if row.request_sha256 != sent.fingerprint:
        raise KeyReused(f"The key {sent.key!r} was used for another content: process {row.id}. Give a new key.")
    return queries.process(actor, row.id)
