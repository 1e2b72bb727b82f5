"""One or several Identity header values: always a verdict, whole and sayable, whatever they hold."""

import json

from headwater.stir.reasons import Check
from headwater.stir.replay import ReplayMemory
from headwater.stir.sign import make_identity, make_token
from headwater.stir.verdict import Mode, Result
from headwater.stir.verify import Call
from tests.stir.lab import NOW, PEER, PKI, good, header
from tests.stir.pki import IAT, X5U

DIV = {"dest": {"tn": ["13135550199"]}, "div": {"tn": "12155550131"}, "iat": IAT, "orig": {"tn": "12155550121"}}
RCD = {"dest": {"tn": ["12155550131"]}, "iat": IAT, "orig": {"tn": "12155550121"}, "rcd": {"nam": "Example"}}


def _signed(claims: dict[str, object], ppt: str) -> bytes:
    return make_identity(make_token(PKI.leaf.key, claims, x5u=X5U, ppt=ppt), x5u=X5U, ppt=ppt).encode()


SEEDS = [
    good().encode(),
    good().encode() + b", " + _signed(DIV, "div"),
    _signed(DIV | {"opt": good().partition(";")[0]}, "div-o"),
    _signed(RCD, "rcd"),
    *(header(case["token"]).encode() for case in PEER["cases"][:6]),
    b"e30.e30.AA;info=<https://a.example.com/c.pem>",
]
TOKENS = [b";info=<", b">", b";alg=ES256", b';ppt="shaken"', b"..", b".", b"=", b",", b"\r\n ", b"e30", b'"', b"\xff"]
_VERIFIER = PKI.verifier(judged_tokens=50)
_SIGNED = {part.partition(";")[0] for seed in SEEDS for part in seed.decode().split(", ")}


def target(data: bytes) -> None:
    """Judge ``data`` in both modes, and hold it against a call."""
    text = data.decode("utf-8", "surrogateescape")
    _VERIFIER.replay = ReplayMemory(capacity=4)
    for mode in Mode:
        verdict = _VERIFIER.verify_call([text], Call(calling="12155550121", called="12155550131"), now=NOW, mode=mode)
        json.dumps(verdict.as_json())
        for token in verdict.tokens:
            assert {each.check for each in token.findings} == set(Check)
            assert (token.result is Result.VALID) == (token.reason is None)
        # Only what was signed for this target can hold: each other text that is judged valid is a forgery.
        if verdict.result is Result.VALID:
            held = {token.passport.token for token in verdict.tokens if token.passport and token.signature_holds}
            assert held <= _SIGNED
