"""A SYNTHETIC STI public-key infrastructure: authorities, leaves, delegates, an indirect CRL."""

import datetime as dt
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from headwater.stir.certificates import Certificate, CertificateError, TrustList, parse_certificate
from headwater.stir.reasons import Reason
from headwater.stir.tn_auth_list import CLAIM_CONSTRAINTS_OID, ENHANCED_CLAIM_CONSTRAINTS_OID, TN_AUTH_LIST_OID
from headwater.stir.verify import Policy, Verifier

IAT = 1_790_000_000
X5U = "https://certificates.example.com/709J.pem"
DAY = dt.timedelta(days=1)


def tlv(tag: int, *parts: bytes) -> bytes:
    """One DER element, short or long length."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def spc_list(*spcs: str) -> bytes:
    return tlv(0x30, *(tlv(0xA0, tlv(0x16, spc.encode())) for spc in spcs))


def number_list(start: str, count: int) -> bytes:
    return tlv(0x30, tlv(0xA1, tlv(0x30, tlv(0x16, start.encode()), tlv(0x02, count.to_bytes(3, "big")))))


def constraints(
    *, include: tuple[str, ...] = (), permitted: dict[str, tuple[str, ...]] | None = None, exclude: tuple[str, ...] = ()
) -> bytes:
    def names(values: tuple[str, ...]) -> bytes:
        return tlv(0x30, *(tlv(0x16, value.encode()) for value in values))

    parts = []
    if include:
        parts.append(tlv(0xA0, names(include)))
    if permitted:
        listed = (
            tlv(0x30, tlv(0x16, name.encode()), tlv(0x30, *(tlv(0x0C, v.encode()) for v in values)))
            for name, values in permitted.items()
        )
        parts.append(tlv(0xA1, tlv(0x30, *listed)))
    if exclude:
        parts.append(tlv(0xA2, names(exclude)))
    return tlv(0x30, *parts)


@dataclass
class Holder:
    """A certificate with its private key."""

    key: ec.EllipticCurvePrivateKey
    issued: x509.Certificate

    @property
    def certificate(self) -> Certificate:
        return parse_certificate(self.issued.public_bytes(Encoding.DER))


def issue(
    name: str,
    *,
    by: Holder | None = None,
    authority: bool = False,
    tn_auth_list: bytes | None = None,
    plain: bytes | None = None,
    enhanced: bytes | None = None,
    path_length: int | None = None,
    curve: ec.EllipticCurve | None = None,
    not_before: int = IAT - 86_400,
    days: int = 30,
    key_usage: bool = True,
    cert_sign: bool = True,
    critical_oid: str | None = None,
) -> Holder:
    key = ec.generate_private_key(curve or ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "US"), x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = dt.datetime.fromtimestamp(not_before, dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.issued.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + days * DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
    )
    if key_usage:
        builder = builder.add_extension(
            x509.KeyUsage(
                digital_signature=not authority,
                key_cert_sign=authority and cert_sign,
                crl_sign=authority,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    for oid, value in (
        (TN_AUTH_LIST_OID, tn_auth_list),
        (CLAIM_CONSTRAINTS_OID, plain),
        (ENHANCED_CLAIM_CONSTRAINTS_OID, enhanced),
    ):
        if value is not None:
            builder = builder.add_extension(x509.UnrecognizedExtension(ObjectIdentifier(oid), value), critical=False)
    if critical_oid:
        builder = builder.add_extension(
            x509.UnrecognizedExtension(ObjectIdentifier(critical_oid), b"\x05\x00"), critical=True
        )
    return Holder(key, builder.sign(by.key if by else key, hashes.SHA256()))


def revocation_list(signer, entries, *, indirect=True):
    """An indirect CRL; ``entries`` are (issuer name or None to inherit, serial, time)."""
    start = dt.datetime.fromtimestamp(IAT, dt.UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.issued.subject)
        .last_update(start)
        .next_update(start + dt.timedelta(days=1))
    )
    if indirect:
        point = x509.IssuingDistributionPoint(
            full_name=[x509.UniformResourceIdentifier("https://authority.example.com/crl")],
            relative_name=None,
            only_contains_user_certs=False,
            only_contains_ca_certs=False,
            only_some_reasons=None,
            indirect_crl=True,
            only_contains_attribute_certs=False,
        )
        builder = builder.add_extension(point, critical=True)
    for issuer, serial, at in entries:
        revoked = (
            x509.RevokedCertificateBuilder()
            .serial_number(serial)
            .revocation_date(dt.datetime.fromtimestamp(at, dt.UTC))
        )
        if issuer is not None:
            revoked = revoked.add_extension(x509.CertificateIssuer([x509.DirectoryName(issuer)]), critical=True)
        else:
            # Another extension does not make an entry name its issuer.
            revoked = revoked.add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
        builder = builder.add_revoked_certificate(revoked.build())
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass
class Pki:
    """One ecosystem: a root on the trust list, an authority, a provider's leaf, and the book of addresses."""

    at: int = IAT
    """Unix seconds at which all of it is valid."""
    root: Holder = field(init=False)
    authority: Holder = field(init=False)
    leaf: Holder = field(init=False)
    book: dict[str, list[Certificate]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        old = self.at - 10**8
        self.root = issue("Root", authority=True, days=3_650, not_before=old)
        self.authority = issue("Issuing", by=self.root, authority=True, path_length=1, days=2_000, not_before=old)
        self.leaf = issue("SHAKEN 709J", by=self.authority, tn_auth_list=spc_list("709J"), not_before=self.at - 86_400)
        self.book[X5U] = [self.leaf.certificate, self.authority.certificate]

    def certificates(self, x5u: str) -> list[Certificate]:
        if x5u not in self.book:
            raise CertificateError(Reason.CERTIFICATE_UNAVAILABLE, f"{x5u} is in no book")
        return self.book[x5u]

    def verifier(self, **policy: bool | int) -> Verifier:
        return Verifier(self.certificates, [TrustList([self.root.certificate])], policy=Policy(**policy))  # type: ignore[arg-type]


def claims(**changes: object) -> dict[str, object]:
    """The claims of a good shaken token, with changes; a change to None takes the member away."""
    good: dict[str, object] = {
        "attest": "A",
        "dest": {"tn": ["12155550131"]},
        "iat": IAT,
        "orig": {"tn": "12155550121"},
        "origid": "123e4567-e89b-12d3-a456-426655440000",
    }
    return {name: value for name, value in (good | changes).items() if value is not None}
