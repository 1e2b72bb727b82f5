"""The custodian's public key as people publish and compare it: PEM, 32 octets, an identifier. Standard library only."""

import base64
import binascii
from hashlib import sha256

from headwater.errors import Invalid
from headwater.evidence.container import NotAPackage
from headwater.evidence.layout import PAPER_CERTIFICATE
from headwater.wire.canonical import canonical_json

LARGEST_PEM = 8_192
_BEGIN, _END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
#: SubjectPublicKeyInfo of an Ed25519 key up to its 32 octets (RFC 8410 section 4): the algorithm has no parameters.
_PREFIX = bytes.fromhex("302a300506032b6570032100")
_LINE = 64


def key_id(raw: bytes) -> str:
    """Return the RFC 7638 thumbprint of an Ed25519 key (as an RFC 8037 JWK), 43 characters."""
    x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    thumbprint = sha256(canonical_json({"crv": "Ed25519", "kty": "OKP", "x": x})).digest()
    return base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()


def pem(raw: bytes) -> bytes:
    """Return an Ed25519 public key as PEM (RFC 7468)."""
    text = base64.b64encode(_PREFIX + raw).decode()
    lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    return "\n".join([_BEGIN, *lines, _END, ""]).encode()


def first_certificate(octets: bytes) -> bytes:
    """Return the first certificate of a PEM file, in DER.

    Raises:
        NotAPackage: it holds none.
    """
    text = octets[: 8 * LARGEST_PEM].decode("ascii", "replace")
    _, begin, rest = text.partition("-----BEGIN CERTIFICATE-----")
    body, end, _ = rest.partition("-----END CERTIFICATE-----")
    try:
        if begin and end:
            return base64.b64decode("".join(body.split()), validate=True)
    except (ValueError, binascii.Error):
        pass
    message = "the file of certificates holds none"
    raise NotAPackage(message, member=PAPER_CERTIFICATE)


def from_pem(octets: bytes) -> bytes:
    """Return the 32 octets of an Ed25519 public key in PEM; text around it is passed over.

    Raises:
        Invalid: it is not the PEM of an Ed25519 public key.
    """
    text = octets[:LARGEST_PEM].decode("ascii", "replace")
    _, begin, rest = text.partition(_BEGIN)
    body, end, _ = rest.partition(_END)
    if not begin or not end:
        raise Invalid("the key file is not a public key in PEM form")
    try:
        found = base64.b64decode("".join(body.split()), validate=True)
    except (ValueError, binascii.Error) as error:
        message = f"the key file is not a public key in PEM form: {error}"
        raise Invalid(message) from error
    if not found.startswith(_PREFIX) or len(found) != len(_PREFIX) + 32:
        raise Invalid("the key file holds another kind of key; packages are signed with Ed25519")
    return found[len(_PREFIX) :]
