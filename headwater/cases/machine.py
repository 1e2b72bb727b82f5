"""Cases written by an agency's own system for an officer whom it names: each request once, whatever is sent again."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from django.db import IntegrityError, transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.permissions import Permission
from headwater.cases import queries
from headwater.cases.models import CaseRequest
from headwater.cases.queries import CaseView
from headwater.errors import Conflict, Forbidden, Invalid

LONGEST_KEY: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One request of a machine."""

    key: str
    """The sender's own; the same key and content again change nothing."""
    fingerprint: str
    """SHA-256 (hex) of the request: where it went and what it said."""
    officer: str
    """E-mail address of the officer for whom it acts, with that officer's role in the case."""


def once(actor: Actor, order: Order, do: Callable[[Actor], str]) -> tuple[CaseView, bool]:
    """Let ``do`` act for the officer and return the case that it names, and whether anything was done now.

    Raises:
        Forbidden: the actor may not write cases, the officer is none of the agency, or may not do it in this case.
        Invalid: the key is none.
        Conflict: the key was used for another content.
        NotFound: as ``do`` says.
    """
    acting = for_officer(actor, order.officer)
    if not 1 <= len(order.key) <= LONGEST_KEY or not order.key.isascii() or not order.key.isprintable():
        raise Invalid(f"Give an Idempotency-Key of 1 to {LONGEST_KEY} printable ASCII characters.")
    if (before := _before(acting, order)) is not None:
        return before, False
    try:
        with transaction.atomic():
            case_id = do(acting)
            CaseRequest.objects.create(
                organisation_id=actor.organisation_id,
                key=order.key,
                request_sha256=order.fingerprint,
                case_id=case_id,
                at=clock.now(),
            )
    except IntegrityError:
        # Of two that come at once with one key the second finds what the first did.
        if (before := _before(acting, order)) is None:
            raise
        return before, False
    return queries.case(acting, case_id), True


def for_officer(actor: Actor, officer: str) -> Actor:
    """Return the machine as it acts for an officer of its agency; the audit names both.

    Raises:
        Forbidden: the actor may not write cases, or its agency has no such officer.
    """
    actor.require(Permission.CASE_WRITE)
    person = User.objects.filter(
        email=officer.strip().lower(), organisation_id=actor.organisation_id, is_active=True
    ).first()
    if person is None or actor.person_id:
        raise Forbidden(f"Your agency has nobody with an account under {officer[:200]} for whom a machine could act.")
    return replace(
        actor, label=f"{actor.label} for {person.email}"[:200], email=person.email, answers_for=frozenset({person.id})
    )


def _before(actor: Actor, order: Order) -> CaseView | None:
    row = CaseRequest.objects.filter(organisation_id=actor.organisation_id, key=order.key).first()
    if row is None:
        return None
    if row.request_sha256 != order.fingerprint:
        raise Conflict(f"The key {order.key!r} was used for another request, on case {row.case_id}. Give a new key.")
    return queries.case(actor, row.case_id)
