"""The carrier API: an agent fetches its questions and hands in its answers. docs/reference/carrier-api.md.

Every request carries a fresh signed token; every answer is signed by itself. The door translates: who is let in is
decided in ``providers``, what an answer does in ``tracebacks``.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError, connection, connections
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from prometheus_client import Counter

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.api import limits, problems
from headwater.api.wakeups import Wakeups
from headwater.conduct import issues
from headwater.conduct import queries as conduct
from headwater.errors import HeadwaterError, Invalid, TooLarge, Unavailable
from headwater.providers import actions as providers
from headwater.providers import queries as register
from headwater.providers import signatures
from headwater.providers.queries import KeyView, ProviderView
from headwater.providers.signatures import Action, BadToken
from headwater.signers import carriers as sti
from headwater.tracebacks import actions, answering, forward_answering, questions, receipts, roots, searching
from headwater.tracebacks.answering import MAX_ANSWER
from headwater.tracebacks.searching import MOST_OPEN
from headwater.wire import agents as wire
from headwater.wire.commitments import Roots, Taken
from headwater.wire.deposits import Deposit, Deposited, DepositTerms
from headwater.wire.forward import NumberAnswer
from headwater.wire.searches import Hits, HitsTaken

#: Longest wait of one poll, seconds.
MAX_WAIT_S = 60.0

REFUSED = Counter("headwater_agent_requests_refused", "Requests of agents that were not let in", ["reason"])

_REFERENCES, _SCHEMAS = msgspec.json.schema_components(
    [
        *(wire.Questions, wire.Receipt, wire.Answer, NumberAnswer, wire.Answers, wire.Results),
        *(Roots, Taken, Hits, HitsTaken, Deposit, Deposited, DepositTerms),
    ],
    ref_template="#/components/schemas/{name}",
)
_QUESTIONS, RECEIPT, ANSWER, NUMBER_ANSWER, BATCH, RESULTS, _ROOTS, _TAKEN, *_RECORDS = _REFERENCES
HITS, HITS_TAKEN, DEPOSIT, DEPOSITED, DEPOSIT_TERMS = _RECORDS


#: What each refusal says, by its status.
_PROBLEMS = {
    401: "The token does not hold: every reason reads the same",
    404: "There is no such thing for this provider",
    409: "It contradicts what is recorded, or the question no longer stands",
    413: "The body is larger than this door takes",
    422: "It cannot be understood, or cannot be true; the reason says which",
    429: "Too many wrong tokens from this address, or too many requests of this provider; Retry-After says when",
    503: "A part of Headwater does not answer now; Retry-After says when to try again",
}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}


def described(good: Mapping[int, tuple[str, str, dict[str, Any]]], *refusals: int) -> dict[str, Any]:
    """Return a route's answers for the description: (words, media type, schema) by status, and its refusals."""
    said: dict[Any, Any] = {
        status: {"description": words, "content": {kind: {"schema": schema}}}
        for status, (words, kind, schema) in good.items()
    }
    limited = (429,) if 401 in refusals else ()
    return said | {
        status: {"description": _PROBLEMS[status], "content": {"application/problem+json": {"schema": _PROBLEM}}}
        for status in (*refusals, *limited)
    }


JSON = "application/json"


