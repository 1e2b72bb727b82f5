"""What may be read of legal process, and by whom. An agency sees its own and learns of no other.

Every look is audited in the same transaction, so each read here also writes. What a process OPENS is read in
``legal.access``; which scopes are open to a person, here.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import NotFound
from headwater.legal import views
from headwater.legal.models import LegalProcess
from headwater.legal.rules import ACCEPTED, IN_REVIEW, ProcessState, Scope
from headwater.legal.views import (
    DocumentView,
    ExtensionView,
    LetterView,
    NamedPerson,
    ProcessView,
    Requester,
    StepView,
    due_of,
    request_of,
    scope_of,
    view,
)

__all__ = [
    "DocumentView", "ExtensionView", "LetterView", "NamedPerson", "ProcessView", "Requester", "StepView", "due_of",
    "request_of", "scope_of", "view",
]  # fmt: skip

#: A list shows at most so many; the search of a later screen goes further back.
LONGEST_LIST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentContent:
    """A document or letter with its octets, for a download."""

    filename: str
    content_type: str
    octets: bytes
    sha256: str


def visible_to(actor: Actor) -> QuerySet[LegalProcess]:
    """Return the processes that ``actor`` may know of: an agency its own, the consortium what was served.

    Of an agency's sealed ones, those alone that name the person, or that the machine credential itself sent.
    """
    actor.require(Permission.PROCESS_READ)
    everything = LegalProcess.objects.select_related("agency", "submitted_by", "campaign")
    if actor.organisation_kind is OrganisationKind.CONSORTIUM:
        return everything.filter(served_at__isnull=False)
    if actor.organisation_kind is OrganisationKind.AGENCY and actor.organisation_id:
        named = Q(people__user_id__in=_persons(actor), people__removed_at__isnull=True)
        known = Q(sealed=False) | Q(submitted_via=actor.label)
        own = everything.filter(agency_id=actor.organisation_id)
        # A subquery, not a join: the rows are locked by some callers, and DISTINCT rows cannot be.
        return own.filter(known | Q(id__in=LegalProcess.objects.filter(named).values("id")))
    return everything.none()


def hidden_from(actor: Actor) -> frozenset[str]:
    """Return the processes of the actor's own agency that they may not know of: sealed ones that do not name them."""
    own = LegalProcess.objects.filter(agency_id=actor.organisation_id)
    return frozenset(own.exclude(id__in=visible_to(actor).values("id")).values_list("id", flat=True))


def find(actor: Actor, process_id: str) -> LegalProcess:
    """Return the row of one process that ``actor`` may know of.

    Raises:
        NotFound: there is none, it is another agency's, or it is sealed from the actor: the answer is the same.
    """
    row = visible_to(actor).filter(id=process_id).first()
    if row is None:
        message = f"There is no process {process_id[:20]} that you may open. Check the number."
        raise NotFound(message)
    return row


def process(actor: Actor, process_id: str) -> ProcessView:
    """Return one process with all that belongs to it; the look is audited.

    Raises:
        NotFound: as for ``find``.
    """
    with transaction.atomic():
        row = find(actor, process_id)
        found = whole(row)
        record(actor, Tag.PROCESS_VIEWED, row.id, {"state": row.state})
    return found


def whole(row: LegalProcess) -> ProcessView:
    """Return a row with its documents, steps, people, letters and extensions. For those who audit the look."""
    return replace(
        view(row),
        documents=views.documents_of(row),
        steps=views.steps_of(row),
        people=views.people_of(row),
        letters=views.letters_of(row),
        extensions=views.extensions_of(row),
    )


def processes(actor: Actor) -> list[ProcessView]:
    """Return the processes that ``actor`` may know of, the newest first; the look is audited."""
    with transaction.atomic():
        found = [view(row) for row in visible_to(actor).order_by("-created_at")[:LONGEST_LIST]]
        record(actor, Tag.PROCESS_LISTED, "", {"processes": len(found)})
    return found


def review_queue(actor: Actor) -> list[ProcessView]:
    """Return what waits for the consortium's decision, the longest waiting first; the look is audited."""
    actor.require(Permission.PROCESS_REVIEW)
    with transaction.atomic():
        rows = visible_to(actor).filter(state__in=IN_REVIEW).order_by("served_at")[:LONGEST_LIST]
        found = [view(row) for row in rows]
        record(actor, Tag.PROCESS_LISTED, "queue", {"processes": len(found)})
    return found


