"""Legal holds that a process places: on service of a preservation request, or by hand for any other."""

from datetime import datetime

from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.accounts.permissions import Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Conflict
from headwater.legal.kinds import KINDS, MOST_RENEWALS, ProcessType
from headwater.legal.models import LegalProcess
from headwater.legal.queries import find, request_of
from headwater.legal.rules import ENDED, ProcessState
from headwater.retention import actions as retention
from headwater.retention.queries import HoldView
from headwater.retention.rules import Reach, Wish

KEEPER = system("legal-holds")


def hold(actor: Actor, process_id: str, *, reason: str) -> HoldView:
    """Hold what a process covers, for as long as a person wishes.

    Raises:
        Forbidden: the actor may not set holds.
        NotFound: there is no such process.
    """
    actor.require(Permission.HOLD_WRITE)
    with transaction.atomic():
        return _hold(actor, find(actor, process_id), reason=reason, now=clock.now())


@transaction.atomic
def preserve(process_id: str, *, now: datetime) -> str:
    """Place the hold of a served preservation request; return its identifier, "" where there is nothing to hold.

    For the worker, at once on service: waiting for a reviewer could lose what is to be kept. Doing it again changes
    nothing.
    """
    row = LegalProcess.objects.select_for_update(no_key=True).filter(id=process_id).first()
    if row is None or row.served_at is None or row.state in {state.value for state in ENDED}:
        return ""
    lasts = KINDS[ProcessType(row.process_type)].hold
    if lasts is None or row.hold_id or row.served_at + lasts <= now:
        return row.hold_id
    held = _hold(KEEPER, row, reason=f"Preservation request {row.id}", now=now)
    row.hold_id, row.hold_until = held.id, row.served_at + lasts
    row.save(update_fields=["hold_id", "hold_until"])
    record(KEEPER, Tag.PROCESS_HOLD_PLACED, row.id, {"hold": held.id, "until": row.hold_until})
    return held.id


def renew(row: LegalProcess) -> None:
    """Lengthen the hold of a locked preservation request by its time once more; the caller saves and audits.

    Raises:
        Conflict: it holds nothing, or was renewed as often as the law allows (18 U.S.C. 2703(f)(2)).
    """
    lasts = KINDS[ProcessType(row.process_type)].hold
    if lasts is None or not row.hold_id or row.hold_until is None or row.state in {state.value for state in ENDED}:
        raise Conflict(f"Process {row.id} keeps nothing from deletion that could be kept longer.")
    if row.hold_renewals >= MOST_RENEWALS:
        raise Conflict(f"Process {row.id} was renewed already; serve the process that opens the records.")
    row.hold_renewals += 1
    row.hold_until += lasts


@transaction.atomic
def release_ended(*, now: datetime) -> int:
    """Release the holds of processes that ended, were objected to, or whose time of preservation is over."""
    over = [state.value for state in (*ENDED, ProcessState.OBJECTED)]
    released = 0
    for row in LegalProcess.objects.select_for_update(no_key=True, skip_locked=True).exclude(hold_id=""):
        ran_out = row.hold_until is not None and row.hold_until <= now
        if row.state not in over and not ran_out:
            continue
        why = "its time is over" if ran_out else f"the process is {row.state}"
        retention.release_hold(KEEPER, row.hold_id, reason=f"Preservation request {row.id}: {why}", now=now)
        record(KEEPER, Tag.PROCESS_HOLD_RELEASED, row.id, {"hold": row.hold_id, "why": why})
        row.hold_id, row.hold_until = "", now
        row.save(update_fields=["hold_id", "hold_until"])
        released += 1
    return released


def _hold(actor: Actor, row: LegalProcess, *, reason: str, now: datetime) -> HoldView:
    asked = request_of(row)
    reach = Reach(
        process=row.id,
        campaigns=tuple(sorted(asked.subjects.campaigns)),
        tracebacks=tuple(sorted(asked.subjects.tracebacks)),
        numbers=tuple(sorted(asked.subjects.numbers)),
        start=asked.covers_from,
        end=asked.covers_to,
    )
    return retention.set_hold(actor, Wish(process=reach), reason=reason, now=now)
