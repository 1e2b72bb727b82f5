"""What may be done with traces forward: open one for a call-back number, take answers in, let due times pass.

Providers answer in the carrier pages, by the carrier API or by their agents (``forward_answering``); what comes by
letter or telephone a person of the desk records, by which document. Each change is one transaction with its audit.
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
from headwater.tracebacks import exchange, forward, forward_asking
from headwater.tracebacks.actions import QUESTIONS_CHANNEL
from headwater.tracebacks.forward import (
    ForwardAnswered,
    ForwardAnswerError,
    ForwardCancelled,
    ForwardError,
    ForwardEvent,
    ForwardLapsed,
    ForwardOpened,
    ForwardState,
    ForwardTrace,
    Pointer,
    Said,
)
from headwater.tracebacks.inbox import LEFT_OVER
from headwater.tracebacks.models import ForwardAnswer, ForwardTracing
from headwater.tracebacks.terms import present_terms
from headwater.tracebacks.trace import Party
from headwater.wire.forward import ForwardCode, NumberAnswer

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
    campaign_name: str
    opened_by: str
    opened_at: datetime
    closed_at: datetime | None
    trace: ForwardTrace
    events: tuple[tuple[ForwardEvent, datetime], ...]
    """What happened, oldest first: the trace follows from it."""


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
        _ask(row, now)
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
        _ask(row, now)
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
        _ask(row, now)
        audit.record(actor, Tag.FORWARD_CANCELLED, row.id, {"reason": reason.strip()[:2_000]})


def advance(forward_id: str, *, now: datetime | None = None) -> None:
    """Take in the answers that have come; one that no longer fits is kept as refused, with its reason."""
    now = now or clock.now()
    with transaction.atomic():
        row = _locked(forward_id)
        for kept in _untaken(row):
            try:
                _take(row, _answered(kept), now)
            except (ForwardError, ForwardAnswerError) as error:
                kept.refused_because = str(error)
            kept.taken_at = now
            kept.save(update_fields=["taken_at", "refused_because"])
            detail = {"receipt": kept.id, "state": row.state, "refused": kept.refused_because}
            audit.record(_ENGINE, Tag.FORWARD_ANSWER_TAKEN, row.id, detail)
        row.save()
        _ask(row, now)


def left_over(now: datetime, *, limit: int = 200) -> list[str]:
    """Return the traces forward with answers that no job has taken yet."""
    rows = ForwardAnswer.objects.filter(taken_at=None, received_at__lte=now - LEFT_OVER)
    return sorted(set(rows.values_list("question__forward_id", flat=True)[:limit]))


def rehearse(kept: ForwardAnswer, now: datetime) -> None:
    """Let the engine take an answer on a copy: what it refuses is refused at the door, with its reason.

    Raises:
        ForwardAnswerError: the answer is impossible.
        ForwardError: the trace was called off, or no longer asks the provider.
        ProviderError: a name in it cannot be read.
    """
    trace = _trace(kept.question.forward)
    for waiting in _untaken(kept.question.forward):
        try:
            trace = forward.step(trace, _answered(waiting), now)
        except (ForwardError, ForwardAnswerError):
            continue  # ``advance`` will keep it as refused; it does not decide about this answer
    forward.step(trace, _answered(kept), now)


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
            _ask(row, now)
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
    rows = ForwardTracing.objects.select_related("campaign").order_by("-opened_at")
    if campaign_id:
        rows = rows.filter(campaign_id=campaign_id)
    return [_view(row) for row in rows[:limit]]


# -- inside


def _ask(row: ForwardTracing, now: datetime) -> None:
    """Bring the questions in line with the trace."""
    forward_asking.keep(row, _trace(row), channel=QUESTIONS_CHANNEL, now=now)


def _untaken(row: ForwardTracing) -> list[ForwardAnswer]:
    rows = ForwardAnswer.objects.select_related("question__provider").filter(question__forward=row, taken_at=None)
    return list(rows.order_by("received_at", "version"))


def _answered(kept: ForwardAnswer) -> ForwardAnswered:
    """Return an answer as the engine takes it."""
    answer = msgspec.convert(kept.payload, type=NumberAnswer)
    named = providers.by_spc(answer.names.spc.strip().upper()) if answer.names else None
    said = Said(
        code=answer.code,
        party=exchange.party(answer.names) if answer.names else None,
        respondent=exchange.respondent(named) if named else None,
        note=answer.note,
        answer_id=kept.id,
        at=kept.received_at,
    )
    return ForwardAnswered(provider_id=kept.question.provider_id, said=said)


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
    events = tuple(_event(stored) for stored in row.events)
    return ForwardView(
        id=row.id,
        campaign_id=row.campaign_id or "",
        campaign_name=row.campaign.name if row.campaign else "",
        opened_by=row.opened_by,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        trace=forward.fold(row.number, events),
        events=events,
    )
