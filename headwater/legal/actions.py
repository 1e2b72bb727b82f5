"""What is done to legal process: drafted, served, reviewed, decided, supplied, produced, certified. All audited.

Doors call all of it here; its people and extensions are written in ``parties``, its end in ``ending``. An acceptance
that also orders the package is ``evidence.actions.accept_and_produce``: that room lies above this one.
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
from headwater.errors import Forbidden, NotFound
from headwater.jobs import Job, defer
from headwater.legal import letters, queries, rules, subjects
from headwater.legal.documents import Document
from headwater.legal.ending import certify, close, withdraw
from headwater.legal.kinds import KINDS
from headwater.legal.models import LegalProcess, ProcessPerson
from headwater.legal.notices import Event
from headwater.legal.parties import answer_extension, ask_extension, name_person, remove_person
from headwater.legal.queries import ProcessView
from headwater.legal.rules import Decision, Grant, IdentityMethod, ProcessState, Request, Step
from headwater.legal.screening import screened
from headwater.legal.steps import MOST_DOCUMENTS, keep_document, keep_letter, locked, move, note, tell

__all__ = [
    "MOST_DOCUMENTS", "answer_extension", "ask_extension", "begin_production", "begin_review", "certify",
    "check_identity", "close", "decide", "draft", "finish_production", "name_person", "remove_person", "revise",
    "serve", "supply", "withdraw",
]  # fmt: skip


@screened
@transaction.atomic
def draft(  # noqa: PLR0913 - who, from what, what, with what, and for a machine two more
    actor: Actor,
    alert_id: str,
    request: Request,
    document: Document | None,
    *,
    officer: str = "",
    idempotency_key: str = "",
) -> ProcessView:
    """Keep a process that an officer prepared; nobody else sees it until it is served.

    Args:
        actor: A person of the agency, or its machine credential.
        alert_id: The alert that it is drafted from; "" where ``request.subjects`` says what it is about.
        request: What is asked for.
        document: The signed process, where its kind needs one.
        officer: E-mail address of the officer for whom a machine acts.
        idempotency_key: Of a machine; "" for none. The caller looked for a process of that key before.

    Raises:
        Forbidden: the actor may not submit process.
        NotFound: the alert, campaign or traceback is none that the agency was told of.
        BadRequest: the request states too little, impossible times, or more than its kind reaches.
    """
    actor.require(Permission.PROCESS_SUBMIT)
    now = clock.now()
    rules.check_request(request, now, documents=0 if document is None else 1)
    agency = _agency(actor)
    alert = _alert(agency, alert_id) if alert_id else None
    named = subjects.named(agency, request.subjects, alert)
    row = LegalProcess.objects.create(
        agency_id=agency,
        submitted_by=_person(actor, officer),
        submitted_via="" if actor.person_id else actor.label,
        idempotency_key=idempotency_key,
        alert=alert,
        campaign_id=subjects.about(agency, named, alert),
        created_at=now,
        **_columns(request),
    )
    subjects.keep(row, named)
    ProcessPerson.objects.create(process=row, user=row.submitted_by, added_at=now, added_by=actor.label)
    if document is not None:
        keep_document(row, document, now)
    note(actor, row, before="", now=now)
    detail = {"alert": alert_id, "document": document.sha256 if document else "", "subjects": len(named)}
    record(actor, Tag.PROCESS_DRAFTED, row.id, detail)
    return queries.view(row)


@screened
@transaction.atomic
def revise(actor: Actor, process_id: str, request: Request, document: Document | None = None) -> ProcessView:
    """Change a draft; with ``document``, replace its document.

    Raises:
        Forbidden, NotFound, BadRequest: as for ``draft``.
        WrongStep: it is served already.
    """
    actor.require(Permission.PROCESS_SUBMIT)
    now = clock.now()
    row = locked(actor, process_id)
    if row.state != ProcessState.DRAFT:
        message = f"Process {row.id} is served; it can no longer be changed. Withdraw it and serve another."
        raise rules.WrongStep(message)
    rules.check_request(request, now, documents=row.documents.count() + (document is not None))
    named = subjects.named(row.agency_id, request.subjects, row.alert)
    row.campaign_id = subjects.about(row.agency_id, named, row.alert)
    for name, value in _columns(request).items():
        setattr(row, name, value)
    if actor.person_id:
        row.submitted_by = _person(actor)
    row.save()
    subjects.keep(row, named)
    if document is not None:
        row.documents.all().delete()
        keep_document(row, document, now)
    record(actor, Tag.PROCESS_REVISED, row.id, {"document": document.sha256 if document else "kept"})
    return queries.view(row)


@transaction.atomic
def serve(actor: Actor, process_id: str) -> ProcessView:
    """Serve a draft: from now on it waits for the consortium. The receipt is made and kept in the same transaction.

    Raises:
        Forbidden: the actor may not submit process.
        NotFound: it is not one of the actor's agency.
        BadRequest: its dates have passed since it was drafted.
        WrongStep: it is served already.
    """
    actor.require(Permission.PROCESS_SUBMIT)
    row, now = locked(actor, process_id), clock.now()
    after = rules.after(ProcessState(row.state), Step.SERVE)
    rules.check_request(queries.request_of(row), now, documents=row.documents.count())
    row.served_at = now
    if actor.person_id:
        row.submitted_by = _person(actor)
        _name(row, row.submitted_by, actor, now)
    move(actor, row, after, now=now)
    digest = keep_letter(row, letters.receipt(queries.whole(row)), now)
    documents = list(row.documents.order_by("id").values_list("sha256", flat=True))
    detail = {"campaign": row.campaign_id, "documents": documents, "receipt": digest}
    record(actor, Tag.PROCESS_SERVED, row.id, detail)
    if KINDS[rules.ProcessType(row.process_type)].hold is not None:
        defer(Job.PRESERVE, process_id=row.id)
    tell(row, Event.SERVED, now)
    return queries.view(row)


@transaction.atomic
def check_identity(actor: Actor, process_id: str, *, method: IdentityMethod, how: str) -> ProcessView:
    """Note how the reviewer made sure who served a process.

    Raises:
        Forbidden: the actor may not review.
        BadRequest: nothing is said of how.
        WrongStep: it was done already, or the process does not wait.
    """
    actor.require(Permission.PROCESS_REVIEW)
    row, now = locked(actor, process_id), clock.now()
    _check_identity(actor, row, method, how, now)
    return queries.view(row)


@transaction.atomic
def begin_review(actor: Actor, process_id: str) -> ProcessView:
    """Take a process whose requester was checked into review.

    Raises:
        Forbidden: the actor may not review.
        WrongStep: somebody took it already, the requester was not checked, or it does not wait.
    """
    actor.require(Permission.PROCESS_REVIEW)
    row, now = locked(actor, process_id), clock.now()
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
    identity_check: str = "",
    identity_method: IdentityMethod = IdentityMethod.OTHER,
    grant: Grant | None = None,
) -> ProcessView:
    """Accept in whole or part, narrow, object to, or ask for more, with the reason that the agency reads in the letter.

    ``grant`` says what an acceptance opens; without it, all that was asked for but customer identity. The identity of
    the requester may be noted in the same step where it was not before.

    Raises:
        Forbidden: the actor may not review.
        BadRequest: no reason, no identity check, or a grant beyond what was asked for.
        WrongStep: the process does not wait for a decision.
    """
    actor.require(Permission.PROCESS_REVIEW)
    reason = rules.check_reason(reason)
    row, now = locked(actor, process_id), clock.now()
    if row.state == ProcessState.SERVED:
        _check_identity(actor, row, identity_method, identity_check, now)
    if row.state == ProcessState.IDENTITY_CHECKED:
        _begin_review(actor, row, now)
    after = rules.after(ProcessState(row.state), rules.DECISION_STEP[decision])
    row.decided_at, row.decided_by, row.decision_reason = now, actor.label, reason
    granted = _open(row, decision, grant, now) if after is ProcessState.ACCEPTED else None
    if granted is not None and row.in_part and decision is Decision.ACCEPT:
        decision = Decision.ACCEPT_IN_PART
    move(actor, row, after, now=now, reason=reason)
    digest = keep_letter(row, letters.decision(queries.view(row), decision, granted), now)
    detail = {
        "decision": decision.value,
        "called_numbers": row.granted_called_numbers,
        "customer_identity": row.granted_customer_identity,
        "access_until": row.access_until if granted else None,
        "letter": digest,
    }
    record(actor, Tag.PROCESS_DECIDED, row.id, detail)
    tell(row, Event(after.value), now)
    return queries.view(row)


@screened
@transaction.atomic
def supply(actor: Actor, process_id: str, *, note: str, document: Document | None = None) -> ProcessView:
    """Answer a request for more, or an objection: a note, and a document where one was asked for. The review goes on.

    Raises:
        Forbidden: the actor may not submit process.
        BadRequest: the note is empty.
        WrongStep: nothing was asked for.
    """
    actor.require(Permission.PROCESS_SUBMIT)
    note = rules.check_reason(note)
    row, now = locked(actor, process_id), clock.now()
    after = rules.after(ProcessState(row.state), Step.SUPPLY)
    if document is not None:
        keep_document(row, document, now)
    move(actor, row, after, now=now, reason=note)
    record(actor, Tag.PROCESS_STATE_CHANGED, row.id, {"document": document.sha256 if document else "", "state": after})
    tell(row, Event.SUPPLIED, now)
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
    return _produce(actor, process_id, Step.FINISH_PRODUCTION, tells=Event.PRODUCED)


def _produce(actor: Actor, process_id: str, step: Step, *, tells: Event | None = None) -> ProcessView:
    row, now = locked(actor, process_id), clock.now()
    move(actor, row, rules.after(ProcessState(row.state), step), now=now)
    record(actor, Tag.PROCESS_STATE_CHANGED, row.id, {"state": row.state})
    if tells is not None:
        tell(row, tells, now)
    return queries.view(row)


def _check_identity(actor: Actor, row: LegalProcess, method: IdentityMethod, how: str, now: datetime) -> None:
    if not how.strip():
        raise rules.BadRequest({"identity_check": "Enter how you made sure who served the process"})
    after = rules.after(ProcessState(row.state), Step.CHECK_IDENTITY)
    row.identity_check, row.identity_method = how.strip()[: rules.LONGEST_TEXT], method.value
    row.identity_checked_at, row.identity_checked_by = now, actor.label
    move(actor, row, after, now=now)
    record(actor, Tag.PROCESS_IDENTITY_CHECKED, row.id, {"method": method.value})


def _begin_review(actor: Actor, row: LegalProcess, now: datetime) -> None:
    row.reviewer = actor.label
    move(actor, row, rules.after(ProcessState(row.state), Step.BEGIN_REVIEW), now=now)


def _open(row: LegalProcess, decision: Decision, grant: Grant | None, now: datetime) -> Grant:
    """Write into ``row`` and its subjects what an acceptance opens; the caller saves."""
    asked = queries.request_of(row)
    grant = grant or Grant(called_numbers=asked.called_numbers, customer_identity=False)
    rules.check_grant(asked, grant)
    rules.check_decision(decision, asked, grant)
    row.granted_called_numbers, row.granted_customer_identity = grant.called_numbers, grant.customer_identity
    row.granted_from, row.granted_to = rules.window(asked, grant)
    row.in_part = bool(rules.left_out(asked, grant))
    subjects.grant(row, asked.subjects - grant.left_out)
    if KINDS[asked.process_type].reach:
        row.access_until = rules.access_until(grant, now)
    if KINDS[asked.process_type].hold is not None:
        defer(Job.PRESERVE, process_id=row.id)
    return grant


def _name(row: LegalProcess, person: User, actor: Actor, now: datetime) -> None:
    if not row.people.filter(user=person, removed_at__isnull=True).exists():
        ProcessPerson.objects.create(process=row, user=person, added_at=now, added_by=actor.label)


def _agency(actor: Actor) -> str:
    if actor.organisation_kind is not OrganisationKind.AGENCY or not actor.organisation_id:
        message = "Only an agency serves process."
        raise Forbidden(message)
    return actor.organisation_id


def _alert(agency: str, alert_id: str) -> Alert:
    alert = Alert.objects.filter(id=alert_id, organisation_id=agency).first()
    if alert is None:
        message = f"There is no alert {alert_id[:20]} that you may open. Check the number."
        raise NotFound(message)
    return alert


def _person(actor: Actor, officer: str = "") -> User:
    """Return the person behind ``actor``: process is served by a person who can be asked about it."""
    email = actor.email or officer
    person = User.objects.filter(
        email=email.strip().lower(), organisation_id=actor.organisation_id, is_active=True
    ).first()
    if person is None:
        message = f"{email[:200] or actor.label} is no person of your agency with an account; a person serves process."
        raise Forbidden(message)
    return person


def _columns(request: Request) -> dict[str, Any]:
    lines = ("authority", "statute", "case_number", "scope", "signer", "badge_number", "telephone", "order_reference")
    plain = (
        "covers_from", "covers_to", "return_date", "called_numbers", "customer_identity", "zone", "signed_on", "sealed",
        "nondisclosure_until",
    )  # fmt: skip
    return {
        "process_type": request.process_type.value,
        **{name: getattr(request, name).strip() for name in lines},
        **{name: getattr(request, name) for name in plain},
    }