class CarrierApi(NinjaAPI):
    """An API whose messages are those of ``wire``, described by their own schemas."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """Return the description, with the schemas that the paths refer to."""
        document = super().get_openapi_schema(**options)
        components: dict[str, Any] = document["components"]
        components["schemas"] = {**components["schemas"], **_SCHEMAS}
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
        document["security"] = [{"token": []}]
        return document


api = CarrierApi(
    title="Headwater carrier API",
    version=str(wire.VERSION),
    description="For carriers' agents. Every request carries a signed token; see docs/reference/carrier-api.md.",
    urls_namespace="agents",
    docs_url=None,
    openapi_url="/openapi.json",
)


@api.exception_handler(HeadwaterError)
def _refused(request: HttpRequest, error: HeadwaterError) -> HttpResponse:
    if isinstance(error, BadToken):
        REFUSED.labels(error.refusal.value).inc()
    return problems.answer(request, error)


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def _database_away(request: HttpRequest, error: Exception) -> HttpResponse:  # noqa: ARG001 - as below
    return problems.answer(request, Unavailable("The database does not answer. Try again in a minute."))


@api.exception_handler(RequestDataTooBig)
def _too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:  # noqa: ARG001 - django-ninja's signature
    return problems.answer(request, TooLarge(f"A body may have {MAX_ANSWER} octets."))


_wakeups: Wakeups | None = None


def wakeups() -> Wakeups:
    """Return this process's listener."""
    global _wakeups  # noqa: PLW0603 - one connection a process, made when the first poll waits
    if _wakeups is None:
        parameters = connections["default"].get_connection_params()
        plain = {name: value for name, value in parameters.items() if name not in {"cursor_factory", "context"}}
        _wakeups = Wakeups(actions.QUESTIONS_CHANNEL, plain)
    return _wakeups


@api.get(
    "/questions",
    summary="Fetch the open questions, waiting for one where there is none",
    openapi_extra={"responses": described({200: ("The open questions", JSON, _QUESTIONS)}, 401, 422, 503)},
)
async def get_questions(request: HttpRequest, wait: float = 0.0, seen: str | None = None) -> HttpResponse:
    """Answer at once where a question is open, else within ``wait`` seconds (at most 60), then with none.

    ``seen``: the blind searches that the agent has seen, by comma; where it is given, others are handed out too.
    """
    if not 0 <= wait <= MAX_WAIT_S:
        return problems.answer(request, Invalid(f"wait must be from 0 to {MAX_WAIT_S:g} seconds"))
    loop = asyncio.get_running_loop()
    until = loop.time() + wait
    provider, actor = await sync_to_async(admit)(request, Action.READ_QUESTIONS, b"")
    hub = wakeups()
    known = None if seen is None else seen.split(",")[:MOST_OPEN]
    with hub.waiter(provider.id) as woken:
        found, fresh = await sync_to_async(_waiting)(actor, known)
        while not (found.questions or found.searches or fresh) and (left := until - loop.time()) > 0:
            await hub.wait(woken, left)
            found, fresh = await sync_to_async(_waiting)(actor, known)
    return told(found)


@api.post(
    "/roots",
    summary="Publish signed roots, oldest first",
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "MessagePack of Roots: an array of its members in order.",
            "content": {"application/msgpack": {"schema": _ROOTS}},
        },
        "responses": described({200: ("Taken in", JSON, _TAKEN)}, 401, 409, 413, 422, 503),
    },
)
def post_roots(request: HttpRequest) -> HttpResponse:
    """Take in roots; the same again changes nothing, another root for a minute is refused with 409."""
    body = body_of(request, MAX_ANSWER)
    provider, actor = admit(request, Action.WRITE_ROOTS, body)
    try:
        sent = msgspec.msgpack.decode(body, type=Roots)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"The roots cannot be read: {error}") from error
    if sent.spc.strip().upper() != provider.spc:
        raise Invalid(f"The roots name {sent.spc[:16]}; {provider.spc} sent them.")
    signed = roots.rebuild(sent)
    for jws, _root in signed:
        signatures.verified_payload(jws.encode(), own_key(provider, sent.key_id).public_jwk)
    return told(roots.take_roots(actor, signed))


@api.get(
    "/receipts/{receipt_id}",
    summary="Fetch the signed receipt of one answer",
    openapi_extra={
        "responses": described(
            {200: ("A compact JWS (Ed25519), typ headwater-receipt+jws", "application/jose", {"type": "string"})},
            401,
            404,
            503,
        )
    },
)
def get_receipt(request: HttpRequest, receipt_id: str) -> HttpResponse:
    """Hand out the receipt of one of the provider's own answers, signed: it is checked offline with the receipt key."""
    _provider, actor = admit(request, Action.READ_RECEIPTS, b"")
    return HttpResponse(receipts.signed_by_number(actor, receipt_id), content_type="application/jose")


