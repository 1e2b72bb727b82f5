"""OpenID Connect Core 1.0 as a relying party: authorization code with PKCE, state and nonce; ID token verified.

The client proves itself with its secret (``client_secret_basic``), or with a key of its own (``private_key_jwt``, RFC
7523), as login.gov asks. The ID token's signature is verified against the provider's keys although it comes over TLS.
"""

import base64
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from headwater.accounts import identity_fetch
from headwater.errors import Unauthenticated, Unavailable

#: Signatures of ID tokens that are taken: asymmetric ones alone; "none" and HMAC never.
ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
#: How long a person may take at their provider.
PATIENCE: Final = timedelta(minutes=15)
#: How far the clocks of the two may differ.
DRIFT: Final = timedelta(minutes=2)
_MAX_PARAMETER: Final = 8_192
#: Unix seconds of the year 9000: a time beyond it is none, and so is one that is no number at all.
_LATEST: Final = 221_845_392_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """How Headwater is known to one provider."""

    provider_id: str
    issuer: str
    client_id: str
    secret: str = ""
    """The shared secret; "" where ``key_pem`` proves the client."""
    key_pem: str = ""
    """RSA private key, PEM."""
    strong_contexts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What must be remembered in the browser's session between leaving and coming back."""

    provider_id: str
    state: str
    nonce: str
    verifier: str
    begun_at: float
    """Unix seconds."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as the session can keep it."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who came back from a provider."""

    subject: str
    """The provider's own lasting name for the person."""
    email: str
    strong: bool
    """Whether the provider says that a second factor was shown."""
    assertion_id: str
    expires_at: datetime


def begin(client: Client, *, redirect_uri: str, now: datetime) -> tuple[str, Pending]:
    """Return the address to send the browser to, and what to remember.

    Raises:
        Unavailable: The provider's configuration cannot be had.
    """
    pending = Pending(
        provider_id=client.provider_id,
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        begun_at=now.timestamp(),
    )
    challenge = base64.urlsafe_b64encode(sha256(pending.verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": redirect_uri,
        "scope": "openid email",
        "state": pending.state,
        "nonce": pending.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "prompt": "login",
    }
    if client.strong_contexts:
        asked["acr_values"] = " ".join(client.strong_contexts)
    endpoint = _endpoint(discover(client.issuer), "authorization_endpoint")
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}", pending


def finish(
    client: Client, pending: Pending, answer: Mapping[str, str], *, redirect_uri: str, now: datetime
) -> Identity:
    """Return who came back.

    Args:
        client: How Headwater is known to the provider.
        pending: What was remembered in this browser's session.
        answer: Parameters of the address that the browser came back to.
        redirect_uri: The address without them, as it was given to ``begin``.
        now: Aware instant.

    Raises:
        Unauthenticated: The answer is not one to what this browser asked, is too late, or proves nothing.
        Unavailable: The provider does not answer.
    """
    _check_answer(client, pending, answer, now=now)
    configuration = discover(client.issuer)
    endpoint = _endpoint(configuration, "token_endpoint")
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": redirect_uri,
        "code_verifier": pending.verifier,
        "client_id": client.client_id,
    }
    if client.key_pem:
        form |= _own_assertion(client, endpoint, now)
    basic = (client.client_id, client.secret) if client.secret else None
    tokens = identity_fetch.post_form(endpoint, form, basic=basic)
    keys = identity_fetch.get_json(_endpoint(configuration, "jwks_uri"))
    claims = verified_claims(client, keys, str(tokens.get("id_token", "")), now=now)
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), pending.nonce.encode()):
        raise Unauthenticated("The identity token is not the answer to this sign-in. Start again.")
    if "email" not in claims and "userinfo_endpoint" in configuration:
        claims |= _released(configuration, tokens, subject=claims.get("sub"))
    return identity(client, claims, pending)


def discover(issuer: str) -> dict[str, Any]:
    """Return a provider's configuration (OpenID Connect Discovery 1.0 section 4).

    Raises:
        Unavailable: It cannot be had, or is another issuer's.
    """
    found = identity_fetch.get_json(issuer.rstrip("/") + "/.well-known/openid-configuration")
    if found.get("issuer") != issuer:
        raise Unavailable(f"The configuration at {issuer} is that of {str(found.get('issuer'))[:100]!r}.")
    return found


def new_key() -> str:
    """Return a new RSA private key of 2048 bits, PEM: what ``private_key_jwt`` proves the client with."""
    return RSAKey.generate_key(2048).as_pem(private=True).decode()


