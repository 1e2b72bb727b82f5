"""What must hold of every token: a changed octet is refused, and nothing makes the verifier raise."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.stir.sign import make_identity, make_token
from headwater.stir.verdict import Result
from headwater.stir.verify import Call
from tests.stir.lab import NOW, PKI, good
from tests.stir.pki import X5U, claims


@given(st.data())
@settings(max_examples=150)
def test_any_changed_octet_of_a_token_is_refused(data):
    token = good().partition(";")[0]
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+/= "))
    changed = token[:at] + other + token[at + 1 :]
    if changed == token:
        return
    assert PKI.verifier().verify_token(changed, now=NOW).result is not Result.VALID


@given(st.text(max_size=400) | st.binary(max_size=300).map(lambda octets: octets.decode("latin-1")))
@settings(max_examples=300)
def test_no_text_makes_the_verifier_raise(text):
    verdict = PKI.verifier().verify_call([text], Call(calling="1", called="2"), now=NOW)
    assert verdict.result is Result.INVALID


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["tn", "uri", "nam", "auth", "opt", "x"]), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    st.sampled_from(
        ["orig", "dest", "iat", "attest", "origid", "div", "opt", "rcd", "rcdi", "rph", "sph", "msgi", "crn"]
    ),
    st.sampled_from(["shaken", "div", "div-o", "rcd", "rph", "msg", None]),
)
@settings(max_examples=300)
def test_no_signed_claim_makes_the_verifier_raise(value, name, ppt):
    token = make_token(PKI.leaf.key, claims() | {name: value}, x5u=X5U, ppt=ppt)
    verdict = PKI.verifier().verify_call([make_identity(token, x5u=X5U, ppt=ppt)], Call(called="12155550131"), now=NOW)
    assert verdict.tokens[0].signature_holds
    assert json.dumps(verdict.as_json())
