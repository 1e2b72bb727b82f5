"""What an agency's system and the portal say to each other: docs/reference/agency-api.md. They translate alone."""

import base64
import binascii
from datetime import UTC, date, datetime
from typing import Annotated, Literal

from ninja import Schema
from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints

from headwater.errors import Invalid
from headwater.legal.documents import Document, inspect
from headwater.legal.queries import ProcessView
from headwater.legal.rules import ProcessState, ProcessType, Request, Subjects
from headwater.numbering.numbers import canonical

Line = Annotated[str, StringConstraints(max_length=200)]
Email = Annotated[str, StringConstraints(min_length=3, max_length=320)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=18)]
Number = Annotated[str, StringConstraints(min_length=3, max_length=32)]
#: A document of 20 MB in base 64.
Base64 = Annotated[str, StringConstraints(min_length=1, max_length=28_000_000)]


class Closed(Schema):
    """A message without members that are not known: a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid")


class DocumentIn(Closed):
    """A PDF."""

    filename: Line = "process.pdf"
    content: Base64
    """The octets in base 64 (RFC 4648 section 4)."""

    def read(self) -> Document:
        """Return the inspected document.

        Raises:
            Invalid, TooLarge: it is no base 64, or cannot be served.
        """
        try:
            octets = base64.b64decode(self.content, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Invalid(f"The document {self.filename!r} is not base 64: {error}.") from error
        return inspect(self.filename, octets)


class SubjectsIn(Closed):
    """What a process is about: the union of these."""

    campaigns: list[Identifier] = Field(default=[], max_length=200)
    tracebacks: list[Identifier] = Field(default=[], max_length=200)
    numbers: list[Number] = Field(default=[], max_length=200)
    """Calling numbers, with ``+`` or as dialled in North America."""


class ProcessIn(Closed):
    """One process."""

    officer: Email
    """E-mail address of the officer who serves it: a person of the agency with an account."""
    process_type: ProcessType
    alert: Identifier | None = None
    """The alert that it follows; without it ``subjects`` says what it is about."""
    subjects: SubjectsIn = SubjectsIn()
    authority: Line
    statute: Line = ""
    case_number: Line
    signer: Line
    signed_on: date | None = None
    badge_number: Line = ""
    telephone: Line = ""
    scope: Text
    covers_from: AwareDatetime
    covers_to: AwareDatetime | None = None
    """Calls before it; without it, as they come until production."""
    return_date: date
    called_numbers: bool = False
    customer_identity: bool = False
    sealed: bool = False
    nondisclosure_until: date | None = None
    order_reference: Line = ""
    zone: Annotated[str, StringConstraints(max_length=64)] = "UTC"
    document: DocumentIn | None = None
    people: list[Email] = Field(default=[], max_length=20)
    """Colleagues to whom it is to be open, beside the officer."""

    def request(self) -> Request:
        """Return what is asked for."""
        asked = self.subjects
        same = (
            "process_type", "authority", "statute", "case_number", "signer", "signed_on", "badge_number", "telephone",
            "scope", "return_date", "called_numbers", "customer_identity", "sealed", "nondisclosure_until",
            "order_reference", "zone",
        )  # fmt: skip
        return Request(
            **{name: getattr(self, name) for name in same},
            covers_from=_utc(self.covers_from),
            covers_to=_utc(self.covers_to) if self.covers_to else None,
            subjects=Subjects(
                campaigns=frozenset(asked.campaigns),
                tracebacks=frozenset(asked.tracebacks),
                numbers=frozenset(canonical(number) or number for number in asked.numbers),
            ),
        )


class KeyedProcess(ProcessIn):
    """One process of several, with its own key."""

    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=128)]


class BulkIn(Closed):
    """Several processes; each is taken or refused by itself."""

    processes: list[KeyedProcess] = Field(min_length=1, max_length=25)


class SupplyIn(Closed):
    """The answer to a request for more, or to an objection."""

    note: Text
    document: DocumentIn | None = None


class ReasonIn(Closed):
    """Why."""

    reason: Text


class DocumentOut(Schema):
    """A document as it was received, or a letter as it was made."""

    id: int
    title: str
    sha256: str
    at: datetime


class StepOut(Schema):
    """One step that was taken."""

    state: ProcessState
    at: datetime
    reason: str


class PackageOut(Schema):
    """One package."""

    id: str
    state: str
    sha256: str
    size: int
    sealed_at: datetime | None


class ProcessOut(Schema):
    """One process as it stands."""

    id: str
    process_type: ProcessType
    state: ProcessState
    in_part: bool
    case_number: str
    officer: str
    campaign: str
    served_at: datetime | None
    return_date: date
    """As it stands, with what was granted of more time."""
    decided_at: datetime | None
    decision_reason: str
    access_until: datetime | None
    preserved_until: datetime | None
    ended_at: datetime | None
    documents: list[DocumentOut]
    letters: list[DocumentOut]
    steps: list[StepOut]
    packages: list[PackageOut] = Field(default=[])


class ProcessesOut(Schema):
    """The agency's processes, newest first."""

    processes: list[ProcessOut]


class ProblemOut(Schema):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    problems: dict[str, str] = Field(default={})
    """By member of the request, where the fault lies in some."""


class BulkResult(Schema):
    """What became of one of several."""

    idempotency_key: str
    status: Literal[200, 201, 403, 404, 409, 413, 422]
    process: ProcessOut | None = None
    problem: ProblemOut | None = None


class BulkOut(Schema):
    """What became of each, in the order in which they came."""

    results: list[BulkResult]


class AlertOut(Schema):
    """One alert."""

    id: str
    campaign: str
    name: str
    state: str
    created_at: datetime
    calls: int
    last_call_at: datetime


class AlertsOut(Schema):
    """The agency's alerts, newest first."""

    alerts: list[AlertOut]


def process_out(found: ProcessView) -> ProcessOut:
    """Return a process as it is told; its packages are added by the door."""
    return ProcessOut(
        id=found.id,
        process_type=found.request.process_type,
        state=found.state,
        in_part=found.in_part,
        case_number=found.request.case_number,
        officer=found.requester.email,
        campaign=found.campaign_id,
        served_at=found.served_at,
        return_date=found.due or found.request.return_date,
        decided_at=found.decided_at,
        decision_reason=found.decision_reason,
        access_until=found.access_until,
        preserved_until=found.hold_until if found.hold_id else None,
        ended_at=found.ended_at,
        documents=[
            DocumentOut(id=one.id, title=one.filename, sha256=one.sha256, at=one.received_at) for one in found.documents
        ],
        letters=[DocumentOut(id=one.id, title=one.title, sha256=one.sha256, at=one.at) for one in found.letters],
        steps=[StepOut(state=one.state, at=one.at, reason=one.reason) for one in found.steps],
    )


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise Invalid(f"The time {at.isoformat()} lies outside the calendar.") from error
