"""vCon: conversations as files. Read leniently, written as draft-ietf-vcon-vcon-core-04. Pure.

Names moved between drafts (``mimetype``, ``alg`` with ``signature``); both are read. A signed vCon (JWS, RS256 or
ES256 with ``x5c``) is taken only if its signature holds; whom the chain ends at is told, and whether to trust it is
the reader's. An encrypted one (JWE) is recognised and refused. What a ``url`` names is never fetched.
"""

import base64
import binascii
import contextlib
import itertools
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha512
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from headwater.errors import Invalid, TooLarge

#: Octets of one vCon, with the recordings inside it.
LONGEST: Final = 96 * 1024 * 1024
MOST_PARTIES: Final = 100
MOST_DIALOGS: Final = 200
MOST_CERTIFICATES: Final = 8
LONGEST_TRANSCRIPT: Final = 100_000
#: Draft -04 has no ``vcon`` member; what older ones wrote there is passed over.
_TYPES: Final = frozenset({"recording", "text", "transfer", "incomplete"})


class BadVcon(Invalid):
    """The octets are no vCon, or one that cannot be read; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signed a vCon whose signature holds."""

    subject: str
    """Of the certificate that signed."""
    root: str
    """Of the last certificate of the chain that it brought: nobody vouches for it but the reader."""
    chain_holds: bool
    """Each certificate is signed by the next, and all are valid at the moment of reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One side of a conversation."""

    tel: str = ""
    sip: str = ""
    name: str = ""
    stir: str = ""
    """PASSporT, compact form."""
    validation: str = ""

    @property
    def number(self) -> str:
        """The number that it is known by, "" where there is none."""
        return self.tel.removeprefix("tel:") or self.sip


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """One piece of a conversation."""

    kind: str
    start: datetime | None
    """Aware; None where it is not told."""
    duration_s: float | None = None
    parties: tuple[int, ...] = ()
    """The first is who spoke, or called, first."""
    mediatype: str = ""
    filename: str = ""
    url: str = ""
    content_hash: str = ""
    body: bytes = field(default=b"", repr=False)
    """What is inside the vCon itself."""
    disposition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vcon:
    """One conversation."""

    uuid: str
    subject: str = ""
    created_at: str = ""
    parties: tuple[Party, ...] = ()
    dialogs: tuple[Dialog, ...] = ()
    transcripts: Mapping[int, "Transcript"] = field(default_factory=dict)
    """By the place of their dialog."""
    signer: Signer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What was said in one dialog, as somebody's recogniser wrote it."""

    text: str
    language: str = ""
    maker: str = ""


def read(octets: bytes, *, now: datetime) -> Vcon:
    """Return the conversation that ``octets`` hold, signed or plain.

    Raises:
        BadVcon: it is none, is encrypted, or its signature does not hold.
        TooLarge: beyond ``LONGEST``.
    """
    if len(octets) > LONGEST:
        raise TooLarge(f"a vCon has at most {LONGEST} octets")
    document = _object(octets)
    if "ciphertext" in document or "recipients" in document:
        raise BadVcon("the vCon is encrypted (JWE): ask its sender for one that is signed or plain")
    signer = None
    if "payload" in document:
        payload, signer = _verified(document, now)
        document = _object(payload)
        if "payload" in document or "ciphertext" in document:
            raise BadVcon("the signed vCon holds another envelope, not a vCon")
    return _conversation(document, signer)


