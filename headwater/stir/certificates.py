"""STI certificates as the real PKI has them: read leniently, chained strictly.

Stock validators fail here: some refuse ECDSA algorithm identifiers with NULL parameters (a large carrier's
authorities have them), some demand a subjectAltName or refuse critical policies, none knows the TNAuthList. So the
path check is our own, small and whole; the cryptography is not.
"""

import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from headwater.stir import der
from headwater.stir.reasons import Reason
from headwater.stir.tn_auth_list import (
    CLAIM_CONSTRAINTS_OID,
    ENHANCED_CLAIM_CONSTRAINTS_OID,
    TN_AUTH_LIST_OID,
    ClaimConstraints,
    TnAuthList,
    parse_claim_constraints,
    parse_tn_auth_list,
)

BASIC_CONSTRAINTS, KEY_USAGE = "2.5.29.19", "2.5.29.15"
AUTHORITY_KEY_ID, SUBJECT_KEY_ID, POLICIES, CRL_POINTS = "2.5.29.35", "2.5.29.14", "2.5.29.32", "2.5.29.31"
#: Extensions that we process or that restrict nothing which we rely on: critical or not, they are understood.
_UNDERSTOOD = frozenset(
    {
        BASIC_CONSTRAINTS,
        KEY_USAGE,
        AUTHORITY_KEY_ID,
        SUBJECT_KEY_ID,
        POLICIES,
        CRL_POINTS,
        "2.5.29.17",
        "2.5.29.37",
        "1.3.6.1.5.5.7.1.1",
        TN_AUTH_LIST_OID,
        CLAIM_CONSTRAINTS_OID,
        ENHANCED_CLAIM_CONSTRAINTS_OID,
    }
)
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "1.2.840.10045.4.3.2": hashes.SHA256(),
    "1.2.840.10045.4.3.3": hashes.SHA384(),
    "1.2.840.10045.4.3.4": hashes.SHA512(),
    "1.2.840.113549.1.1.11": hashes.SHA256(),
    "1.2.840.113549.1.1.12": hashes.SHA384(),
    "1.2.840.113549.1.1.13": hashes.SHA512(),
}
_COMMON_NAME = "2.5.4.3"
MAX_DEPTH = 4


