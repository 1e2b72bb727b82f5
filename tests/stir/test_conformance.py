"""The profile report agrees with zlint's SHAKEN rules, but for differences that are listed here with their reason."""

import base64
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.stir import der
from headwater.stir.certificates import CertificateError, parse_certificate, parse_pem_chain
from headwater.stir.conformance import RULES, departures
from tests.stir.lab import PKI, load
from tests.stir.pki import issue, spc_list

#: zlint's name without its prefix and "_ca" -> our rule.
LINTS = {
    "version": "version",
    "serial_number_size": "serial-size",
    "signature_algorithm": "signature-algorithm",
    "subject_public_key": "public-key",
    "subject_dn": "subject",
    "subject_o_required": "subject",
    "subject_c_iso": "subject",
    "subject_c_us": "subject",
    "subject_cn": "subject-cn",
    "subject_cn_root": "subject-cn",
    "subject_cn_spc": "subject-cn-spc",
    "subject_sn_shall": "subject-serial",
    "ext_basic_constraints": "basic-constraints",
    "ext_key_usage": "key-usage",
    "ext_key_usage_ee": "key-usage",
    "incorrect_ku_encoding": "key-usage-encoding",
    "ext_authority_key_identifier": "authority-key-id",
    "ext_authority_key_identifier_missing": "authority-key-id",
    "ext_authority_key_identifier_no_key_identifier": "authority-key-id",
    "subject_key_identifier": "subject-key-id",
    "subject_key_identifier_size": "subject-key-id",
    "ext_subject_key_identifier_missing_sub_cert": "subject-key-id",
    "ext_certificate_policies": "policies",
    "certificate_policies_id": "policy-id",
    "ext_crl_distribution": "crl-point",
    "ext_crl_distribution_struct": "crl-point-form",
    "tn_auth_list": "tn-auth-list",
    "tn_auth_list_spc_format": "spc-form",
    "ext_not_specified": "extension-unspecified",
}
#: (file, rule) -> (ours alone, zlint's alone, why). Whatever is not listed here agrees on every certificate.
DIFFERENCES = {
    ("real_leaf_certs.json", "serial-size"): (
        0,
        13,
        "zlint wants the highest of 64 bits set, which half of all random numbers have not; we count octets",
    ),
    ("real_leaf_certs.json", "signature-algorithm"): (1, 0, "zlint lets ecdsa-with-SHA384 pass in later versions"),
    ("real_leaf_certs.json", "subject-cn"): (0, 1, "zlint matches the whole name, we look for the word SHAKEN"),
    ("real_leaf_certs.json", "subject-cn-spc"): (0, 5, "the TNAuthList cannot be read: we say that once, as such"),
    ("real_leaf_certs.json", "spc-form"): (0, 3, "the TNAuthList cannot be read: we say that once, as such"),
    ("real_leaf_certs.json", "policy-id"): (0, 2, "there is no policy: we say that once, as such"),
    ("real_leaf_certs.json", "crl-point-form"): (
        64,
        0,
        "the report ran this lint on part of the certificates; each of ours has no cRLIssuer, as the next test says",
    ),
    ("real_ca_certs.json", "serial-size"): (0, 1, "as for leaves"),
    ("real_ca_certs.json", "signature-algorithm"): (2, 0, "as for leaves"),
    ("real_ca_certs.json", "public-key"): (1, 0, "zlint lets P-384 pass in later versions"),
    ("real_ca_certs.json", "subject"): (0, 1, "zlint wants the country US; we serve Canada too"),
    ("real_ca_certs.json", "subject-cn"): (4, 0, "zlint takes R1 and G1 for root and intermediate"),
    ("real_ca_certs.json", "policy-id"): (0, 1, "there is no policy: we say that once, as such"),
    ("real_ca_certs.json", "crl-point-form"): (4, 0, "as for leaves"),
}


def rules(lints):
    found = set()
    for lint in lints:
        name = lint
        for prefix in ("e_atis_", "e_us_cp_", "e_shaken_", "e_", "w_"):
            if name.startswith(prefix):
                name = name.removeprefix(prefix)
                break
        found.add(LINTS[name.removesuffix("_ca")])
    return found


