"""How single values of a row are read: the words that ``form`` of a mapping's field may have. Pure functions."""

import re
from collections.abc import Callable
from ipaddress import IPv4Address, ip_address
from typing import Final
from urllib.parse import unquote_plus

from headwater.intake.cdr.mapping import Numbers
from headwater.numbering.numbers import E164, UNKNOWN, canonical

#: What a mapping may fill of a record, beside times and links. The first group are columns of their own.
COLUMNS: Final = (
    "calling", "called", "call_id", "sip_method", "sip_status", "source_ip", "source_port", "destination_ip",
    "destination_port", "duration", "ring", "disposition", "identity", "attest", "origid", "spc",
)  # fmt: skip
#: The rest goes to the record's ``headers`` under these names.
HEADERS: Final[dict[str, str]] = {
    "call_id_out": "call-id-out",
    "trunk_in": "trunk-in",
    "trunk_out": "trunk-out",
    "direction": "direction",
    "charge_number": "charge-number",
    "diverting": "diversion",
    "dialled": "to",
    "cause": "cause",
    "cause_text": "cause-text",
    "released_by": "released-by",
    "oli": "oli",
    "jip": "jip",
    "lrn": "lrn",
    "user_agent": "user-agent",
    "switch": "switch",
    "record": "record",
    "row_type": "row-type",
    "account": "account",
}
FIELDS: Final = frozenset(COLUMNS) | frozenset(HEADERS)

_ANGLE: Final = re.compile(r"<([^<>]{0,512})>")
_CHANNEL: Final = re.compile(r"-[0-9a-f]{6,}(?:;[12])?\Z")


class Unreadable(ValueError):
    """A value is not what its form says; the message says why."""


def _text(text: str) -> str:
    return text


def _address(text: str) -> str:
    """Return the URI of a From, To or P-Asserted-Identity header."""
    found = _ANGLE.search(text)
    return found[1] if found else text.partition(";")[0]


def _host(text: str) -> str:
    """Return the address of ``host``, ``host:port``, ``[v6]:port``, or of a URI; "" where it is a name."""
    rest = text.strip()
    if "@" in rest or rest[:4].lower() in {"sip:", "sips"}:
        rest = _address(rest).rpartition("@")[2] or rest
        rest = rest.split(";", 1)[0]
    if rest.startswith("["):
        rest = rest[1:].partition("]")[0]
    elif rest.count(":") == 1:
        rest = rest.partition(":")[0]
    try:
        return str(ip_address(rest))
    except ValueError:
        return ""


def _signed(text: str) -> str:
    """Return the IPv4 address of a signed decimal number whose octets are reversed (Cisco CUCM)."""
    try:
        number = int(text)
    except ValueError:
        raise Unreadable(f"{text[:40]!r} is no whole number") from None
    if not -(1 << 31) <= number < 1 << 32:
        raise Unreadable(f"{text[:40]!r} is no IPv4 address in a number")
    return str(IPv4Address((number & 0xFFFFFFFF).to_bytes(4, "little"))) if number else ""


def _channel(text: str) -> str:
    """Return the peer of an Asterisk channel name: ``PJSIP/carrierB-00070544`` is of ``PJSIP/carrierB``."""
    return _CHANNEL.sub("", text)


def _proto(text: str) -> str:
    """Return the status of ``sip:200`` or ``SIP 603``; of anything else the text."""
    digits = text.rpartition(":")[2].strip()
    return digits.rpartition(" ")[2]


def _part(number: int) -> Callable[[str], str]:
    def part(text: str) -> str:
        parts = text.split(",")
        return parts[number] if len(parts) > number else ""

    return part


#: Word -> how the text of a value is read.
FORMS: Final[dict[str, Callable[[str], str]]] = {
    "text": _text,
    "address": _address,
    "host": _host,
    "ipv4-signed-reversed": _signed,
    "channel": _channel,
    "sip-status": _proto,
    "url": unquote_plus,
    "lower": str.lower,
    "upper": str.upper,
    "seconds": _text,
    "milliseconds": _text,
    "microseconds": _text,
    "ticks": _text,
    "after-colon": lambda text: text.partition(":")[2],
    "before-colon": lambda text: text.partition(":")[0],
    "first-of-list": _part(0),
    "second-of-list": _part(1),
}
#: Milliseconds of one unit. Ribbon counts in ticks of ten milliseconds.
UNITS: Final = {"text": 1_000.0, "seconds": 1_000.0, "milliseconds": 1.0, "microseconds": 0.001, "ticks": 10.0}
#: A week: the longest duration that a record may have.
LONGEST_MS: Final = 604_800_000


def milliseconds(text: str, unit: float) -> int:
    """Return a duration; -1 where the text is empty.

    Raises:
        Unreadable: it is no number, negative, or longer than a week.
    """
    if not text:
        return -1
    try:
        found = round(float(text) * unit)
    except (ValueError, OverflowError):
        parts = text.split(":")
        if not 2 <= len(parts) <= 3 or not all(part.isascii() and part.isdigit() for part in parts):
            raise Unreadable(f"{text[:40]!r} is no duration") from None
        found = 0
        for part in parts:
            found = found * 60 + int(part[:9])
        found *= 1_000
    if not 0 <= found <= LONGEST_MS:
        raise Unreadable(f"a duration of {text[:40]!r} is negative or longer than a week")
    return found


def whole(text: str, most: int) -> int:
    """Return a whole number between 0 and ``most``; 0 where the text is empty or no such number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= most else 0


def number_reader(rules: Numbers) -> Callable[[str], E164]:
    """Return the function that brings a number as this source writes it into canonical form."""
    if not rules.strip and rules.country == "1" and not rules.national_prefix:
        return _usual
    strip = tuple(rules.strip)

    def read(text: str) -> E164:
        plain = text.strip()
        for prefix in strip:
            if plain.startswith(prefix):
                plain = plain[len(prefix) :]
                break
        if rules.country == "1" and not rules.national_prefix:
            return _usual(plain)
        if plain.startswith(("+", "00", "011")) or ":" in plain:
            return canonical(plain)
        digits = plain.removeprefix(rules.national_prefix)
        if digits.startswith(rules.country) and digits == plain and len(digits) > 10:
            return canonical("+" + digits)
        return canonical("+" + rules.country + digits) if digits else UNKNOWN

    return read


def _usual(text: str) -> E164:
    """Do as ``canonical``; the two forms of nearly all switches first."""
    length = len(text)
    if length == 10 and text.isascii() and text.isdigit() and text[0] > "1":
        return E164("1" + text)
    if length == 11 and text.isascii() and text.isdigit() and text[0] == "1":
        return E164(text)
    return canonical(text) if text else UNKNOWN
