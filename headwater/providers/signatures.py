"""What a provider's agent signs: request tokens (JWT) and answers (JWS), both ES256. Pure: keys are passed in.

The checks are numbered; each failure has its own reason. RFC 7515 (JWS), RFC 7519 (JWT), RFC 7638 (thumbprint).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode

from headwater.errors import Invalid, Unauthenticated

ALGORITHM = "ES256"
AUDIENCE = "headwater"
#: Longest life of a request token, and how far the two clocks may differ.
MAX_LIFE = timedelta(seconds=60)
SKEW = timedelta(seconds=30)
#: Longest token: one that carries its certificates (``x5c``) has three of about 1.3 KiB in it, twice in base64.
MAX_TOKEN = 16_384
_HEADER_MEMBERS = frozenset({"alg", "kid", "typ", "cty", "x5c", "x5u"})


class _Registry(jws.JWSRegistry):
    """Bounds of what is read: a header may carry a chain of certificates."""

    max_header_length = MAX_TOKEN
    max_payload_length = 524_288


_REGISTRY = _Registry(algorithms=[ALGORITHM])


class Action(StrEnum):
    """What a request token allows, one thing each."""

    READ_QUESTIONS = "questions.read"
    WRITE_ANSWERS = "answers.write"
    READ_RECEIPTS = "receipts.read"
    READ_RECORD = "record.read"
    WRITE_ROOTS = "roots.write"
    WRITE_HITS = "hits.write"
    READ_TERMS = "terms.read"
    WRITE_DEPOSITS = "deposits.write"


class Refusal(StrEnum):
    """Why a request was refused, as it is counted; the sender reads the same 401 for all."""

    NO_TOKEN = "no_token"  # noqa: S105 - a reason, not a secret
    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    UNKNOWN_CERTIFICATE = "unknown_certificate"
    UNTRUSTED_CERTIFICATE = "untrusted_certificate"
    REVOKED_CERTIFICATE = "revoked_certificate"
    UNKNOWN_PROVIDER = "unknown_provider"
    BAD_SIGNATURE = "bad_signature"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_ACTION = "wrong_action"
    WRONG_BODY = "wrong_body"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    LIVES_TOO_LONG = "lives_too_long"
    REPLAYED = "replayed"


class BadToken(Unauthenticated):
    """A request token that opens nothing."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(
            "The request is not signed as agreed: send a fresh ES256 token of a registered key as "
            "'Authorization: Bearer', with iss, aud, iat, exp, jti, action and body_sha256."
        )
        self.refusal = refusal


class BadSignature(Invalid):
    """An answer that is not signed by the key that it names."""


class BadKey(Invalid):
    """A public key that cannot be registered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestToken:
    """A request token whose signature and claims hold. Whether it was shown before is not checked here."""

    key_id: str
    issuer: str
    token_id: str
    expires_at: datetime

    @property
    def fingerprint(self) -> str:
        """The name under which the token counts as used."""
        return sha256(f"{self.key_id}\x00{self.token_id}".encode()).hexdigest()


def public_key(jwk: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return thumbprint and bare members of an ES256 public key; private members are refused, not stored.

    Raises:
        BadKey: it is no P-256 public key.
    """
    if "d" in jwk:
        raise BadKey("this is a private key: register the public one and replace the key, it is compromised")
    members = {name: str(jwk.get(name, "")) for name in ("crv", "kty", "x", "y")}
    if (members["kty"], members["crv"]) != ("EC", "P-256"):
        raise BadKey("the key must be an elliptic-curve key on P-256 (kty EC, crv P-256), for ES256")
    try:
        key = ECKey.import_key(dict[str, str | list[str]](members))
        return key.thumbprint(), members
    except (JoseError, ValueError, TypeError) as error:
        raise BadKey(f"the key's coordinates are no point of P-256: {error}") from error


def key_id_of(compact: bytes) -> str:
    """Return the ``kid`` that a compact JWS names. Nothing is verified yet.

    Raises:
        Invalid: it is no compact JWS with ES256 and a ``kid``.
    """
    header = header_of(compact)
    if not isinstance(header.get("kid"), str):
        raise Invalid("the JWS header must name the key as kid, or its certificate as x5c or x5u")
    return str(header["kid"])


