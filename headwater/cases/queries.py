"""What may be read of cases, and by whom: an organisation its own, its restricted ones by their members alone.

Every look is audited in the same transaction, so each read here also writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.permissions import Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.cases import subjects
from headwater.cases.models import Case, CaseItem, CaseNote
from headwater.cases.states import MAY_ADD, MAY_LEAD, CaseState, Lane, MemberRole, Precision, SubjectKind
from headwater.cases.timeline import Moment, ordered
from headwater.errors import NotFound

LONGEST_LIST = 500
_MAY_BE_SEALED = frozenset({SubjectKind.PROCESS, SubjectKind.PACKAGE})


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """One case in a list."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """One member."""

    user_id: str
    name: str
    email: str
    role: MemberRole
    added_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemView:
    """One thing that belongs to the case."""

    id: int
    kind: SubjectKind
    reference: str
    name: str
    why: str
    added_at: datetime
    added_by: str
    open: bool
    """Whether the reader may still know of it: a process may have ended since it was added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteView:
    """One note."""

    text: str
    at: str
    """The moment that it is about, as exactly as it is known; "" for none."""
    lane: Lane
    written_at: datetime
    written_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """One task."""

    id: int
    text: str
    assignee: str
    due_on: date | None
    done_at: datetime | None
    done_by: str

    def overdue(self, today: date) -> bool:
        """Tell whether its day is over and it is not done."""
        return self.done_at is None and self.due_on is not None and self.due_on < today


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentView:
    """One document, without its octets."""

    id: int
    filename: str
    size: int
    sha256: str
    received_at: datetime
    received_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """One case in full."""

    id: str
    title: str
    reference: str
    state: CaseState
    restricted: bool
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_because: str
    role: MemberRole
    members: tuple[MemberView, ...]
    items: tuple[ItemView, ...]
    notes: tuple[NoteView, ...]
    tasks: tuple[TaskView, ...]
    documents: tuple[DocumentView, ...]
    moments: tuple[Moment, ...]
    colleagues: Mapping[str, str] = field(default_factory=dict)
    """Address -> name of each person of the organisation."""

    @property
    def may_add(self) -> bool:
        """Whether the reader may add to it."""
        return self.role in MAY_ADD and self.state is CaseState.OPEN

    @property
    def may_lead(self) -> bool:
        """Whether the reader leads it."""
        return self.role in MAY_LEAD


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentContent:
    """A document with its octets, for a download."""

    filename: str
    octets: bytes


def visible_to(actor: Actor) -> QuerySet[Case]:
    """Return the cases that ``actor`` may see. The operator at the command line sees all."""
    actor.require(Permission.CASE_READ)
    if not actor.organisation_id:
        return Case.objects.all() if actor.may(Permission.ACCOUNT_MANAGE) else Case.objects.none()
    if not actor.person_id:
        # A machine acts for any officer whom it names: of restricted cases it sees those alone that it opened itself.
        own = Q(opened_by=actor.label) | Q(opened_by__startswith=f"{actor.label.partition(' for ')[0]} for ")
        return Case.objects.filter(organisation_id=actor.organisation_id).filter(Q(restricted=False) | own)
    members = Case.objects.filter(members__user_id__in=actor.answers_for, members__removed_at=None)
    return Case.objects.filter(organisation_id=actor.organisation_id).filter(Q(restricted=False) | Q(id__in=members))


def hidden_from(actor: Actor) -> frozenset[str]:
    """Return the cases of the actor's own organisation that they may not know of: restricted ones of others."""
    own = Case.objects.filter(organisation_id=actor.organisation_id)
    return frozenset(own.exclude(id__in=visible_to(actor).values("id")).values_list("id", flat=True))


def find(actor: Actor, case_id: str) -> Case:
    """Return the row of a case that ``actor`` may see.

    Raises:
        NotFound: there is none, or it is another organisation's: the answer is the same.
    """
    row = visible_to(actor).filter(id=case_id).first()
    if row is None:
        message = f"There is no case {case_id[:20]} that you may open. Check the number."
        raise NotFound(message)
    return row


def role_of(actor: Actor, case: Case) -> MemberRole:
    """Return the actor's role in a case that they may see, the highest of those whose matters are theirs."""
    held = set(case.members.filter(user_id__in=actor.answers_for, removed_at=None).values_list("role", flat=True))
    if not actor.may(Permission.CASE_WRITE):
        return MemberRole.READER
    return next((role for role in MemberRole if role in held), MemberRole.READER)


def cases(actor: Actor) -> list[CaseRow]:
    """Return the cases that ``actor`` may see, the open ones first; the look is audited."""
    with transaction.atomic():
        rows = visible_to(actor).prefetch_related("items", "tasks").order_by("-state", "-opened_at")[:LONGEST_LIST]
        found = [_row(row) for row in rows]
        record(actor, Tag.CASE_LISTED, "cases", {"cases": len(found)})
    return found


def case(actor: Actor, case_id: str) -> CaseView:
    """Return one case with everything in it; the look is audited.

    Raises:
        NotFound: there is none that the actor may see.
    """
    with transaction.atomic():
        row = find(actor, case_id)
        found = _view(actor, row)
        record(actor, Tag.CASE_VIEWED, row.id)
    return found


