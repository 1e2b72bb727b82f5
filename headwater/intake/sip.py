"""SIP messages as the store needs them: start line and the headers that trace a call. Octets in, values out.

Not a SIP stack: it reads what a proxy already accepted, tolerates bare line feeds, compact header names, folded
lines and truncated messages (RFC 3261 sections 7 and 20; RFC 8224 Identity; RFC 3325 P-Asserted-Identity).
A message that says nothing new of a call (100 Trying, ACK, 200 OK) is read for four headers alone; one that sets up,
refuses or ends a call is read for all that ``sip_fields`` keeps. The whole message stays beside the record as evidence.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from headwater.errors import Invalid
from headwater.numbering.numbers import E164, canonical

MOST_IDENTITIES: Final = 8
"""Identity headers read of one message: shaken, div, rph, rcd and some; a hostile one may carry thousands."""
MOST_VALUES: Final = 16
"""Values kept of one header name."""
MOST_EXTENSIONS: Final = 16
"""X- headers kept of one message."""
LONGEST_CACHED: Final = 192

#: Name in lower case, and compact form (RFC 3261 section 7.3.3; RFC 8224 section 11.1) -> the name it is kept under.
_WANTED: Final[dict[bytes, bytes]] = {
    **{
        name: name
        for name in (
            b"call-id", b"from", b"to", b"cseq", b"identity", b"p-asserted-identity", b"p-preferred-identity",
            b"remote-party-id", b"diversion", b"history-info", b"user-agent", b"server", b"reason", b"via",
            b"record-route", b"contact", b"p-charge-info", b"p-access-network-info", b"p-charging-vector",
            b"session-id", b"call-info", b"privacy", b"max-forwards",
        )
    },
    b"i": b"call-id",
    b"f": b"from",
    b"t": b"to",
    b"y": b"identity",
    b"v": b"via",
    b"m": b"contact",
}  # fmt: skip
#: Spellings that were met -> the name they are kept under, "" for those that are not wanted. Filled as names come.
_SPELLINGS: Final[dict[bytes, bytes]] = {}
_MOST_SPELLINGS: Final = 4_096
_IDLE: Final = b"\r\n\0"
_FOLD: Final = re.compile(rb"\r?\n[ \t]+")
_QUOTED: Final = re.compile(rb'[ \t]*"(?:[^"\\]|\\.)*"', re.DOTALL)
_TAG: Final = re.compile(rb";[ \t]*tag[ \t]*=", re.IGNORECASE)
_NANP: Final = re.compile(rb"(?:sips?|tel):\+1([2-9][0-9]{9})(?:[@;]|\Z)")
_TOKEN: Final = re.compile(rb"[A-Za-z0-9.!%*_+`'~-]{1,32}\Z")
# What may stand between two commas of a list: quoted strings and angle brackets hold commas of their own.
_ITEM: Final = re.compile(rb'(?:"(?:[^"\\]|\\.)*+"|<[^>]*+>|[^,"<]|["<])++', re.DOTALL)
_BASE64URL: Final = bytes.maketrans(b"-_", b"+/")


class NotSip(Invalid):
    """The octets are not a SIP message that can be kept; ``reason`` is a short word for counting."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        super().__init__(f"not a SIP message: {detail}")


class SipMessage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is read of one message. Header values are octets as sent, unfolded; "" or ``b""`` where absent."""

    method: str
    """Request method; for a response that of its CSeq."""
    status: int
    """0 for a request."""
    request_uri: bytes
    call_id: str
    cseq: int
    from_header: bytes
    to_header: bytes
    in_dialog: bool
    """The To header has a tag: the message belongs to a call that is already set up (re-INVITE, BYE...)."""
    calling: E164
    called: E164
    phrase: bytes = b""
    """Reason phrase of a response."""
    asserted: bytes = b""
    """First P-Asserted-Identity value."""
    identities: tuple[bytes, ...] = ()
    headers: dict[bytes, list[bytes]] | None = None
    """Every header that is kept, by its full name in lower case, where the message says something new of the call."""
    body: bytes = b""
    """The body of a new INVITE."""


class IdentityHints(msgspec.Struct, frozen=True):
    """What an Identity token says of itself. Not verified: a hint for search, never a finding."""

    digest: str = ""
    """SHA-256, hexadecimal, of the token: the header's value before its parameters."""
    attest: str = ""
    origid: str = ""


class _Claims(msgspec.Struct):
    attest: str = ""
    origid: str = ""


_claims: Final = msgspec.json.Decoder(_Claims)


