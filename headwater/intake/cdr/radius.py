"""RADIUS accounting (RFC 2865, RFC 2866): packets and FreeRADIUS detail text, as attributes by name. Pure."""

import re
from hashlib import md5
from hmac import compare_digest
from ipaddress import IPv4Address, IPv6Address
from struct import unpack_from
from typing import Final

from headwater.errors import Invalid

ACCOUNTING_REQUEST: Final = 4
#: RFC 2865 section 3: a packet has 20 to 4096 octets.
SHORTEST: Final = 20
LONGEST: Final = 4_096
_VENDOR: Final = 26
_TEXT: Final = "text"
_NUMBER: Final = "number"
_ADDRESS: Final = "address"

#: Attribute -> name and kind: RFC 2865, RFC 2866, RFC 2869, and the SIP attributes of Kamailio and OpenSIPS.
ATTRIBUTES: Final[dict[int, tuple[str, str]]] = {
    1: ("User-Name", _TEXT), 4: ("NAS-IP-Address", _ADDRESS), 5: ("NAS-Port", _NUMBER), 6: ("Service-Type", _NUMBER),
    8: ("Framed-IP-Address", _ADDRESS), 25: ("Class", _TEXT), 30: ("Called-Station-Id", _TEXT),
    31: ("Calling-Station-Id", _TEXT), 32: ("NAS-Identifier", _TEXT), 40: ("Acct-Status-Type", _NUMBER),
    41: ("Acct-Delay-Time", _NUMBER), 42: ("Acct-Input-Octets", _NUMBER), 43: ("Acct-Output-Octets", _NUMBER),
    44: ("Acct-Session-Id", _TEXT), 45: ("Acct-Authentic", _NUMBER), 46: ("Acct-Session-Time", _NUMBER),
    49: ("Acct-Terminate-Cause", _NUMBER), 50: ("Acct-Multi-Session-Id", _TEXT), 55: ("Event-Timestamp", _NUMBER),
    61: ("NAS-Port-Type", _NUMBER), 95: ("NAS-IPv6-Address", _ADDRESS), 101: ("Sip-Method", _NUMBER),
    102: ("Sip-Response-Code", _NUMBER), 103: ("Sip-Cseq", _TEXT), 104: ("Sip-To-Tag", _TEXT),
    105: ("Sip-From-Tag", _TEXT), 107: ("Sip-Translated-Request-URI", _TEXT), 208: ("Sip-Request-Hash", _TEXT),
}  # fmt: skip
#: (vendor, type) -> name. Cisco also sends ``name=value`` in type 1; Acme's are those of Oracle's accounting guide.
VENDORS: Final[dict[tuple[int, int], str]] = {
    (9, 1): "Cisco-AVPair", (9, 2): "Cisco-NAS-Port", (9, 23): "h323-remote-address", (9, 24): "h323-conf-id",
    (9, 25): "h323-setup-time", (9, 26): "h323-call-origin", (9, 27): "h323-call-type", (9, 28): "h323-connect-time",
    (9, 29): "h323-disconnect-time", (9, 30): "h323-disconnect-cause", (9, 31): "h323-voice-quality",
    (9, 33): "h323-gw-id",
}  # fmt: skip
#: Acct-Status-Type: RFC 2866 section 5.1, and 15 as Kamailio's dictionary has it.
STATUS: Final = {"Start": "1", "Stop": "2", "Interim-Update": "3", "Failed": "15"}
#: Sip-Method as Kamailio's acc_radius numbers it.
METHODS: Final = {"Invite": "1", "Cancel": "2", "Ack": "4", "Bye": "8"}
_PAIR: Final = re.compile(r"[ \t]*([A-Za-z0-9][A-Za-z0-9-]{0,63})[ \t]*\+?=[ \t]*(.{0,8192})")


class BadPacket(Invalid):
    """The octets are no RADIUS accounting request; the message says why."""


