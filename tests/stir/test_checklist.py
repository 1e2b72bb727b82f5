"""Each check, broken on purpose: the finding carries the check's number and the reason that was meant.

One case a reason; together they cover every check and every reason that there is. All else about the token is right.
"""

import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from headwater.stir.certificates import CertificateError
from headwater.stir.passport import base64url
from headwater.stir.reasons import Check, Outcome, Reason
from headwater.stir.replay import ReplayMemory
from headwater.stir.revocation import parse_revocation_list
from headwater.stir.sign import make_identity, make_token, sign_octets
from headwater.stir.verdict import CallVerdict
from headwater.stir.verify import Call, Verifier
from tests.stir.lab import NOW, good
from tests.stir.pki import (
    IAT,
    X5U,
    Holder,
    Pki,
    claims,
    constraints,
    issue,
    number_list,
    revocation_list,
    spc_list,
)

PKI = Pki()
CALL = Call(calling="+1 (215) 555-0121", called="sip:+12155550131@example.com;user=phone")
Make = Callable[[], CallVerdict]


def judged(*headers: str, call: Call = CALL, verifier: Verifier | None = None) -> CallVerdict:
    return (verifier or PKI.verifier()).verify_call(headers, call, now=NOW)


def token(header: dict[str, object] | None = None, key: ec.EllipticCurvePrivateKey | None = None, **changes: object):
    members = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": X5U} | (header or {})
    members = {name: value for name, value in members.items() if value is not None}
    return raw(json.dumps(members).encode(), json.dumps(claims(**changes)).encode(), key)


def raw(header: bytes, payload: bytes, key: ec.EllipticCurvePrivateKey | None = None) -> str:
    return sign_octets(key or PKI.leaf.key, f"{base64url(header)}.{base64url(payload)}")


def sent(text: str, x5u: str = X5U, ppt: str | None = "shaken") -> str:
    return make_identity(text, x5u=x5u, ppt=ppt)


def by(holder: Holder, *above: Holder, ppt: str = "shaken", **changes: object) -> CallVerdict:
    """Judge a token of ``holder``, whose certificate is had with those above it."""
    address = f"https://certificates.example.com/{holder.certificate.sha256}.pem"
    PKI.book[address] = [holder.certificate, *(each.certificate for each in above or (PKI.authority,))]
    signed = make_token(holder.key, claims(**changes), x5u=address, ppt=ppt)
    return judged(make_identity(signed, x5u=address, ppt=ppt))


def leaf(**changes: object) -> Holder:
    values = {"by": PKI.authority, "tn_auth_list": spc_list("709J")} | changes
    return issue("SHAKEN 709J", **values)


def other_certificate(error: CertificateError) -> CallVerdict:
    def source(_x5u: str):
        raise error

    return judged(sent(token()), verifier=Verifier(source, PKI.verifier().trust))


def signature_of(octets: bytes) -> CallVerdict:
    return judged(sent(f"{token().rpartition('.')[0]}.{base64url(octets)}"))


def revoked() -> CallVerdict:
    signer, verifier = issue("STI-PA CRL", authority=True), PKI.verifier()
    listed = revocation_list(signer, [(PKI.leaf.issued.issuer, PKI.leaf.issued.serial_number, IAT)])
    verifier.revocation = parse_revocation_list(listed, signer.certificate)
    return judged(sent(token()), verifier=verifier)


def replayed() -> CallVerdict:
    verifier, header = PKI.verifier(), sent(token(dest={"tn": ["12155550131", "12155550132"]}))
    verifier.replay = ReplayMemory()
    judged(header, verifier=verifier)
    return judged(header, call=Call(called="12155550132"), verifier=verifier)


def delegated() -> CallVerdict:
    parent = issue("Delegating", by=PKI.root, authority=True, tn_auth_list=spc_list("709J"))
    delegate = issue("Enterprise", by=parent, tn_auth_list=number_list("13135550100", 100))
    return by(delegate, parent, ppt="rcd", rcd={"nam": "Enterprise"}, attest=None, origid=None)


def extension(ppt: str, **changes: object) -> CallVerdict:
    signed = make_token(PKI.leaf.key, claims(attest=None, origid=None, **changes), x5u=X5U, ppt=ppt)
    return judged(sent(signed, ppt=ppt))