class CertificateError(ValueError):
    """A certificate that cannot be had, read or trusted (RFC 8224 section 6.2.2); ``reason`` is the stable code."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Certificate:
    """One X.509 certificate (RFC 5280 section 4.1): the fields that judging needs, and the octets they came from."""

    octets: bytes
    version: int
    tbs: bytes
    signature_algorithm: str
    signature: bytes
    serial: int
    issuer: bytes
    """DER of the issuer's name; names are compared octet by octet."""
    subject: bytes
    not_before: int
    not_after: int
    """Unix seconds, both inclusive (RFC 5280 section 4.1.2.5)."""
    public_key_info: bytes
    extensions: dict[str, tuple[bool, bytes]]
    """OID -> (critical, value octets)."""

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the certificate's octets, hexadecimal."""
        return sha256(self.octets).hexdigest()

    @cached_property
    def key(self) -> Any:
        """The public key, or ``None`` where its kind is not supported."""
        try:
            return load_der_public_key(self.public_key_info)
        except (ValueError, UnsupportedAlgorithm):
            return None

    @cached_property
    def es256_key(self) -> ec.EllipticCurvePublicKey | None:
        """The public key where it is one on P-256 that can verify ES256, else ``None``."""
        key = self.key
        return key if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1) else None

    @property
    def is_authority(self) -> bool:
        """Whether basicConstraints says cA TRUE."""
        return self._basic_constraints[0]

    @property
    def path_length(self) -> int | None:
        """The pathLenConstraint, or ``None``."""
        return self._basic_constraints[1]

    @cached_property
    def _basic_constraints(self) -> tuple[bool, int | None]:
        if BASIC_CONSTRAINTS not in self.extensions:
            return False, None
        try:
            parts = list(der.whole(self.extensions[BASIC_CONSTRAINTS][1], der.SEQUENCE).children())
            authority = bool(parts) and parts[0].tag == der.BOOLEAN and parts[0].content == b"\xff"
            lengths = [der.integer(part) for part in parts if part.tag == der.INTEGER]
        except der.DerError:
            return False, None
        return authority, lengths[0] if lengths else None

    def allows(self, usage_bit: int) -> bool:
        """Tell whether keyUsage sets the bit (0 digitalSignature, 5 keyCertSign, 6 cRLSign), or is absent."""
        if KEY_USAGE not in self.extensions:
            return True
        try:
            bits = der.whole(self.extensions[KEY_USAGE][1], der.BIT_STRING).content[1:]
        except der.DerError:
            return False
        return len(bits) > usage_bit // 8 and bool(bits[usage_bit // 8] & (0x80 >> usage_bit % 8))

    @cached_property
    def tn_auth_list(self) -> TnAuthList | CertificateError | None:
        """The TNAuthList, ``None`` where there is none, or the error that makes it unusable."""
        if TN_AUTH_LIST_OID not in self.extensions:
            return None
        try:
            return parse_tn_auth_list(self.extensions[TN_AUTH_LIST_OID][1])
        except der.DerError as error:
            return CertificateError(Reason.TN_AUTH_LIST_MALFORMED, f"the TNAuthList cannot be read: {error}")

    @property
    def has_claim_constraints(self) -> bool:
        """Whether it constrains the claims of tokens, readably or not."""
        return CLAIM_CONSTRAINTS_OID in self.extensions or ENHANCED_CLAIM_CONSTRAINTS_OID in self.extensions

    @cached_property
    def claim_constraints(self) -> tuple[ClaimConstraints, ...]:
        """The claim constraints, plain and enhanced. Malformed ones raise ``CertificateError``.

        RFC 9118 section 3: where both are there, both hold.
        """
        found = []
        for oid in (CLAIM_CONSTRAINTS_OID, ENHANCED_CLAIM_CONSTRAINTS_OID):
            if oid in self.extensions:
                try:
                    found.append(parse_claim_constraints(self.extensions[oid][1]))
                except der.DerError as error:
                    raise CertificateError(Reason.CERTIFICATE_MALFORMED, f"claim constraints: {error}") from None
        return tuple(found)

    @cached_property
    def common_name(self) -> str:
        """The subject's common name, or ""."""
        try:
            for rdn in der.whole(self.subject, der.SEQUENCE).children():
                for attribute in rdn.children():
                    kind, value = list(attribute.children())
                    if der.oid(kind) == _COMMON_NAME:
                        return value.content.decode(errors="replace")
        except (der.DerError, ValueError):
            return ""
        return ""

    def unknown_critical(self) -> list[str]:
        """Return the critical extensions that we do not understand (RFC 5280 section 4.2: reject)."""
        return [oid for oid, (critical, _) in self.extensions.items() if critical and oid not in _UNDERSTOOD]


