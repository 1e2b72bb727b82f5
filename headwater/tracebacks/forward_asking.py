"""Putting questions about call-back numbers: their rows follow the trace, agents are woken, people are written to.

The trace forward decides who is asked; here its questions are kept in line with it. Mails and webhooks run in the
worker, each step of each question once, by the steps of ``tracebacks.reminders``.
"""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from django.db import connection, transaction

from headwater import clock
from headwater.accounts import webhooks
from headwater.accounts.actors import system
from headwater.accounts.webhook_kinds import EventKind
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.outbox import actions as outbox
from headwater.providers import contacts
from headwater.providers.models import ContactTier
from headwater.tracebacks import letters
from headwater.tracebacks.clocks import before_business_time
from headwater.tracebacks.exchange import REQUESTER, instant
from headwater.tracebacks.forward import Asked, ForwardState, ForwardTrace
from headwater.tracebacks.models import ForwardQuestion, ForwardTracing
from headwater.tracebacks.reminders import AHEAD, AUDIENCES, Audience, Due, Step, next_at, pending
from headwater.tracebacks.terms import present_terms
from headwater.wire.forward import NumberQuestion

#: How long an agent that is there is given before people are written to.
FOR_THE_AGENT: Final = timedelta(minutes=10)
PRESENT: Final = timedelta(minutes=2)
_ACTOR = system("teller")


def keep(row: ForwardTracing, trace: ForwardTrace, *, channel: str, now: datetime) -> None:
    """Bring the questions of a trace in line with whom it asks now, and wake who is asked newly."""
    open_now = {one.respondent.provider_id: one for one in trace.asked if trace.state is not ForwardState.CANCELLED}
    rows = {one.provider_id: one for one in row.questions.select_related("provider")}
    for provider_id, asked in open_now.items():
        known = rows.get(provider_id)
        if known is None:
            known = ForwardQuestion(forward=row, provider_id=provider_id, asked_at=asked.asked_at, due_at=asked.due_at)
            known.tell_at = now
            known.question = msgspec.to_builtins(_question(known.id, row, asked))
            known.save(force_insert=True)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, %s)", [channel, provider_id])
        elif known.withdrawn_at is not None:
            again = msgspec.to_builtins(_question(known.id, row, asked))
            ForwardQuestion.objects.filter(id=known.id).update(
                withdrawn_at=None, tell_at=now, told=[], asked_at=asked.asked_at, due_at=asked.due_at, question=again
            )
    for provider_id, known in rows.items():
        if provider_id not in open_now and known.withdrawn_at is None:
            ForwardQuestion.objects.filter(id=known.id).update(withdrawn_at=now, tell_at=None)


def _question(question_id: str, row: ForwardTracing, asked: Asked) -> NumberQuestion:
    return NumberQuestion(
        question_id=question_id,
        forward_id=row.id,
        number=row.number,
        sources=list(asked.sources),
        campaign=row.campaign.name if row.campaign else "",
        reason="campaign" if row.campaign else "request",
        requester=REQUESTER,
        asked_at=instant(asked.asked_at),
        legal_due_at=instant(asked.due_at),
    )


# -- telling people


def tell_due(*, carrier_url: str, now: datetime | None = None, limit: int = 500) -> int:
    """Tell all that is due about numbers; return how many steps were told."""
    now = now or clock.now()
    ids = list(
        ForwardQuestion.objects.filter(tell_at__lte=now).order_by("tell_at").values_list("id", flat=True)[:limit]
    )
    return sum(len(_tell(question_id, carrier_url, now)) for question_id in ids)


def _tell(question_id: str, carrier_url: str, now: datetime) -> tuple[Step, ...]:
    with transaction.atomic():
        row = ForwardQuestion.objects.select_for_update(no_key=True).get(id=question_id)
        open_still = row.withdrawn_at is None and not row.answers.exists() and row.forward.closed_at is None
        plan = _plan(row) if open_still else ()
        steps, passed = pending(plan, told={Step(one) for one in row.told}, now=now)
        for step in steps:
            _send(row, step, carrier_url)
        row.told = [*row.told, *(one.value for one in (*passed, *steps))]
        row.tell_at = next_at(plan, now=now)
        row.save(update_fields=["told", "tell_at"])
    return steps


def _plan(row: ForwardQuestion) -> tuple[Due, ...]:
    """Return the steps of one question: people are asked at once where no agent is there to answer."""
    provider = row.provider
    seen = provider.agent_seen_at
    agent = provider.channel == "agent" and seen is not None and row.asked_at - seen <= PRESENT
    zone, readings = provider.office_time_zone, present_terms().readings
    plan = [
        Due(step=Step.ASKED, at=min(row.asked_at + FOR_THE_AGENT, row.due_at) if agent else row.asked_at),
        Due(step=Step.BEFORE_DUE, at=before_business_time(row.due_at, zone, AHEAD, readings)),
    ]
    return tuple(sorted(plan, key=lambda one: one.at))


def _send(row: ForwardQuestion, step: Step, carrier_url: str) -> None:
    provider, page = row.provider, f"{carrier_url}/numbers/{row.id}/"
    endpoints = 0
    if provider.organisation_id:
        endpoints = webhooks.queue_event(
            key=f"number {row.id} {step.value}",
            organisation_id=provider.organisation_id,
            kind=EventKind.QUESTION_ASKED if step is Step.ASKED else EventKind.QUESTION_REMINDED,
            data={**row.question, "step": step.value, "page": page},
            about=row.id,
        )
    people = contacts.of_provider(provider.id)
    if AUDIENCES[step] is Audience.FIRST:
        people = tuple(one for one in people if one.tier is ContactTier.FIRST)
    letter = letters.number_question(
        step=step,
        provider=provider.name,
        asked=msgspec.convert(row.question, type=NumberQuestion),
        due_at=row.due_at,
        office=ZoneInfo(provider.office_time_zone),
        page=page,
    )
    for one in {one.email: one for one in people}.values():
        outbox.queue_mail(
            key=f"number {row.id} {step.value} {one.id or one.email}"[:200],
            to=one.email,
            subject=letter.subject,
            text=letter.text,
            about=row.id,
            organisation_id=provider.organisation_id or "",
        )
    detail = {"forward": row.forward_id, "step": step.value, "mails": len(people), "endpoints": endpoints}
    audit.record(_ACTOR, Tag.FORWARD_PROVIDER_TOLD, row.id, detail)
