"""The custodian's signing key: an Ed25519 key in one file that only the worker's account can read."""

import base64
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from headwater.errors import Invalid, Unavailable
from headwater.wire.canonical import canonical_json

FILE = "evidence-key.pem"
LARGEST_PEM = 8_192


def raw(key: Ed25519PublicKey) -> bytes:
    """Return the 32 octets of a public key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def pem(key: Ed25519PublicKey) -> bytes:
    """Return a public key as PEM, the form in which people publish and compare it."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: Ed25519PublicKey) -> str:
    """Return the RFC 7638 thumbprint of the key (as an RFC 8037 JWK), 43 characters."""
    x = base64.urlsafe_b64encode(raw(key)).rstrip(b"=").decode()
    thumbprint = sha256(canonical_json({"crv": "Ed25519", "kty": "OKP", "x": x})).digest()
    return base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()


def public_key(octets: bytes) -> Ed25519PublicKey:
    """Read a public key from PEM.

    Raises:
        Invalid: it is not the PEM of an Ed25519 public key.
    """
    try:
        key = load_pem_public_key(octets[:LARGEST_PEM])
    except (ValueError, UnsupportedAlgorithm) as error:
        message = f"the key file is not a public key in PEM form: {error}"
        raise Invalid(message) from error
    if not isinstance(key, Ed25519PublicKey):
        message = "the key file holds another kind of key; packages are signed with Ed25519"
        raise Invalid(message)
    return key


def load(secrets: Path) -> Ed25519PrivateKey:
    """Return the custodian's key from the secrets folder.

    Raises:
        Unavailable: there is none yet, or the file cannot be read as one.
    """
    path = secrets / FILE
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        message = (
            f"the evidence key {path} cannot be read ({error}), and no package is sealed without it; "
            "run `headwater database prepare`"
        )
        raise Unavailable(message) from error
    if not isinstance(key, Ed25519PrivateKey):
        message = f"the evidence key {path} is not an Ed25519 key"
        raise Unavailable(message)
    return key
