"""What a provider may do about call-back numbers: read its own questions and answer them. In the ``carrier`` process.

As with calls: the answer is tried on a copy of the trace here, kept with its octets, and taken in by
``forwarding.advance`` in the ``work`` process. Of the customer nothing is asked: who that is needs legal process.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import msgspec
from django.db import transaction
from django.db.models import Max, QuerySet

from headwater import clock, jobs
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.errors import TooLarge
from headwater.tracebacks import answering, exchange, forwarding
from headwater.tracebacks.answering import MAX_ANSWER, QuestionNotFound
from headwater.tracebacks.by_hand import Incomplete
from headwater.tracebacks.checks import ProviderError
from headwater.tracebacks.exchange import MAX_NOTE
from headwater.tracebacks.forward import POINTS_ON, ForwardAnswerError
from headwater.tracebacks.models import ForwardAnswer, ForwardQuestion
from headwater.wire import agents as wire
from headwater.wire.forward import VERSION, ForwardCode, NumberAnswer, NumberQuestion

#: Each answer in the words of forms.
CODES: dict[ForwardCode, str] = {
    ForwardCode.SERVES: "A customer of our own has the number",
    ForwardCode.RESOLD: "Our customer for the number is a reseller or another provider",
    ForwardCode.PORTED: "The number was ported to another provider",
    ForwardCode.ROUTED: "We do not serve it; we hand calls to it to another provider",
    ForwardCode.NOT_SERVED: "We do not serve the number",
    ForwardCode.NOT_IN_SERVICE: "We hold the number, and nobody has it",
    ForwardCode.DECLINED: "We decline to answer, for the reason below",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberSubmission:
    """One answer as it came in."""

    octets: bytes
    answer: NumberAnswer
    key_id: str = ""
    """Key that signed it, verified; "" where a person answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberSaid:
    """What a person said of a number."""

    code: ForwardCode
    spc: str = ""
    name: str = ""
    country: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberAnswerView:
    """One version of one answer."""

    receipt_id: str
    version: int
    code: str
    names: wire.Party | None
    note: str
    basis: tuple[str, ...]
    answered_by: str
    key_id: str
    sha256: str
    received_at: datetime
    refused_because: str
    waiting: bool
    """Whether the trace has yet to take it in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberQuestionView:
    """One question about a number as the provider that was asked sees it."""

    question: NumberQuestion
    provider_spc: str
    provider_name: str
    asked_at: datetime
    due_at: datetime
    seen_at: datetime | None
    withdrawn: bool
    answers: tuple[NumberAnswerView, ...]

    @property
    def open(self) -> bool:
        """Tell whether an answer is still awaited."""
        return not self.withdrawn and not self.answers


def own(actor: Actor) -> QuerySet[ForwardQuestion]:
    """Return the questions about numbers that were put to the actor's provider."""
    if not actor.may(Permission.QUESTION_READ) or not actor.provider_id:
        return ForwardQuestion.objects.none()
    return ForwardQuestion.objects.filter(provider_id=actor.provider_id)


def waiting(actor: Actor, *, limit: int = 100) -> tuple[list[NumberQuestion], bool]:
    """Return the open questions, oldest first, and whether one is new to the provider; they count as seen then."""
    actor.require(Permission.QUESTION_READ)
    rows = list(own(actor).filter(answers=None, withdrawn_at=None).order_by("asked_at")[:limit])
    fresh = [row.id for row in rows if row.seen_at is None]
    if fresh:
        _see(actor, fresh)
    return [msgspec.convert(row.question, type=NumberQuestion) for row in rows], bool(fresh)


def questions(actor: Actor, *, answered: bool, limit: int = 100) -> list[NumberQuestionView]:
    """Return the actor's provider's questions for its pages."""
    rows = own(actor).select_related("provider").prefetch_related("answers")
    if answered:
        rows = rows.exclude(answers=None).distinct().order_by("-asked_at")
    else:
        rows = rows.filter(answers=None, withdrawn_at=None).order_by("asked_at")
    return [view(row) for row in rows[:limit]]


def question(actor: Actor, question_id: str) -> NumberQuestionView:
    """Return one of the actor's provider's questions.

    Raises:
        QuestionNotFound: it is not its own.
    """
    row = own(actor).select_related("provider").prefetch_related("answers").filter(id=question_id).first()
    if row is None:
        raise QuestionNotFound(f"There is no question {question_id[:32]} for you.")
    return view(row)


def open_question(actor: Actor, question_id: str) -> NumberQuestionView:
    """Return one question as a person opens it; that it was seen is kept and audited.

    Raises:
        QuestionNotFound: it is not its own.
    """
    found = question(actor, question_id)
    if found.seen_at is None:
        _see(actor, [question_id])
    return found


def _see(actor: Actor, ids: list[str]) -> None:
    with transaction.atomic():
        for question_id in ids:
            unseen = own(actor).filter(id=question_id, seen_at=None)
            if unseen.update(seen_at=clock.now(), seen_by=actor.label[:200]):
                audit.record(actor, Tag.FORWARD_QUESTION_VIEWED, question_id)


