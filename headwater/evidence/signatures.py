"""Checking the signatures of providers' answers without our own database. Standard library only.

An answer is a compact JWS (RFC 7515) with ES256, its ``kid`` the RFC 7638 thumbprint of the provider's key.
"""

import base64
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from headwater.evidence import curves
from headwater.evidence.container import NotAPackage
from headwater.evidence.layout import PROVIDER_KEYS
from headwater.wire.canonical import canonical_json

_COORDINATE = 32
_SIGNATURE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderKey:
    """A provider's public key: a point on P-256, and whose it is."""

    spc: str
    x: int
    y: int


def _decode(text: str) -> bytes:
    """Return unpadded base64url octets; ``ValueError`` where another text would decode to the same."""
    octets = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if base64.urlsafe_b64encode(octets).rstrip(b"=").decode() != text:
        message = "it is not in base64url form"
        raise ValueError(message)
    return octets


def provider_keys(listed: list[dict[str, Any]]) -> dict[str, ProviderKey]:
    """Return the providers' keys by identifier.

    Raises:
        NotAPackage: a key is not a P-256 key, or its identifier is not its thumbprint.
    """
    found: dict[str, ProviderKey] = {}
    for row in listed:
        try:
            key_id, key = _provider_key(row)
        except (KeyError, TypeError, ValueError) as error:
            message = f"{PROVIDER_KEYS} holds a key that cannot be used: {error}"
            raise NotAPackage(message, member=PROVIDER_KEYS) from error
        found[key_id] = key
    return found


def _provider_key(row: dict[str, Any]) -> tuple[str, ProviderKey]:
    jwk = row["jwk"]
    public = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    thumbprint = base64.urlsafe_b64encode(sha256(canonical_json(public)).digest()).rstrip(b"=").decode()
    x, y = _decode(jwk["x"]), _decode(jwk["y"])
    usable = (jwk["kty"], jwk["crv"], len(x), len(y)) == ("EC", "P-256", _COORDINATE, _COORDINATE)
    point = int.from_bytes(x, "big"), int.from_bytes(y, "big")
    usable = usable and curves.on_p256(*point)
    if not usable or thumbprint != row["key_id"] or not isinstance(row["provider_spc"], str):
        message = "it is no P-256 key, or its identifier belongs to another key"
        raise ValueError(message)
    return thumbprint, ProviderKey(spc=row["provider_spc"], x=point[0], y=point[1])


def check_answer(jws: bytes, row: dict[str, Any], public: dict[str, ProviderKey]) -> str:
    """Return what is wrong with a signed answer, or "": its signature, and that ``row`` states what it says."""
    try:
        protected, payload, signature = jws.decode("ascii").split(".")
        header, raw = json.loads(_decode(protected)), _decode(signature)
        answer = json.loads(_decode(payload))
        key_id, algorithm = header["kid"], header["alg"]
        key = public.get(key_id)
        if key is None or key_id != row.get("key_id") or key.spc != row.get("provider_spc"):
            return "the key that signed it is not one that this provider registered"
        if algorithm != "ES256" or len(raw) != _SIGNATURE:
            return "it is not signed with ES256"
        if not curves.es256_holds(key.x, key.y, raw, f"{protected}.{payload}".encode()):
            return "the signature is not the provider's: the answer was changed"
        upstream = answer.get("upstream") or {}
        said = (answer["code"], answer["question_id"], upstream.get("spc", ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return f"it cannot be read as a signed answer ({error})"
    if said != (row.get("code"), row.get("question_id"), row.get("upstream_spc")):
        return "the index of answers states something else than what was signed"
    return ""


def check_deposited(octets: bytes, row: dict[str, Any], public: dict[str, ProviderKey]) -> str:
    """Return what is wrong with an answer that rests on a deposited record, or "".

    The provider's signature is over the head of its deposit, and the sealed record leads to the head's root (RFC 9162
    section 2.1). That the record opens to what the answer says takes AES-GCM, which the standard library has not:
    ``record_key`` opens it.
    """
    try:
        kept = json.loads(octets)
        shown, answer = kept["deposit"], kept["answer"]
        problem = _head(shown, row, public)
        said = (answer["code"], answer["question_id"], (answer.get("upstream") or {}).get("spc", ""))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        return f"it cannot be read as a deposited record ({error})"
    if problem:
        return problem
    if said != (row.get("code"), row.get("question_id"), row.get("upstream_spc")):
        return "the index of answers states something else than the answer that was made of the record"
    return ""


def _head(shown: dict[str, Any], row: dict[str, Any], public: dict[str, ProviderKey]) -> str:
    """Return what is wrong with the signed head of a deposit and the record's way to it, or ""."""
    protected, payload, signature = shown["jws"].split(".")
    header, raw, head = json.loads(_decode(protected)), _decode(signature), json.loads(_decode(payload))
    key = public.get(header["kid"])
    if key is None or header["kid"] != row.get("key_id") or {key.spc} != {row.get("provider_spc"), head["spc"]}:
        return "the key that signed the deposit is not one that this provider registered"
    if header["alg"] != "ES256" or len(raw) != _SIGNATURE or _decode(payload) != shown["head"].encode():
        return "the deposit is not signed with ES256 over its head"
    if not curves.es256_holds(key.x, key.y, raw, f"{protected}.{payload}".encode()):
        return "the signature is not the provider's: the deposit was changed"
    if _root(shown) != bytes.fromhex(head["root"]):
        return "the record is none of those that the provider's signature binds"
    return ""


def _root(shown: dict[str, Any]) -> bytes:
    """Return the root that a sealed record leads to by its siblings; "" stands for a node that has none."""
    here = sha256(b"\x00" + bytes.fromhex(shown["label"]) + bytes.fromhex(shown["sealed"])).digest()
    place = int(shown["place"])
    for sibling in map(bytes.fromhex, shown["siblings"]):
        if sibling:
            here = sha256(b"\x01" + (sibling + here if place & 1 else here + sibling)).digest()
        place //= 2
    return here
