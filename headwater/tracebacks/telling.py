"""Putting questions to people: mails with one-time links, webhooks, reminders, escalation. Runs in the worker.

What is due when is decided in ``tracebacks.reminders``; each step of each question is told once, whatever happens to
the worker: the row that says so and the message in the outbox are one transaction.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from headwater import clock
from headwater.accounts import webhooks
from headwater.accounts.actors import system
from headwater.accounts.webhook_kinds import EventKind
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.numbering.numbers import E164, masked, state
from headwater.outbox import actions as outbox
from headwater.providers import contacts
from headwater.providers.contacts import ContactView
from headwater.providers.models import ContactTier
from headwater.tracebacks import answer_links, letters
from headwater.tracebacks.clocks import Readings
from headwater.tracebacks.models import Hop, Telling, TellingClock
from headwater.tracebacks.reminders import AUDIENCES, Asked, Audience, Due, Step, next_at, pending, schedule
from headwater.tracebacks.states import OPEN_STATES, WAITING_STATES, HopKind, TellingWay
from headwater.tracebacks.terms import present_terms

#: An agent that polled within this time is there.
PRESENT = timedelta(minutes=2)
_ACTOR = system("teller")
_WAITING = [one.value for one in WAITING_STATES]


def due(now: datetime, *, limit: int = 500) -> list[str]:
    """Return the questions about which somebody is to be told something now, the oldest first."""
    waiting = Q(state__in=_WAITING, withdrawn_at=None, traceback__state__in=[one.value for one in OPEN_STATES])
    fresh = Hop.objects.filter(waiting, telling_clock=None)
    timed = Hop.objects.filter(telling_clock__next_at__lte=now)
    return [
        *fresh.order_by("asked_at").values_list("id", flat=True)[:limit],
        *timed.order_by("telling_clock__next_at").values_list("id", flat=True)[:limit],
    ]


def turn(*, carrier_url: str, now: datetime | None = None) -> int:
    """Tell all that is due; return how many steps were told. ``carrier_url`` is the carrier pages' address."""
    now = now or clock.now()
    return sum(len(tell(question_id, carrier_url=carrier_url, now=now)) for question_id in due(now))


def tell(question_id: str, *, carrier_url: str, now: datetime | None = None) -> tuple[Step, ...]:
    """Tell what is due about one question, once; return the steps that were told."""
    now = now or clock.now()
    with transaction.atomic():
        hop = Hop.objects.select_related("provider", "traceback__campaign").get(id=question_id)
        own, _fresh = TellingClock.objects.get_or_create(
            hop=hop, defaults={"next_at": now, "agent_present": _is_present(hop)}
        )
        own = TellingClock.objects.select_for_update(no_key=True).get(hop=hop)
        waiting = hop.state in _WAITING and hop.withdrawn_at is None and hop.traceback.state in OPEN_STATES
        if not waiting:
            TellingClock.objects.filter(hop=hop).update(next_at=None)
            return ()
        plan = _plan(hop, agent_present=own.agent_present)
        told = {Step(step) for step in hop.tellings.values_list("step", flat=True)}
        now_due, passed = pending(plan, told=told, now=now)
        for step in passed:
            Telling.objects.create(hop=hop, step=step.value, at=now, way=TellingWay.PASSED.value)
        for step in now_due:
            _send(hop, step, now, carrier_url)
        TellingClock.objects.filter(hop=hop).update(next_at=next_at(plan, now=now))
    return now_due


def _is_present(hop: Hop) -> bool:
    seen = hop.provider.agent_seen_at
    return seen is not None and hop.asked_at - seen <= PRESENT


def _plan(hop: Hop, *, agent_present: bool) -> tuple[Due, ...]:
    asked = Asked(
        asked_at=hop.asked_at,
        platform_due_at=hop.platform_due_at,
        legal_due_at=hop.legal_due_at,
        final_due_at=hop.final_due_at,
        office_zone=hop.provider.office_time_zone,
        by_agent=hop.provider.channel == "agent",
        agent_present=agent_present,
    )
    return schedule(asked, _readings())


def _readings() -> Readings:
    return present_terms().readings


