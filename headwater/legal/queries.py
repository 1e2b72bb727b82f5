"""What may be read of legal process, and by whom. An agency sees its own and learns of no other.

Every look is audited in the same transaction, so each read here also writes.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import NotFound
from headwater.legal.models import LegalProcess, ProcessDocument
from headwater.legal.rules import (
    ACCEPTED,
    IN_REVIEW,
    STATE_WORDS,
    TYPE_WORDS,
    Grant,
    ProcessState,
    ProcessType,
    Request,
)

#: A list shows at most so many; the search of a later screen goes further back.
LONGEST_LIST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentView:
    """A document as received, without its octets."""

    id: int
    filename: str
    size: int
    sha256: str
    notes: tuple[str, ...]
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step of a process, by whom and why."""

    state: ProcessState
    words: str
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Who served a process, as the accounts know them."""

    name: str
    title: str
    email: str
    agency_id: str
    agency: str
    state: str
    address: str
    account_since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessView:
    """One process."""

    id: str
    campaign_id: str
    campaign_name: str
    alert_id: str
    state: ProcessState
    state_words: str
    type_words: str
    request: Request
    grant: Grant
    requester: Requester
    created_at: datetime
    served_at: datetime | None
    reviewer: str
    decided_at: datetime | None
    decided_by: str
    decision_reason: str
    identity_check: str
    documents: tuple[DocumentView, ...] = ()
    steps: tuple[StepView, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the process was accepted, whatever has happened since."""
        return self.state in ACCEPTED

    @property
    def decided(self) -> bool:
        """Whether the last word on it is said: accepted or objected to."""
        return self.accepted or self.state is ProcessState.OBJECTED


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentContent:
    """A document with its octets, for a download."""

    filename: str
    content_type: str
    octets: bytes
    sha256: str


def visible_to(actor: Actor) -> QuerySet[LegalProcess]:
    """Return the processes that ``actor`` may know of: an agency its own, the consortium what was served."""
    actor.require(Permission.PROCESS_READ)
    everything = LegalProcess.objects.select_related("agency", "submitted_by", "campaign")
    if actor.organisation_kind is OrganisationKind.CONSORTIUM:
        return everything.filter(served_at__isnull=False)
    if actor.organisation_kind is OrganisationKind.AGENCY and actor.organisation_id:
        return everything.filter(agency_id=actor.organisation_id)
    return everything.none()


def find(actor: Actor, process_id: str) -> LegalProcess:
    """Return the row of one process that ``actor`` may know of.

    Raises:
        NotFound: there is none, or it is another agency's: the answer is the same.
    """
    row = visible_to(actor).filter(id=process_id).first()
    if row is None:
        message = f"There is no process {process_id[:20]} that you may open. Check the number."
        raise NotFound(message)
    return row


def process(actor: Actor, process_id: str) -> ProcessView:
    """Return one process with its documents and steps; the look is audited.

    Raises:
        NotFound: there is none, or it is another agency's.
    """
    with transaction.atomic():
        row = find(actor, process_id)
        found = replace(view(row), documents=_documents(row), steps=_steps(row))
        record(actor, Tag.PROCESS_VIEWED, row.id, {"state": row.state})
    return found


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


def request_of(row: LegalProcess) -> Request:
    """Return what a process asks for."""
    return Request(
        process_type=ProcessType(row.process_type),
        authority=row.authority,
        statute=row.statute,
        case_number=row.case_number,
        scope=row.scope,
        covers_from=row.covers_from,
        covers_to=row.covers_to,
        return_date=row.return_date,
        signer=row.signer,
        called_numbers=row.called_numbers,
        customer_identity=row.customer_identity,
    )


def view(row: LegalProcess) -> ProcessView:
    """Return a row as a value, without its documents and steps."""
    state = ProcessState(row.state)
    return ProcessView(
        id=row.id,
        campaign_id=row.campaign_id,
        campaign_name=row.campaign.name,
        alert_id=row.alert_id or "",
        state=state,
        state_words=STATE_WORDS[state],
        type_words=TYPE_WORDS[ProcessType(row.process_type)],
        request=request_of(row),
        grant=Grant(called_numbers=row.granted_called_numbers, customer_identity=row.granted_customer_identity),
        requester=_requester(row),
        created_at=row.created_at,
        served_at=row.served_at,
        reviewer=row.reviewer,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        decision_reason=row.decision_reason,
        identity_check=row.identity_check,
    )


def _requester(row: LegalProcess) -> Requester:
    person, agency = row.submitted_by, row.agency
    return Requester(
        name=person.name,
        title=person.title,
        email=person.email,
        agency_id=agency.id,
        agency=agency.name,
        state=agency.state,
        address=agency.address,
        account_since=person.created_at,
    )


def _documents(row: LegalProcess) -> tuple[DocumentView, ...]:
    columns = ("id", "filename", "size", "sha256", "notes", "received_at")
    held = ProcessDocument.objects.filter(process=row).order_by("id").values(*columns)
    return tuple(DocumentView(**{**document, "notes": tuple(document["notes"])}) for document in held)


def _steps(row: LegalProcess) -> tuple[StepView, ...]:
    return tuple(
        StepView(
            state=ProcessState(step.to_state),
            words=STATE_WORDS[ProcessState(step.to_state)],
            at=step.at,
            by=step.by,
            reason=step.reason,
        )
        for step in row.state_changes.order_by("id")
    )
