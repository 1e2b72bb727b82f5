"""The signed receipt of one answer: proof for the provider that it answered, and when, checked offline."""

from typing import Any, Final

import msgspec
from django.conf import settings

from headwater.accounts.actors import Actor
from headwater.providers import statements
from headwater.tracebacks import exchange, forward_answering
from headwater.tracebacks.answering import QuestionNotFound
from headwater.tracebacks.models import ForwardAnswer
from headwater.tracebacks.questions import own_questions, question
from headwater.wire.canonical import canonical_json

#: Kind of the signed statement (its ``typ``).
KIND: Final = "headwater-receipt+jws"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt states."""

    receipt_id: str
    question_id: str
    traceback_id: str
    """Or the trace forward's, of an answer about a number."""
    provider_spc: str
    provider_name: str
    answer_code: str
    answer_version: int
    answer_sha256: str
    """SHA-256 of the answer's octets as they were received."""
    answered_by: str
    received_at: str
    asked_at: str
    legal_due_at: str
    in_time: bool


def receipt(actor: Actor, question_id: str, receipt_id: str) -> Receipt:
    """Return the receipt of one of the actor's provider's answers.

    Raises:
        QuestionNotFound: question or receipt is not its own.
    """
    view = question(actor, question_id)
    answer = next((one for one in view.answers if one.receipt_id == receipt_id), None)
    if answer is None:
        raise QuestionNotFound(f"There is no receipt {receipt_id[:32]} for you.")
    return Receipt(
        receipt_id=answer.receipt_id,
        question_id=question_id,
        traceback_id=view.question.traceback_id,
        provider_spc=view.provider_spc,
        provider_name=view.provider_name,
        answer_code=answer.code,
        answer_version=answer.version,
        answer_sha256=answer.octets_sha256,
        answered_by=answer.answered_by,
        received_at=exchange.instant(answer.received_at),
        asked_at=exchange.instant(view.asked_at),
        legal_due_at=exchange.instant(view.legal_due_at),
        in_time=answer.received_at <= view.legal_due_at,
    )


def number_receipt(actor: Actor, receipt_id: str) -> Receipt:
    """Return the receipt of one of the actor's provider's answers about numbers.

    Raises:
        QuestionNotFound: it is not its own.
    """
    own = forward_answering.own(actor)
    row = (
        ForwardAnswer.objects.select_related("question__provider").filter(id=receipt_id[:32], question__in=own).first()
    )
    if row is None:
        raise QuestionNotFound(f"There is no receipt {receipt_id[:32]} for you.")
    asked = row.question
    return Receipt(
        receipt_id=row.id,
        question_id=asked.id,
        traceback_id=asked.forward_id,
        provider_spc=asked.provider.spc,
        provider_name=asked.provider.name,
        answer_code=row.code,
        answer_version=row.version,
        answer_sha256=row.octets_sha256,
        answered_by=row.answered_by,
        received_at=exchange.instant(row.received_at),
        asked_at=exchange.instant(asked.asked_at),
        legal_due_at=exchange.instant(asked.due_at),
        in_time=row.received_at <= asked.due_at,
    )


def signed(actor: Actor, question_id: str, receipt_id: str) -> str:
    """Return a receipt as a compact JWS, signed with the hub's receipt key.

    Raises:
        QuestionNotFound: question or receipt is not its own.
        Unavailable: the key is missing.
    """
    return _signed(receipt(actor, question_id, receipt_id))


def signed_by_number(actor: Actor, receipt_id: str) -> str:
    """Return one of the actor's provider's receipts by its number, as a compact JWS.

    Raises:
        QuestionNotFound: it is not its own.
        Unavailable: the key is missing.
    """
    hop_id = own_questions(actor).filter(answers__id=receipt_id[:32]).values_list("id", flat=True).first()
    if hop_id is None:
        return _signed(number_receipt(actor, receipt_id))
    return signed(actor, hop_id, receipt_id)


def _signed(found: Receipt) -> str:
    octets = canonical_json(msgspec.to_builtins(found))
    return statements.sign(octets, statements.key(settings.HEADWATER.secrets / statements.RECEIPT_KEY), kind=KIND)


def public_key() -> dict[str, Any]:
    """Return the public key that receipts are checked with, as a JWK.

    Raises:
        Unavailable: the key is missing.
    """
    return statements.public_jwk(statements.key(settings.HEADWATER.secrets / statements.RECEIPT_KEY))


def verified(statement: str, jwk: dict[str, Any]) -> Receipt:
    """Return what a signed receipt states.

    Raises:
        BadStatement: the key of ``jwk`` did not sign it.
    """
    try:
        return msgspec.json.decode(statements.verified(statement, jwk, kind=KIND), type=Receipt)
    except msgspec.MsgspecError as error:
        raise statements.BadStatement(f"The statement is signed, and is no receipt: {error}") from error