def parse_certificate(octets: bytes) -> Certificate:
    """Read one DER certificate (RFC 5280 section 4.1).

    Raises:
        CertificateError: the outer structure is not that of RFC 5280 section 4.1. What is odd inside an extension
            is kept and judged later.
    """
    try:
        tbs, algorithm, signature = der.whole(octets, der.SEQUENCE).children()
        fields = list(tbs.expect(der.SEQUENCE).children())
        version = 1
        if fields and fields[0].tag == 0xA0:
            (number,) = fields[0].children()
            version, fields = der.integer(number) + 1, fields[1:]
        serial, inner_algorithm, issuer, validity, subject, key = fields[:6]
        not_before, not_after = validity.expect(der.SEQUENCE).children()
        outer_oid = der.oid(algorithm.parts(der.SEQUENCE, 1, 2)[0])
        if outer_oid != der.oid(inner_algorithm.parts(der.SEQUENCE, 1, 2)[0]):
            raise der.DerError("the two signature algorithms differ")
        bits = signature.expect(der.BIT_STRING).content
        if not bits or bits[0]:
            raise der.DerError("the signature is no whole number of octets")
        return Certificate(
            octets=octets,
            version=version,
            tbs=tbs.whole,
            signature_algorithm=outer_oid,
            signature=bits[1:],
            serial=der.integer(serial),
            issuer=issuer.expect(der.SEQUENCE).whole,
            subject=subject.expect(der.SEQUENCE).whole,
            not_before=der.time(not_before),
            not_after=der.time(not_after),
            public_key_info=key.expect(der.SEQUENCE).whole,
            extensions=_extensions(fields[6:]),
        )
    except ValueError as error:
        raise CertificateError(Reason.CERTIFICATE_MALFORMED, f"no X.509 certificate: {error}") from None


def _extensions(fields: Iterable[der.Element]) -> dict[str, tuple[bool, bytes]]:
    found: dict[str, tuple[bool, bytes]] = {}
    for field in fields:
        if field.tag != 0xA3:
            continue
        (listing,) = field.children()
        for extension in listing.expect(der.SEQUENCE).children():
            parts = extension.parts(der.SEQUENCE, 2, 3)
            critical = len(parts) == 3 and parts[1].expect(der.BOOLEAN).content == b"\xff"
            oid = der.oid(parts[0])
            if oid in found:
                raise der.DerError(f"extension {oid} twice")
            found[oid] = (critical, parts[-1].expect(der.OCTET_STRING).content)
    return found


def parse_pem_chain(octets: bytes, *, at_most: int = 5) -> list[Certificate]:
    """Read a PEM file of certificates (RFC 7468), leaf first, or a single DER certificate.

    Raises:
        CertificateError: there is none, there are more than ``at_most``, or one cannot be read.
    """
    if octets[:1] == b"\x30":
        return [parse_certificate(octets)]
    found = []
    for block in octets.split(b"-----BEGIN CERTIFICATE-----")[1:]:
        body, end, _ = block.partition(b"-----END CERTIFICATE-----")
        if not end:
            raise CertificateError(Reason.CERTIFICATE_MALFORMED, "a PEM block without its end line")
        found.append(body)
    if not 1 <= len(found) <= at_most:
        raise CertificateError(Reason.CERTIFICATE_MALFORMED, f"{len(found)} certificates where 1 to {at_most} belong")
    return [parse_certificate(pem_body(body)) for body in found]


def pem_body(body: bytes) -> bytes:
    """Return the octets of what stands between the lines of a PEM block, or raise ``CertificateError``."""
    try:
        return binascii.a2b_base64(b"".join(body.split()), strict_mode=True)
    except binascii.Error as error:
        raise CertificateError(Reason.CERTIFICATE_MALFORMED, f"PEM body: {error}") from None


def signed_by(child: Certificate, parent: Certificate) -> bool:
    """Tell whether ``parent``'s key made the signature on ``child``."""
    algorithm = _HASHES.get(child.signature_algorithm)
    key = parent.key
    try:
        if algorithm and isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(child.signature, child.tbs, ec.ECDSA(algorithm))
            return True
        if algorithm and isinstance(key, rsa.RSAPublicKey):
            key.verify(child.signature, child.tbs, padding.PKCS1v15(), algorithm)
            return True
    except InvalidSignature:
        return False
    return False


