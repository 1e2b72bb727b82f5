"""A carrier's signing key: ES256 (P-256), used for answers (JWS) and for signing in at the hub (JWT)."""

import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from headwater.errors import Conflict, Invalid

AUDIENCE: Final = "headwater"
BEARER_S: Final = 45
"""Validity of a bearer token: the hub takes at most 60 seconds, and clocks differ."""


class BadKey(Invalid):
    """A key file cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its RFC 7638 thumbprint."""

    _key: Any
    thumbprint: str

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The public half, as the hub registers it."""
        return {**self._key.as_dict(private=False), "alg": "ES256", "use": "sig", "kid": self.thumbprint}

    def signed(self, payload: bytes) -> str:
        """Return ``payload`` as a compact JWS."""
        return jws.serialize_compact({"alg": "ES256", "kid": self.thumbprint}, payload, self._key)

    def bearer(self, *, issuer: str, action: str, body: bytes, now: datetime) -> str:
        """Return the token of one request: who asks, for what, over which body, valid for less than a minute."""
        issued = int(now.timestamp())
        claims = {
            "iss": issuer,
            "aud": AUDIENCE,
            "iat": issued,
            "exp": issued + BEARER_S,
            "jti": secrets.token_urlsafe(16),
            "action": action,
            "body_sha256": sha256(body).hexdigest(),
        }
        return jwt.encode({"alg": "ES256", "kid": self.thumbprint}, claims, self._key)


def create(path: Path) -> SigningKey:
    """Make a key and write it to ``path`` with mode 0600.

    Raises:
        Conflict: there is a file already; a key is never overwritten.
    """
    key = ECKey.generate_key("P-256")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Conflict(f"{path} exists; a key is never overwritten: choose another name or move it away") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.as_pem(private=True))
        file.flush()
        os.fsync(file.fileno())
    return SigningKey(key, key.thumbprint())


def load(path: Path) -> SigningKey:
    """Read a key file.

    Raises:
        BadKey: it is missing, readable by others, or no P-256 private key in PEM.
    """
    try:
        mode = path.stat().st_mode
        octets = path.read_bytes()
    except OSError as error:
        raise BadKey(f"key file {path}: {error.strerror}; make one with `headwater agent key --out {path}`") from error
    if mode & 0o077:
        raise BadKey(f"key file {path} can be read by others (mode {mode & 0o777:04o}): chmod 600 {path}")
    try:
        key = ECKey.import_key(octets)
    except (JoseError, ValueError, TypeError) as error:
        raise BadKey(f"key file {path} holds no private key in PEM: {error}") from error
    if not key.is_private or key.curve_name != "P-256":
        raise BadKey(f"key file {path} must hold a private key on P-256 (ES256), not {key.curve_name}")
    return SigningKey(key, key.thumbprint())