def _object(octets: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(octets)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadVcon(f"the file is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise BadVcon("the file is no JSON object")
    return document


def _conversation(document: Mapping[str, Any], signer: Signer | None) -> Vcon:
    name = document.get("uuid")
    try:
        identifier = str(uuid.UUID(name if isinstance(name, str) else ""))
    except ValueError:
        raise BadVcon("the object has no uuid: it is no vCon") from None
    parties, dialogs = _list(document, "parties", MOST_PARTIES), _list(document, "dialog", MOST_DIALOGS)
    if not parties:
        raise BadVcon("the vCon names no parties")
    if document.get("redacted") and not dialogs:
        raise BadVcon("the vCon is a redaction without any dialog")
    return Vcon(
        uuid=identifier,
        subject=_text(document, "subject"),
        created_at=_text(document, "created_at"),
        parties=tuple(_party(each) for each in parties),
        dialogs=tuple(_dialog(number, each, len(parties)) for number, each in enumerate(dialogs)),
        transcripts=_transcripts(_list(document, "analysis", MOST_DIALOGS * 10), len(dialogs)),
        signer=signer,
    )


def _party(held: Mapping[str, Any]) -> Party:
    names = ("tel", "sip", "name", "stir", "validation")
    return Party(**{name: _text(held, name) for name in names})


def _dialog(number: int, held: Mapping[str, Any], parties: int) -> Dialog:
    kind = _text(held, "type")
    if kind not in _TYPES:
        raise BadVcon(f"dialog {number} is of type {kind!r}; known are {', '.join(sorted(_TYPES))}")
    duration = held.get("duration")
    return Dialog(
        kind=kind,
        start=_moment(number, held.get("start")),
        duration_s=float(duration) if isinstance(duration, int | float) and 0 <= duration <= 86_400 else None,
        parties=_places(number, held, parties),
        mediatype=_text(held, "mediatype") or _text(held, "mimetype"),
        filename=_text(held, "filename"),
        url=_text(held, "url"),
        content_hash=_content_hash(held),
        body=_body(number, held),
        disposition=_text(held, "disposition"),
    )


def _places(number: int, held: Mapping[str, Any], parties: int) -> tuple[int, ...]:
    """Return the parties of a dialog, its originator first."""
    value = held.get("parties", [])
    flat: list[Any] = []
    for each in value if isinstance(value, list) else [value]:
        flat.extend(each if isinstance(each, list) else [each])
    places = [each for each in flat if isinstance(each, int) and not isinstance(each, bool)]
    if len(places) != len(flat) or any(not 0 <= place < parties for place in places):
        raise BadVcon(f"dialog {number} names a party that there is none of")
    first = held.get("originator")
    if isinstance(first, int) and 0 <= first < parties:
        places = [first, *(place for place in places if place != first)]
    return tuple(dict.fromkeys(places))


def _moment(number: int, value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)  # drafts before 2023 wrote Unix seconds
        found = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        raise BadVcon(f"dialog {number} starts at {str(value)[:40]!r}, which is no time") from None
    if found.tzinfo is None:
        raise BadVcon(f"dialog {number} starts at {value!r}, which has no zone")
    return found.astimezone(UTC)


def _content_hash(held: Mapping[str, Any]) -> str:
    """Return ``sha512-...`` as -04 writes it; older drafts wrote ``alg`` and ``signature``."""
    value = held.get("content_hash")
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, str) and value:
        return value[:160]
    algorithm, signature = _text(held, "alg"), _text(held, "signature")
    return f"{algorithm.lower().replace('-', '')}-{signature}"[:160] if algorithm and signature else ""


def _body(number: int, held: Mapping[str, Any]) -> bytes:
    body, encoding = held.get("body"), _text(held, "encoding").lower()
    if body is None or body == "":
        return b""
    if encoding == "json" or not isinstance(body, str):
        return msgspec.json.encode(body)
    if encoding in {"base64url", "base64"}:
        octets = _base64(body)
        if octets is None:
            raise BadVcon(f"the body of dialog {number} is not {encoding}")
        expected = _content_hash(held)
        if expected.startswith("sha512-") and _base64(expected[7:]) != sha512(octets).digest():
            raise BadVcon(f"the body of dialog {number} is not what its content_hash says: it was changed")
        return octets
    return body.encode("utf-8", "replace")


def _transcripts(analyses: Sequence[Mapping[str, Any]], dialogs: int) -> dict[int, Transcript]:
    found: dict[int, Transcript] = {}
    for held in analyses:
        if _text(held, "type") != "transcript":
            continue
        body = held.get("body")
        if isinstance(body, str) and _text(held, "encoding").lower() == "base64url":
            body = (_base64(body) or b"").decode("utf-8", "replace")
        if isinstance(body, str) and body.lstrip()[:1] in {"{", "["}:
            # A text that begins with a bracket and is no JSON is a text.
            with contextlib.suppress(msgspec.DecodeError, UnicodeEncodeError, RecursionError):
                body = msgspec.json.decode(body)
        text = " ".join(_spoken(body)).strip()[:LONGEST_TRANSCRIPT]
        maker = " ".join(part for part in (_text(held, "vendor"), _text(held, "product")) if part)[:64]
        language = _text(held, "language") or (_text(body, "language") if isinstance(body, dict) else "")
        places = held.get("dialog", 0)
        for place in places if isinstance(places, list) else [places]:
            if text and isinstance(place, int) and 0 <= place < dialogs:
                found.setdefault(place, Transcript(text=text, language=language[:35], maker=maker))
    return found


def _spoken(body: Any, depth: int = 0) -> list[str]:
    """Return the words of a transcript, whatever its maker's form: a text, an object that has one, or a list."""
    if isinstance(body, str):
        return [body]
    if isinstance(body, dict) and depth < 6:
        for name in ("transcript", "text", "message", "body", "segments", "utterances", "paragraphs", "results"):
            if body.get(name):
                return _spoken(body[name], depth + 1)
    if isinstance(body, list) and depth < 6:
        return [word for each in body[:20_000] for word in _spoken(each, depth + 1)]
    return []


def _list(document: Mapping[str, Any], name: str, most: int) -> list[dict[str, Any]]:
    value = document.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise BadVcon(f"{name} is no list of objects")
    if len(value) > most:
        raise BadVcon(f"{name} has {len(value)} members; at most {most} are read")
    return value


def _text(held: Mapping[str, Any], name: str) -> str:
    value = held.get(name)
    return value[:16_384] if isinstance(value, str) else ""


def _base64(text: str) -> bytes | None:
    """Return what base64url, or base64, holds; None where it is neither."""
    plain = "".join(text.split()).translate(str.maketrans("+/", "-_")).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None


# -- signatures ------------------------------------------------------------------------------------------------------


def _verified(document: Mapping[str, Any], now: datetime) -> tuple[bytes, Signer]:
    """Return the payload of a JWS in JSON form, general or flattened, once its first signature holds."""
    payload = document.get("payload")
    signatures = document.get("signatures", [document])
    if not isinstance(payload, str) or not isinstance(signatures, list) or not signatures:
        raise BadVcon("the signed vCon has no payload and signatures")
    held = signatures[0]
    if not isinstance(held, dict):
        raise BadVcon("the signed vCon's signature is no object")
    protected = str(held.get("protected") or "")
    header = _object(_base64(protected) or b"{}") if protected else {}
    outer = held.get("header")
    whole = (outer if isinstance(outer, dict) else {}) | header
    chain = _chain(whole.get("x5c"))
    signature = _base64(str(held.get("signature", "")))
    body = _base64(payload)
    if signature is None or body is None:
        raise BadVcon("the signed vCon is not base64url where it must be")
    algorithm = whole.get("alg")
    try:
        _check(chain[0].public_key(), str(algorithm), signature, f"{protected}.{payload}".encode())
        return body, Signer(
            subject=chain[0].subject.rfc4514_string(),
            root=chain[-1].issuer.rfc4514_string(),
            chain_holds=_chain_holds(chain, now),
        )
    except InvalidSignature:
        raise BadVcon("the signature does not hold: the vCon was changed, or another key signed it") from None
    except (ValueError, UnsupportedAlgorithm) as error:  # a certificate's key and names are read where they are used
        raise BadVcon(f"a certificate of the signed vCon cannot be read: {error}") from error


def _chain(value: Any) -> list[x509.Certificate]:
    if not isinstance(value, list) or not 0 < len(value) <= MOST_CERTIFICATES:
        raise BadVcon("the signed vCon brings no certificates (x5c)")
    try:
        return [x509.load_der_x509_certificate(_base64(str(each)) or b"") for each in value]
    except (ValueError, x509.InvalidVersion) as error:
        raise BadVcon(f"a certificate of the signed vCon cannot be read: {error}") from error


def _check(key: Any, algorithm: str, signature: bytes, signed: bytes) -> None:
    # The algorithm is the key's, and never another that the file asks for: "none" and HS256 have no case here.
    if algorithm == "RS256" and isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2_048:
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    elif algorithm == "ES256" and isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        if len(signature) != 64:
            raise InvalidSignature
        halves = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
        key.verify(encode_dss_signature(*halves), signed, ec.ECDSA(hashes.SHA256()))
    else:
        raise BadVcon(f"the vCon is signed with {algorithm!r}; RS256 (2048 bits or more) and ES256 are verified")


def _chain_holds(chain: Sequence[x509.Certificate], now: datetime) -> bool:
    if any(not each.not_valid_before_utc <= now <= each.not_valid_after_utc for each in chain):
        return False
    try:
        for each, issuer in itertools.pairwise(chain):
            each.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
