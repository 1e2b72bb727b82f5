"""Legal process as frozen values, and how rows become them. Reads of related rows are one query each."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from headwater.campaigns.merged import united
from headwater.legal.kinds import DISCLOSURE_WORDS, Disclosure
from headwater.legal.models import LegalProcess, ProcessDocument, ProcessSubject
from headwater.legal.rules import (
    ACCEPTED,
    ENDED,
    STATE_WORDS,
    TYPE_WORDS,
    Grant,
    ProcessState,
    ProcessType,
    Request,
    Scope,
    Subjects,
)


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
class LetterView:
    """A paper that Headwater made, without its octets."""

    id: int
    kind: str
    title: str
    text: str
    sha256: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step of a process, by whom and why."""

    state: ProcessState
    words: str
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPerson:
    """One person to whom the process is open, or was."""

    id: str
    name: str
    email: str
    added_at: datetime
    removed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionView:
    """More time, asked for and perhaps answered."""

    id: int
    what: str
    until: datetime
    asked_by_agency: bool
    reason: str
    asked_at: datetime
    asked_by: str
    granted: bool | None
    answer: str
    answered_at: datetime | None
    answered_by: str


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
    identity_method: str = ""
    identity_checked_at: datetime | None = None
    identity_checked_by: str = ""
    submitted_via: str = ""
    in_part: bool = False
    access_until: datetime | None = None
    hold_id: str = ""
    hold_until: datetime | None = None
    hold_renewals: int = 0
    certified_by: str = ""
    due: date | None = None
    """The return date as it stands: as served, or as the agency extended it."""
    ended_at: datetime | None = None
    end_reason: str = ""
    documents: tuple[DocumentView, ...] = ()
    steps: tuple[StepView, ...] = ()
    people: tuple[NamedPerson, ...] = ()
    letters: tuple[LetterView, ...] = ()
    extensions: tuple[ExtensionView, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the process was accepted and its acceptance stands."""
        return self.state in ACCEPTED

    @property
    def ended(self) -> bool:
        """Whether it is closed or withdrawn."""
        return self.state in ENDED

    @property
    def decided(self) -> bool:
        """Whether the last word on it is said: accepted or objected to."""
        return self.accepted or self.state is ProcessState.OBJECTED

    @property
    def classes_words(self) -> str:
        """What it asks for, in words; "nothing" of a preservation request."""
        return words_of(self.request.classes)


def words_of(classes: frozenset[Disclosure]) -> str:
    """Return disclosure classes in words."""
    return ", ".join(DISCLOSURE_WORDS[one] for one in Disclosure if one in classes) or "nothing"


def subjects_of(row: LegalProcess, *, granted: bool = False) -> Subjects:
    """Return what a process is about; with ``granted``, what an acceptance opened of it."""
    rows = ProcessSubject.objects.filter(process=row, **({"granted": True} if granted else {}))
    found: dict[str, set[str]] = {"campaign": set(), "traceback": set(), "number": set()}
    for kind, value in rows.values_list("kind", "value"):
        found[kind].add(value)
    return Subjects(
        campaigns=frozenset(found["campaign"]),
        tracebacks=frozenset(found["traceback"]),
        numbers=frozenset(found["number"]),
    )


def due_of(row: LegalProcess) -> date:
    """Return the return date as it stands: what was served is never changed, an extension lies beside it."""
    granted = row.extensions.filter(what="return_date", granted=True).order_by("-until")
    until = granted.values_list("until", flat=True).first()
    return max(row.return_date, until.date()) if until else row.return_date


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
        subjects=subjects_of(row),
        zone=row.zone,
        badge_number=row.badge_number,
        telephone=row.telephone,
        signed_on=row.signed_on,
        sealed=row.sealed,
        nondisclosure_until=row.nondisclosure_until,
        order_reference=row.order_reference,
    )


def scope_of(row: LegalProcess) -> Scope:
    """Return what a process opens, to whom; of one that was not accepted, a scope that stands at no time."""
    classes = {Disclosure.PATH}
    if row.granted_called_numbers:
        classes.add(Disclosure.CALLED_NUMBERS)
    if row.granted_customer_identity:
        classes.add(Disclosure.CUSTOMER_IDENTITY)
    named = row.people.filter(removed_at__isnull=True, user__organisation_id=row.agency_id)
    accounts = dict(named.values_list("user_id", "user__is_active"))
    request, granted = request_of(row), subjects_of(row, granted=True)
    # What was opened leads where a merge led it; what the acceptance left out by name stays closed all the same.
    campaigns = united(granted.campaigns) - (request.subjects.campaigns - granted.campaigns)
    return Scope(
        process=row.id,
        agency=row.agency_id,
        kind=request.process_type,
        state=ProcessState(row.state),
        subjects=replace(granted, campaigns=campaigns),
        start=row.granted_from or row.covers_from,
        end=row.granted_to,
        classes=frozenset(classes) & request.classes,
        people=frozenset(one for one, is_open in accounts.items() if is_open),
        leavers=frozenset(one for one, is_open in accounts.items() if not is_open),
        access_until=row.access_until,
    )


def view(row: LegalProcess) -> ProcessView:
    """Return a row as a value, without its documents, steps, people, letters and extensions."""
    state = ProcessState(row.state)
    request = request_of(row)
    left = request.subjects - subjects_of(row, granted=True) if row.granted_from else Subjects()
    return ProcessView(
        id=row.id,
        campaign_id=row.campaign_id,
        campaign_name=row.campaign.name,
        alert_id=row.alert_id or "",
        state=state,
        state_words="Accepted in part" if state is ProcessState.ACCEPTED and row.in_part else STATE_WORDS[state],
        type_words=TYPE_WORDS[request.process_type],
        request=request,
        grant=Grant(
            called_numbers=row.granted_called_numbers,
            customer_identity=row.granted_customer_identity,
            covers_from=row.granted_from,
            covers_to=row.granted_to,
            left_out=left,
            access_until=row.access_until,
        ),
        requester=_requester(row),
        created_at=row.created_at,
        served_at=row.served_at,
        reviewer=row.reviewer,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        decision_reason=row.decision_reason,
        identity_check=row.identity_check,
        identity_method=row.identity_method,
        identity_checked_at=row.identity_checked_at,
        identity_checked_by=row.identity_checked_by,
        submitted_via=row.submitted_via,
        in_part=row.in_part,
        access_until=row.access_until,
        hold_id=row.hold_id,
        hold_until=row.hold_until,
        hold_renewals=row.hold_renewals,
        certified_by=row.certified_by,
        due=due_of(row),
        ended_at=row.ended_at,
        end_reason=row.end_reason,
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


def documents_of(row: LegalProcess) -> tuple[DocumentView, ...]:
    """Return the documents of a process in the order in which they came."""
    columns = ("id", "filename", "size", "sha256", "notes", "received_at")
    held = ProcessDocument.objects.filter(process=row).order_by("id").values(*columns)
    return tuple(DocumentView(**{**document, "notes": tuple(document["notes"])}) for document in held)


def letters_of(row: LegalProcess) -> tuple[LetterView, ...]:
    """Return the papers that were made of a process, oldest first."""
    columns = ("id", "kind", "title", "text", "sha256", "at")
    return tuple(LetterView(**letter) for letter in row.letters.order_by("id").values(*columns))


def people_of(row: LegalProcess) -> tuple[NamedPerson, ...]:
    """Return who is named on a process, those who were taken off last."""
    named = row.people.select_related("user").order_by("id")
    found = [
        NamedPerson(
            id=one.user_id,
            name=one.user.name,
            email=one.user.email,
            added_at=one.added_at,
            removed_at=one.removed_at,
        )
        for one in named
    ]
    return tuple(sorted(found, key=lambda one: one.removed_at is not None))


def extensions_of(row: LegalProcess) -> tuple[ExtensionView, ...]:
    """Return what was asked for of time, oldest first."""
    return tuple(
        ExtensionView(
            id=one.id,
            what=one.what,
            until=one.until,
            asked_by_agency=one.asked_by_agency,
            reason=one.reason,
            asked_at=one.asked_at,
            asked_by=one.asked_by,
            granted=one.granted,
            answer=one.answer,
            answered_at=one.answered_at,
            answered_by=one.answered_by,
        )
        for one in row.extensions.order_by("id")
    )


def steps_of(row: LegalProcess) -> tuple[StepView, ...]:
    """Return what happened to a process, oldest first."""
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