def _send(hop: Hop, step: Step, now: datetime, carrier_url: str) -> None:
    audience = AUDIENCES[step]
    if audience is Audience.DESK:
        Telling.objects.create(hop=hop, step=step.value, at=now, way=TellingWay.DESK.value)
        audit.record(_ACTOR, Tag.HOP_DESK_TOLD, hop.id, {"traceback": hop.traceback_id, "step": step.value})
        return
    organisation = hop.provider.organisation_id
    endpoints = 0
    if organisation:
        endpoints = webhooks.queue_event(
            key=f"question {hop.id} {step.value}",
            organisation_id=organisation,
            kind=EventKind.QUESTION_ASKED if step is Step.ASKED else EventKind.QUESTION_REMINDED,
            data=_event(hop, step, carrier_url),
            about=hop.id,
        )
    if endpoints:
        Telling.objects.create(hop=hop, step=step.value, at=now, way=TellingWay.WEBHOOK.value, address=str(endpoints))
    people = _people(hop, audience)
    for person in people:
        _mail(hop, step, person, now, carrier_url)
    if not endpoints and not people:
        Telling.objects.create(hop=hop, step=step.value, at=now, way=TellingWay.NOBODY.value)
    detail = {
        "traceback": hop.traceback_id,
        "step": step.value,
        "mails": [person.email for person in people],
        "endpoints": endpoints,
    }
    audit.record(_ACTOR, Tag.HOP_PROVIDER_TOLD, hop.id, detail)


def _people(hop: Hop, audience: Audience) -> list[ContactView]:
    found = contacts.of_provider(hop.provider_id)
    if audience is Audience.FIRST:
        found = tuple(one for one in found if one.tier is ContactTier.FIRST)
    return list({one.email: one for one in found}.values())


def _mail(hop: Hop, step: Step, person: ContactView, now: datetime, carrier_url: str) -> None:
    token = answer_links.make(hop, person.email, now=now)
    link = f"{carrier_url}/link/{token}/"
    letter = letters.question(_facts(hop, step), name=person.name, link=link)
    message = outbox.queue_mail(
        key=f"question {hop.id} {step.value} {person.id or person.email}"[:200],
        to=person.email,
        subject=letter.subject,
        text=letter.text,
        about=hop.id,
        organisation_id=hop.provider.organisation_id or "",
        secret_part=link,
    )
    Telling.objects.create(
        hop=hop, step=step.value, at=now, way=TellingWay.MAIL.value, address=person.email, message_id=message
    )


def _facts(hop: Hop, step: Step) -> letters.Facts:
    asked = hop.question
    downstream = asked.get("downstream") or {}
    return letters.Facts(
        step=step,
        kind=HopKind(hop.kind),
        question_id=hop.id,
        traceback_id=hop.traceback_id,
        provider=hop.provider.name,
        calling=E164(asked["calling"]),
        called_masked=masked(E164(asked["called"])),
        called_state=state(E164(asked["called"])),
        call_at=datetime.fromisoformat(asked["call_at"]),
        window_s=asked["window_s"],
        downstream=downstream.get("name") or downstream.get("spc", ""),
        campaign=asked.get("campaign", ""),
        legal_due_at=hop.legal_due_at,
        platform_due_at=hop.platform_due_at,
        final_due_at=hop.final_due_at,
        office=ZoneInfo(hop.provider.office_time_zone),
    )


def _event(hop: Hop, step: Step, carrier_url: str) -> dict[str, object]:
    """Return what a webhook says: no called number, which is fetched from the carrier API or read in the pages."""
    asked = hop.question
    return {
        "question_id": hop.id,
        "traceback_id": hop.traceback_id,
        "step": step.value,
        "hop": hop.index,
        "calling": asked["calling"],
        "called_masked": masked(E164(asked["called"])),
        "call_at": asked["call_at"],
        "campaign": asked.get("campaign", ""),
        "asked_at": asked["asked_at"],
        "legal_due_at": asked["legal_due_at"],
        "platform_due_at": asked["platform_due_at"],
        "page": f"{carrier_url}/questions/{hop.id}/",
        "api": f"{carrier_url}/api/agents/v1/questions",
    }
