"""Trust lists of an ecosystem: PEM bundles and the administrator's signed list, each only as its operator pinned it."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from headwater.stir.certificates import CertificateError
from headwater.stir.passport import base64url
from headwater.stir.sign import make_token, sign_octets
from headwater.stir.trust import load_trust, parse_trust_list
from headwater.stir.verdict import Mode
from headwater.stir.verify import Verifier
from tests.stir.pki import IAT, X5U, Pki, claims, issue

ADMINISTRATOR = issue("STI-PA", authority=True)
PKI = Pki()


def pem(*holders) -> bytes:
    return b"".join(each.issued.public_bytes(Encoding.PEM) for each in holders)


def signed(payload: object, *, by=ADMINISTRATOR, alg: str = "ES256") -> bytes:
    header = {"alg": alg, "typ": "JWT", "x5u": "https://administrator.example.com/sti-pa.pem"}
    parts = ".".join(base64url(json.dumps(part).encode()) for part in (header, payload))
    return sign_octets(by.key, parts).encode()


def listing(*holders, **more: object) -> dict[str, object]:
    return {
        "version": "1.0",
        "sequence": 7,
        "exp": IAT + 86_400,
        "trustList": [pem(h).decode() for h in holders],
    } | more


def test_a_signed_list_is_taken_bare_and_in_its_envelope():
    token = signed(listing(PKI.root, ADMINISTRATOR))
    for octets in (token, json.dumps({"status": "success", "caList": token.decode()}).encode(), b" " + token + b"\n"):
        trust = parse_trust_list(octets, name="US", signer=ADMINISTRATOR.certificate)
        assert (trust.sequence, trust.expires, len(trust.anchors)) == (7, IAT + 86_400, 2)
        assert trust.path(PKI.leaf.certificate, [PKI.authority.certificate])


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (signed(listing(PKI.root), by=issue("Other", authority=True)), "signature"),
        (signed(listing(PKI.root), alg="none"), "ES256"),
        (signed(listing(PKI.root))[:-8] + b"AAAAAAAA", "signature"),
        (signed(listing(PKI.root)).replace(b".", b".e30", 1), "signature"),
        (signed(listing()), "0 authorities"),
        (signed({"trustList": ["rubbish"]}), "0 certificates"),
        (signed({"trustList": "x"}), "Expected"),
        (signed([]), "Expected"),
        (json.dumps(listing(PKI.root)).encode(), "unsigned"),
        (b"", "neither"),
        (b"a.b.c", "stray bits"),
        (b"{" * 5_000, "no JSON"),
        (b'{"caList": 7}', "neither"),
        (b"\xff\xfe", "neither"),
    ],
)
def test_what_is_no_list_of_the_pinned_signer_is_refused(octets, why):
    with pytest.raises(CertificateError, match=why):
        parse_trust_list(octets, name="US", signer=ADMINISTRATOR.certificate)


def test_a_signed_list_without_a_pinned_signer_says_nothing():
    with pytest.raises(CertificateError, match="needs the certificate"):
        parse_trust_list(signed(listing(PKI.root)), name="US")


def test_each_ecosystem_has_its_own_authorities(tmp_path):
    canada = Pki()
    for name in ("US", "CA"):
        (tmp_path / name).mkdir()
    (tmp_path / "US" / "list.jwt").write_bytes(signed(listing(PKI.root)))
    (tmp_path / "US" / "signer.crt").write_bytes(pem(ADMINISTRATOR))
    (tmp_path / "US" / "extra.pem").write_bytes(pem(issue("Another", authority=True)))
    (tmp_path / "CA" / "approved.pem").write_bytes(pem(canada.root))
    lists = {each.name: each for each in load_trust(tmp_path)}
    assert {name: len(each.anchors) for name, each in lists.items()} == {"CA": 1, "US": 2}
    for pki, ecosystem in ((PKI, "US"), (canada, "CA")):
        judge = Verifier(pki.certificates, [lists[ecosystem]])
        token = make_token(pki.leaf.key, claims(), x5u=X5U)
        assert judge.verify_token(token, now=IAT, mode=Mode.EVIDENCE).reason is None
        other = Verifier(pki.certificates, [lists["US" if ecosystem == "CA" else "CA"]])
        assert other.verify_token(token, now=IAT, mode=Mode.EVIDENCE).reason == "certificate-untrusted"


def test_a_folder_with_rubbish_in_it_is_refused_and_not_half_read(tmp_path):
    (tmp_path / "US").mkdir()
    (tmp_path / "US" / "good.pem").write_bytes(pem(PKI.root))
    (tmp_path / "US" / "bad.pem").write_bytes(b"rubbish")
    with pytest.raises(CertificateError):
        load_trust(tmp_path)
    assert load_trust(tmp_path / "nowhere") == []


def test_a_key_that_cannot_make_es256_signs_no_list():
    with pytest.raises(CertificateError, match="P-256"):
        parse_trust_list(
            signed(listing(PKI.root)), name="US", signer=issue("x", curve=ec.SECP384R1(), authority=True).certificate
        )
