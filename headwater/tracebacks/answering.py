"""What a provider may do: read its own questions and answer them. Runs in the ``carrier`` process.

That process may insert answers, viewings, refusals, audit entries and jobs, and may not write tracebacks or hops:
the answer is checked by the engine here, kept, and taken in by ``actions.advance`` in the ``work`` process.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from django.db import connection, transaction
from django.db.models import Max

from headwater import clock, jobs
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.errors import NotFound, TooLarge
from headwater.providers import queries as providers
from headwater.tracebacks import exchange, inbox, projection, roots
from headwater.tracebacks.checks import ProviderError
from headwater.tracebacks.engine import TracebackError
from headwater.tracebacks.models import Answer, Hop, RefusedAnswer, Viewing
from headwater.tracebacks.trace import Answered, Statement
from headwater.wire import agents as wire

#: Largest answer in octets, as it is received.
MAX_ANSWER = 262_144


class QuestionNotFound(NotFound):
    """There is no such question for this provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One answer as it came in."""

    octets: bytes
    """As received: what the receipt's digest covers."""
    answer: wire.Answer
    key_id: str = ""
    """Key that signed it, verified; "" where a person answered."""


def record_answer(actor: Actor, submission: Submission, *, now: datetime | None = None) -> tuple[wire.Receipt, bool]:
    """Take in a provider's answer to its own question. Returns the receipt, and whether the answer is new.

    The same octets again give the same receipt; so does a person's answer that repeats the version in force.

    Raises:
        QuestionNotFound: the question is not this provider's.
        ProviderError: the answer is impossible; its octets are kept with the reason.
        TracebackError: the question was withdrawn or called off.
        TooLarge: more than 256 KiB.
    """
    actor.require(Permission.QUESTION_ANSWER)
    if len(submission.octets) > MAX_ANSWER:
        raise TooLarge(f"An answer may have {MAX_ANSWER} octets; this one has {len(submission.octets)}.")
    now = now or clock.now()
    try:
        with transaction.atomic():
            return _record(actor, submission, now)
    except ProviderError as error:
        refuse(
            actor,
            submission.octets,
            reason=str(error),
            question_id=submission.answer.question_id,
            key_id=submission.key_id,
            now=now,
        )
        raise


def refuse(  # noqa: PLR0913 - one argument a column, each by name
    actor: Actor, octets: bytes, *, reason: str, question_id: str = "", key_id: str = "", now: datetime | None = None
) -> None:
    """Keep an answer that was refused, with its octets and the reason. The same octets are kept once."""
    hop = _own(actor, question_id) if question_id else None
    digest = sha256(octets).hexdigest()
    with transaction.atomic():
        _row, fresh = RefusedAnswer.objects.get_or_create(
            provider_id=actor.provider_id,
            octets_sha256=digest,
            defaults={
                "hop": hop,
                "octets": octets,
                "key_id": key_id,
                "reason": reason,
                "sent_by": actor.label,
                "received_at": now or clock.now(),
            },
        )
        if fresh:
            subject = hop.id if hop else actor.provider_id
            audit.record(actor, Tag.HOP_ANSWER_REFUSED, subject, {"reason": reason[:2_000], "sha256": digest})


def mark_viewed(actor: Actor, question_ids: list[str], *, now: datetime | None = None) -> None:
    """Note that the provider has seen these questions; the first time counts."""
    actor.require(Permission.QUESTION_READ)
    now = now or clock.now()
    with transaction.atomic():
        hops = Hop.objects.filter(id__in=question_ids, provider_id=actor.provider_id, viewing=None)
        fresh = [hop for hop in hops if Viewing.objects.get_or_create(hop=hop, defaults=_seen(actor, now))[1]]
        for traceback_id in {hop.traceback_id for hop in fresh}:
            # ``once`` may lose a job that starts at this moment; the clock tick finds what is left over.
            jobs.defer(jobs.Job.ADVANCE_TRACEBACK, once=f"advance {traceback_id}", traceback_id=traceback_id)
        for hop in fresh:
            audit.record(actor, Tag.HOP_QUESTION_VIEWED, hop.id, {"traceback": hop.traceback_id})


def open_question(actor: Actor, question_id: str, *, now: datetime | None = None) -> None:
    """Note that a person opened a question, its called number in clear: each time is audited.

    Raises:
        QuestionNotFound: the question is not this provider's.
    """
    actor.require(Permission.QUESTION_READ)
    if _own(actor, question_id) is None:
        raise QuestionNotFound(f"There is no question {question_id} for you.")
    with transaction.atomic():
        fresh = Hop.objects.filter(id=question_id, viewing=None).exists()
        mark_viewed(actor, [question_id], now=now)
        if not fresh:
            audit.record(actor, Tag.HOP_QUESTION_VIEWED, question_id, {"again": True})