def parse(octets: bytes) -> SipMessage:
    """Read one SIP message.

    Raises:
        NotSip: it has no SIP start line, or lacks Call-ID or CSeq; nothing else is raised, whatever the octets are.
    """
    head, _, body = octets.partition(b"\r\n\r\n")
    if not head or head[0] in _IDLE:  # RFC 3261 section 7.5: leading empty lines are ignored
        octets = octets.lstrip(_IDLE)
        head, _, body = octets.partition(b"\r\n\r\n")
        if not head:
            raise NotSip("keep-alive", "empty lines or zero octets only (a keep-alive)")
    first = head.partition(b"\n")[0]
    method, status, uri_or_phrase = _start_line(first.rstrip(b"\r"))
    if status < 300 and method not in _TELLING and first[-1:] == b"\r":
        brief = _brief(head, method, status, uri_or_phrase)
        if brief is not None:
            return brief
    if first[-1:] != b"\r" and b"\n\n" in head:
        head, _, body = octets.partition(b"\n\n")
    rest = head[len(first) + 1 :]
    found = _headers(rest.split(b"\n"))
    if found is None:
        found = _headers(_FOLD.sub(b" ", b"\n" + rest).split(b"\n")) or {}
    return _message(found, method, status, uri_or_phrase, body=body)


_TELLING: Final = frozenset({"INVITE", "BYE", "CANCEL"})
"""Requests that are read for every header; so is every refusal."""


def _start_line(line: bytes) -> tuple[str, int, bytes]:
    """Return method, status and request URI or reason phrase."""
    parts = line.split(b" ", 2)
    if parts[0][:7].upper() == b"SIP/2.0" and len(parts) >= 2:
        if parts[0][7:] == b"" and len(parts[1]) == 3 and parts[1].isdigit() and 100 <= int(parts[1]) <= 699:
            return "", int(parts[1]), parts[2] if len(parts) == 3 else b""
        raise NotSip("start-line", f"status code {parts[1][:8]!r} in a response")
    # A request URI must hold no space (RFC 3261 section 7.1); some senders put one in, and it is still their request.
    uri, _, version = line[len(parts[0]) + 1 :].rstrip(b" \t").rpartition(b" ")
    if len(parts) == 3 and version.upper() == b"SIP/2.0" and _TOKEN.match(parts[0]):
        return parts[0].decode("ascii"), 0, uri.strip(b" \t")
    raise NotSip("start-line", f"its first line begins {line[:24]!r}")


def _brief(head: bytes, method: str, status: int, uri_or_phrase: bytes) -> SipMessage | None:
    """Read the four headers that every message has, where each stands in its usual spelling on one line.

    Returns ``None`` where one does not: then every line is looked at.
    """
    found: list[bytes] = []
    size = len(head)
    for needle, length in _USUAL:
        at = head.find(needle)
        if at < 0:
            return None
        end = head.find(b"\n", at + 1)
        if end < 0:
            end = size
        elif head[end + 1 : end + 2] in _FOLDS:
            return None
        found.append(head[at + length : end].strip(b" \t\r"))
    call_id, cseq, from_header, to_header = found
    number, _, cseq_method = cseq.partition(b" ")
    if not (call_id and 0 < len(number) <= 10 and number.isdigit() and cseq_method.isalpha()):
        return None
    return SipMessage(
        method=method or cseq_method[:16].decode("ascii").upper(),
        status=status,
        request_uri=b"" if status else uri_or_phrase,
        call_id=call_id.decode("utf-8", "replace"),
        cseq=int(number),
        from_header=from_header,
        to_header=to_header,
        in_dialog=status == 0 and b"=" in to_header and _TAG.search(to_header) is not None,
        calling=number_of(from_header),
        called=number_of(to_header),
    )


_USUAL: Final = tuple((b"\n" + name + b":", len(name) + 2) for name in (b"Call-ID", b"CSeq", b"From", b"To"))
_FOLDS: Final = (b" ", b"\t")


def _headers(lines: list[bytes]) -> dict[bytes, list[bytes]] | None:
    """Return the wanted headers by name, each with its values in their order; ``None`` where a line is folded."""
    found: dict[bytes, list[bytes]] = {}
    spellings = _SPELLINGS
    extensions = 0
    for line in lines:
        name, colon, value = line.partition(b":")
        kept = spellings.get(name)
        if kept is None:
            if line[:1] in _FOLDS:
                return None
            kept = _spelling(name)
        if not colon:
            continue
        if not kept:
            continue
        if kept not in found:
            extensions += kept.startswith(b"x-")
            if extensions <= MOST_EXTENSIONS or not kept.startswith(b"x-"):
                found[kept] = [value.strip(b" \t\r")]
        elif len(found[kept]) < MOST_VALUES:
            found[kept].append(value.strip(b" \t\r"))
    return found


def _spelling(name: bytes) -> bytes:
    """Return the name that a header is kept under, ``b""`` where it is not wanted; remember the spelling."""
    plain = name.strip(b" \t").lower()
    kept = _WANTED.get(plain, b"")
    if not kept and plain.startswith(b"x-") and _TOKEN.match(plain):
        return plain  # not remembered: a sender may make up any number of them
    if len(name) <= 32 and len(_SPELLINGS) < _MOST_SPELLINGS:
        _SPELLINGS[name] = kept
    return kept


