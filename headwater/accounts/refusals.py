"""Refused access, kept in the audit: who tried what, where, and why not. Bounded, so that a flood fills no log."""

from typing import Final

from django.db import transaction
from prometheus_client import Counter

from headwater.accounts.actors import Actor
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.metering import Meter

#: Entries for one actor: at once, and each hour, in each process. Further ones are counted by the metric alone.
AT_ONCE: Final = 30
_kept = Meter(burst=AT_ONCE, per_minute=AT_ONCE / 60)
REFUSED = Counter("headwater_access_refused", "Requests of known people and machines that their rights do not reach")


def note(actor: Actor, *, what: str, because: str, address: str, now: float) -> bool:
    """Record that ``actor`` was refused; return whether an entry was made.

    Args:
        actor: Who is known, and may not.
        what: Method and route, such as ``POST process/<str:process_id>/decide/``.
        because: What the refusal said.
        address: Where the request came from.
        now: Seconds of a clock that only goes forward.
    """
    REFUSED.inc()
    if _kept.take(actor.label, now):
        return False
    with transaction.atomic():
        detail = {"what": what[:300], "because": because[:300], "address": address[:45]}
        record(actor, Tag.ACCOUNT_ACCESS_REFUSED, actor.label, detail)
    return True
