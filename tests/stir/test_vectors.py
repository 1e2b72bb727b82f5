"""What others published and signed is judged as its vector says."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from headwater.stir.certificates import TrustList, parse_pem_chain
from headwater.stir.passport import base64url
from headwater.stir.reasons import SIP_ATIS1000082, Reason, sip_status, verstat
from headwater.stir.sign import make_identity, make_token, sign_octets
from headwater.stir.verdict import Mode, Result
from headwater.stir.verify import Call, Policy, Verifier, _signature
from tests.stir.lab import CERTIFICATES, NOW, PEER, PKI, good, load, peer_verifier
from tests.stir.pki import IAT, X5U, claims, issue, spc_list


@pytest.mark.parametrize("case", [c for c in PEER["cases"] if c["id"] != "peer-div-gap"], ids=lambda c: c["id"])
def test_a_foreign_token_is_judged_as_its_vector_says(case):
    verdict = peer_verifier().verify_token(case["token"], now=PEER["verify_at"])
    assert (verdict.result is Result.VALID) == case["expect"]["accept"], verdict.noted
    if verdict.reason is not Reason.JSON_MEMBER_TWICE:  # which of the two members was signed cannot be said
        assert verdict.signature_holds == (case["expect"]["signature"] == "valid")


@pytest.mark.parametrize("case", load("passports_published.json"), ids=lambda c: c["id"])
def test_a_published_example_is_judged_as_its_vector_says(case):
    expect = case["expect"]
    chains = {name: parse_pem_chain(CERTIFICATES[name].encode()) for name in ("signalwire-sp", "signalwire-ca")}
    verifier = Verifier(
        lambda _: chains["signalwire-sp"], [TrustList(chains["signalwire-ca"])], policy=Policy(require_spc=False)
    )
    at = case.get("verify_at") or 1_700_000_000
    if case["identity_header"]:
        verdict = verifier.verify_header(case["identity_header"], now=at, mode=Mode.EVIDENCE)
    else:
        verdict = verifier.verify_token(case["token"], now=at, mode=Mode.EVIDENCE)
    if expect["parse"] == "fail":
        assert (verdict.result, sip_status(verdict.reason)) == (Result.INVALID, expect["sip"])
        return
    assert verdict.passport is not None
    assert verdict.passport.header.members == expect["header"]
    assert verdict.passport.claims == expect["payload"]
    if "header_params" in expect:
        assert verdict.reason is Reason.HEADER_MALFORMED
    if expect.get("info_matches_x5u") is False:
        assert Reason.INFO_DIFFERS in {each.reason for each in verdict.noted}
    if expect["verifies_with"] == ["signalwire-sp"]:
        assert verdict.signature_holds
        assert (verdict.result is Result.VALID) == expect["claims_ok"], verdict.noted


def test_the_draft_example_of_rfc_8225_verifies_and_its_claims_are_bad():
    case = load("passports_published.json")[0]
    verdict = peer_verifier().verify_token(case["token"], now=IAT, mode=Mode.EVIDENCE)
    assert Reason.IAT_BAD in {each.reason for each in verdict.noted}
    assert not verdict.signature_holds  # under another key
    key = CERTIFICATES["rfc8225-a2-public-key"]

    raw = verdict.passport.signature
    load_pem_public_key(key.encode()).verify(
        encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")),
        verdict.passport.signed,
        ec.ECDSA(hashes.SHA256()),
    )


def test_wycheproof_signatures_are_judged_as_listed():
    for group in load("wycheproof_ecdsa_p256_sha256_p1363.json")["testGroups"]:
        key = load_pem_public_key(group["publicKeyPem"].encode())
        leaf = PKI.leaf.certificate
        leaf.__dict__["key"] = key
        for test in group["tests"]:
            assert (not _signature(bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]), leaf)) == (
                test["result"] == "valid"
            ), test


def test_reasons_map_to_the_tables_in_use():
    table = load("sip_failure_cases.json")["atis_1000082_verification_errors"]["rows"]
    cases = {row["case"]: row for row in table}
    for case, reason in (
        ("E3", Reason.STALE),
        ("E4", Reason.COMPACT_FORM),
        ("E8", Reason.CERTIFICATE_UNAVAILABLE),
        ("E9", Reason.TOKEN_HEADER_MEMBER),
        ("E10", Reason.INFO_DIFFERS),
        ("E11", Reason.TYP_NOT_PASSPORT),
        ("E12", Reason.ALG_NOT_ES256),
        ("E14", Reason.ORIG_BAD),
        ("E15", Reason.FROM_THE_FUTURE),
        ("E16", Reason.DEST_DIFFERS),
        ("E17", Reason.CERTIFICATE_UNTRUSTED),
        ("E18", Reason.SIGNATURE_INVALID),
        ("E19", Reason.ATTEST_BAD),
    ):
        assert sip_status(reason, SIP_ATIS1000082) == cases[case]["code"], case
        assert verstat(reason) == cases[case]["verstat"], case


def _scenarios():
    """The published scenario list, made with our own key: id -> the call's headers."""
    stranger = issue("SHAKEN 709J", by=issue("Other root", authority=True), tn_auth_list=spc_list("709J"))
    untrusted, gone = "https://scenario.example.com/untrusted.pem", "https://scenario.example.com/gone.pem"
    PKI.book[untrusted] = [stranger.certificate]
    no_json = sign_octets(PKI.leaf.key, f"{good().partition('.')[0]}.{base64url(b'no json')}")
    return {
        "sipfront-001": good(),
        "sipfront-015": make_identity(no_json, x5u=X5U),
        "sipfront-018": good().replace("alg=ES256", "alg=HS256"),
        "sipfront-100": good(iat=0),
        "sipfront-103": good(iat=NOW + 3_600),
        "sipfront-106": good(iat=-1),
        "sipfront-204": make_identity(make_token(stranger.key, claims(), x5u=untrusted), x5u=untrusted),
        "sipfront-207": make_identity(make_token(PKI.leaf.key, claims(), x5u=gone), x5u=gone),
        "sipfront-300": good(orig=None, dest=None),
        "sipfront-303": good(orig={"tn": "12155559999"}),
        "sipfront-306": good(dest={"tn": []}),
        "sipfront-400": good(attest=None),
        "sipfront-403": good(attest="A" * 500),
    }


@pytest.mark.parametrize("case", load("sip_failure_cases.json")["cases"], ids=lambda case: case["id"])
def test_a_published_scenario_gets_the_status_that_the_rfc_expects(case):
    call = Call(calling="12155550121", called="12155550131")
    verdict = PKI.verifier().verify_call([_scenarios()[case["id"]]], call, now=NOW)
    expected = 200 if case["rfc_expects"] == "proceed" else int(case["rfc_expects"])
    assert verdict.sip_status == expected, verdict.as_json()