# -- inside


def _seen(actor: Actor, now: datetime) -> dict[str, Any]:
    return {"at": now, "by": actor.label}


def _own(actor: Actor, question_id: str) -> Hop | None:
    if not actor.provider_id:
        return None
    return (
        Hop.objects.select_related("traceback__campaign", "provider")
        .filter(id=question_id, provider_id=actor.provider_id)
        .first()
    )


def _record(actor: Actor, submission: Submission, now: datetime) -> tuple[wire.Receipt, bool]:
    answer = submission.answer
    hop = _own(actor, answer.question_id)
    if hop is None:
        raise QuestionNotFound(f"There is no question {answer.question_id[:32]} for you.")
    one_after_another(hop.id)
    digest = sha256(submission.octets).hexdigest()
    same = _same(hop, submission, digest)
    if same is not None:
        return _receipt(same), False
    _check_envelope(hop, answer)
    row = Answer(
        hop=hop,
        version=(hop.answers.aggregate(last=Max("version"))["last"] or 0) + 1,
        code=answer.code.value,
        payload=msgspec.to_builtins(answer),
        octets=submission.octets,
        octets_sha256=digest,
        key_id=submission.key_id,
        answered_by=actor.label,
        received_at=now,
    )
    roots.prove(hop.provider_id, answer)
    upstream = providers.by_spc(answer.upstream.spc) if answer.upstream else None
    statement = exchange.statement(
        answer,
        answer_id=row.id,
        upstream=upstream,
        by_person=not submission.key_id,
        received_at=now,
        asked=msgspec.convert(hop.question, type=wire.Question),
    )
    row.respondent_id = statement.respondent.provider_id if statement.respondent else None
    _rehearse(hop, statement, now)
    row.save(force_insert=True)
    # Without ``once``: a job that has just started might not see this answer.
    jobs.defer(jobs.Job.ADVANCE_TRACEBACK, traceback_id=hop.traceback_id)
    audit.record(
        actor,
        Tag.HOP_ANSWER_RECORDED,
        hop.id,
        {"receipt": row.id, "code": row.code, "version": row.version, "sha256": digest, "key": row.key_id},
    )
    return _receipt(row), True


def _rehearse(hop: Hop, statement: Statement, now: datetime) -> None:
    """Let the engine take the answer on a copy: what it refuses is refused at the door, with its reason."""
    walk = projection.load(hop.traceback)
    for arrival in inbox.waiting(walk):
        try:
            walk.take(arrival.event, now)
        except (ProviderError, TracebackError):
            continue  # ``advance`` will keep it as refused; it does not decide about this answer
    walk.take(Answered(question_id=hop.id, statement=statement), now)


def _check_envelope(hop: Hop, answer: wire.Answer) -> None:
    if answer.version != wire.VERSION:
        raise ProviderError(f"version {answer.version} is not spoken here; version {wire.VERSION} is")
    if answer.traceback_id != hop.traceback_id:
        raise ProviderError(f"{hop.id} belongs to {hop.traceback_id}, not to {answer.traceback_id[:32]}")
    if answer.provider.spc.strip().upper() != hop.provider.spc:
        raise ProviderError(
            f"the answer names {answer.provider.spc[:16]} as its provider; {hop.provider.spc} was asked"
        )


def _same(hop: Hop, submission: Submission, digest: str) -> Answer | None:
    """Return the answer that this one repeats: the same octets, or a person's same words sent twice."""
    again = hop.answers.filter(octets_sha256=digest).first()
    if again or submission.key_id:
        return again
    last = hop.answers.order_by("-version").first()
    return last if last is not None and not last.key_id and says(last.payload, submission.answer) else None


def one_after_another(question_id: str) -> None:
    """Hold other answers to a question back to the end of the transaction, so that each has its own version."""
    # The role may not lock the question's row itself.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"answers of {question_id}"])


def says(payload: Mapping[str, Any], answer: msgspec.Struct) -> bool:
    """Tell whether an answer that is kept has the words of ``answer``, whenever each was given."""
    said: dict[str, Any] = msgspec.to_builtins(answer)
    return {**said, "answered_at": ""} == {**payload, "answered_at": ""}


def _receipt(row: Answer) -> wire.Receipt:
    return wire.Receipt(
        receipt_id=row.id,
        question_id=row.hop_id,
        received_at=exchange.instant(row.received_at),
        answer_sha256=row.octets_sha256,
    )
