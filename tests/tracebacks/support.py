"""A small world for the tests of tracebacks: providers in the register, a call in the store, answers as they come."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.calls.records import CallRecord, RecordKind, SourceKind
from headwater.identifiers import record_id
from headwater.numbering.numbers import E164
from headwater.providers import actions as providers
from headwater.providers.actions import NewProvider, agent_actor
from headwater.providers.models import AnswerChannel
from headwater.providers.queries import ProviderView
from headwater.tracebacks import exchange
from headwater.wire import agents as wire
from headwater.wire.agents import AnswerCode

OPERATOR = system("operator")


def register(spc: str, name: str = "", **more: Any) -> ProviderView:
    more.setdefault("channel", AnswerChannel.AGENT)
    return providers.register(OPERATOR, NewProvider(name=name or f"{spc} Voice", spc=spc, **more))


def call(
    terminating_spc: str, *, at: datetime | None = None, event: str = "1", called: str = "15035550142"
) -> CallRecord:
    at = at or clock.now() - timedelta(minutes=1)
    return CallRecord(
        record_id=record_id("app", event),
        record_kind=RecordKind.REPORT,
        source_kind=SourceKind.APP,
        source_id="app",
        event_id=event,
        call_at=at,
        received_at=at + timedelta(seconds=20),
        calling=E164("12025550123"),
        called=E164(called),
        terminating_spc=terminating_spc,
        raw=b"{}",
        raw_sha256=b"\0" * 32,
    )


@dataclass
class Pen:
    """Writes a provider's answers."""

    provider: ProviderView
    actor: Actor = field(init=False)

    def __post_init__(self) -> None:
        self.actor = agent_actor(self.provider)

    def answer(
        self, asked: wire.Question, code: AnswerCode, upstream: ProviderView | wire.Party | None = None, **more: Any
    ) -> wire.Answer:
        party = (
            wire.Party(spc=upstream.spc, name=upstream.name, country=upstream.country)
            if isinstance(upstream, ProviderView)
            else upstream
        )
        leg = wire.Leg(
            call_at=asked.call_at,
            calling=asked.calling,
            called=asked.called,
            call_id=f"in-{self.provider.spc}@example",
            record_id=str(uuid.uuid5(uuid.NAMESPACE_URL, self.provider.spc)),
            record_sha256="ab" * 32,
        )
        if code in (AnswerCode.UPSTREAM_US, AnswerCode.UPSTREAM_FOREIGN, AnswerCode.ORIGINATED):
            more.setdefault(
                "ingress", msgspec.structs.replace(leg, record_sha256=self.provider.spc.encode().hex().ljust(64, "0"))
            )
        return wire.Answer(
            question_id=asked.question_id,
            traceback_id=asked.traceback_id,
            provider=wire.Party(spc=self.provider.spc, name=self.provider.name),
            code=code,
            upstream=party,
            answered_at=exchange.instant(clock.now()),
            agent="headwater-agent/test",
            **more,
        )


def octets(answer: wire.Answer) -> bytes:
    return msgspec.json.encode(answer)


NOON = datetime(2026, 6, 9, 16, 0, tzinfo=UTC)
"""Tuesday, June 9, 2026, noon in New York: in business hours everywhere in the contiguous United States."""


def opened(record: CallRecord, *, campaign: Any = None, now: datetime | None = None) -> str:
    """Open a traceback of a call that stands in no store, and return its identifier."""
    from django.db import transaction

    from headwater.tracebacks import actions
    from headwater.tracebacks.states import Reason

    with transaction.atomic():
        walk = actions._open(OPERATOR, record, campaign=campaign, reason=Reason.CAMPAIGN, now=now or clock.now())
    return walk.row.id


def campaign(name: str = "SSA-Suspended") -> Any:
    """Keep a confirmed campaign without calls, and return its row."""
    from headwater.campaigns.models import Campaign
    from headwater.campaigns.states import CampaignState

    now = clock.now()
    return Campaign.objects.create(
        name=name,
        state=CampaignState.CONFIRMED,
        first_call_at=now,
        last_call_at=now,
        detected_at=now,
        confirmed_at=now,
        rule_version="test",
    )
