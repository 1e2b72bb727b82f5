"""What an agency's own system and the portal say to each other of cases. They translate alone."""

from datetime import date, datetime
from typing import Annotated

from ninja import Schema
from pydantic import AwareDatetime, Field, StringConstraints

from headwater.api.agency_messages import Base64, Closed, Email, Identifier, Line, octets_of
from headwater.cases.actions import When
from headwater.cases.queries import CaseRow, CaseView
from headwater.cases.states import CaseState, Lane, MemberRole, Precision, SubjectKind

Text = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=400)]


class ForOfficer(Closed):
    """What every request names: for which officer the machine acts."""

    officer: Email


class CaseIn(ForOfficer):
    """A new case."""

    title: Line
    reference: Line = ""
    """The agency's own matter number."""
    restricted: bool = False
    """Only members of the case see it, and this credential."""


class ItemIn(ForOfficer):
    """Something that belongs to the case."""

    kind: SubjectKind
    reference: Identifier
    why: Annotated[str, StringConstraints(max_length=400)] = ""


class NoteIn(ForOfficer):
    """A note; with ``at`` it stands in the timeline, as exactly as its moment is known."""

    text: Text
    at: AwareDatetime | None = None
    precision: Precision = Precision.EXACT
    lane: Lane = Lane.NOTES

    def when(self) -> When | None:
        """Return the moment that it is about, None of none."""
        return When(at=self.at, precision=self.precision, lane=self.lane) if self.at else None


class TaskIn(ForOfficer):
    """A task."""

    text: Short
    assignee: Annotated[str, StringConstraints(max_length=320)] = ""
    """E-mail address of a colleague; "" for nobody yet."""
    due_on: date | None = None


class DoneIn(ForOfficer):
    """Whether a task is done."""

    done: bool = True


class MemberIn(ForOfficer):
    """A colleague's place in the case; without a role, none any more."""

    email: Email
    role: MemberRole | None


class CaseDocumentIn(ForOfficer):
    """A document; it is kept as received and leaves as a download alone."""

    filename: Line
    content: Base64

    def octets(self) -> bytes:
        """Return its octets.

        Raises:
            Invalid: it is no base 64.
        """
        return octets_of(self.filename, self.content)


class StateIn(ForOfficer):
    """Close the case, or reopen it."""

    state: CaseState
    reason: Text


class CaseRowOut(Schema):
    """One case in the list."""

    id: str
    title: str
    reference: str
    state: CaseState
    restricted: bool
    opened_at: datetime
    closed_at: datetime | None
    items: int
    open_tasks: int
    next_due_on: date | None


class CasesOut(Schema):
    """The agency's cases, the open ones first."""

    cases: list[CaseRowOut]


class MemberOut(Schema):
    """One member."""

    name: str
    email: str
    role: MemberRole


class ItemOut(Schema):
    """One thing that belongs to the case."""

    id: int
    kind: SubjectKind
    reference: str
    name: str
    why: str
    added_at: datetime
    added_by: str
    open: bool
    """Whether this credential may know of it now."""


class NoteOut(Schema):
    """One note."""

    text: str
    at: str
    lane: Lane
    written_at: datetime
    written_by: str


class TaskOut(Schema):
    """One task."""

    id: int
    text: str
    assignee: str
    due_on: date | None
    done_at: datetime | None
    done_by: str


class CaseDocumentOut(Schema):
    """One document, without its octets."""

    id: int
    filename: str
    size: int
    sha256: str
    received_at: datetime
    received_by: str


class CaseOut(Schema):
    """One case as it stands."""

    id: str
    title: str
    reference: str
    state: CaseState
    restricted: bool
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_because: str
    members: list[MemberOut]
    items: list[ItemOut]
    notes: list[NoteOut]
    tasks: list[TaskOut]
    documents: list[CaseDocumentOut] = Field(default=[])


def row_out(found: CaseRow) -> CaseRowOut:
    """Return a case of the list as it is told."""
    return CaseRowOut.model_validate(found, from_attributes=True)


def case_out(found: CaseView) -> CaseOut:
    """Return a case as it is told."""
    return CaseOut.model_validate(found, from_attributes=True)
