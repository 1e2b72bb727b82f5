"""What stands under a legal hold."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.calls.keeping import Held, Span
from headwater.errors import Unavailable
from headwater.retention.models import LegalHold
from headwater.retention.rules import GROWING, HoldKind

#: How old the records of a held campaign or process may be when calls are deleted.
FRESH: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldView:
    """One hold as people read it."""

    id: str
    kind: HoldKind
    subject: str
    start: datetime | None
    end: datetime | None
    records: int
    reason: str
    set_by: str
    set_at: datetime
    released_by: str
    released_at: datetime | None


def holds(actor: Actor) -> tuple[HoldView, ...]:
    """Return every hold, the standing ones first, the newest of each first.

    Raises:
        Forbidden: the actor may not set holds.
    """
    actor.require(Permission.HOLD_WRITE)
    with transaction.atomic():
        rows = sorted(LegalHold.objects.order_by("-set_at"), key=lambda row: row.released_at is not None)
        audit.record(actor, Tag.HOLD_LISTED, "holds", {"holds": len(rows)})
    return tuple(hold_view(row) for row in rows)


def held(*, now: datetime) -> Held:
    """Return what must not be deleted now: for the process that deletes.

    Raises:
        Unavailable: the records of a held campaign or process were not brought up to date lately; nothing may be
            deleted until the worker has.
    """
    standing = list(LegalHold.objects.filter(released_at=None))
    stale = [row.id for row in standing if row.kind in GROWING and now - row.refreshed_at > FRESH]
    if stale:
        raise Unavailable(
            f"the records of hold {stale[0]} were not brought up to date within {FRESH}: nothing is deleted. "
            "Start the worker; it does so every few minutes"
        )
    spans = tuple(
        Span(source_id=row.subject, start=row.start, end=row.end)
        for row in standing
        if row.kind == HoldKind.SOURCE and row.start and row.end
    )
    return Held(record_ids=frozenset(UUID(one) for row in standing for one in row.record_ids), spans=spans)


def hold_view(row: LegalHold) -> HoldView:
    """Return a row as people read it."""
    return HoldView(
        id=row.id,
        kind=HoldKind(row.kind),
        subject=row.subject,
        start=row.start,
        end=row.end,
        records=len(row.record_ids),
        reason=row.reason,
        set_by=row.set_by,
        set_at=row.set_at,
        released_by=row.released_by,
        released_at=row.released_at,
    )