def public_jwk(pem: str) -> dict[str, Any]:
    """Return the public half of a key, as a JWK to be registered at the provider."""
    key = RSAKey.import_key(pem)
    return {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": "RS256"}


def _check_answer(client: Client, pending: Pending, answer: Mapping[str, str], *, now: datetime) -> None:
    state, code = answer.get("state", ""), answer.get("code", "")
    if pending.provider_id != client.provider_id or not hmac.compare_digest(state.encode(), pending.state.encode()):
        raise Unauthenticated("This answer belongs to no sign-in of this browser. Start again.")
    if now.timestamp() - pending.begun_at > PATIENCE.total_seconds():
        raise Unauthenticated("The sign-in took too long. Start again.")
    if answer.get("iss") and answer["iss"] != client.issuer:
        # RFC 9207: an answer that names its issuer must name the one that was asked (mix-up).
        raise Unauthenticated("This answer comes from another identity provider than the one asked.")
    if answer.get("error") or not code or len(code) > _MAX_PARAMETER:
        said = answer.get("error_description") or answer.get("error") or "no code came back"
        raise Unauthenticated(f"Your organisation did not sign you in: {said[:200]}")


def _own_assertion(client: Client, endpoint: str, now: datetime) -> dict[str, str]:
    key = RSAKey.import_key(client.key_pem)
    claims = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": endpoint,
        "jti": secrets.token_urlsafe(24),
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=2)).timestamp()),
    }
    return {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode({"alg": "RS256", "kid": key.thumbprint()}, claims, key),
    }


def verified_claims(client: Client, keys: Any, token: str, *, now: datetime) -> dict[str, Any]:
    """Verify an ID token by the provider's key set (OpenID Connect Core 1.0 section 3.1.3.7) and return its claims.

    Raises:
        Unauthenticated: It is signed by none of the keys, meant for somebody else, or not for now.
    """
    try:
        found = jwt.decode(token, KeySet.import_key_set(keys), algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unauthenticated("The identity token is not signed by your organisation's provider.") from error
    audience = found.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if found.get("iss") != client.issuer:
        raise Unauthenticated("The identity token is another issuer's.")
    if client.client_id not in audiences or (len(audiences) > 1 and found.get("azp") != client.client_id):
        raise Unauthenticated("The identity token is meant for another application.")
    moment, expires, issued = now.timestamp(), _seconds(found.get("exp")), _seconds(found.get("iat"))
    drift = DRIFT.total_seconds()
    if expires is None or issued is None:
        raise Unauthenticated("The identity token says not how long it holds.")
    if moment >= expires + drift or issued > moment + drift:
        raise Unauthenticated("The identity token is too old, or the clocks differ. Start again.")
    return dict(found)


def _seconds(said: Any) -> float | None:
    return float(said) if isinstance(said, int | float) and 0 <= said < _LATEST else None


def _released(configuration: Mapping[str, Any], tokens: Mapping[str, Any], *, subject: Any) -> dict[str, Any]:
    """Return the address that the provider releases at its userinfo endpoint alone (section 5.3)."""
    endpoint = _endpoint(configuration, "userinfo_endpoint")
    found = identity_fetch.get_json(endpoint, bearer=str(tokens.get("access_token", "")))
    if found.get("sub") != subject:
        # Section 5.3.2: another subject's answer must not be used.
        raise Unauthenticated("The provider's answers name two persons.")
    return {name: found[name] for name in ("email", "email_verified") if name in found}


def identity(client: Client, claims: Mapping[str, Any], pending: Pending) -> Identity:
    """Return whom verified claims name.

    Raises:
        Unauthenticated: They name nobody with an e-mail address that the provider vouches for.
    """
    subject, email = claims.get("sub"), claims.get("email")
    if not isinstance(subject, str) or not subject or not isinstance(email, str) or "@" not in email:
        raise Unauthenticated("The identity token names no person with an e-mail address.")
    if claims.get("email_verified") not in (True, "true"):
        raise Unauthenticated("Your organisation's provider does not vouch for your e-mail address.")
    methods = claims.get("amr") if isinstance(claims.get("amr"), list) else []
    shown = {str(claims.get("acr", "")), *(str(method) for method in methods or ())}
    return Identity(
        subject=subject,
        email=email.lower(),
        strong=bool(shown & set(client.strong_contexts)),
        assertion_id=pending.nonce,
        expires_at=datetime.fromtimestamp(float(claims["exp"]), UTC) + PATIENCE,
    )


def _endpoint(configuration: Mapping[str, Any], name: str) -> str:
    address = configuration.get(name)
    if not isinstance(address, str) or (why := identity_fetch.address_fault(address)):
        reason = why if isinstance(address, str) else "it is missing"
        raise Unavailable(f"The identity provider's {name} cannot be used: {reason}.")
    return address
