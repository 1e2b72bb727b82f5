"""Well-formed SHAKEN PASSporTs, signed by throw-away keys that come from the seed (RFC 8225, RFC 8588).

Behind these keys stands the simulated authority alone (``authority``): no other trust list holds it, and nothing can
be fetched from the addresses.
"""

import base64
import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from headwater.wire.canonical import canonical_json

#: Order of P-256 minus one: private keys are 1 to this (FIPS 186-5).
LARGEST_KEY = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550
_ES256 = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What an originating carrier says of a call."""

    seed: int
    signer: str
    """SPC of the carrier that signs."""
    customer: str
    """Address of the customer: the origid is stable for each."""
    attest: str
    calling: str
    called: str
    at: datetime


@cache
def _key(seed: int, signer: str) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(sha256(f"passport:{seed}:{signer}".encode()).digest())
    return ec.derive_private_key(1 + number % LARGEST_KEY, ec.SECP256R1())


def public_key(seed: int, signer: str) -> ec.EllipticCurvePublicKey:
    """Return the key that checks what ``signer`` signed in the network of ``seed``."""
    return _key(seed, signer).public_key()


def origid(seed: int, customer: str) -> str:
    """Return the identifier by which the signer points at the customer without naming it."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://sim.invalid/{seed}/{customer}"))


def _b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def address(signer: str) -> str:
    """Return the address that tokens of ``signer`` name as their certificate's."""
    return f"https://certificates.{signer.lower()}.example/shaken.pem"


def identity(claim: Claim) -> str:
    """Return the value of the Identity header: token, ``info``, ``alg`` and ``ppt`` (RFC 8224, section 4)."""
    url = address(claim.signer)
    header = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": url}
    payload = {
        "attest": claim.attest,
        "dest": {"tn": [claim.called]},
        "iat": int(claim.at.timestamp()),
        "orig": {"tn": claim.calling},
        "origid": origid(claim.seed, claim.customer),
    }
    signed = _b64(canonical_json(header)) + "." + _b64(canonical_json(payload))
    r, s = decode_dss_signature(_key(claim.seed, claim.signer).sign(signed.encode(), _ES256))
    token = signed + "." + _b64(r.to_bytes(32) + s.to_bytes(32))
    return f"{token};info=<{url}>;alg=ES256;ppt=shaken"
