"""A token that was used for another call is flagged, and the memory of tokens is bounded."""

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.stir.passport import base64url
from headwater.stir.reasons import Check, Outcome, Reason
from headwater.stir.replay import ReplayMemory
from headwater.stir.sign import make_identity, make_token
from headwater.stir.verdict import Mode, Result
from headwater.stir.verify import Call
from tests.stir.lab import NOW, PKI, good
from tests.stir.pki import IAT, X5U


def flagged(verdict):
    return [each for each in verdict.findings if each.check is Check.REPLAY and each.outcome is Outcome.FLAGGED]


def verifier(**memory):
    made = PKI.verifier()
    made.replay = ReplayMemory(**memory)
    return made


def test_the_same_token_at_each_hop_of_one_call_is_no_replay():
    judge, value = verifier(), good()
    for hop in range(5):
        verdict = judge.verify_call([value], Call(called="12155550131"), now=NOW + hop)
        assert {each.check: each.outcome for each in verdict.findings}[Check.REPLAY] is Outcome.PASSED


def test_a_token_at_another_number_is_flagged_with_its_reason():
    judge, value = verifier(), good(dest={"tn": ["12155550131", "12155550132"]})
    assert not flagged(judge.verify_call([value], Call(called="12155550131"), now=NOW))
    verdict = judge.verify_call([value], Call(called="+1 215 555 0132"), now=NOW)
    (found,) = flagged(verdict)
    assert (found.reason, verdict.result) == (Reason.REPLAYED, Result.VALID)  # said, and not refused for it
    assert "12155550131" not in found.detail


def test_a_token_that_comes_again_much_later_is_flagged_also_as_evidence():
    judge, value = verifier(), good()
    for at, expected in ((NOW, 0), (NOW + 60, 0), (NOW + 61, 1), (NOW - 61, 1)):
        call = Call(called="12155550131", at=at)
        verdict = judge.verify_call([value], call, now=NOW + 10**6, mode=Mode.EVIDENCE)
        assert len(flagged(verdict)) == expected, at


def test_another_signature_over_the_same_octets_is_the_same_token():
    """ECDSA signatures come in pairs: (r, s) and (r, n - s) both hold."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    judge, value = verifier(), good()
    first = judge.verify_call([value], Call(called="12155550131"), now=NOW).tokens[0].passport
    s = order - int.from_bytes(first.signature[32:], "big")
    twin = f"{first.signed.decode()}.{base64url(first.signature[:32] + s.to_bytes(32, 'big'))}"
    verdict = judge.verify_call([make_identity(twin, x5u=X5U)], Call(called="12155550199"), now=NOW)
    assert verdict.tokens[0].signature_holds
    assert flagged(verdict)


def test_a_token_that_a_diversion_continues_was_rightly_used_before():
    judge, original = verifier(), good()
    claims = {
        "dest": {"tn": ["13135550199"]},
        "div": {"tn": "12155550131"},
        "iat": IAT,
        "orig": {"tn": "12155550121"},
    }
    div = make_identity(make_token(PKI.leaf.key, claims, x5u=X5U, ppt="div"), x5u=X5U, ppt="div")
    assert not flagged(judge.verify_call([original], Call(called="12155550131"), now=NOW))
    assert not flagged(judge.verify_call([original, div], Call(called="13135550199"), now=NOW))


def test_a_bad_signature_says_nothing_about_another_call():
    judge, value = verifier(), good()
    signature = value.partition(";")[0].rpartition(".")[2]
    broken = value.replace(signature, signature[:40] + signature[50:60] + signature[50:])
    for called in ("12155550131", "12155550132"):
        assert not flagged(judge.verify_call([broken], Call(called=called), now=NOW))


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["", "1", "2"]), st.integers(0, 10**6)), max_size=60))
@settings(max_examples=100)
def test_the_memory_never_grows_beyond_its_bound(meetings):
    memory = ReplayMemory(capacity=8)
    for token, called, at in meetings:
        memory.meet(bytes([token]), called, at)
        assert len(memory._met) <= 8
