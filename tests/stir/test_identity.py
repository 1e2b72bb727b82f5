"""The header: its token, its parameters, and headers that are neither."""

import json

import pytest

from headwater.stir.identity import StirError, parse_identity, split_identities
from headwater.stir.passport import base64url, parse_token
from headwater.stir.reasons import SIP_ATIS1000082, Reason, sip_status
from headwater.stir.sign import make_token, sign_octets
from headwater.stir.verdict import Result
from tests.stir.lab import NOW, PKI, good
from tests.stir.pki import X5U, claims


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", Reason.HEADER_MALFORMED),
        (";info=<x>", Reason.HEADER_MALFORMED),
        ("a.b.c", Reason.HEADER_MALFORMED),
        ("foo;info=bar", Reason.TOKEN_MALFORMED),
        ("a.b.c;info=<x", Reason.HEADER_MALFORMED),
        ("a.b.c;info=<x>;info=<x>", Reason.HEADER_MALFORMED),
        ("a.b.c;info=<x>alg=ES256", Reason.HEADER_MALFORMED),
        ("a.b.c;alg=ES256", Reason.INFO_MISSING),
        ("a.b.c;", Reason.HEADER_MALFORMED),
        ("a.b.c;info=", Reason.HEADER_MALFORMED),
        ("a b.c.d;info=<x>", Reason.TOKEN_MALFORMED),
        ("..c2ln;info=<x>", Reason.COMPACT_FORM),
        ("x" * 9000, Reason.TOKEN_TOO_LARGE),
        ("bm9qc29u.bm9qc29u.c2ln;info=<x>", Reason.JSON_MALFORMED),
        ("W10.W10.c2ln;info=<x>", Reason.JSON_MALFORMED),
        ("e30.e30.\u00e9;info=<x>", Reason.TOKEN_MALFORMED),
    ],
)
def test_a_malformed_header_is_a_verdict_and_no_exception(value, reason):
    verdict = PKI.verifier().verify_header(value, now=NOW)
    assert verdict.result is Result.INVALID
    assert reason in {each.reason for each in verdict.noted}
    assert sip_status(verdict.reason) == 438
    assert json.dumps(verdict.as_json())


def test_parameters_may_stand_in_any_order_and_form():
    token = make_token(PKI.leaf.key, claims(), x5u=X5U)
    for value in (
        f'{token};PPT="shaken";alg="ES256";info=<{X5U}>',
        f"{token} ; info = <{X5U}> ; ppt = shaken",
        f"{token};info=<{X5U}>;ppt=shaken;other=1;flag",
        f"{token};\r\n info=<{X5U}>;ppt=shaken",
    ):
        assert PKI.verifier().verify_header(value, now=NOW).reason is None, value


def test_parameters_that_contradict_the_token_are_refused():
    token = make_token(PKI.leaf.key, claims(), x5u=X5U)
    verdict = PKI.verifier().verify_header(f"{token};info=<https://other.example.com/c.pem>;ppt=shaken", now=NOW)
    assert (verdict.reason, sip_status(verdict.reason, SIP_ATIS1000082)) == (Reason.INFO_DIFFERS, 436)
    assert PKI.verifier().verify_header(f"{token};info=<{X5U}>;ppt=div", now=NOW).reason is Reason.PARAMETER_DIFFERS
    assert PKI.verifier().verify_header(f"{token};info=<{X5U}>;alg=ES384", now=NOW).reason is Reason.ALG_NOT_ES256


def test_several_headers_may_be_joined_by_commas():
    one, two = good(), good(attest="B")
    assert split_identities(f"{one}, {two}") == [one, two]
    assert split_identities('a;info=<https://x/a,b>;p="c,d",e') == ['a;info=<https://x/a,b>;p="c,d"', "e"]


def test_the_usual_form_and_the_careful_way_read_the_same():
    value = good()
    assert parse_identity(value) == parse_identity(value.replace(";ppt", " ;ppt"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"typ": "JWT"}, Reason.TYP_NOT_PASSPORT),
        ({"alg": "HS256"}, Reason.ALG_NOT_ES256),
        ({"alg": "none"}, Reason.ALG_NOT_ES256),
        ({"x5u": None}, Reason.TOKEN_HEADER_MEMBER),
        ({"crit": ["x"]}, Reason.CRIT_UNKNOWN),
        ({"ppt": 3}, Reason.TOKEN_HEADER_MEMBER),
        ({"ppt": "rsp"}, Reason.EXTENSION_UNSUPPORTED),
    ],
)
def test_a_token_header_that_is_wrong_is_refused(changes, reason):
    members = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": X5U} | changes
    members = {name: value for name, value in members.items() if value is not None}
    parts = ".".join(base64url(json.dumps(part).encode()) for part in (members, claims()))
    verdict = PKI.verifier().verify_token(sign_octets(PKI.leaf.key, parts), now=NOW)
    assert reason in {each.reason for each in verdict.noted}
    assert verdict.result is not Result.VALID


def test_a_part_with_stray_bits_at_its_end_is_another_text_and_refused():
    token = good().partition(";")[0]
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(token[-1])
    twin = token[:-1] + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last ^ 1]
    with pytest.raises(StirError, match="stray bits"):
        parse_token(twin)
