"""What is done with cases: opened, filled, worked on, closed. All audited, each with its change in one transaction."""

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import PurePath
from typing import Any

from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.cases import holds, matters, queries, subjects
from headwater.cases.models import Case, CaseDocument, CaseItem, CaseMember, CaseNote, CaseTask
from headwater.cases.states import (
    ENTERED_BY_HAND,
    MAY_ADD,
    MAY_LEAD,
    NEXT_STATES,
    CaseState,
    Lane,
    MatterKind,
    MemberRole,
    Precision,
    SubjectKind,
)
from headwater.cases.timeline import cut
from headwater.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from headwater.uploads import scanning

MAX_LINE, MAX_TEXT = 200, 10_000
#: A case is what people can keep in mind; more belongs into several.
MOST_ITEMS, MOST_DOCUMENTS, MOST_TASKS, MOST_NOTES = 500, 200, 500, 5_000
LARGEST_DOCUMENT = 20 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """The moment that a note is about."""

    at: datetime
    precision: Precision
    lane: Lane = Lane.NOTES


@transaction.atomic
def open_case(actor: Actor, *, title: str, reference: str = "", restricted: bool = False) -> str:
    """Open a case of the actor's organisation; who opens it leads it. Return its identifier.

    Raises:
        Forbidden: the actor may not, or is no person of an organisation.
        Invalid: it has no title.
    """
    actor.require(Permission.CASE_WRITE)
    person = _person(actor, actor.email)
    if person is None:
        raise Forbidden("A case is opened by a person of an organisation.")
    row = Case.objects.create(
        organisation_id=actor.organisation_id,
        title=_line(title, "Give the case a title."),
        reference=_line(reference),
        restricted=restricted,
        opened_at=clock.now(),
        opened_by=actor.label,
    )
    _add(actor, row, person, MemberRole.LEAD)
    record(actor, Tag.CASE_OPENED, row.id, {"restricted": restricted})
    return row.id


@transaction.atomic
def change_case(actor: Actor, case_id: str, *, title: str, reference: str, restricted: bool) -> None:
    """Change what a case is called and who reads it.

    Raises:
        Forbidden, NotFound, Conflict: as for ``add_item``; only who leads it may.
        Invalid: it has no title.
    """
    row = _led(actor, case_id)
    before = {"title": row.title, "reference": row.reference, "restricted": row.restricted}
    row.title, row.reference, row.restricted = _line(title, "Give the case a title."), _line(reference), restricted
    row.save(update_fields=["title", "reference", "restricted"])
    after = {"title": row.title, "reference": row.reference, "restricted": row.restricted}
    record(actor, Tag.CASE_CHANGED, row.id, {name: after[name] for name in after if after[name] != before[name]})


@transaction.atomic
def move_case(actor: Actor, case_id: str, *, to: CaseState, reason: str) -> None:
    """Close a case, or reopen it; each with a reason.

    Raises:
        Forbidden, NotFound: as for ``add_item``; only who leads it may.
        Conflict: it stands so already.
        Invalid: no reason is given.
    """
    reason = _text(reason, "Say why.")
    row = _led(actor, case_id, closed_too=True)
    if to not in NEXT_STATES[CaseState(row.state)]:
        raise Conflict(f"Case {row.id} is {CaseState(row.state).label.lower()} already.")
    row.state = to.value
    row.closed_at, row.closed_because = (clock.now(), reason) if to is CaseState.CLOSED else (None, "")
    row.save(update_fields=["state", "closed_at", "closed_because"])
    if to is CaseState.CLOSED and actor.organisation_kind is OrganisationKind.AGENCY:
        matters.withdraw_of(actor, MatterKind.CASE, row.id)
    record(actor, Tag.CASE_CLOSED if to is CaseState.CLOSED else Tag.CASE_REOPENED, row.id, {"reason": reason})


@transaction.atomic
def set_member(actor: Actor, case_id: str, email: str, role: MemberRole) -> None:
    """Make a colleague a member, or give a member another role.

    Raises:
        Forbidden, NotFound, Conflict: as for ``add_item``; only who leads it may.
        Invalid: nobody of the organisation has that address.
        Conflict: nobody would lead it any more.
    """
    row = _led(actor, case_id)
    person = _person(actor, email)
    if person is None:
        raise Invalid(f"Nobody of your organisation has the address {email[:80]}.")
    if role is not MemberRole.LEAD:
        _check_led_by_another(row, person)
    row.members.filter(user=person, removed_at=None).update(removed_at=clock.now())
    _add(actor, row, person, role)


