"""The list of certification authorities that the STI-PA approves: a JWT that it signs (ATIS-1000084)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from headwater.errors import Invalid
from headwater.providers.registries.entries import BadRegistry, Entry
from headwater.stir.certificates import Certificate, CertificateError, parse_pem_chain
from headwater.stir.trust import parse_trust_list

LONGEST: Final = 8 * 1024 * 1024


def authorities(octets: bytes, *, signer: bytes, now: datetime) -> Iterator[Entry]:
    """Yield the authorities of a list whose signature holds.

    Args:
        octets: The JWT, or the STI-PA's JSON answer around it.
        signer: The STI-PA's certificate (PEM), as the operator got it: the list's own ``x5u`` is not fetched.
        now: The moment at which the signer's certificate must be valid and the list not expired.

    Raises:
        BadRegistry: it is no such list, its signature does not hold, or it has expired.
    """
    if len(octets) > LONGEST:
        raise BadRegistry(f"the list has more than {LONGEST} octets")
    if octets.lstrip()[:5] == b"-----":
        raise BadRegistry("the file is a bundle of certificates that nobody signed, not the STI-PA's list")
    try:
        (pinned, *_) = parse_pem_chain(signer)
        if not pinned.not_before <= now.timestamp() <= pinned.not_after:
            raise BadRegistry("the signer's certificate is not valid today")
        listed = parse_trust_list(octets, name="US", signer=pinned)
    except CertificateError as error:
        raise BadRegistry(f"the list cannot be taken: {error}") from error
    if listed.expires is not None and listed.expires < now.timestamp():
        raise BadRegistry("the list has expired: fetch it anew from the STI-PA")
    sequence = {} if listed.sequence is None else {"list_sequence": str(listed.sequence)}
    for anchor in listed.anchors:
        yield _entry(anchor, sequence)


def _entry(anchor: Certificate, sequence: dict[str, str]) -> Entry:
    try:
        certificate = x509.load_der_x509_certificate(anchor.octets)
        subject = certificate.subject
        names = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    except ValueError as error:
        raise BadRegistry(f"an authority's certificate cannot be read: {error}") from error
    return Entry(
        key=anchor.sha256,
        name=str(names[0].value) if names else subject.rfc4514_string(),
        detail={
            "subject": subject.rfc4514_string(),
            "serial": f"{anchor.serial:x}",
            "not_before": datetime.fromtimestamp(anchor.not_before, UTC).isoformat(),
            "not_after": datetime.fromtimestamp(anchor.not_after, UTC).isoformat(),
            "pem": certificate.public_bytes(Encoding.PEM).decode(),
            **sequence,
        },
    )


def pem_of(certificates: list[str]) -> bytes:
    """Return the certificates of a list as one PEM file.

    Raises:
        Invalid: there is none.
    """
    if not certificates:
        raise Invalid("the list holds no certificate")
    return "".join(certificates).encode()
