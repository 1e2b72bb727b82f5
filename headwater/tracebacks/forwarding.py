"""What may be done with traces forward: open one for a call-back number, record an answer, let due times pass.

Providers answer outside (letter, mail, telephone to the desk): a person of the desk records what was said, by which
document. Each change is one transaction with its audit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.campaigns.models import Campaign
from headwater.errors import Invalid, NotFound
from headwater.numbering.numbers import E164, UNKNOWN, canonical, masked
from headwater.providers import queries as providers
from headwater.providers.registries import queries as registries
from headwater.providers.registries.entries import Registry
from headwater.tracebacks import exchange, forward
from headwater.tracebacks.forward import (
    ForwardAnswered,
    ForwardCancelled,
    ForwardCode,
    ForwardEvent,
    ForwardLapsed,
    ForwardOpened,
    ForwardState,
    ForwardTrace,
    Pointer,
    Said,
)
from headwater.tracebacks.models import ForwardTracing
from headwater.tracebacks.terms import present_terms
from headwater.tracebacks.trace import Party

_ENGINE = system("traceback-engine")
_KINDS: dict[str, type[ForwardEvent]] = {
    kind.__name__.lower(): kind for kind in (ForwardOpened, ForwardAnswered, ForwardLapsed, ForwardCancelled)
}


class ForwardNotFound(NotFound):
    """There is no such trace forward."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardView:
    """One trace forward as it stands."""

    id: str
    campaign_id: str
    opened_by: str
    opened_at: datetime
    closed_at: datetime | None
    trace: ForwardTrace


