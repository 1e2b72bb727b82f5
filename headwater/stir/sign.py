"""Make PASSporTs and Identity headers: for tests, laboratories and the simulator. Not a signing service."""

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from headwater.stir.passport import base64url


def make_token(
    key: ec.EllipticCurvePrivateKey, claims: Mapping[str, Any], *, x5u: str, ppt: str | None = "shaken"
) -> str:
    """Return a full-form PASSporT over ``claims``, members in the order of RFC 8225 section 9.

    ``claims`` are signed as given, right or wrong: tests need both.
    """
    header = {"alg": "ES256", **({"ppt": ppt} if ppt else {}), "typ": "passport", "x5u": x5u}
    signed = ".".join(
        base64url(json.dumps(part, sort_keys=True, separators=(",", ":")).encode()) for part in (header, claims)
    )
    return sign_octets(key, signed)


def sign_octets(key: ec.EllipticCurvePrivateKey, signed: str) -> str:
    """Return ``signed`` (header and payload, already base64url) with its raw r and s behind it."""
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def make_identity(token: str, *, x5u: str, ppt: str | None = "shaken") -> str:
    """Return the Identity header value for ``token`` (RFC 8224 section 4) in the form that carriers send."""
    return f"{token};info=<{x5u}>;alg=ES256" + (f";ppt={ppt}" if ppt else "")
