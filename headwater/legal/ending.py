"""How a process ends: certified and closed by the consortium, withdrawn by the agency, run out by the clock.

With its end everything that it had opened is closed: access is decided at each look by the state that stands here.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.accounts.permissions import Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.legal import holds, letters, queries, rules
from headwater.legal.models import LegalProcess
from headwater.legal.notices import Event
from headwater.legal.queries import ProcessView
from headwater.legal.rules import ACCEPTED, IN_REVIEW, ProcessState, Step
from headwater.legal.steps import keep_letter, locked, move, tell

CLOCK: Final = system("legal-clock")
#: How long before its end an agency is told that access, or a preservation, runs out.
WARNED: Final = timedelta(days=7)
#: Business days before a return date on which the reviewers are told.
RETURN_NEAR: Final = 2


@transaction.atomic
def withdraw(actor: Actor, process_id: str, *, reason: str) -> ProcessView:
    """Take a process back, also after its acceptance: what it opened is closed at once. What was served stays.

    Raises:
        Forbidden: the actor may not submit process.
        BadRequest: no reason.
        WrongStep: it has ended already.
    """
    actor.require(Permission.PROCESS_SUBMIT)
    return _end(actor, process_id, Step.WITHDRAW, reason, Event.WITHDRAWN)


@transaction.atomic
def close(actor: Actor, process_id: str, *, reason: str) -> ProcessView:
    """Close a process that is decided: produced and done with, answered no more, or its ground is gone.

    Raises:
        Forbidden: the actor may not review.
        BadRequest: no reason.
        WrongStep: it is not decided, or has ended already.
    """
    actor.require(Permission.PROCESS_REVIEW)
    return _end(actor, process_id, Step.CLOSE, reason, Event.CLOSED)


@transaction.atomic
def certify(actor: Actor, process_id: str, *, certified_by: str) -> ProcessView:
    """Note that the custodian signed the certificates of what was produced.

    Raises:
        Forbidden: the actor may not have packages sealed.
        BadRequest: nobody is named.
        WrongStep: nothing is produced.
    """
    actor.require(Permission.PACKAGE_SEAL)
    name = certified_by.strip()
    if not name or len(name) > rules.LONGEST_LINE or not name.isprintable():
        raise rules.BadRequest({"certified_by": "Enter who signed the certificates, with their title"})
    row, now = locked(actor, process_id), clock.now()
    row.certified_by = name
    move(actor, row, rules.after(ProcessState(row.state), Step.CERTIFY), now=now, reason=name)
    record(actor, Tag.PROCESS_CERTIFIED, row.id, {"certified_by": name})
    tell(row, Event.CERTIFIED, now)
    return queries.view(row)


def _end(actor: Actor, process_id: str, step: Step, reason: str, event: Event) -> ProcessView:
    reason = rules.check_reason(reason)
    row, now = locked(actor, process_id), clock.now()
    was_draft = row.state == ProcessState.DRAFT
    after = rules.after(ProcessState(row.state), step)
    row.ended_at, row.end_reason = now, reason
    move(actor, row, after, now=now, reason=reason)
    tag = Tag.PROCESS_CLOSED if step is Step.CLOSE else Tag.PROCESS_STATE_CHANGED
    detail: dict[str, str] = {"state": row.state}
    if not was_draft:
        detail["letter"] = keep_letter(row, letters.end(queries.view(row), by=actor.label), now)
        tell(row, event, now)
    record(actor, tag, row.id, detail)
    return queries.view(row)


def run_clock(*, now: datetime) -> dict[str, int]:
    """Close what ran out, release holds that are over, warn of ends that draw near. For the worker, each minute.

    Doing it again changes nothing. Returns how many of each.
    """
    ran_out = LegalProcess.objects.filter(state__in=[s.value for s in ACCEPTED], access_until__lte=now)
    closed = 0
    for process_id in list(ran_out.values_list("id", flat=True)):
        closed += _run_out(process_id, now)
    return {"closed": closed, "released": holds.release_ended(now=now), "warned": _warn(now)}


def _run_out(process_id: str, now: datetime) -> int:
    with transaction.atomic():
        row = LegalProcess.objects.select_for_update(no_key=True).get(id=process_id)
        # An extension may have been granted since it was listed.
        if row.access_until is None or row.access_until > now or ProcessState(row.state) not in ACCEPTED:
            return 0
        reason = f"Its access ended on {row.access_until:%Y-%m-%d %H:%M} UTC, as the acceptance said."
        _end(CLOCK, process_id, Step.CLOSE, reason, Event.CLOSED)
    return 1


def _warn(now: datetime) -> int:
    """Have people told of ends that draw near, once for each end: one that was extended is told of again."""
    warned = 0
    open_states = [s.value for s in ACCEPTED]
    soon = LegalProcess.objects.filter(state__in=open_states, access_until__gt=now, access_until__lte=now + WARNED)
    ending = LegalProcess.objects.exclude(hold_id="").filter(hold_until__gt=now, hold_until__lte=now + WARNED)
    waiting = LegalProcess.objects.filter(state__in=[s.value for s in IN_REVIEW])
    near = [
        row
        for row in waiting
        if row.served_at and rules.business_days_left(queries.due_of(row), now.date()) <= RETURN_NEAR
    ]
    for rows, event, moment in (
        (list(soon), Event.ACCESS_ENDS_SOON, "access_until"),
        (list(ending), Event.HOLD_ENDS_SOON, "hold_until"),
        (near, Event.RETURN_DATE_NEAR, "served_at"),
    ):
        for row in rows:
            if f"{event.value} {getattr(row, moment).isoformat()}" not in row.warned:
                warned += _warn_once(row.id, event, getattr(row, moment))
    return warned


def _warn_once(process_id: str, event: Event, moment: datetime) -> int:
    with transaction.atomic():
        row = LegalProcess.objects.select_for_update(no_key=True).get(id=process_id)
        said = f"{event.value} {moment.isoformat()}"
        if said in row.warned:
            return 0
        row.warned = [*row.warned, said]
        row.save(update_fields=["warned"])
        tell(row, event, moment)
    return 1
