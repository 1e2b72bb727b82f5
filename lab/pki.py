"""A throw-away PKI of one run: a root, and a leaf with its Service Provider Code for the carrier that signs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SPC = "709J"
X5U = "https://cert.lab.example/709J.pem"
TN_AUTH_LIST = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26")


@dataclass(frozen=True, kw_only=True)
class Pki:
    """Files and certificates of one run."""

    key_file: Path
    root: x509.Certificate
    leaf: x509.Certificate

    def pem(self, certificate: x509.Certificate) -> bytes:
        """Return one certificate as a file holds it."""
        return certificate.public_bytes(serialization.Encoding.PEM)


def make(folder: Path) -> Pki:
    """Make keys and certificates; the signer's key is written to ``folder``."""
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Lab"),
        x509.NameAttribute(NameOID.COMMON_NAME, "SHAKEN lab root"),
    ])  # fmt: skip
    leaf_name = x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Carrier A"),
        x509.NameAttribute(NameOID.COMMON_NAME, f"SHAKEN {SPC}"),
    ])  # fmt: skip
    root = _certificate(root_name, root_name, root_key, root_key, ca=True)
    leaf = _certificate(leaf_name, root_name, leaf_key, root_key, ca=False)
    key_file = folder / "signer.key"
    key_file.write_bytes(
        leaf_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    key_file.chmod(0o644)  # a lab key of an hour; kamailio may run as another user
    return Pki(key_file=key_file, root=root, leaf=leaf)


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    ca: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, content_commitment=False,
                key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )  # fmt: skip
    if not ca:
        # SEQUENCE { [0] EXPLICIT IA5String } (RFC 8226 section 9).
        spc = b"\x16" + bytes([len(SPC)]) + SPC.encode()
        entry = b"\xa0" + bytes([len(spc)]) + spc
        builder = builder.add_extension(
            x509.UnrecognizedExtension(TN_AUTH_LIST, b"\x30" + bytes([len(entry)]) + entry), critical=False
        )
        policy = x509.PolicyInformation(x509.ObjectIdentifier("2.16.840.1.114569.1.1.1"), None)
        builder = builder.add_extension(x509.CertificatePolicies([policy]), critical=False)
    return builder.sign(signer, hashes.SHA256())
