"""Legal holds on the calls of a case: put on as one, grown with the case, released as one."""

from datetime import UTC, datetime

from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.cases import queries
from headwater.cases.states import SubjectKind
from headwater.errors import Invalid
from headwater.retention import actions as retention
from headwater.retention.models import LegalHold
from headwater.retention.queries import HoldView
from headwater.retention.rules import HoldKind, Reach, Wish

#: A case holds calls of any time: no call is older.
_EVER = datetime(2000, 1, 1, tzinfo=UTC)
#: Sets what follows of a person's hold, where somebody without that right adds to the case.
KEEPER = system("case-holds")


@transaction.atomic
def hold(actor: Actor, case_id: str, *, reason: str) -> HoldView:
    """Hold the calls of a case's campaigns and tracebacks, those to come too.

    Raises:
        Forbidden: the actor may not set holds.
        NotFound: there is no such case that the actor may see.
        Invalid: the case has neither campaign nor traceback, or no reason is given.
    """
    actor.require(Permission.HOLD_WRITE)
    row = queries.find(actor, case_id)
    campaigns = queries.references(row.id, SubjectKind.CAMPAIGN)
    tracebacks = queries.references(row.id, SubjectKind.TRACEBACK)
    if not campaigns and not tracebacks:
        raise Invalid(f"Case {row.id} has no campaign and no traceback yet: there are no calls to hold.")
    return _set(actor, row.id, campaigns, tracebacks, reason)


def standing(case_id: str) -> tuple[str, ...]:
    """Return the standing holds of a case. For Headwater itself."""
    rows = LegalHold.objects.filter(kind=HoldKind.CASE, subject=case_id, released_at=None).order_by("set_at", "id")
    return tuple(rows.values_list("id", flat=True))


def reach_too(actor: Actor, case_id: str, kind: SubjectKind, reference: str) -> None:
    """Hold what was added to a case that is held, in the present transaction; nothing where it is not held.

    The consortium's cases alone are held: an agency asks for preservation, which is a legal process.
    """
    if actor.organisation_kind is not OrganisationKind.CONSORTIUM:
        return
    if kind not in (SubjectKind.CAMPAIGN, SubjectKind.TRACEBACK) or not standing(case_id):
        return
    campaigns = (reference,) if kind is SubjectKind.CAMPAIGN else ()
    tracebacks = (reference,) if kind is SubjectKind.TRACEBACK else ()
    _set(KEEPER, case_id, campaigns, tracebacks, f"Added to case {case_id}, which is held")


def _set(actor: Actor, case_id: str, campaigns: tuple[str, ...], tracebacks: tuple[str, ...], reason: str) -> HoldView:
    reach = Reach(process=case_id, campaigns=campaigns, tracebacks=tracebacks, start=_EVER)
    return retention.set_hold(actor, Wish(case=reach), reason=reason, now=clock.now())
