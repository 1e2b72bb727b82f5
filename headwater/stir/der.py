"""A strict reader of DER (ITU-T X.690), as much as certificates and CRLs need.

Written by hand because the real PKI holds certificates that stock readers refuse (NULL parameters in ECDSA
algorithm identifiers, malformed extensions): what is malformed inside must not hide what is readable outside.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID, UTF8 = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C
ENUMERATED, SEQUENCE, SET, IA5, UTC_TIME, GENERALIZED_TIME = 0x0A, 0x30, 0x31, 0x16, 0x17, 0x18

#: Octets of an object identifier; those in use have about ten.
MAX_OID = 64


class DerError(ValueError):
    """The octets are not the DER that was expected; the message says where."""


@dataclass(frozen=True, slots=True)
class Element:
    """One tag-length-value: ``data[start:end]`` with its content at ``data[body:end]``."""

    data: bytes
    tag: int
    start: int
    body: int
    end: int

    @property
    def content(self) -> bytes:
        """The content octets."""
        return self.data[self.body : self.end]

    @property
    def whole(self) -> bytes:
        """Tag, length and content as they stand."""
        return self.data[self.start : self.end]

    def expect(self, tag: int) -> "Element":
        """Return this element, or raise ``DerError`` where its tag is another."""
        if self.tag != tag:
            raise DerError(f"tag {self.tag:#04x} at octet {self.start}, expected {tag:#04x}")
        return self

    def children(self) -> Iterator["Element"]:
        """Yield the elements inside; they must fill the content exactly."""
        at = self.body
        while at < self.end:
            child = read(self.data, at, self.end)
            yield child
            at = child.end

    def parts(self, tag: int, at_least: int, at_most: int) -> list["Element"]:
        """Return the elements inside, where this one has ``tag`` and holds so many; raise ``DerError`` otherwise."""
        found = list(self.expect(tag).children())
        if not at_least <= len(found) <= at_most:
            raise DerError(f"{len(found)} elements at octet {self.start}, expected {at_least} to {at_most}")
        return found


def read(data: bytes, at: int = 0, limit: int | None = None) -> Element:
    """Return the element at octet ``at``; it must end by ``limit``.

    Raises:
        DerError: truncated, indefinite or non-minimal length, or a multi-octet tag.
    """
    limit = len(data) if limit is None else limit
    if at + 2 > limit:
        raise DerError(f"truncated at octet {at}")
    tag = data[at]
    if tag & 0x1F == 0x1F:
        raise DerError(f"multi-octet tag at octet {at}")
    length, body = data[at + 1], at + 2
    if length >= 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4 or body + count > limit:
            raise DerError(f"bad length at octet {at}")
        length = int.from_bytes(data[body : body + count], "big")
        body += count
        if length < 0x80 or length >> (8 * (count - 1)) == 0:
            raise DerError(f"length not minimal at octet {at}")
    if body + length > limit:
        raise DerError(f"element at octet {at} runs over its container")
    return Element(data, tag, at, body, body + length)


def whole(data: bytes, tag: int) -> Element:
    """Return ``data`` as one element with ``tag`` and nothing after it."""
    element = read(data).expect(tag)
    if element.end != len(data):
        raise DerError(f"{len(data) - element.end} octets after the element")
    return element


def integer(element: Element) -> int:
    """Return the value of an INTEGER (or ENUMERATED)."""
    if element.tag not in (INTEGER, ENUMERATED) or element.body == element.end:
        raise DerError(f"no integer at octet {element.start}")
    return int.from_bytes(element.content, "big", signed=True)


def oid(element: Element) -> str:
    """Return the dotted form of an OBJECT IDENTIFIER."""
    octets = element.expect(OID).content
    if not 1 <= len(octets) <= MAX_OID or octets[-1] & 0x80:
        raise DerError(f"bad object identifier at octet {element.start}")
    arcs: list[int] = []
    value = 0
    for octet in octets:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))


def time(element: Element) -> int:
    """Return a UTCTime or GeneralizedTime as Unix seconds (RFC 5280 section 4.1.2.5)."""
    try:
        text = element.content.decode("ascii")
        if element.tag == UTC_TIME and len(text) == 13:
            text = ("19" if text[:2] >= "50" else "20") + text
        elif element.tag != GENERALIZED_TIME or len(text) != 15:
            raise ValueError
        return int(datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise DerError(f"bad time at octet {element.start}") from None
