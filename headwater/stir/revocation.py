"""The STI-PA's certificate revocation list: one indirect CRL for every authority.

Stock validators cannot check it: its issuer is the STI-PA, not the authority of the certificate, and the two
never share an anchor. So it is matched here by issuer AND serial number (RFC 5280 section 5.3.3).
"""

from dataclasses import dataclass
from hashlib import sha256

from headwater.stir import der
from headwater.stir.certificates import Certificate, CertificateError, pem_body, signed_by
from headwater.stir.reasons import Reason

_CERTIFICATE_ISSUER = "2.5.29.29"
_ISSUING_DISTRIBUTION_POINT = "2.5.29.28"


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A verified list (RFC 5280 section 5), parsed once; its holder keeps it in force where a newer one is unusable."""

    this_update: int
    next_update: int | None
    revoked: dict[tuple[bytes, int], int]
    """(issuer name DER, serial) -> Unix time of revocation."""
    sha256: str
    indirect: bool

    def revoked_at(self, certificate: Certificate) -> int | None:
        """Return when ``certificate`` was revoked, or ``None`` where the list does not hold it."""
        return self.revoked.get((certificate.issuer, certificate.serial))


def parse_revocation_list(octets: bytes, signer: Certificate) -> RevocationList:
    """Read a DER or PEM CRL (RFC 5280 section 5) that ``signer`` signed.

    ``signer`` is the operator's pinned CRL signer: trust comes from the pin, not from the list.

    Raises:
        CertificateError: malformed, or not signed by ``signer``.
    """
    if b"-----BEGIN" in octets:
        octets = pem_body(octets.partition(b"-----BEGIN X509 CRL-----")[2].partition(b"-----END")[0])
    try:
        tbs, algorithm, signature = der.whole(octets, der.SEQUENCE).children()
        outer = der.oid(algorithm.parts(der.SEQUENCE, 1, 2)[0])
        bits = signature.expect(der.BIT_STRING).content[1:]
        issuer, this_update, next_update, entries, indirect = _fields(tbs)
    except ValueError as error:
        raise CertificateError(Reason.CERTIFICATE_MALFORMED, f"no revocation list: {error}") from None
    stand_in = _signed(tbs.whole, outer, bits)
    if issuer != signer.subject or not signer.allows(6) or not signed_by(stand_in, signer):
        raise CertificateError(Reason.CERTIFICATE_UNTRUSTED, "the revocation list is not signed by the pinned signer")
    return RevocationList(this_update, next_update, entries, sha256(octets).hexdigest(), indirect)


def _signed(tbs: bytes, algorithm: str, signature: bytes) -> Certificate:
    """Return a carrier for ``signed_by``, which looks at these three fields of the signed thing alone."""
    return Certificate(
        octets=tbs,
        version=1,
        tbs=tbs,
        signature_algorithm=algorithm,
        signature=signature,
        serial=0,
        issuer=b"",
        subject=b"",
        not_before=0,
        not_after=0,
        public_key_info=b"",
        extensions={},
    )


def _fields(tbs: der.Element) -> tuple[bytes, int, int | None, dict[tuple[bytes, int], int], bool]:
    fields = tbs.parts(der.SEQUENCE, 3, 7)
    if fields[0].tag == der.INTEGER:
        fields = fields[1:]
    if len(fields) < 3:
        raise der.DerError("the revocation list ends before its time")
    issuer = fields[1].expect(der.SEQUENCE).whole
    this_update, rest = der.time(fields[2]), fields[3:]
    next_update = None
    if rest and rest[0].tag in (der.UTC_TIME, der.GENERALIZED_TIME):
        next_update, rest = der.time(rest[0]), rest[1:]
    entries: dict[tuple[bytes, int], int] = {}
    if rest and rest[0].tag == der.SEQUENCE:
        current = issuer
        for entry in rest[0].children():
            parts = entry.parts(der.SEQUENCE, 2, 3)
            if len(parts) == 3:
                # certificateIssuer is sticky: an entry without it inherits the one before (RFC 5280 5.3.3).
                current = _certificate_issuer(parts[2]) or current
            entries[(current, der.integer(parts[0]))] = der.time(parts[1])
        rest = rest[1:]
    return issuer, this_update, next_update, entries, any(_says_indirect(holder) for holder in rest)


def _says_indirect(holder: der.Element) -> bool:
    """Tell whether the extensions of the list say that it speaks for other issuers too (RFC 5280 section 5.2.5)."""
    if holder.tag != 0xA0:
        return False
    (listing,) = holder.parts(0xA0, 1, 1)
    for extension in listing.expect(der.SEQUENCE).children():
        parts = extension.parts(der.SEQUENCE, 2, 3)
        if der.oid(parts[0]) == _ISSUING_DISTRIBUTION_POINT:
            point = der.whole(parts[-1].content, der.SEQUENCE)
            return any(each.tag == 0x84 and each.content == b"\xff" for each in point.children())
    return False


def _certificate_issuer(extensions: der.Element) -> bytes | None:
    for extension in extensions.expect(der.SEQUENCE).children():
        parts = extension.parts(der.SEQUENCE, 2, 3)
        if der.oid(parts[0]) == _CERTIFICATE_ISSUER:
            for name in der.whole(parts[-1].content, der.SEQUENCE).children():
                if name.tag == 0xA4:
                    return name.parts(0xA4, 1, 1)[0].whole
    return None