@dataclass(frozen=True, slots=True)
class Path:
    """A verified chain from a leaf to an approved authority (RFC 5280 section 6), and when all of it was valid."""

    certificates: tuple[Certificate, ...]
    not_before: int
    not_after: int

    def check_time(self, at: float) -> None:
        """Raise ``CertificateError`` unless every certificate of the path was valid at Unix time ``at``."""
        for certificate in self.certificates:
            if at > certificate.not_after:
                raise CertificateError(
                    Reason.CERTIFICATE_EXPIRED,
                    f"{certificate.common_name or 'a certificate'} expired before the signing",
                )
            if at < certificate.not_before:
                raise CertificateError(
                    Reason.CERTIFICATE_NOT_YET_VALID, f"{certificate.common_name or 'a certificate'} was not valid yet"
                )


class TrustList:
    """Approved authorities of one ecosystem, US or Canada (ATIS-1000084: the policy administrator's list)."""

    def __init__(
        self,
        anchors: Iterable[Certificate],
        *,
        name: str = "US",
        sequence: int | None = None,
        expires: float | None = None,
    ) -> None:
        self.name = name
        self.sequence = sequence
        """Number of the signed list that this is, where it came as one."""
        self.expires = expires
        """Unix seconds after which a newer list is due, where the list says so."""
        self._anchors: dict[bytes, list[Certificate]] = {}
        for anchor in anchors:
            self._anchors.setdefault(anchor.subject, []).append(anchor)
        self._is_anchor = {anchor.sha256 for anchor in self.anchors}

    @property
    def anchors(self) -> list[Certificate]:
        """The approved authorities."""
        return [anchor for group in self._anchors.values() for anchor in group]

    @classmethod
    def joined(cls, lists: Sequence["TrustList"], *, name: str) -> "TrustList":
        """Return one list of all the authorities of ``lists``; it is due when the first of them is."""
        due = [each.expires for each in lists if each.expires is not None]
        numbers = [each.sequence for each in lists if each.sequence is not None]
        return cls(
            (anchor for each in lists for anchor in each.anchors),
            name=name,
            sequence=max(numbers, default=None),
            expires=min(due, default=None),
        )

    def path(self, leaf: Certificate, intermediates: Sequence[Certificate] = ()) -> Path:
        """Return a path from ``leaf`` to an approved authority. Times are judged apart (``Path.check_time``).

        Key identifiers are hints only: real leaves carry stale ones. Anchors may be intermediates: the STI-PA list
        names approved authorities, not roots alone.

        Raises:
            CertificateError: no path, or the best one breaks a rule; the reason says which.
        """
        if leaf.es256_key is None:
            raise CertificateError(Reason.CERTIFICATE_UNSUITABLE, "the leaf's key is not on P-256")
        if leaf.is_authority or not leaf.allows(0):
            raise CertificateError(
                Reason.CERTIFICATE_UNSUITABLE, "the leaf may not sign tokens (authority or key usage)"
            )
        chain = self._climb((leaf,), intermediates)
        if chain is None:
            raise CertificateError(Reason.CERTIFICATE_UNTRUSTED, "no chain to an approved authority")
        for certificate in chain:
            if unknown := certificate.unknown_critical():
                raise CertificateError(
                    Reason.CERTIFICATE_UNSUITABLE, f"critical extension {unknown[0]} is not understood"
                )
        return Path(
            certificates=chain,
            not_before=max(each.not_before for each in chain),
            not_after=min(each.not_after for each in chain),
        )

    def _climb(self, chain: tuple[Certificate, ...], pool: Sequence[Certificate]) -> tuple[Certificate, ...] | None:
        last = chain[-1]
        if last.sha256 in self._is_anchor and len(chain) > 1:
            return chain
        if len(chain) >= MAX_DEPTH:
            return None
        parents = [*self._anchors.get(last.issuer, ()), *(each for each in pool if each.subject == last.issuer)]
        for parent in parents:
            below = len(chain) - 1
            if parent in chain or not parent.is_authority or not parent.allows(5):
                continue
            if parent.path_length is not None and below > parent.path_length:
                continue
            if signed_by(last, parent) and (found := self._climb((*chain, parent), pool)):
                return found
        return None