@pytest.mark.parametrize("file", ["real_leaf_certs.json", "real_ca_certs.json"])
def test_real_certificates_depart_where_zlint_says_so(file):
    ours_alone, zlint_alone, both = Counter(), Counter(), Counter()
    for vector in load(file):
        certificate = parse_certificate(base64.b64decode(vector["der_b64"]))
        ours, zlint = {each.rule for each in departures(certificate)}, rules(vector["expect"]["zlint_atis"])
        ours_alone.update(ours - zlint)
        zlint_alone.update(zlint - ours)
        both.update(ours & zlint)
    found = {(file, rule): (ours_alone[rule], zlint_alone[rule]) for rule in ours_alone | zlint_alone}
    assert found == {key: value[:2] for key, value in DIFFERENCES.items() if key[0] == file}
    assert sum(both.values()) > 2 * sum(zlint_alone.values())


def test_a_distribution_point_without_its_issuer_is_said_for_every_certificate_that_has_one():
    for vector in load("real_leaf_certs.json"):
        certificate = parse_certificate(base64.b64decode(vector["der_b64"]))
        found = {each.rule for each in departures(certificate)}
        point = certificate.extensions.get("2.5.29.31")
        if point and "crl-point-form" in found:
            assert b"STI-PA CRL" not in point[1] or point[1].count(b"http") != 1, vector["id"]


#: zlint's published cases: lint -> our rule. Lints on issuer names, reachability and e-mail have no rule of ours.
CASES = {
    "e_atis_authority_key_identifier": "authority-key-id",
    "e_atis_ca_authority_key_identifier": "authority-key-id",
    "e_atis_basic_constraints": "basic-constraints",
    "e_atis_ca_certificate_policies": "policies",
    "e_atis_certificate_policies": "policies",
    "e_atis_ca_crl_distribution": "crl-point",
    "e_atis_crl_distribution": "crl-point",
    "e_atis_ca_extension_unknown": "extension-unspecified",
    "e_atis_root_extension_unknown": "extension-unspecified",
    "e_atis_ca_key_usage": "key-usage",
    "e_atis_key_usage": "key-usage",
    "e_atis_ca_serial_number": "serial-size",
    "e_atis_serial_number": "serial-size",
    "e_atis_ca_subject_cn": "subject-cn",
    "e_atis_subject_cn": "subject-cn-spc",
    "e_atis_ca_subject_key_identifier": "subject-key-id",
    "e_atis_ca_subject_public_key": "public-key",
    "e_atis_subject_public_key": "public-key",
    "e_atis_ca_subject": "subject",
    "e_atis_subject": "subject",
    "e_atis_signature_algorithm": "signature-algorithm",
    "e_atis_tn_auth_list": "tn-auth-list",
    "e_atis_version": "version",
}
PROFILE = load("zlint_shaken_profile.json")


@pytest.mark.parametrize(
    "case", [each for each in PROFILE["cases"] if each["lint"] in CASES], ids=lambda c: f"{c['lint']}-{c['case']}"
)
def test_a_published_profile_case_is_judged_as_listed(case):
    (certificate,) = parse_pem_chain(PROFILE["certs"][case["cert"]].encode())
    _, judge = RULES[CASES[case["lint"]]]
    assert bool(judge(certificate)) == (case["expect"] == "Error")


def test_the_report_is_no_part_of_verification():
    leaf = issue("Nobody", by=PKI.authority, tn_auth_list=spc_list("709J"))
    assert {each.rule for each in departures(leaf.certificate)} >= {"subject", "subject-cn", "policies", "crl-point"}
    from headwater.stir.signer import judge_signer

    trust = PKI.verifier().trust
    assert judge_signer([leaf.certificate, PKI.authority.certificate], trust, require_spc=True).path is not None


@given(st.integers(0, 206), st.data())
@settings(max_examples=200)
def test_no_changed_octet_makes_the_report_raise(index, data):
    octets = bytearray(base64.b64decode(load("real_leaf_certs.json")[index]["der_b64"]))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        certificate = parse_certificate(bytes(octets))
    except (CertificateError, der.DerError):
        return
    assert all(each.detail for each in departures(certificate))
