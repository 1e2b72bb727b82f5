"""Answers from deposits: a question about one call opens that call's records and no other. Runs in the worker.

The door that takes deposits has no key to them. Here the approver's key meets the called number and time of a question;
what they open is compared as an agent compares its own records, and becomes an answer that says what it rests on.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.conf import settings

from headwater.accounts.actors import system
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.calls import blind, matching
from headwater.calls import deposits as sealed
from headwater.calls.deposits import BadDeposit, Row
from headwater.calls.matching import Side
from headwater.errors import Invalid
from headwater.numbering.numbers import canonical
from headwater.providers import queries as providers
from headwater.providers import signatures
from headwater.tracebacks import exchange
from headwater.tracebacks.deposits import approver_key, number
from headwater.tracebacks.models import Answer, Deposit, DepositEpoch, Hop
from headwater.tracebacks.projection import Walk
from headwater.tracebacks.trace import Call
from headwater.tracebacks.trace import Hop as Asking
from headwater.wire import agents as wire
from headwater.wire.agents import AnswerCode
from headwater.wire.canonical import canonical_json
from headwater.wire.deposits import Wrapped

#: A provider that has deposited later than this after a call has deposited the call, if it has a record of it.
SETTLED: Final = timedelta(minutes=10)
#: Batches that one look-up opens at most.
MOST: Final = 50
#: Form of what is kept as an answer's octets.
KIND: Final = "headwater-deposited-record/1"
_ACTOR = system("deposit-approver")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """One record of a deposit, opened, with what binds it to the provider's signature."""

    deposit_id: str
    key_id: str
    deposited_at: datetime
    place: int
    row: Row
    evidence: dict[str, Any]


def holders(call: Call, *, receiver: str) -> list[str]:
    """Return the providers whose deposits hold a record of handing the call to ``receiver``; "": of carrying it."""
    reach = blind.REACH.total_seconds()
    found = []
    for provider_id in DepositEpoch.objects.values_list("provider_id", flat=True).distinct():
        rows = [one.row for one in _opened(provider_id, call, window_s=reach)]
        if any(row for row in rows if not receiver or row.downstream.upper() == receiver.upper()):
            found.append(provider_id)
    return found


def any_of(provider_ids: Iterable[str]) -> bool:
    """Tell whether one of these providers has ever deposited."""
    return DepositEpoch.objects.filter(provider_id__in=list(provider_ids)).exists()


def answer_waiting(walk: Walk, now: datetime) -> None:
    """Answer, from what their providers deposited, the questions of a traceback that wait."""
    waiting = [hop for hop in walk.trace.hops if hop.live and hop.statement is None]
    if any_of({hop.respondent.provider_id for hop in waiting}):
        for hop in waiting:
            answer(hop, now=now)


def answer(asking: Asking, *, now: datetime) -> bool:
    """Answer one question from the provider's deposits, where they say anything. Returns whether they did.

    Must run in the transaction that holds the traceback.
    """
    hop = Hop.objects.select_related("provider").filter(id=asking.question_id, answers=None).first()
    if hop is None:
        return False
    opened = _opened(hop.provider_id, asking.call, window_s=asking.window_s)
    question = msgspec.convert(hop.question, type=wire.Question)
    verdict = _compared(question, opened)
    newest = (
        Deposit.objects.filter(provider_id=hop.provider_id).defer("octets", "labels").order_by("received_at").last()
    )
    if newest is None or (verdict.code is AnswerCode.RECORD_NOT_FOUND and not _settled(newest, asking.call)):
        return False  # its record may still come
    _keep(hop, _said(question, hop, verdict, now), verdict.best, newest, opened=opened, now=now)
    return True


def _keep(  # noqa: PLR0913 - one argument a fact of the answer
    hop: Hop, said: wire.Answer, best: Opened | None, newest: Deposit, *, opened: list[Opened], now: datetime
) -> None:
    """Keep an answer with what proves it, and write down which records were opened for it."""
    payload = msgspec.to_builtins(said)
    proof = best.evidence if best else {"newest": newest.id}
    octets = canonical_json({"kind": KIND, "answer": payload, "deposit": proof})
    upstream = providers.by_spc(said.upstream.spc) if said.upstream else None
    row = Answer(
        hop=hop,
        version=1,
        code=said.code.value,
        respondent_id=upstream.id if upstream else None,
        payload=payload,
        octets=octets,
        octets_sha256=sha256(octets).hexdigest(),
        key_id=best.key_id if best else "",
        deposit=best.deposit_id if best else newest.id,
        answered_by=_ACTOR.label,
        received_at=now,
    )
    row.save(force_insert=True)
    places = [[one.deposit_id, one.place] for one in opened]
    detail = {"receipt": row.id, "code": row.code, "opened": places, "sha256": row.octets_sha256}
    audit.record(_ACTOR, Tag.DEPOSIT_OPENED, hop.id, detail)