@api.get(
    "/receipt-key",
    summary="Fetch the public key that receipts are checked with",
    auth=None,
    openapi_extra={
        "security": [],
        "responses": described({200: ("A JWK (RFC 8037)", JSON, {"type": "object"})}, 503),
    },
)
def get_receipt_key(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - the same for everybody
    """Hand out the public key."""
    return HttpResponse(msgspec.json.encode(receipts.public_key()), content_type=JSON)


@api.get(
    "/record",
    summary="Fetch the provider's own record of conduct",
    openapi_extra={"responses": described({200: ("Its figures and flags", JSON, {"type": "object"})}, 401, 503)},
)
def get_record(request: HttpRequest) -> HttpResponse:
    """Hand out what tracebacks say of the provider: counts with their denominators, flags, disputes."""
    provider, _actor = admit(request, Action.READ_RECORD, b"")
    found = conduct.record(providers.record_reader(provider), provider.id)
    return HttpResponse(msgspec.json.encode(issues.record(found)), content_type=JSON)


def body_of(request: HttpRequest, most: int) -> bytes:
    """Return the body of a request.

    Raises:
        TooLarge: it has, or announces, more than ``most`` octets.
    """
    length = request.headers.get("Content-Length", "0")
    if length.isascii() and length.isdigit() and int(length) > most:
        raise TooLarge(f"A body may have {most} octets.")
    body = request.body
    if len(body) > most:
        raise TooLarge(f"A body may have {most} octets.")
    return body


def admit(request: HttpRequest, action: Action, body: bytes) -> tuple[ProviderView, Actor]:
    """Return who is let in with this request.

    Raises:
        BadToken, TooMany: nobody is.
    """
    address = limits.address_of(request)
    try:
        token = request.headers.get("Authorization", "")
        proof = signatures.named_key(token)
        limits.CARRIERS.check(address, proof)
        try:
            provider, actor = providers.admit(token, action=action, body=body, certificate=certificate_key)
        except BadToken:
            limits.CARRIERS.wrong(address)
            raise
        limits.CARRIERS.right(address, proof, credential=provider.spc)
        return provider, actor
    finally:
        _give_back(request)


def certificate_key(header: Mapping[str, Any], now: datetime) -> KeyView:
    """Return the key of the STI certificate that a header names.

    Raises:
        BadToken: the certificate does not hold, or is no provider's.
    """
    return sti.key_of(header, home=settings.HEADWATER.home, now=now)


def _waiting(actor: Actor, seen: list[str] | None) -> tuple[wire.Questions, bool]:
    """Return what is open, and whether a question about a number is new: one left to people ends no wait."""
    try:
        found = questions.waiting_questions(actor)
        if found:
            answering.mark_viewed(actor, [question.question_id for question in found])
        searches = [] if seen is None else searching.open_searches(actor, seen=seen)
        numbers, fresh = forward_answering.waiting(actor)
        return wire.Questions(questions=found, searches=searches, numbers=numbers), fresh
    finally:
        _give_back(None)


def _give_back(request: HttpRequest | None) -> None:
    """Give the database connection back before waiting; inside a transaction (a test's) it stays."""
    if (request is None or request.method == "GET") and not connection.in_atomic_block:
        connection.close()


def own_key(provider: ProviderView, key_id: str) -> KeyView:
    """Return a registered key of ``provider``.

    Raises:
        Invalid: there is none such, or it is no longer valid.
    """
    key = register.key(key_id)
    if key is None or key.provider.id != provider.id or not key.valid_at(clock.now()):
        raise Invalid("the answer must be signed with a registered key of the provider that sends it")
    return key


def told(value: msgspec.Struct, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    """Answer with a message as JSON."""
    return HttpResponse(msgspec.json.encode(value), status=status.value, content_type="application/json")