DIGEST = {"rcd": {"nam": "Example"}, "rcdi": {"/nam": "sha256-" + "A" * 43}}
DEEP = b'{"x":' * 20 + b"1" + b"}" * 20
CASES: list[tuple[Check, Reason, Make]] = [
    (Check.IDENTITY_PRESENT, Reason.IDENTITY_MISSING, judged),
    (Check.HEADER_FORM, Reason.HEADER_MALFORMED, lambda: judged(token())),
    (Check.HEADER_FORM, Reason.INFO_MISSING, lambda: judged(token() + ";alg=ES256")),
    (Check.TOKEN_FORM, Reason.COMPACT_FORM, lambda: judged(sent(".." + token().rpartition(".")[2]))),
    (Check.TOKEN_FORM, Reason.TOKEN_MALFORMED, lambda: judged(sent(token() + "=="))),
    (Check.SIZE_AND_JSON, Reason.TOKEN_TOO_LARGE, lambda: judged(sent(token(origid="x" * 8_000)))),
    (Check.SIZE_AND_JSON, Reason.JSON_MALFORMED, lambda: judged(sent(raw(b'{"alg":"ES256"}', b'{"iat":\xff}')))),
    (Check.SIZE_AND_JSON, Reason.JSON_MEMBER_TWICE, lambda: judged(sent(raw(b"{}", b'{"iat":1,"iat":2}')))),
    (Check.SIZE_AND_JSON, Reason.JSON_TOO_DEEP, lambda: judged(sent(raw(b"{}", DEEP)))),
    (Check.TOKEN_HEADER, Reason.TOKEN_HEADER_MEMBER, lambda: judged(sent(token({"typ": None})))),
    (Check.TOKEN_HEADER, Reason.TYP_NOT_PASSPORT, lambda: judged(sent(token({"typ": "PASSPORT"})))),
    (Check.TOKEN_HEADER, Reason.ALG_NOT_ES256, lambda: judged(sent(token({"alg": "none"})))),
    (Check.TOKEN_HEADER, Reason.CRIT_UNKNOWN, lambda: judged(sent(token({"crit": []})))),
    (Check.TOKEN_HEADER, Reason.PARAMETER_DIFFERS, lambda: judged(sent(token(), ppt="div"))),
    (
        Check.EXTENSION_SUPPORTED,
        Reason.EXTENSION_UNSUPPORTED,
        lambda: judged(sent(token({"ppt": "msec"}), ppt="msec")),
    ),
    (Check.INFO_EQUALS_X5U, Reason.INFO_DIFFERS, lambda: judged(sent(token(), x5u=X5U + "/"))),
    (
        Check.X5U_ALLOWED,
        Reason.X5U_REFUSED,
        lambda: judged(sent(token({"x5u": "http://127.0.0.1/c"}), x5u="http://127.0.0.1/c")),
    ),
    (
        Check.CERTIFICATE_HAD,
        Reason.CERTIFICATE_UNAVAILABLE,
        lambda: other_certificate(CertificateError(Reason.CERTIFICATE_UNAVAILABLE, "404")),
    ),
    (
        Check.CERTIFICATE_HAD,
        Reason.CERTIFICATE_MALFORMED,
        lambda: other_certificate(CertificateError(Reason.CERTIFICATE_MALFORMED, "no PEM")),
    ),
    (
        Check.CERTIFICATE_PATH,
        Reason.CERTIFICATE_UNTRUSTED,
        lambda: by(issue("SHAKEN 709J", by=issue("x", authority=True), tn_auth_list=spc_list("709J"))),
    ),
    (Check.CERTIFICATE_PATH, Reason.CERTIFICATE_EXPIRED, lambda: by(leaf(not_before=IAT - 9 * 86_400, days=1))),
    (Check.CERTIFICATE_PATH, Reason.CERTIFICATE_NOT_YET_VALID, lambda: by(leaf(not_before=IAT + 86_400))),
    (Check.CERTIFICATE_PATH, Reason.CERTIFICATE_UNSUITABLE, lambda: by(leaf(critical_oid="1.2.3.4"))),
    (Check.REVOCATION, Reason.CERTIFICATE_REVOKED, revoked),
    (Check.TN_AUTH_LIST, Reason.TN_AUTH_LIST_MISSING, lambda: by(leaf(tn_auth_list=None))),
    (Check.TN_AUTH_LIST, Reason.TN_AUTH_LIST_MALFORMED, lambda: by(leaf(tn_auth_list=spc_list("709J", "111A")))),
    (
        Check.CLAIM_CONSTRAINTS,
        Reason.CLAIM_CONSTRAINED,
        lambda: by(leaf(enhanced=constraints(permitted={"attest": ("C",)}))),
    ),
    (Check.DELEGATE_SCOPE, Reason.DELEGATE_OUT_OF_SCOPE, delegated),
    (Check.SIGNATURE, Reason.SIGNATURE_MALFORMED, lambda: signature_of(b"\x30\x44" + bytes(68))),
    (Check.SIGNATURE, Reason.SIGNATURE_INVALID, lambda: signature_of(bytes(64))),
    (Check.CLAIMS, Reason.IAT_BAD, lambda: judged(sent(token(iat=10**400)))),
    (Check.CLAIMS, Reason.ORIG_BAD, lambda: judged(sent(token(orig=["12155550121"])))),
    (Check.CLAIMS, Reason.DEST_BAD, lambda: judged(sent(token(dest={"tn": "12155550131"})))),
    (Check.CLAIMS, Reason.ATTEST_BAD, lambda: judged(sent(token(attest="AB")))),
    (Check.CLAIMS, Reason.ORIGID_BAD, lambda: judged(sent(token(origid="")))),
    (Check.CLAIMS, Reason.EXTENSION_CLAIM_BAD, lambda: extension("rph", rph={"auth": ["no namespace"]})),
    (Check.CLAIMS, Reason.DIGEST_DIFFERS, lambda: extension("rcd", **DIGEST)),
    (
        Check.CANONICAL_NUMBERS,
        Reason.NUMBER_NOT_CANONICAL,
        lambda: judged(sent(token(orig={"tn": "+1-215-555-0121"}))),
    ),
    (Check.CALL_MATCH, Reason.ORIG_DIFFERS, lambda: judged(sent(token(orig={"tn": "12155550122"})))),
    (Check.CALL_MATCH, Reason.DEST_DIFFERS, lambda: judged(sent(token(dest={"tn": ["12155550132"]})))),
    (Check.CALL_MATCH, Reason.DIVERSION_BROKEN, lambda: extension("div", div={"tn": "12155550199"})),
    (Check.FRESHNESS, Reason.STALE, lambda: judged(sent(token(iat=NOW - 61)))),
    (Check.FRESHNESS, Reason.FROM_THE_FUTURE, lambda: judged(sent(token(iat=NOW + 61)))),
    (Check.REPLAY, Reason.REPLAYED, replayed),
]


