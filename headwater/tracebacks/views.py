"""What a door sees of tracebacks: frozen values, the called number only masked. No query, no decision."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from headwater.signers.values import Flag as SignerFlag
from headwater.tracebacks.lies import Contradiction
from headwater.tracebacks.states import OPEN_STATES, Grade, HopKind, HopRole, HopState, TracebackState


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRef:
    """A provider as a hop names it. ``id`` is "" where it is in no register."""

    id: str
    name: str
    spc: str
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HopView:
    """One question and what came of it."""

    question_id: str
    index: int
    kind: HopKind
    attempt: int
    provider: ProviderRef
    by_agent: bool
    role: HopRole
    state: HopState
    asked_at: datetime
    viewed_at: datetime | None
    answered_at: datetime | None
    legal_due_at: datetime
    platform_due_at: datetime
    final_due_at: datetime
    next_deadline_at: datetime | None
    answer_code: str
    upstream: ProviderRef | None
    basis: tuple[str, ...]
    score_millinats: int
    candidates: int
    note: str
    answered_by: str
    key_id: str
    """Key that signed the answer in force; "" where a person gave it."""
    deposit: str
    """The deposit that the answer in force rests on; "" where the provider answered."""
    answer_sha256: str
    versions: int
    withdrawn_at: datetime | None

    @property
    def took(self) -> timedelta | None:
        """From question to first answer."""
        return self.answered_at - self.asked_at if self.answered_at else None

    @property
    def live(self) -> bool:
        """Tell whether the question still stands."""
        return self.withdrawn_at is None

    @property
    def by_person(self) -> bool:
        """Tell whether a person gave the answer in force."""
        return bool(self.answer_code) and not self.key_id and not self.deposit


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """One event of a traceback in words."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagView:
    """One fact about a provider's conduct."""

    at: datetime
    kind: str
    label: str
    provider: str
    question_id: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TracebackRow:
    """One traceback in a list."""

    id: str
    campaign_id: str
    campaign_name: str
    state: TracebackState
    grade: Grade
    calling: str
    called_masked: str
    called_state: str
    call_at: datetime
    opened_at: datetime
    closed_at: datetime | None
    hops: int
    waiting_for: str
    """Name of the provider whose answer is waited for, or ""."""
    next_deadline_at: datetime | None
    legal_due_at: datetime | None
    overdue: bool
    origin_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedView:
    """The verified signer of the traced call: an attested hop, to be confirmed by the walk."""

    spc: str
    name: str
    attest: str
    valid: bool
    met: bool
    """Whether the signer stands on the path."""
    anomalies: tuple[SignerFlag, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TracebackView:
    """One traceback in full."""

    id: str
    campaign_id: str
    campaign_name: str
    record_id: uuid.UUID
    calling: str
    called_masked: str
    called_state: str
    call_at: datetime
    state: TracebackState
    grade: Grade
    outcome: str
    origin: ProviderRef | None
    opened_by: str
    opened_at: datetime
    closed_at: datetime | None
    engine_version: str
    hops: tuple[HopView, ...]
    """Every question in the order in which it was asked; ``path`` holds those that stand."""
    events: tuple[EventView, ...]
    flags: tuple[FlagView, ...]
    refused: int
    """How many answers were refused."""
    path_ids: tuple[str, ...]
    branches: tuple[HopView, ...]
    """Providers that say beside the path that they carried the call."""
    contradictions: tuple[Contradiction, ...]
    """What of it cannot all be true, with both sides."""
    signature: SignedView | None
    """Who signed the call, held against the walk; None where it came unsigned or with a token that does not verify."""

    @property
    def is_open(self) -> bool:
        """Tell whether somebody still has to answer."""
        return self.state in OPEN_STATES

    @property
    def path(self) -> tuple[HopView, ...]:
        """The questions that stand, from the terminating provider upstream."""
        known = {hop.question_id: hop for hop in self.hops}
        return tuple(known[question_id] for question_id in self.path_ids)

    @property
    def took(self) -> timedelta | None:
        """From opening to the end."""
        return self.closed_at - self.opened_at if self.closed_at else None

    @property
    def waiting(self) -> HopView | None:
        """The hop whose answer is waited for: of the path, else a check or a bridge."""
        asked = (*reversed(self.path), *(hop for hop in self.hops if hop.live and hop.kind is not HopKind.ATTESTED))
        return next((hop for hop in asked if hop.next_deadline_at is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerView:
    """One version of one answer with its octets, for evidence."""

    receipt_id: str
    question_id: str
    version: int
    code: str
    payload: Mapping[str, Any]
    octets: bytes
    octets_sha256: str
    key_id: str
    answered_by: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeCount:
    """How many tracebacks of a campaign stand at one outcome: what an alert may say, without any path."""

    state: TracebackState
    grade: Grade
    origin_name: str
    tracebacks: int
