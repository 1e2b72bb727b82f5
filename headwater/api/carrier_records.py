"""The carrier API's doors for records: what blind searches found, and deposits. docs/reference/carrier-api.md.

They stand beside ``api.carriers`` on the same API and behind the same token.
"""

from http import HTTPStatus

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter

from headwater.api.carriers import (
    DEPOSIT,
    DEPOSIT_TERMS,
    DEPOSITED,
    HITS,
    HITS_TAKEN,
    JSON,
    admit,
    api,
    body_of,
    described,
    own_key,
    told,
)
from headwater.calls import deposits as sealed
from headwater.errors import HeadwaterError, Invalid
from headwater.providers import signatures
from headwater.providers.signatures import Action
from headwater.tracebacks import deposits, searching
from headwater.wire.searches import Hits

#: Longest body of hits in octets.
MOST_HITS = 65_536

DEPOSITS = Counter("headwater_deposits", "Deposits of carriers by what became of them", ["result"])
DEPOSITED_RECORDS = Counter("headwater_deposited_records", "Records in deposits that were taken")


@api.post(
    "/hits",
    summary="Hand in what was found for blind searches",
    openapi_extra={
        "requestBody": {"required": True, "content": {JSON: {"schema": HITS}}},
        "responses": described({200: ("How many were new and in time", JSON, HITS_TAKEN)}, 401, 413, 422, 503),
    },
)
def post_hits(request: HttpRequest) -> HttpResponse:
    """Take in hits; the first of each search counts, and none after it was closed."""
    body = body_of(request, MOST_HITS)
    _provider, actor = admit(request, Action.WRITE_HITS, body)
    try:
        hits = msgspec.json.decode(body, type=Hits)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"The hits cannot be read: {error}") from error
    return told(searching.take_hits(actor, hits))


@api.get(
    "/deposit-terms",
    summary="Fetch to whom deposits are sealed",
    openapi_extra={"responses": described({200: ("The approver's key and the bounds", JSON, DEPOSIT_TERMS)}, 401, 503)},
)
def get_deposit_terms(request: HttpRequest) -> HttpResponse:
    """Hand out the approver's public key."""
    admit(request, Action.READ_TERMS, b"")
    return told(deposits.terms(settings.HEADWATER.secrets, kept_days=settings.HEADWATER.deposit_days))


@api.post(
    "/deposits",
    summary="Deposit a sealed batch of records",
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "MessagePack of a Deposit: an array of its members in order.",
            "content": {"application/msgpack": {"schema": DEPOSIT}},
        },
        "responses": described(
            {
                201: ("On disk", JSON, DEPOSITED),
                200: ("The same batch was taken before", JSON, DEPOSITED),
            },
            401,
            409,
            413,
            422,
            503,
        ),
    },
)
def post_deposit(request: HttpRequest) -> HttpResponse:
    """Take in one batch; the same batch again is answered alike. It is on disk when the answer leaves."""
    body = body_of(request, sealed.MOST_OCTETS)
    provider, actor = admit(request, Action.WRITE_DEPOSITS, body)
    try:
        batch = sealed.decode(body)
        if batch.spc.strip().upper() != provider.spc:
            raise Invalid(f"The deposit names {batch.spc[:16]}; {provider.spc} sent it.")
        key = own_key(provider, signatures.key_id_of(batch.jws.encode()))
        if signatures.verified_payload(batch.jws.encode(), key.public_jwk) != sealed.signed_part(batch):
            raise Invalid("The deposit's signature is over something else than its head.")
        taken, fresh = deposits.take(actor, batch, octets=body, key_id=key.key_id)
    except HeadwaterError as error:
        DEPOSITS.labels("refused").inc()
        deposits.note_refused(actor, body, reason=str(error))
        raise
    DEPOSITS.labels("taken" if fresh else "repeated").inc()
    if fresh:
        DEPOSITED_RECORDS.inc(taken.records)
    return told(taken, HTTPStatus.CREATED if fresh else HTTPStatus.OK)
