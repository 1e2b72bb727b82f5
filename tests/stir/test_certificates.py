"""Real certificates are read and chained; a broken rule is refused by its name."""

import base64
import contextlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.stir import der
from headwater.stir.certificates import CertificateError, TrustList, parse_certificate, parse_pem_chain
from headwater.stir.reasons import Outcome, Reason
from headwater.stir.revocation import parse_revocation_list
from headwater.stir.sign import make_token
from headwater.stir.tn_auth_list import TnAuthList, parse_tn_auth_list
from headwater.stir.verdict import Mode
from tests.stir.pki import IAT, X5U, Pki, claims, issue, number_list, revocation_list, spc_list

DATA = Path(__file__).parent.parent / "data" / "stir"


def load(name: str):
    return json.loads((DATA / name).read_text())


LEAVES, AUTHORITIES = (
    load("real_leaf_certs.json"),
    [parse_certificate(base64.b64decode(c["der_b64"])) for c in load("real_ca_certs.json")],
)
ROOTS = [each for each in AUTHORITIES if each.issuer == each.subject]
INTERMEDIATES = [each for each in AUTHORITIES if each.issuer != each.subject]


def test_real_leaves_chain_where_openssl_says_that_they_do():
    trust = TrustList(ROOTS)
    for vector in LEAVES:
        leaf = parse_certificate(base64.b64decode(vector["der_b64"]))
        try:
            path = trust.path(leaf, INTERMEDIATES)
            path.check_time((leaf.not_before + leaf.not_after) / 2)
            reason = None
        except CertificateError as error:
            reason = error.reason
        verdicts = vector["expect"]["chain_at_midpoint"]
        # A few real leaves carry a stale authority key identifier: OpenSSL stops there, cryptography and we do not.
        accepted = verdicts["openssl"] is True or verdicts["pyca50_custom_policy"] is True
        assert reason is (None if accepted else Reason.CERTIFICATE_UNTRUSTED), vector["id"]


def test_the_provider_code_of_real_leaves_is_read_as_listed():
    for vector in LEAVES:
        listed = parse_certificate(base64.b64decode(vector["der_b64"])).tn_auth_list
        spc = listed.spcs[0] if isinstance(listed, TnAuthList) and listed.spcs else None
        assert spc == vector["expect"]["spc"], vector["id"]


def test_tn_auth_lists_are_read_or_refused_as_listed():
    for vector in load("tnauthlist.json"):
        octets, expect = bytes.fromhex(vector["hex"]), vector["expect"]
        if expect["wellformed"] and not expect.get("why"):
            assert parse_tn_auth_list(octets).spcs == tuple(each["spc"] for each in expect["entries"])
        else:
            with pytest.raises(der.DerError):
                parse_tn_auth_list(octets)


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_no_octets_make_a_reader_raise_anything_but_its_own_error(octets):
    for read, error in (
        (parse_certificate, CertificateError),
        (parse_pem_chain, CertificateError),
        (parse_tn_auth_list, der.DerError),
    ):
        with contextlib.suppress(error):
            read(octets)


@given(st.integers(0, len(LEAVES) - 1), st.data())
@settings(max_examples=200)
def test_a_real_certificate_with_a_changed_octet_never_chains(index, data):
    octets = bytearray(base64.b64decode(LEAVES[index]["der_b64"]))
    at = data.draw(st.integers(0, len(octets) - 1))
    octets[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CertificateError):
        read_and_chain(bytes(octets))


def read_and_chain(octets: bytes) -> None:
    changed = parse_certificate(octets)
    _ = (changed.tn_auth_list, changed.common_name, changed.key, changed.unknown_critical())
    TrustList(ROOTS).path(changed, INTERMEDIATES)


def refusal(leaf, *rest, root):
    with pytest.raises(CertificateError) as caught:
        TrustList([root.certificate]).path(leaf.certificate, [each.certificate for each in rest])
    return caught.value.reason


def test_rules_of_the_path_are_kept():
    pki = Pki()
    root, authority = pki.root, pki.authority
    listed = spc_list("709J")
    assert (
        refusal(issue("x", by=authority, tn_auth_list=listed, curve=ec.SECP384R1()), authority, root=root)
        is Reason.CERTIFICATE_UNSUITABLE
    )
    assert refusal(issue("x", by=authority, authority=True), authority, root=root) is Reason.CERTIFICATE_UNSUITABLE
    assert (
        refusal(issue("x", by=authority, tn_auth_list=listed, critical_oid="1.2.3.4"), authority, root=root)
        is Reason.CERTIFICATE_UNSUITABLE
    )
    assert (
        refusal(issue("x", by=pki.leaf, tn_auth_list=listed), pki.leaf, authority, root=root)
        is Reason.CERTIFICATE_UNTRUSTED
    )
    assert refusal(issue("x", by=authority, tn_auth_list=listed), root=root) is Reason.CERTIFICATE_UNTRUSTED
    deep = issue("deep", by=issue("mid", by=authority, authority=True), authority=True)
    assert refusal(issue("x", by=deep, tn_auth_list=listed), deep, authority, root=root) is Reason.CERTIFICATE_UNTRUSTED