def timeline(actor: Actor, case_id: str, *, form: str) -> tuple[Moment, ...]:
    """Return the timeline of a case for an export in ``form``; the export is audited.

    Raises:
        NotFound: there is none that the actor may see.
    """
    with transaction.atomic():
        row = find(actor, case_id)
        found = _moments(actor, row)
        record(actor, Tag.CASE_EXPORTED, row.id, {"form": form, "moments": len(found)})
    return found


def document(actor: Actor, case_id: str, document_id: int) -> DocumentContent:
    """Return a document as it was received; the look is audited.

    Raises:
        NotFound: there is none in a case that the actor may see.
    """
    with transaction.atomic():
        row = find(actor, case_id)
        held = row.documents.filter(id=document_id).first()
        if held is None:
            raise NotFound(f"Case {row.id} has no such document.")
        record(actor, Tag.CASE_DOCUMENT_VIEWED, row.id, {"document": held.pk, "sha256": held.sha256})
    return DocumentContent(filename=held.filename, octets=bytes(held.octets))


def references(case_id: str, kind: SubjectKind) -> tuple[str, ...]:
    """Return what belongs to a case of one kind. For Headwater itself: legal holds and deconfliction."""
    rows = CaseItem.objects.filter(case_id=case_id, kind=kind, removed_at=None).order_by("id")
    return tuple(rows.values_list("reference", flat=True))


def colleagues(actor: Actor) -> dict[str, str]:
    """Return address and name of each person of the actor's organisation."""
    rows = User.objects.filter(organisation_id=actor.organisation_id, is_active=True).order_by("name")
    return dict(rows.values_list("email", "name"))


def _row(row: Case) -> CaseRow:
    waiting = [task for task in row.tasks.all() if task.done_at is None]
    return CaseRow(
        id=row.id,
        title=row.title,
        reference=row.reference,
        state=CaseState(row.state),
        restricted=row.restricted,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        items=sum(item.removed_at is None for item in row.items.all()),
        open_tasks=len(waiting),
        next_due_on=min((task.due_on for task in waiting if task.due_on), default=None),
    )


def _view(actor: Actor, row: Case) -> CaseView:
    return CaseView(
        id=row.id,
        title=row.title,
        reference=row.reference,
        state=CaseState(row.state),
        restricted=row.restricted,
        opened_at=row.opened_at,
        opened_by=row.opened_by,
        closed_at=row.closed_at,
        closed_because=row.closed_because,
        role=role_of(actor, row),
        members=tuple(
            MemberView(
                user_id=one.user_id,
                name=one.user.name,
                email=one.user.email,
                role=MemberRole(one.role),
                added_at=one.added_at,
            )
            for one in row.members.filter(removed_at=None).select_related("user").order_by("added_at", "id")
        ),
        items=tuple(_item(actor, one) for one in row.items.filter(removed_at=None).order_by("kind", "id")),
        notes=tuple(_note(one) for one in row.notes.order_by("-written_at", "-id")),
        tasks=tuple(
            TaskView(
                id=one.pk,
                text=one.text,
                assignee=one.assignee.name if one.assignee else "",
                due_on=one.due_on,
                done_at=one.done_at,
                done_by=one.done_by,
            )
            for one in row.tasks.select_related("assignee").order_by("done_at", "due_on", "id")
        ),
        documents=tuple(
            DocumentView(**columns)
            for columns in row.documents.order_by("id").values(
                "id", "filename", "size", "sha256", "received_at", "received_by"
            )
        ),
        moments=_moments(actor, row),
        colleagues=colleagues(actor),
    )


def _item(actor: Actor, row: CaseItem) -> ItemView:
    kind = SubjectKind(row.kind)
    found = subjects.find(actor, kind, row.reference)
    # A colleague may have added process that is sealed from this reader: neither its number nor its name is told.
    told = found is not None or kind not in _MAY_BE_SEALED
    return ItemView(
        id=row.pk,
        kind=kind,
        reference=row.reference if told else "",
        name=row.name if told else "not open to you",
        why=row.why if told else "",
        added_at=row.added_at,
        added_by=row.added_by,
        open=found is not None,
    )


def _note(row: CaseNote) -> NoteView:
    return NoteView(
        text=row.text,
        at=_moment(row).spoken if row.at else "",
        lane=Lane(row.lane),
        written_at=row.written_at,
        written_by=row.written_by,
    )


def _moments(actor: Actor, row: Case) -> tuple[Moment, ...]:
    items = row.items.filter(removed_at=None)
    told = [moment for item in items for moment in subjects.moments(actor, SubjectKind(item.kind), item.reference)]
    noted = [_moment(note) for note in row.notes.exclude(at=None)]
    return ordered([*told, *noted])


def _moment(row: CaseNote) -> Moment:
    if row.at is None:
        raise NotFound("The note names no moment.")
    return Moment(at=row.at, lane=Lane(row.lane), what=row.text, precision=Precision(row.precision), who=row.written_by)