@pytest.mark.parametrize(("check", "reason", "make"), CASES, ids=[str(reason) for _, reason, _ in CASES])
def test_what_was_broken_is_what_is_told(check, reason, make):
    verdict = make()
    told = [*verdict.noted, *(each for token in verdict.tokens for each in token.noted)]
    wrong = [(each.check, each.reason) for each in told if each.reason]
    assert (check, reason) in wrong
    json.dumps(verdict.as_json())
    if reason is not Reason.REPLAYED:
        assert verdict.result == "invalid"
        assert verdict.reason is not None


def test_the_cases_cover_every_check_and_every_reason():
    assert {check for check, _, _ in CASES} == set(Check)
    assert {reason for _, reason, _ in CASES} == set(Reason)


def test_nothing_is_wrong_with_the_token_that_the_cases_break():
    verdict = judged(sent(token()))
    assert verdict.result == "valid"
    assert [each for each in verdict.tokens[0].noted if each.outcome is Outcome.FAILED] == []


def test_a_constraint_of_an_authority_binds_what_is_below_it():
    above = issue("Constrained", by=PKI.root, authority=True, plain=constraints(include=("rcd",)))
    verdict = by(leaf(by=above), above)
    assert verdict.reason is Reason.CLAIM_CONSTRAINED


def test_an_authority_with_a_number_list_is_refused_above_a_provider():
    above = issue("Listed", by=PKI.root, authority=True, tn_auth_list=spc_list("709J"))
    assert by(leaf(by=above), above).reason is Reason.TN_AUTH_LIST_MALFORMED


@pytest.mark.parametrize("octets", [b"", bytes(63), bytes(65), bytes(32), b"\x01" * 63])
def test_a_signature_of_another_length_is_none(octets):
    reason = Reason.TOKEN_MALFORMED if not octets else Reason.SIGNATURE_MALFORMED
    assert signature_of(octets).reason is reason


def test_a_refused_address_is_refused_even_where_its_certificate_is_at_hand():
    address = "https://certificates.example.com:9443/709J.pem"
    PKI.book[address] = PKI.book[X5U]
    verdict = judged(sent(token({"x5u": address}), x5u=address))
    assert (verdict.reason, verdict.tokens[0].signature_holds) == (Reason.X5U_REFUSED, True)


def test_white_space_and_other_alphabets_are_no_base64url():
    text = token()
    for wrong in (text[:40] + " " + text[40:], text[:40] + "+" + text[41:], text[:40] + "/" + text[41:], text + "="):
        assert judged(sent(wrong)).tokens[0].reason is Reason.TOKEN_MALFORMED
    # A lax decoder leaves out what it does not know: the signature would hold.
    for four in ("++++", "====", "    ", "\r\n\r\n", "!!!!"):
        assert PKI.verifier().verify_token(text[:-20] + four + text[-20:], now=NOW).reason is Reason.TOKEN_MALFORMED


def test_a_delegate_stays_within_its_parent():
    parent = issue("Delegating", by=PKI.root, authority=True, tn_auth_list=number_list("12155550100", 50))
    for start, reason in (("12155550110", None), ("12155550115", Reason.DELEGATE_OUT_OF_SCOPE)):
        delegate = issue("Enterprise", by=parent, tn_auth_list=number_list(start, 40))
        changes = {"rcd": {"nam": "Enterprise"}, "attest": None, "origid": None}
        verdict = by(delegate, parent, ppt="rcd", **changes)
        assert verdict.reason is reason


def test_an_authority_that_may_not_sign_certificates_makes_no_chain():
    above = issue("No keyCertSign", by=PKI.root, authority=True, cert_sign=False)
    assert by(leaf(by=above), above).reason is Reason.CERTIFICATE_UNTRUSTED


def test_every_single_changed_octet_of_one_token_is_refused():
    value = good().partition(";")[0]
    verifier = PKI.verifier()
    for at, octet in enumerate(value):
        for other in ("A", "B", "w", "_", ".", "~", "="):
            if other != octet:
                changed = value[:at] + other + value[at + 1 :]
                assert verifier.verify_token(changed, now=NOW).result != "valid", (at, other)
