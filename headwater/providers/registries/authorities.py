"""The list of certification authorities that the STI-PA approves: a JWT that it signs (ATIS-1000084)."""

import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from headwater.errors import Invalid
from headwater.providers.registries.entries import BadRegistry, Entry, Fault

LONGEST: Final = 8 * 1024 * 1024
MOST_AUTHORITIES: Final = 2_000


def authorities(octets: bytes, *, signer: bytes, now: datetime) -> Iterator[Entry | Fault]:
    """Yield the authorities of a list whose signature holds.

    Args:
        octets: The JWT, or the STI-PA's JSON answer around it.
        signer: The STI-PA's certificate (PEM), as the operator got it: the list's own ``x5u`` is not fetched.
        now: The moment at which the signer's certificate must be valid and the list not expired.

    Raises:
        BadRegistry: it is no such list, its signature does not hold, or it has expired.
    """
    payload = _verified(octets, signer, now)
    found = payload.get("trustList")
    if not isinstance(found, list) or not found or len(found) > MOST_AUTHORITIES:
        raise BadRegistry("the list's payload has no trustList of certificates")
    expires = payload.get("exp")
    if isinstance(expires, int | float) and expires < now.timestamp():
        raise BadRegistry("the list has expired: fetch it anew from the STI-PA")
    for number, text in enumerate(found, start=1):
        try:
            certificate = _certificate(text)
        except (ValueError, TypeError) as error:
            yield Fault(number, f"no certificate: {error}")
            continue
        yield _entry(certificate, payload)


def _verified(octets: bytes, signer: bytes, now: datetime) -> dict[str, Any]:
    if len(octets) > LONGEST:
        raise BadRegistry(f"the list has more than {LONGEST} octets")
    try:
        certificate = x509.load_pem_x509_certificate(signer)
    except ValueError as error:
        raise BadRegistry(f"the signer's certificate cannot be read: {error}") from error
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadRegistry("the signer's certificate has no P-256 key; the STI-PA signs with ES256")
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise BadRegistry("the signer's certificate is not valid today")
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        token = jws.deserialize_compact(octets.strip(), ECKey.import_key(pem), algorithms=["ES256"])
        payload: Any = json.loads(token.payload)
    except (JoseError, ValueError, UnicodeDecodeError) as error:
        raise BadRegistry(f"the list is no JWT that this certificate signed: {error}") from error
    if not isinstance(payload, dict):
        raise BadRegistry("the list's payload is no JSON object")
    return payload


def _certificate(text: Any) -> x509.Certificate:
    if not isinstance(text, str):
        raise TypeError("not a text")
    if "BEGIN CERTIFICATE" in text:
        return x509.load_pem_x509_certificate(text.encode())
    return x509.load_der_x509_certificate(b64decode(text, validate=True))


def _entry(certificate: x509.Certificate, payload: dict[str, Any]) -> Entry:
    der = certificate.public_bytes(serialization.Encoding.DER)
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return Entry(
        key=sha256(der).hexdigest(),
        name=str(names[0].value) if names else certificate.subject.rfc4514_string(),
        detail={
            "subject": certificate.subject.rfc4514_string(),
            "serial": f"{certificate.serial_number:x}",
            "not_before": certificate.not_valid_before_utc.isoformat(),
            "not_after": certificate.not_valid_after_utc.isoformat(),
            "pem": certificate.public_bytes(serialization.Encoding.PEM).decode(),
            **({"list_sequence": str(payload["sequence"])[:40]} if "sequence" in payload else {}),
        },
    )


def pem_of(certificates: list[str]) -> bytes:
    """Return the certificates of a list as one PEM file.

    Raises:
        Invalid: there is none.
    """
    if not certificates:
        raise Invalid("the list holds no certificate")
    return "".join(certificates).encode()