@transaction.atomic
def remove_member(actor: Actor, case_id: str, email: str) -> None:
    """Take a member off a case.

    Raises:
        Forbidden, NotFound, Conflict: as for ``set_member``.
    """
    row = _led(actor, case_id)
    member = row.members.filter(user__email=email.strip().lower(), removed_at=None).select_related("user").first()
    if member is None:
        raise NotFound(f"{email[:80]} is no member of case {row.id}.")
    _check_led_by_another(row, member.user)
    member.removed_at = clock.now()
    member.save(update_fields=["removed_at"])
    record(actor, Tag.CASE_MEMBER_REMOVED, row.id, {"person": member.user.email})


@transaction.atomic
def add_item(actor: Actor, case_id: str, kind: SubjectKind, reference: str, *, why: str = "") -> None:
    """Add a campaign, traceback, provider, process or package that the actor may know of.

    Raises:
        Forbidden: the actor may not write cases, or only reads this one.
        NotFound: there is no such case, or no such thing that the actor may know of.
        Conflict: the case is closed, or has it already.
        Invalid: the case is full, or the reason too long.
    """
    row = _added_to(actor, case_id)
    found = subjects.find(actor, kind, reference.strip())
    if found is None:
        raise NotFound(f"There is no {kind.label.lower()} {reference.strip()[:20]} that you may add. Check the number.")
    standing = row.items.filter(removed_at=None)
    if standing.filter(kind=kind, reference=found.reference).exists():
        raise Conflict(f"{found.name} is in case {row.id} already.")
    if standing.count() >= MOST_ITEMS:
        raise Invalid(f"A case holds {MOST_ITEMS} things at most; open another one.")
    CaseItem.objects.create(
        case=row, kind=kind.value, reference=found.reference, name=found.name[:MAX_LINE], why=_line(why),
        added_at=clock.now(), added_by=actor.label,
    )  # fmt: skip
    record(actor, Tag.CASE_ITEM_ADDED, row.id, {"kind": kind, "reference": found.reference})
    holds.reach_too(actor, row.id, kind, found.reference)


@transaction.atomic
def remove_item(actor: Actor, case_id: str, item_id: int) -> None:
    """Take something out of a case; that it was there stays on record.

    Raises:
        Forbidden, NotFound, Conflict: as for ``add_item``.
    """
    row = _added_to(actor, case_id)
    item = row.items.filter(id=item_id, removed_at=None).first()
    if item is None:
        raise NotFound(f"Case {row.id} holds no such thing.")
    item.removed_at = clock.now()
    item.save(update_fields=["removed_at"])
    record(actor, Tag.CASE_ITEM_REMOVED, row.id, {"kind": item.kind, "reference": item.reference})


@transaction.atomic
def add_note(actor: Actor, case_id: str, text: str, *, when: When | None = None) -> None:
    """Write a note; with ``when`` it stands in the timeline, as exactly as its moment is known.

    Raises:
        Forbidden, NotFound, Conflict: as for ``add_item``.
        Invalid: it says nothing or too much, or its lane is filled from the record alone.
    """
    text = _text(text, "Write something.")
    row = _added_to(actor, case_id)
    if when and when.lane not in ENTERED_BY_HAND:
        raise Invalid(f"The lane {when.lane.label} is filled from the record; choose another.")
    _check_room(row.notes.count(), MOST_NOTES, "notes")
    CaseNote.objects.create(
        case=row,
        text=text,
        at=cut(when.at, when.precision) if when else None,
        precision=(when.precision if when else Precision.EXACT).value,
        lane=(when.lane if when else Lane.NOTES).value,
        written_at=clock.now(),
        written_by=actor.label,
    )
    record(actor, Tag.CASE_NOTE_ADDED, row.id, {"at": when.at, "lane": when.lane} if when else {})


@transaction.atomic
def add_task(actor: Actor, case_id: str, text: str, *, assignee: str = "", due_on: date | None = None) -> None:
    """Enter a task, for a colleague where one is named.

    Raises:
        Forbidden, NotFound, Conflict: as for ``add_item``.
        Invalid: it says nothing, or nobody of the organisation who may see the case has the assignee's address.
    """
    row = _added_to(actor, case_id)
    person = _person(actor, assignee) if assignee.strip() else None
    if assignee.strip() and person is None:
        raise Invalid(f"Nobody of your organisation has the address {assignee[:80]}.")
    if person and row.restricted and not row.members.filter(user=person, removed_at=None).exists():
        raise Invalid(f"{person.name} is no member of this restricted case: make them one first.")
    _check_room(row.tasks.count(), MOST_TASKS, "tasks")
    task = CaseTask.objects.create(
        case=row, text=_line(text, "Say what is to be done.", longest=400), assignee=person, due_on=due_on,
        entered_at=clock.now(), entered_by=actor.label,
    )  # fmt: skip
    record(actor, Tag.CASE_TASK_ADDED, row.id, {"task": task.pk, "for": person.email if person else ""})


