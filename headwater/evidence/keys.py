"""The custodian's signing key: an Ed25519 key in one file that only the worker's account can read."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from headwater.errors import Unavailable
from headwater.evidence import published

FILE = "evidence-key.pem"


def raw(key: Ed25519PublicKey) -> bytes:
    """Return the 32 octets of a public key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def pem(key: Ed25519PublicKey) -> bytes:
    """Return a public key as PEM, the form in which people publish and compare it."""
    return published.pem(raw(key))


def key_id(key: Ed25519PublicKey) -> str:
    """Return the identifier under which a public key is known, see ``published.key_id``."""
    return published.key_id(raw(key))


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
