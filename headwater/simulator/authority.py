"""The simulated STI authority: a root and a certificate for each carrier that signs, made from the seed.

The keys are those of ``passports``. A hub that puts the root on a trust list of its own finds the signatures of the
network valid, as it would a real one's; no other hub does.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from headwater.simulator import passports

#: RFC 8226 section 9.
_TN_AUTH_LIST = ObjectIdentifier("1.3.6.1.5.5.7.1.26")
_LEAF_DAYS, _ROOT_DAYS = 90, 3_650
_KEY_USAGE = dict.fromkeys(
    (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    ),
    False,
)  # fmt: skip


def root_pem(seed: int, now: datetime) -> bytes:
    """Return the root's certificate: what goes on a trust list."""
    return _root(seed, now.date().isoformat()).public_bytes(Encoding.PEM)


def chain_pem(seed: int, signer: str, now: datetime) -> bytes:
    """Return the certificate of the carrier with the code ``signer``, and the root after it."""
    day = now.date().isoformat()
    return _leaf(seed, signer, day).public_bytes(Encoding.PEM) + _root(seed, day).public_bytes(Encoding.PEM)


@cache
def _root_key(seed: int) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(sha256(f"authority:{seed}".encode()).digest())
    return ec.derive_private_key(1 + number % passports.LARGEST_KEY, ec.SECP256R1())


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Simulated network"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


@cache
def _root(seed: int, day: str) -> x509.Certificate:
    key, name = _root_key(seed), _name("Simulated STI authority")
    begins = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=2)
    usage = x509.KeyUsage(**{**_KEY_USAGE, "key_cert_sign": True, "crl_sign": True})
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(_serial(seed, "root")).not_valid_before(begins)
    builder = builder.not_valid_after(begins + timedelta(days=_ROOT_DAYS))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.add_extension(usage, critical=True).sign(key, hashes.SHA256(), ecdsa_deterministic=True)


@cache
def _leaf(seed: int, signer: str, day: str) -> x509.Certificate:
    begins = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=1)
    usage = x509.KeyUsage(**{**_KEY_USAGE, "digital_signature": True})
    code = signer.encode()
    listed = bytes([0x30, len(code) + 4, 0xA0, len(code) + 2, 0x16, len(code)]) + code
    builder = x509.CertificateBuilder().subject_name(_name(f"SHAKEN {signer}"))
    builder = builder.issuer_name(_name("Simulated STI authority")).public_key(passports.public_key(seed, signer))
    builder = builder.serial_number(_serial(seed, signer)).not_valid_before(begins)
    builder = builder.not_valid_after(begins + timedelta(days=_LEAF_DAYS))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.UnrecognizedExtension(_TN_AUTH_LIST, listed), critical=False)
    return builder.sign(_root_key(seed), hashes.SHA256(), ecdsa_deterministic=True)


def _serial(seed: int, who: str) -> int:
    return int.from_bytes(sha256(f"serial:{seed}:{who}".encode()).digest()[:16]) >> 1
