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
from headwater.reports.queries import ReportView
from headwater.reports.rules import ExampleCall

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
        return inspect(self.filename, octets_of(self.filename, self.content))


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


class CallIn(Closed):
    """One call that the agency knows of."""

    call_at: AwareDatetime
    calling: Annotated[str, StringConstraints(max_length=256)] = ""
    called: Annotated[str, StringConstraints(min_length=3, max_length=256)]
    callback: Annotated[str, StringConstraints(max_length=256)] = ""
    duration_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] | None = None
    transcript: Annotated[str, StringConstraints(max_length=20_000)] = ""
    language: Annotated[str, StringConstraints(max_length=35)] = ""
    terminating_spc: Annotated[str, StringConstraints(max_length=16)] = ""

    def call(self) -> ExampleCall:
        """Return the call as the rules read it."""
        return ExampleCall(**{**self.model_dump(), "call_at": _utc(self.call_at)})


class SoundIn(Closed):
    """A recording, and the call that it is of."""

    filename: Line = "recording"
    content: Base64
    call: CallIn


class FileIn(Closed):
    """A complaint export, or a list of calls."""

    filename: Line = "calls.csv"
    content: Base64


class ReportIn(Closed):
    """What the agency knows of: exactly one of calls, a file, a recording."""

    calls: list[CallIn] | None = Field(default=None, min_length=1, max_length=50)
    file: FileIn | None = None
    recording: SoundIn | None = None
    note: Annotated[str, StringConstraints(max_length=2_000)] = ""


class JoinedOut(Schema):
    """A campaign that reported calls went into."""

    campaign: str
    name: str
    state: str
    calls: int
    confirmed: bool
    """Whether two senders tell of it: then it may be named in a process."""


class TraceOut(Schema):
    """A traceback that came of a report."""

    id: str
    state: str
    grade: str


class ReportOut(Schema):
    """One report and what became of it."""

    id: str
    kind: str
    state: str
    sha256: str
    reported_at: datetime
    stored: int
    duplicates: int
    refused: int
    reasons: dict[str, int]
    problem: str
    campaigns: list[JoinedOut]
    tracebacks_asked: str
    tracebacks_answer: str
    tracebacks: list[TraceOut]


class ReportsOut(Schema):
    """The agency's reports, newest first."""

    reports: list[ReportOut]


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


def report_out(found: ReportView) -> ReportOut:
    """Return a report as it is told."""
    return ReportOut(
        id=found.id,
        kind=found.kind.value,
        state=found.state.value,
        sha256=found.sha256,
        reported_at=found.reported_at,
        stored=found.stored,
        duplicates=found.duplicates,
        refused=found.refused,
        reasons=dict(found.reasons),
        problem=found.problem,
        campaigns=[
            JoinedOut(
                campaign=one.campaign_id, name=one.name, state=one.state.value, calls=one.calls, confirmed=one.confirmed
            )
            for one in found.campaigns
        ],
        tracebacks_asked=found.trace.value,
        tracebacks_answer=found.trace_answer,
        tracebacks=[TraceOut(id=one.id, state=one.state.value, grade=one.grade.value) for one in found.tracebacks],
    )


def octets_of(name: str, content: str) -> bytes:
    """Return what stands in base 64.

    Raises:
        Invalid: it does not.
    """
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(f"The file {name!r} is not base 64: {error}.") from error


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise Invalid(f"The time {at.isoformat()} lies outside the calendar.") from error