# -- opening


@cache
def _approver(secrets: Path) -> X25519PrivateKey:
    return approver_key(secrets)


def _opened(provider_id: str, call: Call, *, window_s: float) -> list[Opened]:
    """Open the provider's records of calls to the number at about the time. What does not hold is left and logged."""
    digits = canonical(call.called)
    if not digits:
        return []
    called, wanted = int(digits), sealed.buckets(call.call_at, window_s)
    approver = _approver(settings.HEADWATER.secrets)
    found: dict[tuple[bytes, str], Opened] = {}
    for epoch in DepositEpoch.objects.filter(provider_id=provider_id).order_by("first_at"):
        try:
            label_key = sealed.unwrap(Wrapped(bytes(epoch.sender), bytes(epoch.wrapped)), approver)
        except BadDeposit as error:
            log.warning("an epoch cannot be used", epoch=epoch.epoch, provider=provider_id, error=str(error))
            continue
        labels = [number(sealed.label(label_key, called, bucket)) for bucket in wanted]
        rows = Deposit.objects.filter(provider_id=provider_id, epoch=epoch.epoch, labels__overlap=labels)
        for row in rows.order_by("received_at", "id")[:MOST]:
            try:
                for one in _of_batch(row, approver, label_key, called, wanted):
                    found.setdefault((one.row.record_id, one.row.downstream), one)
            except (Invalid, BadDeposit) as error:
                log.warning("a deposit cannot be used", deposit=row.id, provider=provider_id, error=str(error))
    return list(found.values())


def _of_batch(
    row: Deposit, approver: X25519PrivateKey, label_key: bytes, called: int, wanted: range
) -> Iterator[Opened]:
    """Yield the opened records of one batch, its root and signature checked once more.

    Raises:
        Invalid: the batch is not what the provider signed.
    """
    batch = sealed.decode(bytes(row.octets))
    key = providers.key(row.key_id)
    if key is None or key.provider.id != row.provider_id or batch.spc.upper() != key.provider.spc:
        raise Invalid("no key of the provider signed it")
    head = sealed.signed_part(batch)
    if signatures.verified_payload(batch.jws.encode(), key.public_jwk) != head:
        raise Invalid("the signature is over something else")
    for one in sealed.open_records(batch, approver, label_key, called=called, wanted=wanted):
        record = batch.records[one.place]
        yield Opened(
            deposit_id=row.id,
            key_id=row.key_id,
            deposited_at=row.deposited_at,
            place=one.place,
            row=one.row,
            evidence={
                "deposit_id": row.id,
                "head": head.decode(),
                "jws": batch.jws,
                "key_id": row.key_id,
                "place": one.place,
                "label": record.label.hex(),
                "sealed": record.octets.hex(),
                "record_key": one.key.hex(),
                "siblings": [sibling.hex() for sibling in sealed.path(batch, one.place)],
                "received_at": exchange.instant(row.received_at),
            },
        )


def _settled(newest: Deposit, call: Call) -> bool:
    """Tell whether the provider deposited before the call already, and long enough after it."""
    first = DepositEpoch.objects.filter(provider_id=newest.provider_id).order_by("first_at").first()
    begun = first is not None and first.first_at <= call.call_at + SETTLED
    return begun and newest.deposited_at >= call.call_at + SETTLED