def test_a_path_length_that_is_used_up_ends_the_path():
    pki = Pki()
    short = issue("short", by=pki.root, authority=True, path_length=0)
    below = issue("below", by=short, authority=True)
    leaf = issue("x", by=below, tn_auth_list=spc_list("709J"))
    assert refusal(leaf, below, short, root=pki.root) is Reason.CERTIFICATE_UNTRUSTED


def test_a_leaf_that_stands_on_the_trust_list_itself_is_no_authority():
    pki = Pki()
    with pytest.raises(CertificateError):
        TrustList([pki.leaf.certificate]).path(pki.leaf.certificate)


def test_delegated_numbers_lie_within_the_parents():
    def listed(start: str, count: int) -> TnAuthList:
        return parse_tn_auth_list(number_list(start, count))

    assert listed("12155550100", 10).within(listed("12155550100", 100))
    assert not listed("12155550195", 10).within(listed("12155550100", 100))
    assert listed("12155550195", 10).within(parse_tn_auth_list(spc_list("709J")))
    assert not parse_tn_auth_list(spc_list("709J")).within(listed("12155550100", 100))
    assert listed("12155550100", 100).covers("12155550199")
    assert not listed("12155550100", 100).covers("12155550200")
    assert not listed("12155550100", 100).covers("2155550150")


def test_the_indirect_list_matches_by_issuer_and_serial():
    pki = Pki()
    signer = issue("STI-PA CRL", authority=True)
    other = issue("Other authority", by=pki.root, authority=True)
    mine = pki.leaf.issued
    octets = revocation_list(
        signer, [(other.issued.subject, mine.serial_number, IAT), (None, 77, IAT), (mine.issuer, 99, IAT)]
    )
    listed = parse_revocation_list(octets, signer.certificate)
    assert listed.indirect
    assert listed.revoked_at(pki.leaf.certificate) is None  # another authority's certificate of the same serial
    assert (other.certificate.subject, 77) in listed.revoked  # the issuer is sticky
    octets = revocation_list(signer, [(other.issued.subject, 1, IAT), (mine.issuer, mine.serial_number, IAT + 500)])
    assert parse_revocation_list(octets, signer.certificate).revoked_at(pki.leaf.certificate) == IAT + 500


def test_a_revoked_signer_is_refused_live_and_named_in_evidence():
    pki = Pki()
    signer = issue("STI-PA CRL", authority=True)
    octets = revocation_list(signer, [(pki.leaf.issued.issuer, pki.leaf.issued.serial_number, IAT + 500)])
    verifier = pki.verifier()
    verifier.revocation = parse_revocation_list(octets, signer.certificate)
    token = make_token(pki.leaf.key, claims(), x5u=X5U)
    assert verifier.verify_token(token, now=IAT + 10).reason is Reason.CERTIFICATE_REVOKED
    evidence = verifier.verify_token(token, now=IAT + 9_999, mode=Mode.EVIDENCE)
    assert evidence.reason is None
    assert any(each.outcome is Outcome.FLAGGED and "revoked later" in each.detail for each in evidence.noted)


def test_a_list_of_another_signer_is_refused():
    octets = revocation_list(issue("STI-PA CRL", authority=True), [])
    with pytest.raises(CertificateError, match="pinned signer"):
        parse_revocation_list(octets, issue("STI-PA CRL", authority=True).certificate)


def test_a_list_of_one_who_may_not_sign_lists_is_refused():
    unfit = issue("STI-PA CRL")
    with pytest.raises(CertificateError, match="pinned signer"):
        parse_revocation_list(revocation_list(unfit, []), unfit.certificate)


def test_published_lists_are_judged_as_their_vector_says():
    vector = load("crl.json")
    certificate = parse_pem_chain(vector["pem"]["certRaw"].encode())[0]
    for case in vector["cases"]:
        listed = parse_revocation_list(vector["pem"][case["crls"][0]].encode(), certificate)
        assert (listed.revoked_at(certificate) is not None) == (case["expect"] == "revoked")
