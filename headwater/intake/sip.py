"""SIP messages as the store needs them: start line and the headers that trace a call. Octets in, values out.

Not a SIP stack: it reads what a proxy already accepted, tolerates bare line feeds, compact header names, folded
lines and truncated messages, and looks at a header only when it is wanted (RFC 3261 sections 7 and 20; RFC 8224
Identity; RFC 3325 P-Asserted-Identity; RFC 5806 Diversion). The whole message stays beside the record as evidence.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from hashlib import sha256
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from headwater.errors import Invalid
from headwater.numbering.numbers import E164, UNKNOWN, canonical

MOST_IDENTITIES: Final = 8
"""Identity headers read of one message: shaken, div, rph, rcd and some; a hostile one may carry thousands."""

#: Name and RFC 3261/8224 compact form -> the name under which it is kept.
_WANTED: Final = {
    b"call-id": b"call-id",
    b"i": b"call-id",
    b"from": b"from",
    b"f": b"from",
    b"to": b"to",
    b"t": b"to",
    b"cseq": b"cseq",
    b"identity": b"identity",
    b"y": b"identity",
    b"p-asserted-identity": b"p-asserted-identity",
    b"remote-party-id": b"remote-party-id",
    b"diversion": b"diversion",
    b"user-agent": b"user-agent",
    b"reason": b"reason",
}
_IDLE: Final = b"\r\n\0"
_FOLD: Final = re.compile(rb"\r?\n[ \t]+")
_QUOTED: Final = re.compile(rb'[ \t]*"(?:[^"\\]|\\.)*"', re.DOTALL)
_TAG: Final = re.compile(rb";[ \t]*tag[ \t]*=", re.IGNORECASE)
_NANP: Final = re.compile(rb"(?:sips?|tel):\+1([2-9][0-9]{9})(?:[@;]|\Z)")
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
    asserted: bytes = b""
    """First P-Asserted-Identity value."""
    remote_party: bytes = b""
    diversions: tuple[bytes, ...] = ()
    identities: tuple[bytes, ...] = ()
    user_agent: bytes = b""
    reason: bytes = b""


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
    head = octets.partition(b"\r\n\r\n")[0]
    if not head or head[0] in _IDLE:  # RFC 3261 section 7.5: leading empty lines are ignored
        octets = octets.lstrip(_IDLE)
        head = octets.partition(b"\r\n\r\n")[0]
        if not head:
            raise NotSip("keep-alive", "empty lines or zero octets only (a keep-alive)")
    if b"\n\n" in head:
        head = head.partition(b"\n\n")[0]
    lines = head.split(b"\n")
    method, status, request_uri = _start_line(lines[0].rstrip(b"\r"))
    if b"\n " in head or b"\n\t" in head:
        lines = _FOLD.sub(b" ", head).split(b"\n")
    found = _headers(lines)
    return _message(found, method, status, request_uri)


def _start_line(line: bytes) -> tuple[str, int, bytes]:
    parts = line.split(b" ", 2)
    if len(parts) >= 2 and parts[0] == b"SIP/2.0":
        if len(parts[1]) == 3 and parts[1].isdigit() and 100 <= int(parts[1]) <= 699:
            return "", int(parts[1]), b""
        raise NotSip("start-line", f"status code {parts[1][:8]!r} in a response")
    if len(parts) == 3 and parts[2] == b"SIP/2.0" and parts[0].isalpha() and parts[0].isupper() and len(parts[0]) <= 16:
        return parts[0].decode("ascii"), 0, parts[1]
    raise NotSip("start-line", f"its first line begins {line[:24]!r}")


def _headers(lines: list[bytes]) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    wanted = _WANTED
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        kept = wanted.get(name.lower()) or wanted.get(name.strip(b" \t").lower())
        if kept is not None and colon:
            value = value.strip(b" \t\r")
            if kept in found:
                found[kept].append(value)
            else:
                found[kept] = [value]
    return found


def _message(found: dict[bytes, list[bytes]], method: str, status: int, request_uri: bytes) -> SipMessage:
    call_id = found.get(b"call-id", _NONE)[0]
    number, _, cseq_method = found.get(b"cseq", _NONE)[0].partition(b" ")
    cseq_method = cseq_method.strip()
    if not call_id:
        raise NotSip("no-call-id", "it has no Call-ID")
    if not (0 < len(number) <= 10 and number.isdigit()) or not cseq_method.isalpha():
        raise NotSip("no-cseq", "it has no CSeq with a number and a method")
    from_header, to_header = found.get(b"from", _NONE)[0], found.get(b"to", _NONE)[0]
    asserted = found.get(b"p-asserted-identity", _NONE)[0]
    method = method or cseq_method[:16].decode("ascii", "replace").upper()
    in_dialog = status == 0 and _TAG.search(to_header) is not None
    calling, called = number_of(from_header), number_of(to_header)
    if status == 0 and method == "INVITE" and not in_dialog:
        # ATIS-1000074 section 5.2.1 signs the asserted identity where there is one, so it is what others see too.
        # In a response it would name the answering side instead.
        calling = (number_of(asserted) if asserted else UNKNOWN) or calling
        called = uri_number(request_uri) or called
    return SipMessage(
        method=method,
        status=status,
        request_uri=request_uri,
        call_id=call_id.decode("utf-8", "replace"),
        cseq=int(number),
        from_header=from_header,
        to_header=to_header,
        in_dialog=in_dialog,
        calling=calling,
        called=called,
        asserted=asserted,
        remote_party=found.get(b"remote-party-id", _NONE)[0],
        diversions=tuple(found[b"diversion"]) if b"diversion" in found else (),
        identities=tuple(found[b"identity"][:MOST_IDENTITIES]) if b"identity" in found else (),
        user_agent=found.get(b"user-agent", _NONE)[0],
        reason=found.get(b"reason", _NONE)[0],
    )


_NONE: Final = (b"",)


def number_of(header: bytes) -> E164:
    """Return the number in a From, To, PAI, Remote-Party-ID or Diversion value, or ``UNKNOWN``.

    A display name in quotes may hold anything, angle brackets too; the address is what follows it.
    """
    if b'"' in header:
        name = _QUOTED.match(header)
        if name is not None:
            header = header[name.end() :]
    opened = header.find(b"<")
    if opened < 0:
        return uri_number(header.partition(b";")[0].strip())
    closed = header.find(b">", opened)
    return uri_number(header[opened + 1 : closed if closed > 0 else len(header)])


def uri_number(uri: bytes) -> E164:
    """Return the number in the user part of a SIP or tel URI, or ``UNKNOWN``."""
    usual = _NANP.match(uri)
    if usual is not None:
        return E164("1" + usual[1].decode("ascii"))
    user = uri[:256].partition(b"@")[0]
    if b"%" in user:
        user = unquote_to_bytes(user)
    return canonical(user.decode("latin-1"))


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