def header_of(compact: bytes) -> dict[str, Any]:
    """Return the header of a compact JWS. Nothing is verified yet.

    Raises:
        Invalid: it is no compact JWS with ES256, or its header holds something else.
    """
    parts = compact.split(b".")
    if len(parts) != 3:
        raise Invalid("not a compact JWS: three parts with two dots between are expected")
    try:
        header = json.loads(urlsafe_b64decode(parts[0]))
    except (ValueError, RecursionError) as error:
        raise Invalid("the JWS header is no base64url JSON") from error
    if not isinstance(header, dict) or not set(header) <= _HEADER_MEMBERS:
        raise Invalid(f"the JWS header may hold {', '.join(sorted(_HEADER_MEMBERS))} and nothing else")
    if header.get("alg") != ALGORITHM:
        raise Invalid("the JWS header must say alg ES256")
    return header


def verified_payload(compact: bytes, public_jwk: Mapping[str, str]) -> bytes:
    """Return the payload of a compact JWS that ``public_jwk`` signed.

    Raises:
        BadSignature: it did not.
    """
    try:
        key = ECKey.import_key(dict[str, str | list[str]](public_jwk))
        signed = jws.deserialize_compact(compact, key, registry=_REGISTRY)
    except (JoseError, ValueError, TypeError) as error:
        raise BadSignature("the signature does not verify under the key that the header names") from error
    if signed.payload is None:
        raise BadSignature("the JWS carries no payload")
    return bytes(signed.payload)


def token_header(authorization: str) -> tuple[bytes, dict[str, Any]]:
    """Return the token of an ``Authorization`` header and its own header, not verified yet.

    Raises:
        BadToken: there is none, or it is malformed.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise BadToken(Refusal.NO_TOKEN)
    if len(token) > MAX_TOKEN or not token.isascii():
        raise BadToken(Refusal.MALFORMED)
    octets = token.strip().encode()
    try:
        return octets, header_of(octets)
    except Invalid:
        raise BadToken(Refusal.MALFORMED) from None


def named_key(authorization: str) -> str:
    """Return what an ``Authorization`` header says its token is signed by, "" where nothing. Nothing is verified."""
    try:
        _token, header = token_header(authorization)
    except BadToken:
        return ""
    return str(header.get("kid") or header.get("x5u") or header.get("x5c") or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What came with a request token, and who must have signed it."""

    spc: str
    action: Action
    body: bytes


def request_token(
    token: bytes, *, key_id: str, public_jwk: Mapping[str, str], request: Request, now: datetime
) -> RequestToken:
    """Check a request token against the key's provider, what it asks and the body that came with it.

    Raises:
        BadToken: with the first check that failed.
    """
    try:
        claims = json.loads(verified_payload(token, public_jwk))  # (1) signature by the registered key
    except BadSignature:
        raise BadToken(Refusal.BAD_SIGNATURE) from None
    except (ValueError, RecursionError):
        raise BadToken(Refusal.MALFORMED) from None
    if not isinstance(claims, dict):
        raise BadToken(Refusal.MALFORMED)
    expires = _alive(claims, now)
    _meant(claims, request)
    token_id = claims.get("jti")
    if not isinstance(token_id, str) or not 8 <= len(token_id) <= 128:  # (9) can be recognised when it comes again
        raise BadToken(Refusal.MALFORMED)
    return RequestToken(key_id=key_id, issuer=request.spc, token_id=token_id, expires_at=expires + SKEW)


def _alive(claims: Mapping[str, Any], now: datetime) -> datetime:
    """Check the token's times and return its end."""
    issued, expires = _instant(claims, "iat"), _instant(claims, "exp")
    if expires - issued > MAX_LIFE or expires <= issued:  # (2) short-lived
        raise BadToken(Refusal.LIVES_TOO_LONG)
    if issued > now + SKEW:  # (3) issued in the past
        raise BadToken(Refusal.NOT_YET_VALID)
    if expires < now - SKEW:  # (4) still alive
        raise BadToken(Refusal.EXPIRED)
    return expires


def _meant(claims: Mapping[str, Any], request: Request) -> None:
    """Check that the token was made by this provider for this very request."""
    if claims.get("iss") != request.spc:  # (5) the key's own provider
        raise BadToken(Refusal.WRONG_ISSUER)
    if claims.get("aud") != AUDIENCE:  # (6) meant for us
        raise BadToken(Refusal.WRONG_AUDIENCE)
    if claims.get("action") != request.action.value:  # (7) for this very thing
        raise BadToken(Refusal.WRONG_ACTION)
    said = claims.get("body_sha256")
    digest = sha256(request.body).hexdigest().encode()
    if not isinstance(said, str) or not compare_digest(said.lower().encode(), digest):  # (8) for this very body
        raise BadToken(Refusal.WRONG_BODY)


def _instant(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadToken(Refusal.MALFORMED)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        raise BadToken(Refusal.MALFORMED) from None
