"""What is done to legal process: drafted, served, reviewed, decided, supplied, withdrawn, produced. All audited.

An acceptance that also orders the package is ``evidence.actions.accept_and_produce``: that room lies above this one.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.alerts.models import Alert
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Conflict, Forbidden, NotFound
from headwater.legal import queries, rules
from headwater.legal.documents import Document
from headwater.legal.models import LegalProcess, ProcessDocument, ProcessStateChange
from headwater.legal.queries import ProcessView
from headwater.legal.rules import Decision, Grant, ProcessState, Request, Step

#: Documents that one process may have: the process itself, and what was asked for later.
MOST_DOCUMENTS = 20


@transaction.atomic
def draft(actor: Actor, alert_id: str, request: Request, document: Document) -> ProcessView:
    """Keep a process that an officer prepared from an alert of their agency; nobody else sees it until it is served.

    Raises:
        Forbidden: the actor may not submit process.
        NotFound: the alert is not one of the actor's agency.
        BadRequest: the request states too little or impossible times.
    """
    actor.require(Permission.PROCESS_SUBMIT)
    now = clock.now()
    rules.check_request(request, now)
    alert = Alert.objects.filter(id=alert_id, organisation_id=_agency(actor)).first()
    if alert is None:
        message = f"There is no alert {alert_id[:20]} that you may open. Check the number."
        raise NotFound(message)
    row = LegalProcess.objects.create(
        agency_id=actor.organisation_id,
        submitted_by=_person(actor),
        alert=alert,
        campaign_id=alert.campaign_id,
        created_at=now,
        **_columns(request),
    )
    _keep_document(row, document, now)
    _note_step(actor, row, before="", now=now)
    record(actor, Tag.PROCESS_DRAFTED, row.id, {"alert": alert.id, "document": document.sha256})
    return queries.view(row)


@transaction.atomic
def revise(actor: Actor, process_id: str, request: Request, document: Document | None = None) -> ProcessView:
    """Change a draft; with ``document``, replace its document.

    Raises:
        Forbidden, NotFound, BadRequest: as for ``draft``.
        WrongStep: it is served already.
    """
    actor.require(Permission.PROCESS_SUBMIT)
    now = clock.now()
    rules.check_request(request, now)
    row = _locked(actor, process_id)
    if row.state != ProcessState.DRAFT:
        message = f"Process {row.id} is served; it can no longer be changed. Withdraw it and serve another."
        raise rules.WrongStep(message)
    for name, value in _columns(request).items():
        setattr(row, name, value)
    row.submitted_by = _person(actor)
    row.save()
    if document is not None:
        row.documents.all().delete()
        _keep_document(row, document, now)
    record(actor, Tag.PROCESS_REVISED, row.id, {"document": document.sha256 if document else "kept"})
    return queries.view(row)


@transaction.atomic
def serve(actor: Actor, process_id: str) -> ProcessView:
    """Serve a draft: from now on it waits for the consortium, and its number is the receipt.

    Raises:
        Forbidden: the actor may not submit process.
        NotFound: it is not one of the actor's agency.
        BadRequest: its dates have passed since it was drafted.
        WrongStep: it is served already.
    """
    actor.require(Permission.PROCESS_SUBMIT)
    row, now = _locked(actor, process_id), clock.now()
    after = rules.after(ProcessState(row.state), Step.SERVE)
    rules.check_request(queries.request_of(row), now)
    row.served_at, row.submitted_by = now, _person(actor)
    _move(actor, row, after, now=now)
    documents = list(row.documents.order_by("id").values_list("sha256", flat=True))
    record(actor, Tag.PROCESS_SERVED, row.id, {"campaign": row.campaign_id, "documents": documents})
    return queries.view(row)


@transaction.atomic
def begin_review(actor: Actor, process_id: str) -> ProcessView:
    """Take a served process into review.

    Raises:
        Forbidden: the actor may not review.
        WrongStep: somebody took it already, or it does not wait.
    """
    actor.require(Permission.PROCESS_REVIEW)
    row, now = _locked(actor, process_id), clock.now()
    _begin_review(actor, row, now)
    record(actor, Tag.PROCESS_STATE_CHANGED, row.id, {"state": row.state})
    return queries.view(row)


@transaction.atomic
def decide(  # noqa: PLR0913 - a decision is told in full
    actor: Actor,
    process_id: str,
    *,
    decision: Decision,
    reason: str,
    identity_check: str,
    grant: Grant | None = None,
) -> ProcessView:
    """Accept, object to, or ask for more, with the reason that the agency reads.

    ``grant`` says what an acceptance opens; without it, all that was asked for but customer identity.

    Raises:
        Forbidden: the actor may not review.
        BadRequest: no reason, no identity check, or a grant beyond what was asked for.
        WrongStep: the process does not wait for a decision.
    """
    actor.require(Permission.PROCESS_REVIEW)
    reason = rules.check_reason(reason)
    if not identity_check.strip():
        raise rules.BadRequest({"identity_check": "Enter how you made sure who served the process"})
    row, now = _locked(actor, process_id), clock.now()
    if row.state == ProcessState.SERVED:
        _begin_review(actor, row, now)
    after = rules.after(ProcessState(row.state), rules.DECISION_STEP[decision])
    if decision is Decision.ACCEPT:
        grant = grant or Grant(called_numbers=row.called_numbers, customer_identity=False)
        rules.check_grant(queries.request_of(row), grant)
        row.granted_called_numbers = grant.called_numbers
        row.granted_customer_identity = grant.customer_identity
    row.decided_at, row.decided_by, row.decision_reason = now, actor.label, reason
    row.identity_check = identity_check.strip()[: rules.LONGEST_TEXT]
    _move(actor, row, after, now=now, reason=reason)
    detail = {
        "decision": decision.value,
        "called_numbers": row.granted_called_numbers,
        "customer_identity": row.granted_customer_identity,
    }
    record(actor, Tag.PROCESS_DECIDED, row.id, detail)
    return queries.view(row)


@transaction.atomic
def supply(actor: Actor, process_id: str, *, note: str, document: Document | None = None) -> ProcessView:
    """Answer a request for more: a note, and a document where one was asked for. The review goes on.

    Raises:
        Forbidden: the actor may not submit process.
        BadRequest: the note is empty.
        WrongStep: nothing was asked for.
    """
    actor.require(Permission.PROCESS_SUBMIT)
    note = rules.check_reason(note)
    row, now = _locked(actor, process_id), clock.now()
    after = rules.after(ProcessState(row.state), Step.SUPPLY)
    if document is not None:
        _keep_document(row, document, now)
    _move(actor, row, after, now=now, reason=note)
    record(actor, Tag.PROCESS_STATE_CHANGED, row.id, {"document": document.sha256 if document else "", "state": after})
    return queries.view(row)


@transaction.atomic
def withdraw(actor: Actor, process_id: str, *, reason: str) -> ProcessView:
    """Take a process back. What was served stays on record.

    Raises:
        Forbidden: the actor may not submit process.
        WrongStep: it is decided already.
    """
    actor.require(Permission.PROCESS_SUBMIT)
    reason = rules.check_reason(reason)
    row, now = _locked(actor, process_id), clock.now()
    _move(actor, row, rules.after(ProcessState(row.state), Step.WITHDRAW), now=now, reason=reason)
    record(actor, Tag.PROCESS_STATE_CHANGED, row.id, {"state": row.state})
    return queries.view(row)


@transaction.atomic
def begin_production(actor: Actor, process_id: str) -> ProcessView:
    """Note that a package is being made under an accepted process.

    Raises:
        Forbidden: the actor may not have packages sealed.
        WrongStep: the process is not accepted.
    """
    actor.require(Permission.PACKAGE_SEAL)
    return _produce(actor, process_id, Step.BEGIN_PRODUCTION)


@transaction.atomic
def finish_production(actor: Actor, process_id: str) -> ProcessView:
    """Note that the package is there.

    Raises:
        Forbidden: the actor may not have packages sealed.
        WrongStep: none is being made.
    """
    actor.require(Permission.PACKAGE_SEAL)
    return _produce(actor, process_id, Step.FINISH_PRODUCTION)


def _produce(actor: Actor, process_id: str, step: Step) -> ProcessView:
    row, now = _locked(actor, process_id), clock.now()
    _move(actor, row, rules.after(ProcessState(row.state), step), now=now)
    record(actor, Tag.PROCESS_STATE_CHANGED, row.id, {"state": row.state})
    return queries.view(row)


def _begin_review(actor: Actor, row: LegalProcess, now: datetime) -> None:
    row.reviewer = actor.label
    _move(actor, row, rules.after(ProcessState(row.state), Step.BEGIN_REVIEW), now=now)


def _move(actor: Actor, row: LegalProcess, after: ProcessState, *, now: datetime, reason: str = "") -> None:
    """Save ``row`` in the state that ``rules`` gave, and the step beside it."""
    before, row.state = row.state, after.value
    row.save()
    _note_step(actor, row, before=before, now=now, reason=reason)


def _note_step(actor: Actor, row: LegalProcess, *, before: str, now: datetime, reason: str = "") -> None:
    ProcessStateChange.objects.create(
        process=row, from_state=before, to_state=row.state, at=now, by=actor.label, reason=reason
    )


def _locked(actor: Actor, process_id: str) -> LegalProcess:
    """Return the row that ``actor`` may know of, locked: of two who decide at once the second sees the first."""
    queries.find(actor, process_id)
    rows = LegalProcess.objects.select_related("agency", "submitted_by", "campaign")
    return rows.select_for_update(of=("self",), no_key=True).get(id=process_id)


def _agency(actor: Actor) -> str:
    if actor.organisation_kind is not OrganisationKind.AGENCY or not actor.organisation_id:
        message = "Only an agency serves process."
        raise Forbidden(message)
    return actor.organisation_id


def _person(actor: Actor) -> User:
    """Return the person behind ``actor``: process is served by a person who can be asked about it."""
    person = User.objects.filter(
        email=actor.label.removeprefix("user:"), organisation_id=actor.organisation_id, is_active=True
    ).first()
    if person is None:
        message = f"{actor.label} is no person with an account; process is served by a person."
        raise Forbidden(message)
    return person


def _keep_document(row: LegalProcess, document: Document, now: datetime) -> None:
    if row.documents.count() >= MOST_DOCUMENTS:
        message = f"Process {row.id} has {MOST_DOCUMENTS} documents already; serve a new process for more."
        raise Conflict(message)
    ProcessDocument.objects.create(
        process=row,
        filename=document.filename,
        content_type="application/pdf",
        octets=document.octets,
        size=len(document.octets),
        sha256=document.sha256,
        notes=list(document.notes),
        received_at=now,
    )


def _columns(request: Request) -> dict[str, Any]:
    return {
        "process_type": request.process_type.value,
        "authority": request.authority.strip(),
        "statute": request.statute.strip(),
        "case_number": request.case_number.strip(),
        "scope": request.scope.strip(),
        "covers_from": request.covers_from,
        "covers_to": request.covers_to,
        "return_date": request.return_date,
        "signer": request.signer.strip(),
        "called_numbers": request.called_numbers,
        "customer_identity": request.customer_identity,
    }
