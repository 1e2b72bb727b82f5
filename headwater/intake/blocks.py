"""Responses by which a network says that it blocked a call: who did it, on what ground, whom to ask. Pure.

- **603+** (ATIS-1000099): status 603, phrase "Network Blocked", and a Reason header whose text holds pairs
  ``v``, ``url``, ``tel``, ``email``, beside a ``location`` (LN originating, TN transit, LPN, RPN, RLN).
- **608 Rejected** (RFC 8688): an intermediary refused; a Call-Info with purpose ``jwscard`` (or ``jcard``) holds a
  signed card of whom to ask. A card inside the header (a ``data:`` URI) is read; an address is kept, never fetched.
- **607 Unwanted** (RFC 8197): the called party said so.
A plain 603 Decline is a person's "no" and no block.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import msgspec

CARD_OCTETS: Final = 16_384
LOCATIONS: Final = frozenset({"U", "LPN", "LN", "TN", "RLN", "RPN", "INTL", "BI"})
"""ISUP locations (RFC 8606)."""

# A parameter: its name, and a quoted or bare value.
_PARAMETER: Final = re.compile(rb';[ \t]*([A-Za-z0-9-]{1,32})[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^;" \t]*)', re.DOTALL)
_PAIR: Final = re.compile(rb"(?:\A|;)[ \t]*([A-Za-z]{1,16})[ \t]*=[ \t]*([^;]*)")
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)
_INFO: Final = re.compile(rb"\A[ \t]*<([^>]*)>(.*)", re.DOTALL)
_PURPOSE: Final = re.compile(rb";[ \t]*purpose[ \t]*=[ \t]*\"?j(?:ws)?card\"?[ \t]*(?:;|\Z)", re.IGNORECASE)
_BASE64URL: Final = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block as the response tells it; nothing is verified. Texts are "" where it does not say."""

    kind: str
    """``603+``, ``608`` or ``607``."""
    cause: str = ""
    version: str = ""
    """The analytics that decided, as they name themselves."""
    url: str = ""
    tel: str = ""
    email: str = ""
    name: str = ""
    location: str = ""

    def named(self) -> dict[str, str]:
        """Return what is said, by its name in a record's ``headers``."""
        said = {name: getattr(self, name) for name in self.__slots__}
        return {f"block-{name}": value for name, value in said.items() if value}


def read(status: int, phrase: bytes, *, reasons: Sequence[bytes], call_infos: Sequence[bytes]) -> Block | None:
    """Return the block that a final response tells of, or ``None`` where it is an ordinary refusal.

    ``reasons`` and ``call_infos`` are single values of the headers, as sent.
    """
    if status == 603:
        return _analytics(phrase, reasons)
    if status in {607, 608}:
        said = _analytics(b"Network Blocked", reasons)
        card = _card(call_infos) if status == 608 else {}
        return Block(
            kind=str(status),
            cause=said.cause if said else "",
            version=said.version if said else "",
            location=said.location if said else "",
            **{name: card.get(name) or (getattr(said, name, "") if said else "") for name in ("url", "tel", "email")},
            name=card.get("name", ""),
        )
    return None


def _analytics(phrase: bytes, reasons: Sequence[bytes]) -> Block | None:
    """Read a 603+: the phrase says it, or a Reason with cause 21 or 603 that holds the pairs."""
    named = phrase.strip().lower() == b"network blocked"
    said = [block for block in (_of_reason(reason) for reason in reasons) if block is not None]
    telling = next((block for block in said if block.version), None)
    if telling is None and named:
        return said[0] if said else Block(kind="603+")
    return telling


def _of_reason(reason: bytes) -> Block | None:
    parameters = {name.lower(): _plain(value) for name, value in _PARAMETER.findall(reason)}
    cause = parameters.get(b"cause", b"")
    if cause not in {b"21", b"603"}:
        return None
    pairs = {name.lower(): value.strip() for name, value in _PAIR.findall(parameters.get(b"text", b""))}
    location = _text(parameters.get(b"location", b"")).upper()
    return Block(
        kind="603+",
        cause=_text(cause),
        version=_text(pairs.get(b"v", b"")),
        url=_text(pairs.get(b"url", b"")),
        tel=_text(pairs.get(b"tel", b"")),
        email=_text(pairs.get(b"email", b"")),
        location=location if location in LOCATIONS else "",
    )


def _plain(value: bytes) -> bytes:
    if value[:1] == b'"':
        return _ESCAPED.sub(rb"\1", value[1:-1])
    return value


def _text(value: bytes) -> str:
    return value[:256].decode("utf-8", "replace")


def _card(call_infos: Sequence[bytes]) -> dict[str, str]:
    """Return what a jCard says of whom to ask: from inside the header, else its address alone."""
    for info in call_infos:
        found = _INFO.match(info)
        if found is None or not _PURPOSE.search(found[2]):
            continue
        uri = found[1].strip()
        if uri[:5].lower() != b"data:":
            return {"url": _text(uri)}
        return dict(_properties(_payload(uri[:CARD_OCTETS])))
    return {}


def _payload(uri: bytes) -> Any:
    """Return the card inside a ``data:`` URI: the ``jcard`` of a JWS's payload (RFC 8688 section 3.2), or bare."""
    kind, _, content = uri.partition(b",")
    content = unquote_to_bytes(content)
    try:
        if kind.lower().endswith(b";base64"):
            content = _base64(content)
        parts = content.split(b".")
        if len(parts) == 3 and content[:1] not in b"[{":
            content = _base64(parts[1])
        value = msgspec.json.decode(content)
    except (Base64Error, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # a card that cannot be read says nothing; the message itself is kept
    return value.get("jcard", value) if isinstance(value, dict) else value


def _base64(octets: bytes) -> bytes:
    return a2b_base64(octets.translate(_BASE64URL) + b"=" * (-len(octets) % 4))


def _properties(card: Any) -> Iterator[tuple[str, str]]:
    """Yield whom a jCard names: ``["vcard", [[name, parameters, type, value], ...]]`` (RFC 7095)."""
    if not (isinstance(card, list) and len(card) == 2 and isinstance(card[1], list)):
        return
    for line in card[1][:64]:
        if not (isinstance(line, list) and len(line) >= 4 and isinstance(line[0], str) and isinstance(line[3], str)):
            continue
        known = {"fn": "name", "tel": "tel", "email": "email", "url": "url"}.get(line[0].lower())
        if known is not None:
            yield known, line[3].removeprefix("tel:").removeprefix("mailto:")[:256]
