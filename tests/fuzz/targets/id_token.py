"""An identity token whose provider signed anything as its claims: a person, or a refusal."""

import json
from datetime import UTC, datetime

from joserfc import jws
from joserfc.jwk import ECKey, KeySet

from headwater.accounts import oidc
from headwater.errors import Unauthenticated

KEY = ECKey.generate_key("P-256", auto_kid=True)
KEYS = KeySet([KEY]).as_dict(private=False)
NOW = datetime(2026, 11, 24, 16, tzinfo=UTC)
AT = int(NOW.timestamp())
CLIENT = oidc.Client(provider_id="IDP-1", issuer="https://idp", client_id="headwater")
PENDING = oidc.Pending(provider_id="IDP-1", state="s", nonce="n", verifier="v", begun_at=NOW.timestamp())
_CLAIMS = {
    "iss": "https://idp", "aud": "headwater", "exp": AT + 300, "iat": AT, "nonce": "n", "sub": "owen", "acr": "mfa",
    "email": "a@b.example", "email_verified": True, "amr": ["pwd", "otp"],
}  # fmt: skip

SHORT_RUN = 500


def _signed(payload: bytes) -> str:
    return str(jws.serialize_compact({"alg": "ES256", "kid": KEY.kid}, payload, KEY, algorithms=["ES256"]))


SEEDS = [b"\0" + json.dumps(_CLAIMS).encode(), b"\1" + _signed(json.dumps(_CLAIMS).encode()).encode()]
TOKENS = [
    b'"exp":1e300', b'"exp":Infinity', b'"exp":NaN', b'"iat":-1e300', b'"aud":[]', b'"aud":{}', b'"amr":null',
    b'"email_verified":1', b'"sub":[]', b"\\ud800", b"[[[[", b".", b"..", b"e30", b'"exp":253402300799', b'"azp":7',
]  # fmt: skip


def target(data: bytes) -> None:
    payload = data[1:]
    token = payload.decode("utf-8", "surrogateescape") if data[:1] == b"\1" else _signed(payload)
    try:
        claims = oidc.verified_claims(CLIENT, KEYS, token, now=NOW)
        assert oidc.identity(CLIENT, claims, PENDING).subject
    except Unauthenticated:
        return
