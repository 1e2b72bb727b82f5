"""Diversions: each continues the one before it, and each signer is a hop."""

from headwater.stir.reasons import Reason
from headwater.stir.sign import make_identity, make_token
from headwater.stir.verdict import Result
from headwater.stir.verify import Call
from tests.stir.lab import NOW, PEER, PKI, good, header, peer_verifier
from tests.stir.pki import IAT, X5U, claims, issue, spc_list


def test_a_diversion_that_continues_no_token_of_the_call_is_refused():
    tokens = {case["id"]: header(case["token"]) for case in PEER["cases"]}
    call = Call(calling="+1 215 555 0121", called="sip:+12155550199@example.com;user=phone")
    chain = peer_verifier().verify_call([tokens["peer-div-0"], tokens["peer-div-1"]], call, now=PEER["verify_at"])
    assert chain.result is Result.VALID
    gap = peer_verifier().verify_call([tokens["peer-div-0"], tokens["peer-div-gap"]], call, now=PEER["verify_at"])
    assert (gap.reason, gap.sip_status) == (Reason.DIVERSION_BROKEN, 438)


def test_each_diversion_names_its_signer_as_a_further_hop():
    forwarder = issue("SHAKEN 111A", by=PKI.authority, tn_auth_list=spc_list("111A"))
    address = "https://certificates.example.com/111A.pem"
    PKI.book[address] = [forwarder.certificate, PKI.authority.certificate]
    diverted = {
        "dest": {"tn": ["13135550199"]},
        "div": {"tn": "12155550131"},
        "iat": IAT,
        "orig": {"tn": "12155550121"},
    }
    div = make_identity(make_token(forwarder.key, diverted, x5u=address, ppt="div"), x5u=address, ppt="div")
    verdict = PKI.verifier().verify_call([good(), div], Call(called="13135550199"), now=NOW)
    assert (verdict.reason, verdict.signers) == (None, ("709J", "111A"))
    changed = diverted | {"orig": {"tn": "19995550121"}}
    div = make_identity(make_token(forwarder.key, changed, x5u=address, ppt="div"), x5u=address, ppt="div")
    assert (
        PKI.verifier().verify_call([good(), div], Call(called="13135550199"), now=NOW).reason is Reason.DIVERSION_BROKEN
    )


def test_a_div_o_is_judged_with_the_token_inside():
    inner = make_token(PKI.leaf.key, claims(), x5u=X5U)
    outer = {
        "dest": {"tn": ["13135550199"]},
        "div": {"tn": "12155550131"},
        "iat": IAT,
        "orig": {"tn": "12155550121"},
        "opt": inner,
    }
    value = make_identity(make_token(PKI.leaf.key, outer, x5u=X5U, ppt="div-o"), x5u=X5U, ppt="div-o")
    verdict = PKI.verifier().verify_call([value], Call(calling="12155550121", called="13135550199"), now=NOW)
    assert verdict.reason is None
    assert verdict.tokens[0].nested.result is Result.VALID
    for changes in ({"opt": inner[:-2] + "AA"}, {"div": {"tn": "12155550100"}}, {"opt": "x"}):
        value = make_identity(make_token(PKI.leaf.key, outer | changes, x5u=X5U, ppt="div-o"), x5u=X5U, ppt="div-o")
        assert PKI.verifier().verify_header(value, now=NOW).reason is Reason.DIVERSION_BROKEN, changes


def test_tokens_that_nest_without_end_are_refused():
    token = make_token(PKI.leaf.key, claims(), x5u=X5U)
    for _ in range(4):
        outer = {
            "dest": {"tn": ["1"]},
            "div": {"tn": "12155550131"},
            "iat": IAT,
            "orig": {"tn": "12155550121"},
            "opt": token,
        }
        token = make_token(PKI.leaf.key, outer, x5u=X5U, ppt="div-o")
    assert PKI.verifier().verify_token(token, now=NOW).result is Result.INVALID
