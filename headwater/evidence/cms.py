"""Reading signed data (CMS, RFC 5652) with Python's standard library: what is signed, by whose certificate, is it so.

Time stamps and the signatures of papers are both of this form. Only DER is read, and only what those two need. Whether
a certificate is one to trust is not judged here: its name and digest are told.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import new as new_hash
from hashlib import sha256

from headwater.evidence import curves

SEQUENCE, SET, INTEGER, OCTETS, OID, TIME = 0x30, 0x31, 0x02, 0x04, 0x06, 0x18
CONTEXT_0, CONTEXT_1 = 0xA0, 0xA1

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_CONTENT_TYPE = bytes.fromhex("2a864886f70d010903")
_MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
_CERTIFICATE = bytes.fromhex("2a864886f70d010910022f")
_RSA_KEY = bytes.fromhex("2a864886f70d010101")
_EC_KEY = bytes.fromhex("2a8648ce3d0201")
_P256 = bytes.fromhex("2a8648ce3d030107")
_COMMON_NAME = bytes.fromhex("550403")
DIGESTS = {
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


@dataclass(frozen=True, slots=True)
class Node:
    """One DER value."""

    tag: int
    whole: bytes
    body: bytes

    def children(self) -> list["Node"]:
        """Return the values inside."""
        return list(nodes(self.body))

    def child(self, index: int, tag: int) -> "Node":
        """Return one value inside; ``ValueError`` where it is another or missing."""
        found = self.children()
        if not -len(found) <= index < len(found) or found[index].tag != tag:
            message = "a part is missing or of another kind"
            raise ValueError(message)
        return found[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedData:
    """One CMS signature: of which kind is its content, the content where it is inside, who signed."""

    kind: bytes
    content: bytes | None
    signer: Node
    certificate: Node

    @property
    def who(self) -> str:
        """Common name in the certificate that signed."""
        return _common_name(self.certificate)

    @property
    def certificate_sha256(self) -> str:
        """SHA-256 of that certificate in DER."""
        return sha256(self.certificate.whole).hexdigest()

    @property
    def signature(self) -> bytes:
        """The octets of the signature itself."""
        return self.signer.child(5, OCTETS).body

    def holds(self, digest_of: Callable[[str], bytes]) -> bool | None:
        """Return whether the certificate's key signed the content, None where the algorithm is not checked here.

        ``digest_of`` gives the digest of the content, by the name that ``hashlib`` knows it under. The digest among
        the signed attributes is compared and the signature over them checked (RFC 5652 section 5.4).
        """
        parts = self.signer.children()
        digest = DIGESTS.get(self.signer.child(2, SEQUENCE).child(0, OID).body)
        if digest is None or parts[3].tag != CONTEXT_0:
            return None
        attributes = {pair.child(0, OID).body: pair.child(1, SET) for pair in parts[3].children()}
        stated, kind = attributes.get(_MESSAGE_DIGEST), attributes.get(_CONTENT_TYPE)
        if stated is None or kind is None or kind.child(0, OID).body != self.kind:
            return False
        if stated.child(0, OCTETS).body != digest_of(digest) or not _names(attributes.get(_CERTIFICATE), self):
            return False
        # What is signed is the SET itself, not the tag [0] that it stands under.
        message = bytes([SET]) + parts[3].whole[1:]
        return _verified(_fields(self.certificate)[5], digest, message, self.signature)

    def unsigned(self, kind: bytes) -> Node | None:
        """Return the first value of one unsigned attribute."""
        last = self.signer.children()[-1]
        if last.tag != CONTEXT_1:
            return None
        found = (pair.child(1, SET).children() for pair in last.children() if pair.child(0, OID).body == kind)
        return next((values[0] for values in found if values), None)


def _names(attribute: Node | None, signed: SignedData) -> bool:
    """Return whether the signed attribute names the very certificate (RFC 5035 section 3), where there is one."""
    if attribute is None:
        return True
    named = attribute.child(0, SEQUENCE).child(0, SEQUENCE).child(0, SEQUENCE).children()
    if not named:
        return False
    # SHA-256 is the default, and so not written.
    digest = "sha256" if named[0].tag == OCTETS else DIGESTS.get(named[0].child(0, OID).body, "")
    stated = named[0] if named[0].tag == OCTETS else named[min(1, len(named) - 1)]
    return bool(digest) and new_hash(digest, signed.certificate.whole).digest() == stated.body


def nodes(octets: bytes) -> Iterator[Node]:
    """Yield the DER values that lie end to end in ``octets``."""
    at = 0
    while at < len(octets):
        node, at = first(octets, at)
        yield node


def first(octets: bytes, at: int = 0) -> tuple[Node, int]:
    """Return the DER value that begins at ``at``, and where it ends; ``ValueError`` where there is none."""
    start = at
    if at >= len(octets):
        message = "it is cut short"
        raise ValueError(message)
    tag = octets[at]
    length, at = _length(octets, at + 1)
    if tag & 0x1F == 0x1F or at + length > len(octets):
        message = "it is cut short or not in DER"
        raise ValueError(message)
    return Node(tag, octets[start : at + length], octets[at : at + length]), at + length


def _length(octets: bytes, at: int) -> tuple[int, int]:
    if at >= len(octets):
        message = "it is cut short"
        raise ValueError(message)
    first_octet = octets[at]
    if first_octet < 0x80:
        return first_octet, at + 1
    count = first_octet & 0x7F
    value = octets[at + 1 : at + 1 + count]
    if not 0 < count <= 4 or len(value) < count or value[0] == 0 or int.from_bytes(value, "big") < 0x80:
        message = "a length is not in DER"
        raise ValueError(message)
    return int.from_bytes(value, "big"), at + 1 + count


def signed_data(content: Node) -> SignedData:
    """Return what one ContentInfo holds; ``ValueError`` where it is no signed data, or lacks its certificate."""
    if content.child(0, OID).body != _SIGNED_DATA:
        message = "it holds no signed data"
        raise ValueError(message)
    signed = content.child(1, CONTEXT_0).child(0, SEQUENCE)
    encapsulated = signed.child(2, SEQUENCE)
    inside = encapsulated.children()[1:]
    signer = signed.child(-1, SET).child(0, SEQUENCE)
    return SignedData(
        kind=encapsulated.child(0, OID).body,
        content=inside[0].child(0, OCTETS).body if inside else None,
        signer=signer,
        certificate=_certificate(signed, signer),
    )


def _certificate(signed: Node, signer: Node) -> Node:
    """Return the certificate whose issuer and serial number the signer names."""
    named = signer.child(1, SEQUENCE)
    issuer, serial = named.child(0, SEQUENCE).whole, named.child(1, INTEGER).body
    for part in signed.children():
        if part.tag != CONTEXT_0:
            continue
        for certificate in part.children():
            fields = certificate.child(0, SEQUENCE).children()
            fields = fields[1:] if fields and fields[0].tag == CONTEXT_0 else fields
            if len(fields) > 2 and (fields[0].body, fields[2].whole) == (serial, issuer):
                return certificate
    message = "it does not hold the certificate of who signed it"
    raise ValueError(message)


def _fields(certificate: Node) -> list[Node]:
    """Return serial, algorithm, issuer, validity, subject, key and what follows."""
    fields = certificate.child(0, SEQUENCE).children()
    fields = fields[1:] if fields[0].tag == CONTEXT_0 else fields
    if len(fields) < 6:
        message = "the certificate is cut short"
        raise ValueError(message)
    return fields


def _common_name(certificate: Node) -> str:
    for name in _fields(certificate)[4].children():
        for pair in name.children():
            kind, value = [*pair.children(), pair, pair][:2]
            if kind.body == _COMMON_NAME:
                return value.body.decode("utf-8", "replace")
    return ""


def _verified(key: Node, digest: str, message: bytes, signature: bytes) -> bool | None:
    algorithm, bits = key.child(0, SEQUENCE), key.children()[1].body[1:]
    kind = algorithm.child(0, OID).body
    if kind == _RSA_KEY:
        (numbers,) = nodes(bits)
        modulus, exponent = (int.from_bytes(number.body, "big") for number in numbers.children()[:2])
        size = (modulus.bit_length() + 7) // 8
        if len(signature) != size or not 2_048 <= modulus.bit_length() <= 8_192 or exponent < 3:
            return False
        padded = _DIGEST_INFO[digest] + new_hash(digest, message).digest()
        wanted = b"\x00\x01" + b"\xff" * (size - len(padded) - 3) + b"\x00" + padded
        return pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big") == wanted
    if kind == _EC_KEY and digest == "sha256" and algorithm.child(1, OID).body == _P256 and len(bits) == 65:
        (pair,) = nodes(signature)
        r, s = (int.from_bytes(number.body, "big") for number in pair.children()[:2])
        if r >> 256 or s >> 256:
            return False
        raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return curves.es256_holds(int.from_bytes(bits[1:33], "big"), int.from_bytes(bits[33:], "big"), raw, message)
    return None