def by_hand(view_: NumberQuestionView, said: NumberSaid, *, now: datetime | None = None) -> NumberSubmission:
    """Return a person's words as an answer; its octets are the answer's own JSON.

    Raises:
        Incomplete: something that the answer needs is missing; with the field and what to put there.
    """
    points = said.code in POINTS_ON
    if points and not (said.spc.strip() or said.name.strip()):
        raise Incomplete("spc", "Name the provider that the number, or its calls, went to.")
    if said.code is ForwardCode.DECLINED and not said.note.strip():
        raise Incomplete("note", "Give the reason: refusals are reported with it.")
    country = said.country.strip().upper() or "US"
    answer = NumberAnswer(
        question_id=view_.question.question_id,
        forward_id=view_.question.forward_id,
        provider=wire.Party(spc=view_.provider_spc, name=view_.provider_name),
        code=said.code,
        names=wire.Party(spc=said.spc.strip().upper(), name=said.name.strip(), country=country) if points else None,
        note=said.note.strip(),
        answered_at=exchange.instant(now or clock.now()),
    )
    return NumberSubmission(octets=msgspec.json.encode(answer), answer=answer)


def record_answer(
    actor: Actor, submission: NumberSubmission, *, now: datetime | None = None
) -> tuple[wire.Receipt, bool]:
    """Take in a provider's answer to its own question. Returns the receipt, and whether the answer is new.

    Raises:
        QuestionNotFound: the question is not this provider's.
        ProviderError: the answer is impossible; its octets are kept with the reason.
        ForwardError: the trace was called off.
        TooLarge: more than 256 KiB.
    """
    actor.require(Permission.QUESTION_ANSWER)
    if len(submission.octets) > MAX_ANSWER:
        raise TooLarge(f"An answer may have {MAX_ANSWER} octets; this one has {len(submission.octets)}.")
    now = now or clock.now()
    try:
        with transaction.atomic():
            return _record(actor, submission, now)
    except (ForwardAnswerError, ProviderError) as error:
        answering.refuse(actor, submission.octets, reason=str(error), key_id=submission.key_id, now=now)
        raise ProviderError(str(error)) from error


def _record(actor: Actor, submission: NumberSubmission, now: datetime) -> tuple[wire.Receipt, bool]:
    answer = submission.answer
    row = own(actor).select_related("provider", "forward").filter(id=answer.question_id).first()
    if row is None:
        raise QuestionNotFound(f"There is no question {answer.question_id[:32]} for you.")
    answering.one_after_another(row.id)
    digest = sha256(submission.octets).hexdigest()
    same = row.answers.filter(octets_sha256=digest).first() or _repeated(row, submission)
    if same is not None:
        return _receipt(same), False
    _check(row, answer)
    kept = ForwardAnswer(
        question=row,
        version=(row.answers.aggregate(last=Max("version"))["last"] or 0) + 1,
        code=answer.code.value,
        payload=msgspec.to_builtins(answer),
        octets=submission.octets,
        octets_sha256=digest,
        key_id=submission.key_id,
        answered_by=actor.label,
        received_at=now,
    )
    forwarding.rehearse(kept, now)
    kept.save(force_insert=True)
    jobs.defer(jobs.Job.ADVANCE_FORWARD, forward_id=row.forward_id)
    detail = {"receipt": kept.id, "code": kept.code, "version": kept.version, "sha256": digest, "key": kept.key_id}
    audit.record(actor, Tag.FORWARD_ANSWER_GIVEN, row.id, {"forward": row.forward_id, **detail})
    return _receipt(kept), True


def _repeated(row: ForwardQuestion, submission: NumberSubmission) -> ForwardAnswer | None:
    """Return the answer in force where a person says the same words again."""
    last = row.answers.order_by("-version").first()
    if submission.key_id or last is None or last.key_id:
        return None
    return last if answering.says(last.payload, submission.answer) else None


def _check(row: ForwardQuestion, answer: NumberAnswer) -> None:
    if answer.version != VERSION:
        raise ProviderError(f"version {answer.version} is not spoken here; version {VERSION} is")
    if answer.forward_id != row.forward_id:
        raise ProviderError(f"{row.id} belongs to {row.forward_id}, not to {answer.forward_id[:32]}")
    if answer.provider.spc.strip().upper() != row.provider.spc:
        raise ProviderError(
            f"the answer names {answer.provider.spc[:16]} as its provider; {row.provider.spc} was asked"
        )
    if (
        len(answer.note) > MAX_NOTE
        or len(answer.basis) > exchange.MAX_BASIS
        or any(len(b) > MAX_NOTE for b in answer.basis)
    ):
        raise ProviderError(
            f"note and each of at most {exchange.MAX_BASIS} lines of basis may have {MAX_NOTE} characters"
        )
    exchange.parsed(answer.answered_at, "answered_at")


def view(row: ForwardQuestion) -> NumberQuestionView:
    """Return one question with its answers, as they came."""
    return NumberQuestionView(
        question=msgspec.convert(row.question, type=NumberQuestion),
        provider_spc=row.provider.spc,
        provider_name=row.provider.name,
        asked_at=row.asked_at,
        due_at=row.due_at,
        seen_at=row.seen_at,
        withdrawn=row.withdrawn_at is not None,
        answers=tuple(_answer(one) for one in sorted(row.answers.all(), key=lambda one: one.version)),
    )


def _answer(row: ForwardAnswer) -> NumberAnswerView:
    said = msgspec.convert(row.payload, type=NumberAnswer)
    return NumberAnswerView(
        receipt_id=row.id,
        version=row.version,
        code=row.code,
        names=said.names,
        note=said.note,
        basis=tuple(said.basis),
        answered_by=row.answered_by,
        key_id=row.key_id,
        sha256=row.octets_sha256,
        received_at=row.received_at,
        refused_because=row.refused_because,
        waiting=row.taken_at is None,
    )


def _receipt(row: ForwardAnswer) -> wire.Receipt:
    return wire.Receipt(
        receipt_id=row.id,
        question_id=row.question_id,
        received_at=exchange.instant(row.received_at),
        answer_sha256=row.octets_sha256,
    )