def document(actor: Actor, process_id: str, document_id: int) -> DocumentContent:
    """Return a document as received; the look is audited.

    Raises:
        NotFound: there is none, or it belongs to another agency's process.
    """
    with transaction.atomic():
        row = find(actor, process_id)
        held = row.documents.filter(id=document_id).first()
        if held is None:
            message = f"Process {row.id} has no such document."
            raise NotFound(message)
        record(actor, Tag.PROCESS_DOCUMENT_VIEWED, row.id, {"document": held.id, "sha256": held.sha256})
    return DocumentContent(
        filename=held.filename, content_type=held.content_type, octets=bytes(held.octets), sha256=held.sha256
    )


def letter(actor: Actor, process_id: str, letter_id: int) -> DocumentContent:
    """Return a receipt or letter as it was made; the look is audited.

    Raises:
        NotFound: there is none, or it belongs to another agency's process.
    """
    with transaction.atomic():
        row = find(actor, process_id)
        made = row.letters.filter(id=letter_id).first()
        if made is None:
            raise NotFound(f"Process {row.id} has no such letter.")
        record(actor, Tag.PROCESS_DOCUMENT_VIEWED, row.id, {"letter": made.id, "sha256": made.sha256})
    return DocumentContent(
        filename=f"{row.id}-{made.kind}-{made.id}.pdf",
        content_type="application/pdf",
        octets=bytes(made.octets),
        sha256=made.sha256,
    )


def open_scopes(actor: Actor, *, now: datetime) -> tuple[Scope, ...]:
    """Return the scopes that are open to the person behind ``actor`` at ``now``: why they may see what they see."""
    if not actor.may(Permission.PROCESS_READ):
        return ()
    rows = visible_to(actor).filter(
        id__in=LegalProcess.objects.filter(
            people__user_id__in=_persons(actor), people__removed_at__isnull=True, state__in=ACCEPTED
        ).values("id")
    )
    return tuple(scope for scope in map(scope_of, rows) if _is_open(scope, actor, now))


def open_scope(actor: Actor, process_id: str, *, now: datetime) -> Scope:
    """Return the scope of one process, where it is open to the person behind ``actor`` at ``now``.

    Raises:
        NotFound: there is no such process, the person is not named on it, or it opens nothing now: ended,
            withdrawn, run out, or never accepted. The answer is the same.
    """
    scope = scope_of(find(actor, process_id))
    if not _is_open(scope, actor, now):
        message = (
            f"Process {process_id[:20]} opens nothing to you now. It must be accepted and not ended, and name you: "
            "a colleague who is named on it can add you."
        )
        raise NotFound(message)
    return scope


def closed(actor: Actor, row: LegalProcess, *, now: datetime) -> str:
    """Return why what a process opened is closed to ``actor`` at ``now``, in a sentence; "" where it is open.

    Open it is to the people named on it and to the machine credential that served it, until it ends; to the
    consortium, which answers for it, always.
    """
    if actor.organisation_kind is OrganisationKind.CONSORTIUM:
        return ""
    scope = scope_of(row)
    if scope.stands(now):
        served_it = not actor.person_id and row.submitted_via == actor.label
        if served_it or _is_open(scope, actor, now):
            return ""
        return f"Process {row.id} does not name you. A colleague whom it names can add you."
    if row.state == ProcessState.WITHDRAWN and row.ended_at is not None:
        ended = f"Process {row.id} was withdrawn on {row.ended_at:%Y-%m-%d}."
    elif row.state == ProcessState.CLOSED and row.ended_at is not None:
        ended = f"Process {row.id} was closed on {row.ended_at:%Y-%m-%d}."
    elif row.access_until is not None:
        ended = f"What process {row.id} opened was open until {row.access_until:%Y-%m-%d %H:%M} UTC."
    else:
        ended = f"Process {row.id} opens nothing."
    return f"{ended} What your office has received stays yours to keep and to file. Serve another process for more."


def _persons(actor: Actor) -> frozenset[str]:
    """Return the people whose matters are the actor's: none where a machine acts."""
    return actor.answers_for | {actor.person_id} if actor.person_id else frozenset()


def _is_open(scope: Scope, actor: Actor, now: datetime) -> bool:
    return bool(actor.person_id) and scope.is_open_to(actor.person_id, now, answers_for=actor.answers_for)
