"""What is accepted, what is refused, and with which reason."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.stir.certificates import TrustList, parse_pem_chain
from headwater.stir.claims import canonical_tn
from headwater.stir.identity import StirError, parse_identity, split_identities
from headwater.stir.passport import base64url, parse_token
from headwater.stir.reasons import SIP_ATIS1000082, Check, Outcome, Reason, Verstat, sip_status, verstat
from headwater.stir.sign import make_identity, make_token, sign_octets
from headwater.stir.verdict import Mode, Result
from headwater.stir.verify import Call, Policy, Verifier
from headwater.stir.x5u import x5u_fault
from tests.stir.pki import IAT, X5U, Pki, claims, constraints, issue, number_list, spc_list

DATA = Path(__file__).parent.parent / "data" / "stir"
PKI = Pki()
NOW = IAT + 20


def load(name: str):
    return json.loads((DATA / name).read_text())


PEER = load("passports_peer_signed.json")
CERTIFICATES = load("certs_and_keys.json")


def peer_verifier() -> Verifier:
    chain = parse_pem_chain(CERTIFICATES[PEER["key"]].encode())
    anchor = parse_pem_chain(CERTIFICATES[PEER["anchor"]].encode())
    # The peer's test certificate has a URL where the TNAuthList belongs; its tokens are judged all the same.
    return Verifier(lambda _: chain, [TrustList(anchor)], policy=Policy(require_spc=False))


def header(token: str, **changes: str) -> str:
    part = json.loads(base64.urlsafe_b64decode(token.split(".", maxsplit=1)[0] + "=="))
    return make_identity(token, x5u=part["x5u"], ppt=part.get("ppt"), **changes)


def good(**changes: object) -> str:
    return make_identity(make_token(PKI.leaf.key, claims(**changes), x5u=X5U), x5u=X5U)


@pytest.mark.parametrize("case", [c for c in PEER["cases"] if c["id"] != "peer-div-gap"], ids=lambda c: c["id"])
def test_a_foreign_token_is_judged_as_its_vector_says(case):
    verdict = peer_verifier().verify_token(case["token"], now=PEER["verify_at"])
    assert (verdict.result is Result.VALID) == case["expect"]["accept"], verdict.noted
    if verdict.reason is not Reason.JSON_MEMBER_TWICE:  # which of the two members was signed cannot be said
        assert verdict.signature_holds == (case["expect"]["signature"] == "valid")


def test_a_diversion_that_continues_no_token_of_the_call_is_refused():
    tokens = {case["id"]: header(case["token"]) for case in PEER["cases"]}
    call = Call(calling="+1 215 555 0121", called="sip:+12155550199@example.com;user=phone")
    chain = peer_verifier().verify_call([tokens["peer-div-0"], tokens["peer-div-1"]], call, now=PEER["verify_at"])
    assert chain.result is Result.VALID
    gap = peer_verifier().verify_call([tokens["peer-div-0"], tokens["peer-div-gap"]], call, now=PEER["verify_at"])
    assert (gap.reason, gap.sip_status) == (Reason.DIVERSION_BROKEN, 438)


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
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    raw = verdict.passport.signature
    load_pem_public_key(key.encode()).verify(
        encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")),
        verdict.passport.signed,
        ec.ECDSA(hashes.SHA256()),
    )


def test_every_check_of_a_good_token_is_listed_with_its_outcome():
    verdict = PKI.verifier().verify_header(good(), now=NOW)
    assert (verdict.result, verdict.spc, verdict.claim("attest")) == (Result.VALID, "709J", "A")
    outcomes = {each.check: each.outcome for each in verdict.findings}
    assert set(outcomes) == set(Check)
    not_made = {check for check, outcome in outcomes.items() if outcome is Outcome.NOT_MADE}
    assert not_made == {Check.REVOCATION, Check.CALL_MATCH, Check.REPLAY}
    assert outcomes[Check.SIGNATURE] is Outcome.PASSED


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
        ("a.b.c;alg=ES256", Reason.HEADER_MALFORMED),
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


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_changed_octet_of_a_token_is_refused(data):
    token = good().partition(";")[0]
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+/= "))
    changed = token[:at] + other + token[at + 1 :]
    if changed == token:
        return
    assert PKI.verifier().verify_token(changed, now=NOW).result is not Result.VALID


@given(st.text(max_size=400) | st.binary(max_size=300).map(lambda octets: octets.decode("latin-1")))
@settings(max_examples=300, deadline=None)
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
@settings(max_examples=300, deadline=None)
def test_no_signed_claim_makes_the_verifier_raise(value, name, ppt):
    token = make_token(PKI.leaf.key, claims() | {name: value}, x5u=X5U, ppt=ppt)
    verdict = PKI.verifier().verify_call([make_identity(token, x5u=X5U, ppt=ppt)], Call(called="12155550131"), now=NOW)
    assert verdict.tokens[0].signature_holds
    assert json.dumps(verdict.as_json())


def test_wycheproof_signatures_are_judged_as_listed():
    for group in load("wycheproof_ecdsa_p256_sha256_p1363.json")["testGroups"]:
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        from headwater.stir.verify import _signature

        key = load_pem_public_key(group["publicKeyPem"].encode())
        leaf = PKI.leaf.certificate
        leaf.__dict__["key"] = key
        for test in group["tests"]:
            assert (not _signature(bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]), leaf)) == (
                test["result"] == "valid"
            ), test


def test_the_called_number_must_be_among_the_destinations():
    verifier = PKI.verifier()
    several = good(dest={"tn": ["12155550131", "12155550132"]})
    assert verifier.verify_call([several], Call(calling="2155550121", called="(215) 555-0132"), now=NOW).reason is None
    wrong = verifier.verify_call([several], Call(calling="12155550121", called="12155550133"), now=NOW)
    assert (wrong.reason, wrong.sip_status, wrong.verstat) == (Reason.DEST_DIFFERS, 438, Verstat.NONE)
    assert (
        verifier.verify_call([several], Call(calling="12155559999", called="12155550132"), now=NOW).reason
        is Reason.ORIG_DIFFERS
    )


def test_a_call_without_a_header_is_428():
    verdict = PKI.verifier().verify_call([], Call(), now=NOW)
    assert (verdict.reason, verdict.sip_status, verdict.verstat) == (Reason.IDENTITY_MISSING, 428, Verstat.NONE)


def test_a_header_with_an_unknown_extension_does_not_spoil_a_good_one():
    other = make_identity(make_token(PKI.leaf.key, claims(), x5u=X5U, ppt="rsp"), x5u=X5U, ppt="rsp")
    assert PKI.verifier().verify_call([other, good()], Call(called="12155550131"), now=NOW).reason is None


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


def test_evidence_is_judged_at_iat_and_says_what_came_later():
    old = good(iat=IAT)
    year_later = IAT + 365 * 86_400
    live = PKI.verifier().verify_header(old, now=year_later)
    assert live.reason is Reason.CERTIFICATE_EXPIRED
    evidence = PKI.verifier().verify_header(old, now=year_later, mode=Mode.EVIDENCE)
    assert (evidence.reason, evidence.judged_at) == (None, IAT)
    early = PKI.verifier().verify_header(good(iat=IAT - 90_000), now=year_later, mode=Mode.EVIDENCE)
    assert early.reason is Reason.CERTIFICATE_NOT_YET_VALID


def test_a_certificate_without_one_provider_code_is_refused_or_flagged():
    for listed, reason in (
        (None, Reason.TN_AUTH_LIST_MISSING),
        (b"\x16\x03n/a", Reason.TN_AUTH_LIST_MALFORMED),
        (spc_list(""), Reason.TN_AUTH_LIST_MALFORMED),
        (spc_list("709J", "111A"), Reason.TN_AUTH_LIST_MALFORMED),
    ):
        leaf = issue("Some SHAKEN 709J", by=PKI.authority, tn_auth_list=listed)
        PKI.book["https://a.example.com/x.pem"] = [leaf.certificate, PKI.authority.certificate]
        token = make_token(leaf.key, claims(), x5u="https://a.example.com/x.pem")
        verdict = PKI.verifier().verify_token(token, now=NOW)
        assert (verdict.reason, verdict.spc, verdict.spc_from_name) == (reason, "709J", True)
        assert PKI.verifier(require_spc=False).verify_token(token, now=NOW).reason is None


def test_an_untrusted_or_missing_certificate_is_said_so():
    stranger = issue("SHAKEN 709J", by=issue("Other root", authority=True), tn_auth_list=spc_list("709J"))
    PKI.book["https://b.example.com/x.pem"] = [stranger.certificate]
    verdict = PKI.verifier().verify_token(
        make_token(stranger.key, claims(), x5u="https://b.example.com/x.pem"), now=NOW
    )
    assert (verdict.reason, verstat(verdict.reason), sip_status(verdict.reason)) == (
        Reason.CERTIFICATE_UNTRUSTED,
        Verstat.FAILED,
        437,
    )
    missing = PKI.verifier().verify_token(
        make_token(stranger.key, claims(), x5u="https://c.example.com/x.pem"), now=NOW
    )
    assert (missing.reason, sip_status(missing.reason)) == (Reason.CERTIFICATE_UNAVAILABLE, 436)


def test_claim_constraints_of_the_chain_are_kept():
    cases = [
        ({"plain": constraints(include=("rcd",))}, Reason.CLAIM_CONSTRAINED),
        ({"plain": constraints(permitted={"attest": ("B", "C")})}, Reason.CLAIM_CONSTRAINED),
        ({"plain": constraints(permitted={"attest": ("A",)})}, None),
        ({"plain": constraints(permitted={"orig": ("12155550121",)})}, None),
        ({"enhanced": constraints(exclude=("attest",))}, Reason.CLAIM_CONSTRAINED),
        ({"enhanced": constraints(exclude=("rcd",))}, None),
        ({"enhanced": constraints(exclude=("iat",))}, Reason.CERTIFICATE_MALFORMED),
        ({"plain": b"\x30\x00"}, Reason.CERTIFICATE_MALFORMED),
    ]
    for extensions, reason in cases:
        leaf = issue("SHAKEN 709J", by=PKI.authority, tn_auth_list=spc_list("709J"), **extensions)
        PKI.book["https://d.example.com/x.pem"] = [leaf.certificate, PKI.authority.certificate]
        verdict = PKI.verifier().verify_token(
            make_token(leaf.key, claims(), x5u="https://d.example.com/x.pem"), now=NOW
        )
        assert verdict.reason is reason, extensions


def test_a_delegate_certificate_speaks_for_its_numbers_alone():
    parent = issue("SHAKEN 709J CA", by=PKI.root, authority=True, tn_auth_list=spc_list("709J"))
    delegate = issue("Enterprise", by=parent, tn_auth_list=number_list("12155550100", 100))
    address = "https://e.example.com/x.pem"
    PKI.book[address] = [delegate.certificate, parent.certificate]
    base = {"dest": {"tn": ["12155550131"]}, "iat": IAT, "orig": {"tn": "12155550121"}, "rcd": {"nam": "Enterprise"}}
    inside = PKI.verifier().verify_token(make_token(delegate.key, base, x5u=address, ppt="rcd"), now=NOW)
    assert inside.reason is None
    outside = base | {"orig": {"tn": "12155550200"}}
    assert (
        PKI.verifier().verify_token(make_token(delegate.key, outside, x5u=address, ppt="rcd"), now=NOW).reason
        is Reason.DELEGATE_OUT_OF_SCOPE
    )
    shaken = PKI.verifier().verify_token(make_token(delegate.key, claims(), x5u=address), now=NOW)
    assert shaken.reason is Reason.DELEGATE_OUT_OF_SCOPE


def test_addresses_are_judged_by_their_text_as_listed():
    for case in load("x5u_urls.json"):
        assert bool(x5u_fault(case["url"])) == (case["expect"] == "refuse"), case
    for url in (
        "https://user@a.example.com/x",
        "https://a.example.com/x?y",
        "https://a.example.com:444/x",
        "https://[::1]/x",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest",
        "https://localhost/x",
        "https://0x7f000001/x",
        "https://2130706433/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://a.internal/x",
        "https:///x",
        "https://a\\@b/x",
        "ftp://a/x",
        "",
        "https://a.example.com/\n",
    ):
        assert x5u_fault(url), url


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


def test_a_part_with_stray_bits_at_its_end_is_another_text_and_refused():
    token = good().partition(";")[0]
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(token[-1])
    twin = token[:-1] + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last ^ 1]
    with pytest.raises(StirError, match="stray bits"):
        parse_token(twin)


def test_the_usual_form_and_the_careful_way_read_the_same():
    value = good()
    assert parse_identity(value) == parse_identity(value.replace(";ppt", " ;ppt"))