def open_forward(
    actor: Actor,
    number: str,
    *,
    campaign_id: str = "",
    pointers: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> str:
    """Begin to trace a call-back number forward and return the identifier.

    The holder of the number's block is asked by itself, where the registry of blocks is loaded.

    Args:
        actor: Who wants it.
        number: The number that calls ask to be called back on.
        campaign_id: Campaign whose calls say it; "" for none.
        pointers: Further providers by Service Provider Code, each with what points at it in words ("responsible
            organisation of the toll-free number", "route of our test call").
        now: The present.

    Raises:
        Invalid: the number is none, or a code is in no register.
        NotFound: there is no such campaign.
    """
    actor.require(Permission.TRACEBACK_OPEN)
    now = now or clock.now()
    wanted = canonical(number)
    if wanted == UNKNOWN:
        raise Invalid("A trace forward begins at a telephone number; this is none.")
    found = _pointers(actor, wanted, pointers or {}, now)
    with transaction.atomic():
        campaign = Campaign.objects.filter(id=campaign_id).first() if campaign_id else None
        if campaign_id and campaign is None:
            raise NotFound(f"There is no campaign {campaign_id}.")
        row = ForwardTracing(
            campaign=campaign,
            number=wanted,
            opened_by=actor.label,
            opened_at=now,
            engine_version=forward.VERSION,
        )
        opened = ForwardOpened(number=wanted, pointers=tuple(found), by=actor.label, readings=present_terms().readings)
        _take(row, opened, now)
        row.save(force_insert=True)
        audit.record(
            actor,
            Tag.FORWARD_OPENED,
            row.id,
            {"number": masked(wanted), "campaign": campaign_id, "asked": [one.to.spc for one in found]},
        )
    return row.id


def record_forward_answer(  # noqa: PLR0913 - one argument a part of the answer, each by name
    actor: Actor,
    forward_id: str,
    *,
    spc: str,
    code: ForwardCode,
    names: Party | None = None,
    note: str = "",
    document: str = "",
    now: datetime | None = None,
) -> ForwardTrace:
    """Record what a provider said of the number, by which document. A correction is a further answer.

    Raises:
        ForwardNotFound: there is none.
        ForwardAnswerError: the answer is impossible.
        ForwardError: the provider was not asked, or the trace was called off.
    """
    actor.require(Permission.TRACEBACK_OPEN)
    now = now or clock.now()
    provider = providers.by_spc(spc)
    if provider is None:
        raise Invalid(f"{spc[:16]} is in no register of ours.")
    named = providers.by_spc(names.spc) if names else None
    said = Said(
        code=code,
        party=names,
        respondent=exchange.respondent(named) if named else None,
        note=note[:2_000],
        answer_id=document[:200],
        at=now,
    )
    with transaction.atomic():
        row = _locked(forward_id)
        trace = _take(row, ForwardAnswered(provider_id=provider.id, said=said), now)
        row.save()
        detail = {"provider": spc, "code": code.value, "document": said.answer_id, "state": trace.state.value}
        audit.record(actor, Tag.FORWARD_ANSWER_RECORDED, row.id, detail)
    return trace


def cancel_forward(actor: Actor, forward_id: str, reason: str, *, now: datetime | None = None) -> None:
    """Call a trace forward off.

    Raises:
        ForwardNotFound: there is none.
        Invalid: no reason is given.
        ForwardError: it is over.
    """
    actor.require(Permission.TRACEBACK_OPEN)
    if not reason.strip():
        raise Invalid("Say why the trace forward is called off: the reason is kept.")
    now = now or clock.now()
    with transaction.atomic():
        row = _locked(forward_id)
        _take(row, ForwardCancelled(by=actor.label, reason=reason.strip()[:2_000]), now)
        row.save()
        audit.record(actor, Tag.FORWARD_CANCELLED, row.id, {"reason": reason.strip()[:2_000]})


def pass_due(*, now: datetime | None = None, limit: int = 200) -> int:
    """Let due times that have passed take effect; return how many traces forward they changed."""
    now = now or clock.now()
    late = ForwardTracing.objects.filter(next_due_at__lte=now).order_by("next_due_at").values_list("id", flat=True)
    changed = 0
    for forward_id in list(late[:limit]):
        with transaction.atomic():
            row = _locked(forward_id)
            waiting = [one for one in _trace(row).asked if one.waiting and one.due_at <= now]
            for one in waiting:
                _take(row, ForwardLapsed(provider_id=one.respondent.provider_id), now)
                audit.record(_ENGINE, Tag.FORWARD_DUE_PASSED, row.id, {"provider": one.respondent.spc})
            row.save()
            changed += bool(waiting)
    return changed


def forward_of(actor: Actor, forward_id: str) -> ForwardView:
    """Return one trace forward; that it was read is audited.

    Raises:
        ForwardNotFound: there is none, or the actor may not see it.
    """
    with transaction.atomic():
        row = ForwardTracing.objects.filter(id=forward_id).first() if actor.may(Permission.TRACEBACK_READ) else None
        if row is None:
            raise ForwardNotFound(f"There is no trace forward {forward_id[:32]}.")
        audit.record(actor, Tag.FORWARD_VIEWED, row.id)
    return _view(row)


def forwards(actor: Actor, *, campaign_id: str = "", limit: int = 200) -> list[ForwardView]:
    """Return the traces forward, of one campaign or all, newest first."""
    if not actor.may(Permission.TRACEBACK_READ):
        return []
    rows = ForwardTracing.objects.order_by("-opened_at")
    if campaign_id:
        rows = rows.filter(campaign_id=campaign_id)
    return [_view(row) for row in rows[:limit]]


# -- inside


def _pointers(actor: Actor, number: E164, further: Mapping[str, str], now: datetime) -> list[Pointer]:
    found: list[Pointer] = []
    for entry in registries.lookup(actor, number, now).listed:
        holder = providers.by_spc(entry.ocn) if entry.registry == Registry.BLOCKS.value and entry.ocn else None
        if holder is not None:
            found.append(Pointer(to=exchange.respondent(holder), source="the number block registry"))
    for spc, source in further.items():
        provider = providers.by_spc(spc)
        if provider is None:
            raise Invalid(f"{spc[:16]} is in no register of ours: register the provider first.")
        found.append(Pointer(to=exchange.respondent(provider), source=source.strip()[:200] or "the desk"))
    return found


def _take(row: ForwardTracing, event: ForwardEvent, now: datetime) -> ForwardTrace:
    trace = forward.step(_trace(row), event, now)
    stored: dict[str, Any] = {"event": type(event).__name__.lower(), **msgspec.to_builtins(event)}
    row.events = [*row.events, {"at": now.isoformat(), **stored}]
    row.state, row.grade, row.outcome = trace.state.value, trace.grade.value, trace.outcome
    row.server_id = trace.server.provider_id if trace.server else None
    going = trace.state is ForwardState.IN_PROGRESS
    row.closed_at = None if going else row.closed_at or now
    row.next_due_at = min((one.due_at for one in trace.asked if one.waiting), default=None) if going else None
    return trace


def _trace(row: ForwardTracing) -> ForwardTrace:
    return forward.fold(row.number, [_event(stored) for stored in row.events])


def _event(stored: Mapping[str, Any]) -> tuple[ForwardEvent, datetime]:
    fields = dict(stored)
    at = datetime.fromisoformat(fields.pop("at"))
    return msgspec.convert(fields, type=_KINDS[fields.pop("event")]), at


def _locked(forward_id: str) -> ForwardTracing:
    row = ForwardTracing.objects.select_for_update(no_key=True).filter(id=forward_id).first()
    if row is None:
        raise ForwardNotFound(f"There is no trace forward {forward_id[:32]}.")
    return row


def _view(row: ForwardTracing) -> ForwardView:
    return ForwardView(
        id=row.id,
        campaign_id=row.campaign_id or "",
        opened_by=row.opened_by,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        trace=_trace(row),
    )
