"""Traced calls as they come: real questions, real answers, through the real doors, at chosen times."""

from datetime import datetime, timedelta
from itertools import count

import msgspec

from headwater.accounts.actors import system
from headwater.campaigns.models import Campaign
from headwater.providers.queries import ProviderView
from headwater.tracebacks import actions, answering
from headwater.tracebacks.answering import Submission
from headwater.tracebacks.models import Hop, Traceback
from headwater.wire import agents as wire
from headwater.wire.agents import AnswerCode
from tests.tracebacks.support import NOON, Pen, call, octets, opened, register

OPERATOR = system("operator")
_events = count(1)
#: Before everything that is told here.
BEGIN = NOON


def campaign(name: str, at: datetime = BEGIN) -> Campaign:
    """A confirmed campaign."""
    return Campaign.objects.create(
        name=name, state="active", first_call_at=at, last_call_at=at, detected_at=at, confirmed_at=at, calls=1_000,
        rule_version="test",
    )  # fmt: skip


def answer(
    traceback_id: str,
    provider: ProviderView,
    code: AnswerCode,
    upstream: object = None,
    *,
    at: datetime,
    **more: object,
) -> None:
    """Let a provider's agent answer its newest question, signed or not does not matter here."""
    hop = (
        Hop.objects.filter(traceback_id=traceback_id, provider_id=provider.id).order_by("-asked_at", "-attempt").first()
    )
    assert hop is not None
    asked = msgspec.convert(hop.question, type=wire.Question)
    pen = Pen(provider)
    said = pen.answer(asked, code, upstream, **more)  # type: ignore[arg-type]
    said = msgspec.structs.replace(said, answered_at=at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    if said.ingress:
        leg = msgspec.structs.replace(said.ingress, record_sha256=f"{next(_events):064x}")
        said = msgspec.structs.replace(said, ingress=leg)
    answering.record_answer(pen.actor, Submission(octets=octets(said), answer=said, key_id="test-key"), now=at)
    actions.advance(traceback_id, now=at)


def traced(
    path: list[ProviderView],
    *,
    of: Campaign | None = None,
    at: datetime = BEGIN,
    end: AnswerCode | None = AnswerCode.ORIGINATED,
    foreign: str = "ACME",
    each: timedelta = timedelta(seconds=5),
) -> str:
    """Trace one call along ``path``, the terminating provider first; the last one answers ``end``, or is silent."""
    record = call(path[0].spc, at=at - timedelta(minutes=5), event=str(next(_events)))
    traceback_id = opened(record, campaign=of, now=at)
    for place, provider in enumerate(path):
        at += each
        last = place == len(path) - 1
        if last and end is None:
            break
        if last and end is AnswerCode.UPSTREAM_FOREIGN:
            answer(traceback_id, provider, end, wire.Party(spc="", name=foreign, country="GB"), at=at)
        elif last:
            assert end is not None
            note = {"note": "our counsel advises so"} if end is AnswerCode.DECLINED else {}
            answer(traceback_id, provider, end, at=at, **note)
        else:
            answer(traceback_id, provider, AnswerCode.UPSTREAM_US, path[place + 1], at=at)
    return traceback_id


def lapse(traceback_id: str) -> datetime:
    """Let every clock of a traceback run out; return the moment after."""
    at = Traceback.objects.get(id=traceback_id).opened_at
    for _ in range(12):
        due = Hop.objects.filter(traceback_id=traceback_id, next_deadline_at__isnull=False).order_by("next_deadline_at")
        first = due.first()
        if first is None or first.next_deadline_at is None:
            break
        at = first.next_deadline_at + timedelta(seconds=5)
        actions.advance(traceback_id, now=at)
    return at


def three(country: str = "US") -> list[ProviderView]:
    """Three providers: terminating, transit, origin."""
    return [register("111A", "Alder Voice"), register("222B", "Birch Transit"), register("333C", "Cedar Tel")]
