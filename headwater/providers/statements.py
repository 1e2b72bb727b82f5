"""What the hub itself signs for others: receipts and public lists. JWS (RFC 7515) with EdDSA (RFC 8037), Ed25519.

No Django: whoever receives one can check it offline with the public key, which the hub publishes as a JWK.
"""

from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from headwater.errors import Invalid, Unavailable

ALGORITHM = "Ed25519"
"""RFC 9864: the fully specified name of EdDSA over Curve25519."""
RECEIPT_KEY = "receipt-key.pem"
PUBLICATION_KEY = "publication-key.pem"


class _Registry(jws.JWSRegistry):
    """Bounds of what is read: a public list has some megabytes in a busy half-year."""

    max_payload_length = 256 * 1024 * 1024


_REGISTRY = _Registry(algorithms=[ALGORITHM])


class BadStatement(Invalid):
    """A statement that the key did not sign."""


def key(path: Path) -> OKPKey:
    """Read a signing key.

    Raises:
        Unavailable: it is missing or none; `headwater database prepare` makes what is missing.
    """
    try:
        return OKPKey.import_key(path.read_bytes())
    except OSError as error:
        raise Unavailable(f"The signing key {path} cannot be read. Run `headwater database prepare`.") from error
    except (JoseError, ValueError) as error:
        raise Unavailable(f"{path} holds no Ed25519 key: {error}") from error


def public_jwk(signing: OKPKey) -> dict[str, Any]:
    """Return the public half as a JWK (RFC 8037), named by its RFC 7638 thumbprint."""
    members: dict[str, Any] = signing.as_dict(private=False)
    return {**members, "alg": ALGORITHM, "use": "sig", "kid": signing.thumbprint()}


def sign(payload: bytes, signing: OKPKey, *, kind: str) -> str:
    """Return ``payload`` as a compact JWS; ``kind`` is its ``typ``, so that none passes for another."""
    header = {"alg": ALGORITHM, "kid": signing.thumbprint(), "typ": kind}
    return str(jws.serialize_compact(header, payload, signing, registry=_REGISTRY))


def verified(statement: str, jwk: dict[str, Any], *, kind: str) -> bytes:
    """Return the payload of a statement of ``kind`` that the key of ``jwk`` signed.

    Raises:
        BadStatement: it did not, or the statement is of another kind.
    """
    try:
        public = OKPKey.import_key({name: jwk[name] for name in ("crv", "kty", "x")})
        read = jws.deserialize_compact(statement.strip(), public, registry=_REGISTRY)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadStatement(f"The signature does not hold under that key: {error or type(error).__name__}") from error
    if read.headers().get("typ") != kind:
        raise BadStatement(f"The statement is a {read.headers().get('typ')!r}, not a {kind!r}.")
    return bytes(read.payload or b"")