def _message(
    found: dict[bytes, list[bytes]], method: str, status: int, uri_or_phrase: bytes, *, body: bytes
) -> SipMessage:
    get = found.get
    call_id = get(b"call-id", _NONE)[0]
    number, _, cseq_method = get(b"cseq", _NONE)[0].replace(b"\t", b" ").partition(b" ")
    cseq_method = cseq_method.strip()
    if not call_id:
        raise NotSip("no-call-id", "it has no Call-ID")
    if not (0 < len(number) <= 10 and number.isdigit()) or not _TOKEN.match(cseq_method):
        raise NotSip("no-cseq", "it has no CSeq with a number and a method")
    from_header, to_header = get(b"from", _NONE)[0], get(b"to", _NONE)[0]
    method = method or cseq_method[:16].decode("ascii").upper()
    in_dialog = status == 0 and b"=" in to_header and _TAG.search(to_header) is not None
    asserted = b""
    calling, called = number_of(from_header), number_of(to_header)
    if b"p-asserted-identity" in found:
        asserted = next(values(found[b"p-asserted-identity"]), b"")
    new = status == 0 and method == "INVITE" and not in_dialog
    if new:
        # ATIS-1000074 section 5.2.1 signs the asserted identity where there is one, so it is what others see too.
        # In a response it would name the answering side instead.
        if asserted:
            numbers = (number_of(value) for value in values(found[b"p-asserted-identity"]))
            calling = next((number for number in numbers if number), calling)
        called = uri_number(uri_or_phrase) or called
    return SipMessage(
        method=method,
        status=status,
        request_uri=b"" if status else uri_or_phrase,
        call_id=call_id.decode("utf-8", "replace"),
        cseq=int(number),
        from_header=from_header,
        to_header=to_header,
        in_dialog=in_dialog,
        calling=calling,
        called=called,
        phrase=uri_or_phrase if status else b"",
        asserted=asserted,
        identities=_identities(found) if b"identity" in found else (),
        headers=found,
        body=body if new else b"",
    )


_NONE: Final = (b"",)


def _identities(found: dict[bytes, list[bytes]]) -> tuple[bytes, ...]:
    several = tuple(values(found[b"identity"]))
    return several[:MOST_IDENTITIES]


def values(lines: list[bytes]) -> Iterator[bytes]:
    """Yield the values of a header that may stand several times and hold several values between commas.

    RFC 3261 section 7.3.1: both forms mean the same. A comma inside quotes or angle brackets parts nothing.
    """
    for line in lines:
        if b"," not in line:
            if line:
                yield line
            continue
        for item in _ITEM.findall(line):
            value = item.strip(b" \t")
            if value:
                yield value


def number_of(header: bytes) -> E164:
    """Return the number in a From, To, PAI, Remote-Party-ID or Diversion value, or ``UNKNOWN``.

    A display name in quotes may hold anything, angle brackets too; the address is what follows it.
    """
    if len(header) <= LONGEST_CACHED:
        return _cached_number(header)
    return _number_of(header)


def _number_of(header: bytes) -> E164:
    return uri_number(address(header))


def address(header: bytes) -> bytes:
    """Return the URI in a From, To, Contact, PAI, Diversion ... value."""
    if b'"' in header:
        name = _QUOTED.match(header)
        if name is not None:
            header = header[name.end() :]
    opened = header.find(b"<")
    if opened < 0:
        return header.partition(b";")[0].strip()
    closed = header.find(b">", opened)
    return header[opened + 1 : closed if closed > 0 else len(header)]


def uri_number(uri: bytes) -> E164:
    """Return the number in the user part of a SIP or tel URI, or ``UNKNOWN``."""
    usual = _NANP.match(uri)
    if usual is not None:
        return E164("1" + usual[1].decode("ascii"))
    user = uri[:256].partition(b"@")[0]
    if b"%" in user:
        user = unquote_to_bytes(user)
    return canonical(user.decode("latin-1"))


# The messages of a call, a dozen or more, have the same From and To.
_cached_number: Final = lru_cache(maxsize=32_768)(_number_of)


def identity_hints(identities: tuple[bytes, ...]) -> IdentityHints:
    """Return the digest of the first Identity token, and what the first token with an attestation claims."""
    if not identities:
        return _NO_HINTS
    first = identities[0].partition(b";")[0].strip()
    digest = sha256(first).hexdigest()
    for value in identities:
        claims = _read_claims(value.partition(b";")[0].strip())
        if claims.attest in {"A", "B", "C"}:
            return IdentityHints(digest, claims.attest, claims.origid[:128])
    return IdentityHints(digest)


_NO_HINTS: Final = IdentityHints()


def _read_claims(token: bytes) -> _Claims:
    parts = token.split(b".", 3)
    if len(parts) != 3 or not parts[1]:
        return _Claims()  # the compact form (RFC 8225 section 7) leaves the payload out
    try:
        return _claims.decode(a2b_base64(parts[1].translate(_BASE64URL) + b"=" * (-len(parts[1]) % 4)))
    except (Base64Error, msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return _Claims()  # hints of a damaged token are absent; verification, which judges, reads the raw octets
