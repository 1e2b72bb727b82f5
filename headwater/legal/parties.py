"""Who a process is open to, and more time for either side: asked for by one, granted or refused by the other."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Conflict, NotFound
from headwater.legal import holds, letters, queries, rules
from headwater.legal.models import LegalProcess, ProcessExtension, ProcessPerson
from headwater.legal.notices import Event
from headwater.legal.queries import ProcessView
from headwater.legal.rules import ENDED, BadRequest, ProcessState
from headwater.legal.steps import keep_letter, locked, tell

#: People that one process may be open to.
MOST_PEOPLE: Final = 20


class Time(StrEnum):
    """What can be extended."""

    RETURN_DATE = "return_date"
    """The consortium asks for it, the agency grants it."""
    ACCESS = "access"
    """The agency asks for it, the consortium grants it."""
    PRESERVATION = "preservation"
    """The agency asks for it, the consortium grants it: ninety days more, once."""


TIME_WORDS: Final[dict[Time, str]] = {
    Time.RETURN_DATE: "Return date",
    Time.ACCESS: "Access",
    Time.PRESERVATION: "Preservation",
}


@transaction.atomic
def name_person(actor: Actor, process_id: str, *, email: str) -> ProcessView:
    """Open a process to a colleague of the same agency.

    Raises:
        Forbidden: the actor may not submit process.
        NotFound: the actor's agency has no such process, or no such person with an account.
        Conflict: it has ended, or names as many as it may.
    """
    actor.require(Permission.PROCESS_SUBMIT)
    row, now = locked(actor, process_id), clock.now()
    _still_going(row)
    person = User.objects.filter(email=email.strip().lower(), organisation_id=row.agency_id, is_active=True).first()
    if person is None:
        raise NotFound(f"Your agency has nobody with an account under {email[:200]}. Invite them first.")
    if not row.people.filter(user=person, removed_at__isnull=True).exists():
        if row.people.filter(removed_at__isnull=True).count() >= MOST_PEOPLE:
            raise Conflict(f"Process {row.id} names {MOST_PEOPLE} people already; take one off first.")
        ProcessPerson.objects.create(process=row, user=person, added_at=now, added_by=actor.label)
        record(actor, Tag.PROCESS_PERSON_NAMED, row.id, {"person": person.email})
        tell(row, Event.NAMED, now, only=person.email)
    return queries.view(row)


@transaction.atomic
def remove_person(actor: Actor, process_id: str, *, email: str) -> ProcessView:
    """Close a process to one of its people: from this moment on it opens nothing to them.

    Raises:
        Forbidden: the actor may not submit process.
        NotFound: the process does not name them.
        Conflict: they are the last: a process that nobody can look into is withdrawn instead.
    """
    actor.require(Permission.PROCESS_SUBMIT)
    row, now = locked(actor, process_id), clock.now()
    named = row.people.filter(removed_at__isnull=True)
    found = named.filter(user__email=email.strip().lower()).first()
    if found is None:
        raise NotFound(f"Process {row.id} does not name {email[:200]}.")
    if named.count() == 1:
        raise Conflict(
            f"{email[:200]} is the only person named on process {row.id}. Name another first, or withdraw it."
        )
    found.removed_at, found.removed_by = now, actor.label
    found.save(update_fields=["removed_at", "removed_by"])
    record(actor, Tag.PROCESS_PERSON_REMOVED, row.id, {"person": email.strip().lower()})
    return queries.view(row)


@transaction.atomic
def ask_extension(actor: Actor, process_id: str, *, what: Time, until: datetime, reason: str) -> ProcessView:
    """Ask the other side for more time: the consortium for its return date, the agency for access or preservation.

    ``until`` is an aware instant; of a preservation it is not asked for, for the law sets its length.

    Raises:
        Forbidden: the actor may neither submit nor review process, or what is asked for is not theirs to ask.
        BadRequest: no reason, or a time that is none.
        Conflict: the process has ended, or the same is asked for already.
    """
    agency = _side(actor, what, asks=True)
    reason = rules.check_reason(reason)
    row, now = locked(actor, process_id), clock.now()
    _still_going(row)
    if row.extensions.filter(what=what.value, granted__isnull=True).exists():
        raise Conflict(f"An extension of the {TIME_WORDS[what].lower()} of process {row.id} waits for its answer.")
    until = _until(row, what, until, now)
    asked = ProcessExtension.objects.create(
        process=row,
        what=what.value,
        until=until,
        asked_by_agency=agency,
        reason=reason,
        asked_at=now,
        asked_by=actor.label,
    )
    record(actor, Tag.PROCESS_EXTENSION_ASKED, row.id, {"extension": asked.id, "what": what.value, "until": until})
    tell(row, Event.EXTENSION_ASKED, now)
    return queries.view(row)


@transaction.atomic
def answer_extension(actor: Actor, process_id: str, extension_id: int, *, granted: bool, answer: str) -> ProcessView:
    """Grant or refuse what the other side asked for; a letter tells it.

    Raises:
        Forbidden: the actor may neither submit nor review process, or asked for it themselves.
        NotFound: the process has no such request.
        BadRequest: no reason.
        Conflict: it is answered already, or the process has ended.
    """
    answer = rules.check_reason(answer)
    row, now = locked(actor, process_id), clock.now()
    asked = row.extensions.filter(id=extension_id).first()
    if asked is None:
        raise NotFound(f"Process {row.id} has no such request for time.")
    what = Time(asked.what)
    _side(actor, what, asks=False)
    _still_going(row)
    if asked.granted is not None:
        raise Conflict(f"The request for time of process {row.id} is answered already.")
    if granted and what is not Time.RETURN_DATE:
        _lengthen(row, what, asked.until)
        row.save()
    asked.granted, asked.answer, asked.answered_at, asked.answered_by = granted, answer, now, actor.label
    asked.save()
    told = letters.extension(
        queries.view(row), what=TIME_WORDS[what], until=asked.until, granted=granted, answer=answer, by=actor.label
    )
    detail = {"extension": asked.id, "granted": granted, "letter": keep_letter(row, told, now)}
    record(actor, Tag.PROCESS_EXTENSION_ANSWERED, row.id, detail)
    tell(row, Event.EXTENSION_ANSWERED, now)
    return queries.view(row)


def _side(actor: Actor, what: Time, *, asks: bool) -> bool:
    """Return whether the agency acts, or refuse who may not ask for, or answer, such a request."""
    agency = actor.organisation_kind is OrganisationKind.AGENCY
    actor.require(Permission.PROCESS_SUBMIT if agency else Permission.PROCESS_REVIEW)
    if agency is not ((what is not Time.RETURN_DATE) is asks):
        theirs = "the consortium" if agency else "the agency"
        raise Conflict(
            f"An extension of the {TIME_WORDS[what].lower()} is {theirs}'s to {'ask for' if asks else 'answer'}."
        )
    return agency


def _until(row: LegalProcess, what: Time, until: datetime, now: datetime) -> datetime:
    if what is Time.PRESERVATION:
        renewed = LegalProcess(**{name: getattr(row, name) for name in _HOLD})
        holds.renew(renewed)
        return renewed.hold_until or until
    ends = row.access_until if what is Time.ACCESS else None
    if what is Time.ACCESS and (ends is None or not queries.scope_of(row).stands(now)):
        raise Conflict(f"Process {row.id} opens nothing whose time could be extended.")
    due = queries.due_of(row)
    if what is Time.RETURN_DATE and until.date() <= due:
        raise BadRequest({"until": f"Ask for a day after the return date, {due.isoformat()}"})
    if ends is not None and until <= ends:
        raise BadRequest({"until": f"Ask for a day after access ends, {ends:%Y-%m-%d}"})
    if not now < until <= now + timedelta(days=366):
        raise BadRequest({"until": "Ask for a day within a year"})
    return until


_HOLD = ("id", "process_type", "state", "hold_id", "hold_until", "hold_renewals")


def _lengthen(row: LegalProcess, what: Time, until: datetime) -> None:
    if what is Time.PRESERVATION:
        holds.renew(row)
    else:
        row.access_until = until


def _still_going(row: LegalProcess) -> None:
    if ProcessState(row.state) in ENDED:
        raise Conflict(f"Process {row.id} has ended; serve another.")
