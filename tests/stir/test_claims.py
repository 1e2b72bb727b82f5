"""What a token claims: a signed lie is refused by the claim that is wrong."""

import base64

import pytest

from headwater.stir.claims import canonical_tn
from headwater.stir.reasons import Reason
from headwater.stir.sign import make_token
from tests.stir.lab import NOW, PKI, good, load
from tests.stir.pki import IAT, X5U, claims


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"attest": "D"}, Reason.ATTEST_BAD),
        ({"attest": None}, Reason.ATTEST_BAD),
        ({"attest": ["A"]}, Reason.ATTEST_BAD),
        ({"attest": "ABC"}, Reason.ATTEST_BAD),
        ({"attest": ""}, Reason.ATTEST_BAD),
        ({"origid": ""}, Reason.ORIGID_BAD),
        ({"origid": None}, Reason.ORIGID_BAD),
        ({"origid": 7}, Reason.ORIGID_BAD),
        ({"iat": str(IAT)}, Reason.IAT_BAD),
        ({"iat": True}, Reason.IAT_BAD),
        ({"iat": None}, Reason.IAT_BAD),
        ({"orig": {"tn": "+12155550121"}}, Reason.NUMBER_NOT_CANONICAL),
        ({"orig": {"tn": "215-555-0121"}}, Reason.NUMBER_NOT_CANONICAL),
        ({"orig": {}}, Reason.ORIG_BAD),
        ({"orig": {"tn": "1", "uri": "sip:a@b"}}, Reason.ORIG_BAD),
        ({"orig": None}, Reason.ORIG_BAD),
        ({"dest": {"tn": []}}, Reason.DEST_BAD),
        ({"dest": {}}, Reason.DEST_BAD),
        ({"dest": {"tn": [12155550131]}}, Reason.DEST_BAD),
        ({"dest": {"tn": ["1 215 555 0131"]}}, Reason.NUMBER_NOT_CANONICAL),
        ({"dest": None}, Reason.DEST_BAD),
        ({"iat": 0}, Reason.STALE),
        ({"iat": -5}, Reason.STALE),
        ({"iat": NOW - 61}, Reason.STALE),
        ({"iat": NOW + 61}, Reason.FROM_THE_FUTURE),
    ],
)
def test_a_signed_lie_is_refused_by_the_claim_that_is_wrong(changes, reason):
    verdict = PKI.verifier().verify_header(good(**changes), now=NOW)
    assert verdict.reason is reason
    assert verdict.signature_holds


def test_sixty_seconds_either_way_is_fresh():
    assert PKI.verifier().verify_header(good(iat=NOW - 60), now=NOW).reason is None
    assert PKI.verifier().verify_header(good(iat=NOW + 60), now=NOW).reason is None


def test_rich_call_data_is_held_to_its_digests():
    import hashlib

    name = "Example Bank"
    digest = "sha256-" + base64.b64encode(hashlib.sha256(name.encode()).digest()).decode().rstrip("=")
    right = claims(rcd={"nam": name}, rcdi={"/nam": digest}, attest=None, origid=None)
    for value, reason in (
        (right, None),
        (right | {"rcd": {"nam": "Other"}}, Reason.DIGEST_DIFFERS),
        (right | {"rcd": {}}, Reason.EXTENSION_CLAIM_BAD),
        (right | {"rcdi": {"/apn": digest}}, Reason.DIGEST_DIFFERS),
    ):
        token = make_token(PKI.leaf.key, value, x5u=X5U, ppt="rcd")
        assert PKI.verifier().verify_token(token, now=NOW).reason is reason, value


def test_numbers_are_brought_to_canonical_form():
    for case in load("tn_canonical.json"):
        assert canonical_tn(case["input"]) == case["expect"]["value"]
    for text, expected in (
        ("tel:+1-215-555-1212;npdi;rn=+12155550000", "12155551212"),
        ("911", "911"),
        ("*67#", "*67#"),
        ("2155551212", "12155551212"),
        ("sip:alice@example.com", ""),
        ("+44 20 7946 0018", "442079460018"),
    ):
        assert canonical_tn(text) == expected