@transaction.atomic
def settle_task(actor: Actor, case_id: str, task_id: int, *, done: bool) -> None:
    """Say that a task is done, or that it is not after all.

    Raises:
        Forbidden, NotFound, Conflict: as for ``add_item``.
    """
    row = _added_to(actor, case_id)
    task = row.tasks.filter(id=task_id).first()
    if task is None:
        raise NotFound(f"Case {row.id} has no such task.")
    task.done_at, task.done_by = (clock.now(), actor.label) if done else (None, "")
    task.save(update_fields=["done_at", "done_by"])
    record(actor, Tag.CASE_TASK_SETTLED, row.id, {"task": task.pk, "done": done})


def keep_document(actor: Actor, case_id: str, filename: str, octets: bytes) -> str:
    """Keep a document as received and return its SHA-256. It always leaves as a download, never shown in our pages.

    Raises:
        Forbidden, NotFound, Conflict: as for ``add_item``.
        Invalid: it is empty, or the case is full.
        TooLarge: it has more than 20 MB.
    """
    if not octets:
        raise Invalid("The document is empty.")
    if len(octets) > LARGEST_DOCUMENT:
        raise TooLarge(f"A document has {LARGEST_DOCUMENT >> 20} MB at most.")
    scanning.check(actor, octets, _harmless(filename))
    with transaction.atomic():
        row = _added_to(actor, case_id)
        _check_room(row.documents.count(), MOST_DOCUMENTS, "documents")
        held = CaseDocument.objects.create(
            case=row, filename=_harmless(filename), octets=octets, size=len(octets), sha256=sha256(octets).hexdigest(),
            received_at=clock.now(), received_by=actor.label,
        )  # fmt: skip
        record(actor, Tag.CASE_DOCUMENT_KEPT, row.id, {"document": held.pk, "sha256": held.sha256, "size": held.size})
    return held.sha256


def _locked(actor: Actor, case_id: str, roles: frozenset[MemberRole], *, closed_too: bool) -> Case:
    """Return a case of the actor's, locked, in which they hold one of ``roles``."""
    actor.require(Permission.CASE_WRITE)
    queries.find(actor, case_id)
    row = Case.objects.select_for_update(no_key=True).get(id=case_id)
    if queries.role_of(actor, row) not in roles:
        needed = " or ".join(sorted(role.value for role in roles))
        raise Forbidden(f"You only read case {row.id}: this needs its {needed}. Ask who leads it.")
    if row.state == CaseState.CLOSED and not closed_too:
        raise Conflict(f"Case {row.id} is closed. Reopen it first.")
    return row


def _led(actor: Actor, case_id: str, *, closed_too: bool = False) -> Case:
    return _locked(actor, case_id, MAY_LEAD, closed_too=closed_too)


def _added_to(actor: Actor, case_id: str) -> Case:
    return _locked(actor, case_id, MAY_ADD, closed_too=False)


def _add(actor: Actor, row: Case, person: User, role: MemberRole) -> None:
    CaseMember.objects.create(case=row, user=person, role=role.value, added_at=clock.now(), added_by=actor.label)
    record(actor, Tag.CASE_MEMBER_ADDED, row.id, {"person": person.email, "role": role})


def _person(actor: Actor, email: str) -> User | None:
    return User.objects.filter(
        email=email.strip().lower(), organisation_id=actor.organisation_id, is_active=True
    ).first()


def _check_led_by_another(row: Case, person: User) -> None:
    if not row.members.filter(role=MemberRole.LEAD, removed_at=None).exclude(user=person).exists():
        if not row.members.filter(user=person, role=MemberRole.LEAD, removed_at=None).exists():
            return
        raise Conflict("Somebody must lead the case: give another member the lead first.")


def _check_room(there: int, most: int, what: str) -> None:
    if there >= most:
        raise Invalid(f"A case holds {most:,} {what} at most; open another one.")


def _line(text: str, missing: str = "", *, longest: int = MAX_LINE) -> str:
    line = " ".join(text.split())
    if missing and not line:
        raise Invalid(missing)
    if len(line) > longest or not line.isprintable():
        raise Invalid(f"Use at most {longest} plain characters on one line.")
    return line


def _text(text: str, missing: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid(missing)
    if len(text) > MAX_TEXT or "\x00" in text:
        raise Invalid(f"Use at most {MAX_TEXT:,} characters of text.")
    return text


def _harmless(filename: str) -> str:
    """Return a name without folders and control characters, never empty."""
    name = PurePath(filename.replace("\\", "/")).name
    kept: Any = "".join(char for char in unicodedata.normalize("NFC", name) if char.isprintable()).strip(" .")
    return kept[-120:] or "document"
