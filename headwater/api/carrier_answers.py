"""The carrier API's doors for answers, alone and many at once. docs/reference/carrier-api.md.

Each answer is signed by itself, taken in or refused by itself, audited by itself and acknowledged by its own receipt,
whichever way it comes: a batch saves round trips and nothing else.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.api import problems
from headwater.api.carriers import (
    ANSWER,
    BATCH,
    JSON,
    NUMBER_ANSWER,
    RECEIPT,
    RESULTS,
    admit,
    api,
    body_of,
    certificate_key,
    described,
    own_key,
    told,
)
from headwater.errors import HeadwaterError, Invalid, TooLarge
from headwater.providers import signatures
from headwater.providers.queries import KeyView, ProviderView
from headwater.providers.signatures import Action, BadToken
from headwater.signers import carriers as sti
from headwater.tracebacks import answering, forward_answering
from headwater.tracebacks.answering import MAX_ANSWER, Submission
from headwater.tracebacks.forward_answering import NumberSubmission
from headwater.wire import agents as wire
from headwater.wire.forward import NumberAnswer

#: Most answers in one request, and its longest body in octets.
MOST_ANSWERS = 100
MOST_OCTETS = 2_621_440

ANSWERS = Counter("headwater_agent_answers", "Answers of agents by what became of them", ["result"])


class _Kind(msgspec.Struct):
    """What tells the two kinds of answers apart."""

    forward_id: str = ""


@api.post(
    "/answers",
    summary="Hand in one signed answer",
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "Compact JWS (ES256); its payload is the JSON of an Answer, or of a NumberAnswer.",
            "content": {"application/jose": {"schema": {"oneOf": [ANSWER, NUMBER_ANSWER]}}},
        },
        "responses": described(
            {201: ("Taken in", JSON, RECEIPT), 200: ("The same octets were taken in before", JSON, RECEIPT)},
            401,
            404,
            409,
            413,
            422,
            503,
        ),
    },
)
def post_answer(request: HttpRequest) -> HttpResponse:
    """Take in one answer; the same octets again are answered with the same receipt."""
    body = body_of(request, MAX_ANSWER)
    provider, actor = admit(request, Action.WRITE_ANSWERS, body)
    receipt, fresh = _take(provider, actor, body)
    return told(receipt, HTTPStatus.CREATED if fresh else HTTPStatus.OK)


@api.post(
    "/answers/batch",
    summary="Hand in many signed answers; each is taken in or refused by itself",
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": f"At most {MOST_ANSWERS} answers, each as it would be handed in alone.",
            "content": {JSON: {"schema": BATCH}},
        },
        "responses": described({200: ("What became of each, in their order", JSON, RESULTS)}, 401, 413, 422, 503),
    },
)
def post_answers(request: HttpRequest) -> HttpResponse:
    """Take in each answer; a refused one costs its neighbours nothing, and the whole may be sent again."""
    body = body_of(request, MOST_OCTETS)
    provider, actor = admit(request, Action.WRITE_ANSWERS, body)
    try:
        batch = msgspec.json.decode(body, type=wire.Answers)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"The batch cannot be read: {error}") from error
    if len(batch.answers) > MOST_ANSWERS:
        raise TooLarge(f"A batch may hold {MOST_ANSWERS} answers; this one has {len(batch.answers)}.")
    return told(wire.Results(results=[_one_of_many(request, provider, actor, one) for one in batch.answers]))


def _one_of_many(request: HttpRequest, provider: ProviderView, actor: Actor, jws: str) -> wire.Result:
    octets = jws.encode("utf-8", "replace")
    digest = sha256(octets).hexdigest()
    try:
        if len(octets) > MAX_ANSWER:
            raise TooLarge(f"An answer may have {MAX_ANSWER} octets.")
        receipt, fresh = _take(provider, actor, octets)
    except HeadwaterError as error:
        said = json.loads(problems.answer(request, error).content)
        return wire.Result(
            answer_sha256=digest, status=said["status"], problem=msgspec.convert(said, type=wire.Refusal)
        )
    return wire.Result(
        answer_sha256=digest, status=(HTTPStatus.CREATED if fresh else HTTPStatus.OK).value, receipt=receipt
    )


def _take(provider: ProviderView, actor: Actor, octets: bytes) -> tuple[wire.Receipt, bool]:
    """Take in one answer of either kind.

    Raises:
        HeadwaterError: it is refused; what was sent is kept with the reason.
    """
    try:
        submission = _submission(provider, actor, octets)
        if isinstance(submission, NumberSubmission):
            receipt, fresh = forward_answering.record_answer(actor, submission)
        else:
            receipt, fresh = answering.record_answer(actor, submission)
    except HeadwaterError:
        ANSWERS.labels("refused").inc()
        raise
    ANSWERS.labels("taken" if fresh else "repeated").inc()
    return receipt, fresh


def _submission(provider: ProviderView, actor: Actor, octets: bytes) -> Submission | NumberSubmission:
    """Verify an answer's own signature and read it. What cannot be is kept with its reason.

    Raises:
        Invalid: the signature or the form is wrong.
    """
    key_id = ""
    try:
        key = _signed_by(provider, signatures.header_of(octets))
        key_id = key.key_id
        payload = signatures.verified_payload(octets, key.public_jwk)
        if msgspec.json.decode(payload, type=_Kind).forward_id:
            number_answer = msgspec.json.decode(payload, type=NumberAnswer)
            return NumberSubmission(octets=octets, answer=number_answer, key_id=key_id)
        return Submission(octets=octets, answer=msgspec.json.decode(payload, type=wire.Answer), key_id=key_id)
    except (Invalid, BadToken, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        reason = error.refusal.value if isinstance(error, BadToken) else str(error) or type(error).__name__
        answering.refuse(actor, octets, reason=reason, key_id=key_id[:64])
        raise Invalid(f"The answer cannot be read: {reason}") from error


def _signed_by(provider: ProviderView, header: Mapping[str, Any]) -> KeyView:
    """Return the key that an answer's header names: a registered one, or that of the provider's STI certificate."""
    if not sti.names_certificate(header):
        return own_key(provider, str(header.get("kid", "")))
    key = certificate_key(header, clock.now())
    if key.provider.id != provider.id:
        raise Invalid("the answer must be signed with a certificate of the provider that sends it")
    return key
