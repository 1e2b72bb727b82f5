"""What a traceback's page shows beside its path: each answer's raw evidence, who was told what, what comes next.

The called number is masked wherever an answer repeats it; the octets themselves go into packages alone.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from headwater.accounts.actors import Actor
from headwater.numbering.numbers import E164, masked
from headwater.outbox import queries as outbox
from headwater.tracebacks.models import Answer, RefusedAnswer, Telling
from headwater.tracebacks.queries import TracebackNotFound, visible_to
from headwater.tracebacks.reminders import Step
from headwater.tracebacks.states import TellingWay
from headwater.tracebacks.views import TracebackView

#: Answers and refusals that one page shows.
MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAnswer:
    """One version of one answer, or one that was refused, as it came but for the called number."""

    receipt_id: str
    """"" of a refused one."""
    question_id: str
    provider: str
    version: int
    code: str
    received_at: datetime
    by: str
    key_id: str
    sha256: str
    text: str
    """The answer's JSON, called numbers masked; of a refused one the reason."""
    refused: bool = False
    deposit: str = ""
    """The deposit that it rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingView:
    """One message about a question."""

    at: datetime
    question_id: str
    provider: str
    step: Step
    way: TellingWay
    address: str
    state: str
    """Where the mail stands: waiting, delivered, failed; "" of what is no mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What happens at a moment if nobody answers."""

    at: datetime
    text: str


def answers(actor: Actor, traceback_id: str) -> list[ShownAnswer]:
    """Return every version of every answer with its evidence, refused ones too, oldest first.

    Raises:
        TracebackNotFound: there is none that the actor may see.
    """
    _check(actor, traceback_id)
    taken = Answer.objects.filter(hop__traceback_id=traceback_id).select_related("hop__provider").defer("octets")
    refused = RefusedAnswer.objects.filter(hop__traceback_id=traceback_id).select_related("provider").defer("octets")
    found = [
        ShownAnswer(
            receipt_id=row.id,
            question_id=row.hop_id,
            provider=row.hop.provider.name,
            version=row.version,
            code=row.code,
            received_at=row.received_at,
            by=row.answered_by,
            key_id=row.key_id,
            deposit=row.deposit,
            sha256=row.octets_sha256,
            text=msgspec.json.format(msgspec.json.encode(_masked(row.payload)), indent=2).decode(),
        )
        for row in taken[:MOST]
    ]
    found += [
        ShownAnswer(
            receipt_id="",
            question_id=row.hop_id or "",
            provider=row.provider.name,
            version=0,
            code="",
            received_at=row.received_at,
            by=row.sent_by,
            key_id=row.key_id,
            sha256=row.octets_sha256,
            text=row.reason,
            refused=True,
        )
        for row in refused[:MOST]
    ]
    return sorted(found, key=lambda one: (one.received_at, one.version))


def _masked(value: Any) -> Any:
    """Return a JSON value with every called number masked."""
    if isinstance(value, dict):
        return {name: masked(E164(str(one))) if name == "called" else _masked(one) for name, one in value.items()}
    return [_masked(one) for one in value] if isinstance(value, list) else value


def tellings(actor: Actor, traceback_id: str) -> list[TellingView]:
    """Return who was told what about the questions of a traceback, oldest first.

    Raises:
        TracebackNotFound: there is none that the actor may see.
    """
    _check(actor, traceback_id)
    rows = Telling.objects.filter(hop__traceback_id=traceback_id).select_related("hop__provider").order_by("at", "id")
    sent: dict[str, str] = {}
    for question_id in {row.hop_id for row in rows}:
        sent |= {one.id: one.state.value for one in outbox.about(question_id)}
    return [
        TellingView(
            at=row.at,
            question_id=row.hop_id,
            provider=row.hop.provider.name,
            step=Step(row.step),
            way=TellingWay(row.way),
            address=row.address,
            state=sent.get(row.message_id, ""),
        )
        for row in rows
    ]


def next_steps(view: TracebackView, now: datetime) -> list[NextStep]:
    """Return what happens next, as long as the provider that is waited for does not answer. Pure."""
    hop = view.waiting
    if hop is None or not view.is_open:
        return []
    who = hop.provider.name
    steps = [
        NextStep(
            at=hop.platform_due_at,
            text=f"The platform's target passes: {who} is reminded; others are asked whether they handed it the call.",
        ),
        NextStep(
            at=hop.legal_due_at, text=f"The legal due time passes: {who} is late, its escalation contacts are told."
        ),
        NextStep(at=hop.final_due_at, text=f"{who} counts as non-responsive, and the walk ends or goes round it."),
    ]
    return [one for one in steps if one.at > now]


def _check(actor: Actor, traceback_id: str) -> None:
    if not visible_to(actor).filter(id=traceback_id).exists():
        raise TracebackNotFound(f"There is no traceback {traceback_id[:32]}.")