# -- comparing


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the opened records say to a question."""

    code: AnswerCode
    best: Opened | None = None
    compared: int = 0
    basis: tuple[str, ...] = ()
    millinats: int = 0
    note: str = ""


def _compared(question: wire.Question, opened: list[Opened]) -> Verdict:
    """Compare the opened records with a question, as an agent compares its own."""
    asked = Side(
        start=datetime.fromisoformat(question.call_at).timestamp(),
        calling=canonical(question.calling),
        called=canonical(question.called),
        call_id=sealed.short(question.call_id).hex(),
        identity=sealed.short(question.identity_digest).hex(),
    )
    sides = [(one, _side(one.row)) for one in opened]
    near = [
        (one, side)
        for one, side in sides
        if abs(side.start - asked.start) <= question.window_s or (asked.call_id and side.call_id == asked.call_id)
    ]
    asker = question.downstream.spc if question.downstream else ""
    ranked = matching.rank(asked, [side for _, side in near], window_s=question.window_s, asker=asker)
    if not ranked.accepted:
        missing = not ranked.order or ranked.no_record >= ranked.probabilities[0]
        code = AnswerCode.RECORD_NOT_FOUND if missing else AnswerCode.NEED_INFO
        note = "no deposited record agrees" if missing else "no deposited record fits surely enough"
        return Verdict(code=code, compared=len(near), note=note)
    best, side = near[ranked.order[0]]
    grounds = matching.grounds(asked, side, window_s=question.window_s, asker=asker)
    basis = (
        *(f"{one.sentence} ({one.nats:+.1f})" for one in grounds),
        f"{matching.VERSION}: probability {ranked.probabilities[0]:.4f}, {len(near)} deposited calls compared",
    )
    return Verdict(
        code=_code(question, best.row),
        best=best,
        compared=len(near),
        basis=basis,
        millinats=round(ranked.nats[0] * 1_000),
        note=_note(question, best),
    )


def _side(row: Row) -> Side:
    return Side(
        start=row.start_ms / 1_000,
        calling=str(row.calling) if row.calling else "",
        called=str(row.called),
        resolution_s=0.001,
        duration_s=row.duration_ms / 1_000 if row.duration_ms >= 0 else -1.0,
        peer=row.downstream,
        call_id=row.call_id.hex(),
        identity=row.identity.hex(),
    )


def _code(question: wire.Question, row: Row) -> AnswerCode:
    if question.downstream is not None and row.downstream and row.downstream != question.downstream.spc:
        return AnswerCode.NOT_OURS
    return AnswerCode(sealed.CODES[row.kind])


def _note(question: wire.Question, best: Opened) -> str:
    asked_at = datetime.fromisoformat(question.asked_at)
    when = "before" if best.deposited_at <= asked_at else "AFTER"
    return (
        f"A record that the provider deposited at {exchange.instant(best.deposited_at)}, {when} it was asked; "
        "nobody there answered."
    )


def _said(question: wire.Question, hop: Hop, verdict: Verdict, now: datetime) -> wire.Answer:
    row = verdict.best.row if verdict.best and verdict.code is not AnswerCode.NOT_OURS else None
    named = row is not None and verdict.code is not AnswerCode.ORIGINATED
    handed = row is not None and question.downstream is None and bool(row.downstream)
    return wire.Answer(
        question_id=hop.id,
        traceback_id=hop.traceback_id,
        provider=wire.Party(spc=hop.provider.spc, name=hop.provider.name, country=hop.provider.country),
        code=verdict.code,
        upstream=wire.Party(spc=row.upstream, name=row.upstream_name, country=row.country) if row and named else None,
        handed_to=wire.Party(spc=row.downstream) if row and handed else None,
        ingress=_leg(row, ingress=True) if row else None,
        egress=_leg(row, ingress=False) if row else None,
        score_millinats=verdict.millinats,
        basis=list(verdict.basis),
        candidates=verdict.compared,
        note=verdict.note,
        answered_at=exchange.instant(now),
        agent="",
    )


def _leg(row: Row, *, ingress: bool) -> wire.Leg:
    lag = row.lag_ms if ingress else 0
    calling = (row.came_calling or row.calling) if ingress else row.calling
    called = (row.came_called or row.called) if ingress else row.called
    return wire.Leg(
        call_at=exchange.instant(datetime.fromtimestamp((row.start_ms - lag) / 1_000, UTC)),
        calling=canonical(str(calling)) if calling else "",
        called=canonical(str(called)),
        record_id=str(UUID(bytes=row.record_id)) if len(row.record_id) == 16 else "",
        record_sha256=row.record_sha256.hex(),
        duration_ms=row.duration_ms,
    )
