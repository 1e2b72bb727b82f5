"""Reading a time stamp (RFC 3161) with Python's standard library: over what, when, by whom, and is it signed so.

What is not judged here is whether the authority's certificate is one to trust: its name and digest are told, and
``openssl ts -verify`` judges the path where the reader has the authority's root. Sealing has judged it (``stamping``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import new as new_hash
from hashlib import sha256

from headwater.evidence import curves

#: The longest response that is read: a token with some certificates has about 6 KB.
LARGEST = 65_536
_SEQUENCE, _SET, _INTEGER, _OCTETS, _OID, _TIME = 0x30, 0x31, 0x02, 0x04, 0x06, 0x18
_CONTEXT_0, _CONTEXT_1 = 0xA0, 0xA1
_DEEPEST = 16

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_TST_INFO = bytes.fromhex("2a864886f70d0109100104")
_CONTENT_TYPE = bytes.fromhex("2a864886f70d010903")
_MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
_RSA_KEY = bytes.fromhex("2a864886f70d010101")
_EC_KEY = bytes.fromhex("2a8648ce3d0201")
_P256 = bytes.fromhex("2a8648ce3d030107")
_COMMON_NAME = bytes.fromhex("550403")
_DIGESTS = {
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
#: DigestInfo before the digest itself (RFC 8017 section 9.2, note 1).
_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


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


@dataclass(frozen=True, slots=True)
class _Node:
    tag: int
    whole: bytes
    body: bytes

    def children(self) -> list["_Node"]:
        """Return the values inside."""
        return list(_nodes(self.body))

    def child(self, index: int, tag: int) -> "_Node":
        """Return one value inside; ``ValueError`` where it is another or missing."""
        found = self.children()
        if not -len(found) <= index < len(found) or found[index].tag != tag:
            message = "a part is missing or of another kind"
            raise ValueError(message)
        return found[index]


def _nodes(octets: bytes) -> Iterator[_Node]:
    """Yield the DER values that lie end to end in ``octets``."""
    at = 0
    while at < len(octets):
        start = at
        tag = octets[at]
        length, at = _length(octets, at + 1)
        if tag & 0x1F == 0x1F or at + length > len(octets):
            message = "it is cut short or not in DER"
            raise ValueError(message)
        yield _Node(tag, octets[start : at + length], octets[at : at + length])
        at += length


def _length(octets: bytes, at: int) -> tuple[int, int]:
    if at >= len(octets):
        message = "it is cut short"
        raise ValueError(message)
    first = octets[at]
    if first < 0x80:
        return first, at + 1
    count = first & 0x7F
    value = octets[at + 1 : at + 1 + count]
    if not 0 < count <= 4 or len(value) < count or value[0] == 0 or int.from_bytes(value, "big") < 0x80:
        message = "a length is not in DER"
        raise ValueError(message)
    return int.from_bytes(value, "big"), at + 1 + count


def read(octets: bytes) -> Stamp:
    """Return what a time-stamp response says.

    Raises:
        ValueError: it is none, was refused by the authority, or lacks the authority's certificate.
    """
    if len(octets) > LARGEST:
        message = "it is longer than any time stamp"
        raise ValueError(message)
    nodes = list(_nodes(octets))
    if len(nodes) != 1 or nodes[0].tag != _SEQUENCE:
        message = "it is no time-stamp response"
        raise ValueError(message)
    response = nodes[0]
    if response.child(0, _SEQUENCE).child(0, _INTEGER).body not in {b"\x00", b"\x01"}:
        message = "the authority refused to stamp"
        raise ValueError(message)
    content = response.child(1, _SEQUENCE)
    if content.child(0, _OID).body != _SIGNED_DATA:
        message = "it holds no signed data"
        raise ValueError(message)
    return _stamp(content.child(1, _CONTEXT_0).child(0, _SEQUENCE))


def _stamp(signed: _Node) -> Stamp:
    encapsulated = signed.child(2, _SEQUENCE)
    if encapsulated.child(0, _OID).body != _TST_INFO:
        message = "what is signed is no time stamp"
        raise ValueError(message)
    info = encapsulated.child(1, _CONTEXT_0).child(0, _OCTETS).body
    (told,) = _nodes(info)
    imprint = told.child(2, _SEQUENCE)
    digest = _DIGESTS.get(imprint.child(0, _SEQUENCE).child(0, _OID).body)
    if digest is None:
        message = "it stamps a digest of a kind that is not known here"
        raise ValueError(message)
    signer = signed.child(-1, _SET).child(0, _SEQUENCE)
    certificate = _certificate(signed, signer)
    return Stamp(
        at=_time(told.child(4, _TIME).body),
        imprint=imprint.child(1, _OCTETS).body,
        digest=digest,
        authority=_common_name(certificate),
        certificate_sha256=sha256(certificate.whole).hexdigest(),
        signed=_is_signed(signer, certificate, info),
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


def _certificate(signed: _Node, signer: _Node) -> _Node:
    """Return the certificate whose issuer and serial number the signer names."""
    named = signer.child(1, _SEQUENCE)
    issuer, serial = named.child(0, _SEQUENCE).whole, named.child(1, _INTEGER).body
    for part in signed.children():
        if part.tag != _CONTEXT_0:
            continue
        for certificate in part.children():
            fields = certificate.child(0, _SEQUENCE).children()
            fields = fields[1:] if fields and fields[0].tag == _CONTEXT_0 else fields
            if len(fields) > 2 and (fields[0].body, fields[2].whole) == (serial, issuer):
                return certificate
    message = "it does not hold the certificate of who signed it"
    raise ValueError(message)


def _fields(certificate: _Node) -> list[_Node]:
    """Return serial, algorithm, issuer, validity, subject, key and what follows."""
    fields = certificate.child(0, _SEQUENCE).children()
    fields = fields[1:] if fields[0].tag == _CONTEXT_0 else fields
    if len(fields) < 6:
        message = "the certificate is cut short"
        raise ValueError(message)
    return fields


def _common_name(certificate: _Node) -> str:
    for name in _fields(certificate)[4].children():
        for pair in name.children():
            kind, value = [*pair.children(), pair, pair][:2]
            if kind.body == _COMMON_NAME:
                return value.body.decode("utf-8", "replace")
    return ""


def _is_signed(signer: _Node, certificate: _Node, info: bytes) -> bool | None:
    """Check the digest among the signed attributes and the signature over them (RFC 5652 section 5.4)."""
    parts = signer.children()
    digest = _DIGESTS.get(signer.child(2, _SEQUENCE).child(0, _OID).body)
    if digest is None or parts[3].tag != _CONTEXT_0:
        return None
    attributes = {pair.child(0, _OID).body: pair.child(1, _SET) for pair in parts[3].children()}
    stated, kind = attributes.get(_MESSAGE_DIGEST), attributes.get(_CONTENT_TYPE)
    if stated is None or kind is None or kind.child(0, _OID).body != _TST_INFO:
        return False
    if stated.child(0, _OCTETS).body != new_hash(digest, info).digest():
        return False
    # What is signed is the SET itself, not the tag [0] that it stands under.
    message = bytes([_SET]) + parts[3].whole[1:]
    return _verified(_fields(certificate)[5], digest, message, signer.child(5, _OCTETS).body)


def _verified(key: _Node, digest: str, message: bytes, signature: bytes) -> bool | None:
    algorithm, bits = key.child(0, _SEQUENCE), key.children()[1].body[1:]
    kind = algorithm.child(0, _OID).body
    if kind == _RSA_KEY:
        (numbers,) = _nodes(bits)
        modulus, exponent = (int.from_bytes(number.body, "big") for number in numbers.children()[:2])
        size = (modulus.bit_length() + 7) // 8
        if len(signature) != size or not 2_048 <= modulus.bit_length() <= 8_192 or exponent < 3:
            return False
        padded = _DIGEST_INFO[digest] + new_hash(digest, message).digest()
        wanted = b"\x00\x01" + b"\xff" * (size - len(padded) - 3) + b"\x00" + padded
        return pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big") == wanted
    if kind == _EC_KEY and digest == "sha256" and algorithm.child(1, _OID).body == _P256 and len(bits) == 65:
        (pair,) = _nodes(signature)
        r, s = (int.from_bytes(number.body, "big") for number in pair.children()[:2])
        if r >> 256 or s >> 256:
            return False
        raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return curves.es256_holds(int.from_bytes(bits[1:33], "big"), int.from_bytes(bits[33:], "big"), raw, message)
    return None
