"""Certificates, number lists, claim constraints and revocation lists: read, or refused with their own error."""

import base64
import contextlib

from cryptography.hazmat.primitives.serialization import Encoding

from headwater.stir import der
from headwater.stir.certificates import CertificateError, TrustList, parse_certificate, parse_pem_chain
from headwater.stir.conformance import departures
from headwater.stir.revocation import parse_revocation_list
from headwater.stir.signer import judge_signer
from headwater.stir.tn_auth_list import TN_AUTH_LIST_OID, parse_claim_constraints, parse_tn_auth_list
from tests.stir.lab import PKI, load
from tests.stir.pki import constraints, issue, number_list, revocation_list, spc_list

ROOTS = [parse_certificate(base64.b64decode(each["der_b64"])) for each in load("real_ca_certs.json")]
TRUST = TrustList([*ROOTS, PKI.root.certificate])
SIGNER = issue("STI-PA CRL", authority=True)
_LIMITS = constraints(include=("rcd",), permitted={"attest": ("A", "B")}, exclude=("crn",))
SEEDS = [
    *(base64.b64decode(each["der_b64"]) for each in load("real_leaf_certs.json")[:12]),
    *(each.octets for each in ROOTS[:4]),
    PKI.leaf.issued.public_bytes(Encoding.PEM) + PKI.authority.issued.public_bytes(Encoding.PEM),
    issue("x", by=PKI.authority, tn_auth_list=number_list("12155550100", 99), enhanced=_LIMITS).certificate.octets,
    revocation_list(SIGNER, [(PKI.leaf.issued.issuer, 5, 1_790_000_000), (None, 6, 1_790_000_000)]),
    spc_list("709J"),
    number_list("12155550100", 99),
    _LIMITS,
]
TOKENS = [
    *(
        bytes.fromhex(each)
        for each in ("3082", "06082b0601050507011a", "0603551d1d", "a0", "a3", "0201", "170d", "180f")
    ),
    b"-----BEGIN CERTIFICATE-----",
]


def target(data: bytes) -> None:
    """Read ``data`` as each of them; what is read is judged too."""
    try:
        chain = parse_pem_chain(data)
    except CertificateError:
        chain = []
    for certificate in chain:
        assert certificate.unknown_critical() is not None
        assert all(each.detail for each in departures(certificate))
    if chain:
        signer = judge_signer(chain, [TRUST], require_spc=True)
        # No mutation of a certificate keeps its signature: a leaf that chains is one of the seeds.
        assert signer.path is None or any(signer.leaf.octets in seed or not seed.startswith(b"0") for seed in SEEDS)
        assert signer.leaf.extensions.get(TN_AUTH_LIST_OID) or signer.noted
    with contextlib.suppress(CertificateError):
        parse_revocation_list(data, SIGNER.certificate)
    for read in (parse_tn_auth_list, parse_claim_constraints):
        try:
            found = read(data)
        except der.DerError:
            continue
        assert found
