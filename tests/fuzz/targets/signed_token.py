"""Request tokens, answers and statements that somebody signed: refused by name, or read, whatever the claims hold."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey

from headwater.errors import Invalid
from headwater.providers import signatures, statements
from headwater.wire.agents import Answer

KEY = ECKey.import_key(
    {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    }
)
PUBLIC = signatures.public_key(KEY.as_dict(private=False))[1]
STATING = OKPKey.generate_key("Ed25519")
NOW = datetime(2026, 11, 24, 16, tzinfo=UTC)
AT = int(NOW.timestamp())
CLAIMS = {
    "iss": "709J", "aud": "headwater", "iat": AT, "exp": AT + 30, "jti": "0123456789", "action": "answers.write",
    "body_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}  # fmt: skip
REQUEST = signatures.Request(spc="709J", action=signatures.Action.WRITE_ANSWERS, body=b"")
_CLAIMS = json.dumps(CLAIMS).encode()


def _signed(payload: bytes) -> bytes:
    return str(jws.serialize_compact({"alg": "ES256", "kid": KEY.thumbprint()}, payload, KEY)).encode()


SEEDS = [
    b"\0" + _CLAIMS,
    b"\1" + _signed(_CLAIMS),
    b'\2{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}',
    b"\3" + statements.sign(_CLAIMS, STATING, kind="x").encode(),
    b'\0{"version":1,"question_id":"Q","traceback_id":"T","provider":{"spc":"709J"},"code":"NOT_OURS","answered_at":""}',
]
TOKENS = [
    b"..", b".", b"e30", b"=", b'"exp":1e300', b'"iat":NaN', b'"exp":-1', b'"exp":true', b'"jti":[]', b'"crit":["b64"]',
    b"eyJhbGciOiJFUzI1NiIsImtpZCI6IngifQ", b"[[[[", b'"proof":{"minute":"","position":-1,"key":"","path":[]}',
]  # fmt: skip


def target(data: bytes) -> None:
    kind, data = data[:1], data[1:]
    if kind == b"\2":
        _keys(data)
    elif kind == b"\3":
        try:
            statements.verified(data.decode("utf-8", "replace"), STATING.as_dict(private=False), kind="x")
        except statements.BadStatement:
            return
    else:
        # The payload reaches the checks of the claims only where its signature holds: it is signed here.
        _tokens(data if kind == b"\1" else _signed(data))


def _tokens(token: bytes) -> None:
    signatures.named_key(f"Bearer {token.decode('latin-1')}")
    for read in (signatures.header_of, signatures.key_id_of):
        try:
            read(token)
        except Invalid:
            continue
    with suppress(signatures.BadToken):
        found = signatures.request_token(token, key_id="k", public_jwk=PUBLIC, request=REQUEST, now=NOW)
        assert found.issuer == "709J"
    try:
        msgspec.json.decode(signatures.verified_payload(token, PUBLIC), type=Answer)
    except (Invalid, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return


def _keys(data: bytes) -> None:
    try:
        given = msgspec.json.decode(data, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    try:
        signatures.public_key(given)
    except signatures.BadKey:
        return
