"""Certificates and what is signed by them, for the seeds. Not a target itself."""

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from headwater.stir.certificates import parse_certificate
from tests.stir.lab import PKI
from tests.stir.pki import IAT, revocation_list

CERTIFICATE = PKI.leaf.issued.public_bytes(Encoding.DER)
SIGNER = parse_certificate(PKI.root.issued.public_bytes(Encoding.DER))
REVOCATION_LIST = revocation_list(PKI.root, [(PKI.leaf.issued.issuer, 7, IAT), (None, 8, IAT)])
TIME_STAMP = (Path(__file__).parents[2] / "data" / "stamp" / "openssl-ec.tsr").read_bytes()
