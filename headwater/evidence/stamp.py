"""Reading a time stamp (RFC 3161) with Python's standard library: over what, when, by whom, and is it signed so.

What is not judged here is whether the authority's certificate is one to trust: its name and digest are told, and
``openssl ts -verify`` judges the path where the reader has the authority's root. Sealing has judged it (``stamping``).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import new as new_hash

from headwater.evidence import cms

#: The longest response that is read: a token with some certificates has about 6 KB.
LARGEST = 65_536
TST_INFO = bytes.fromhex("2a864886f70d0109100104")
"""Kind of content of a time-stamp token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """One time stamp."""

    at: datetime
    imprint: bytes
    """Digest of what was stamped."""
    digest: str
    """Which digest, as ``hashlib`` names it."""
    authority: str
    """Common name in the certificate that signed it."""
    certificate_sha256: str
    signed: bool | None
    """Whether the signature is by that certificate's key; None where its algorithm is not checked here."""


def read(octets: bytes) -> Stamp:
    """Return what a time-stamp response says.

    Raises:
        ValueError: it is none, was refused by the authority, or lacks the authority's certificate.
    """
    if len(octets) > LARGEST:
        message = "it is longer than any time stamp"
        raise ValueError(message)
    found = list(cms.nodes(octets))
    if len(found) != 1 or found[0].tag != cms.SEQUENCE:
        message = "it is no time-stamp response"
        raise ValueError(message)
    response = found[0]
    if response.child(0, cms.SEQUENCE).child(0, cms.INTEGER).body not in {b"\x00", b"\x01"}:
        message = "the authority refused to stamp"
        raise ValueError(message)
    return token(cms.signed_data(response.child(1, cms.SEQUENCE)))


def token(signed: cms.SignedData) -> Stamp:
    """Return what a time-stamp token says.

    Raises:
        ValueError: it is none.
    """
    info = signed.content
    if signed.kind != TST_INFO or info is None:
        message = "what is signed is no time stamp"
        raise ValueError(message)
    (told,) = cms.nodes(info)
    imprint = told.child(2, cms.SEQUENCE)
    digest = cms.DIGESTS.get(imprint.child(0, cms.SEQUENCE).child(0, cms.OID).body)
    if digest is None:
        message = "it stamps a digest of a kind that is not known here"
        raise ValueError(message)
    return Stamp(
        at=_time(told.child(4, cms.TIME).body),
        imprint=imprint.child(1, cms.OCTETS).body,
        digest=digest,
        authority=signed.who,
        certificate_sha256=signed.certificate_sha256,
        signed=signed.holds(lambda name: new_hash(name, info).digest()),
    )


def _time(text: bytes) -> datetime:
    """Return a GeneralizedTime (RFC 3161 section 2.4.2): UTC, with or without fractions."""
    said = text.decode("ascii")
    if not said.endswith("Z"):
        message = "its time is not in UTC"
        raise ValueError(message)
    whole, _, fraction = said[:-1].partition(".")
    at = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return at.replace(microsecond=int(fraction[:6].ljust(6, "0"))) if fraction else at