def values(text: str) -> dict[str, str]:
    """Return the attributes of a packet in hexadecimal, or of one entry of a detail file.

    Raises:
        BadPacket: it is neither.
    """
    stripped = text.strip()
    if "\n" not in stripped and "=" not in stripped:
        try:
            return attributes(bytes.fromhex(stripped))
        except ValueError:
            raise BadPacket(
                "the line is neither a RADIUS packet in hexadecimal nor an entry of a detail file"
            ) from None
    found: dict[str, str] = {}
    for line in text.split("\n"):
        pair = _PAIR.fullmatch(line.rstrip("\r"))
        if pair is not None:
            _put(found, pair[1], pair[2].strip().strip('"'))
    if "Acct-Status-Type" not in found:
        raise BadPacket("the entry has no Acct-Status-Type: it is no accounting request")
    found["Acct-Status-Type"] = STATUS.get(found["Acct-Status-Type"], found["Acct-Status-Type"])
    if "Sip-Method" in found:
        found["Sip-Method"] = METHODS.get(found["Sip-Method"].capitalize(), found["Sip-Method"])
    return found


def attributes(packet: bytes) -> dict[str, str]:
    """Return the attributes of an accounting request by name; an unknown one as ``Attr-N`` or ``Attr-26-V-N``.

    Raises:
        BadPacket: it is none, or its lengths contradict each other.
    """
    if not SHORTEST <= len(packet) <= LONGEST:
        raise BadPacket(f"a RADIUS packet has {SHORTEST} to {LONGEST} octets, not {len(packet)}")
    code, _, length = unpack_from(">BBH", packet)
    if code != ACCOUNTING_REQUEST:
        raise BadPacket(f"RADIUS code {code} is no accounting request (4)")
    if not SHORTEST <= length <= len(packet):
        raise BadPacket(f"the packet states {length} octets and has {len(packet)}")
    found: dict[str, str] = {}
    for kind, content in _parts(packet[SHORTEST:length]):
        if kind == _VENDOR and len(content) >= 4:
            vendor = int.from_bytes(content[:4], "big")
            for inner, value in _vendor_parts(content[4:]):
                _put(found, VENDORS.get((vendor, inner), f"Attr-26-{vendor}-{inner}"), _value(_TEXT, value))
        else:
            name, form = ATTRIBUTES.get(kind, (f"Attr-{kind}", _TEXT))
            _put(found, name, _value(form, content))
    return found


def is_authentic(packet: bytes, secret: bytes) -> bool:
    """Tell whether the request authenticator was made with ``secret`` (RFC 2866 section 3).

    MD5 is what the protocol has: it shows that sender and secret go together, and is no proof towards others.
    """
    if len(packet) < SHORTEST:
        return False
    length = int.from_bytes(packet[2:4], "big")
    body = packet[:4] + bytes(16) + packet[SHORTEST:length] + secret
    return compare_digest(md5(body, usedforsecurity=False).digest(), packet[4:20])


def _parts(octets: bytes) -> list[tuple[int, bytes]]:
    found = []
    place = 0
    while place < len(octets):
        length = octets[place + 1] if place + 1 < len(octets) else 0
        if length < 2 or place + length > len(octets):
            raise BadPacket(f"attribute {octets[place]} states a length of {length}, which does not fit")
        found.append((octets[place], octets[place + 2 : place + length]))
        place += length
    return found


def _vendor_parts(octets: bytes) -> list[tuple[int, bytes]]:
    try:
        return _parts(octets)
    except BadPacket:  # a vendor may write its part as it likes (RFC 2865 section 5.26)
        return [(0, octets)]


def _value(form: str, content: bytes) -> str:
    if form == _NUMBER and len(content) == 4:
        return str(int.from_bytes(content, "big"))
    if form == _ADDRESS and len(content) == 4:
        return str(IPv4Address(content))
    if form == _ADDRESS and len(content) == 16:
        return str(IPv6Address(content))
    return content.decode("utf-8", "replace")


def _put(found: dict[str, str], name: str, value: str) -> None:
    """Keep the first of a name; ``h323-...=`` inside a Cisco value names itself."""
    inner, equals, rest = value.partition("=")
    if name == "Cisco-AVPair" and equals:
        name, value = inner.strip()[:64], rest
    elif equals and inner == name:
        value = rest
    found.setdefault(name, value)
