"""What a SIP message says of its call beyond start line, numbers and Call-ID: the ``headers`` of its record. Pure.

Read of the INVITE that sets up a call, of a refusal (300 to 699), and of what ends a call (BYE, CANCEL). A value is
text as sent, cut at ``LONGEST``; several values of one header are joined by ", ". Nothing here is verified: these are
hints for search and for people, and the message itself is beside them.
docs/reference/sip-fields.md lists the names with their sources.
"""

import re
from typing import Final

from headwater.intake import blocks
from headwater.intake.sip import SipMessage, address, values

LONGEST: Final = 512
"""Octets kept of one value."""
SDP_OCTETS: Final = 16_384
"""Octets of a body that are searched for addresses."""

CALLED: Final = frozenset({"to", "diversion", "history-info", "record-route", "contact"})
"""Names whose values may hold the number that was called: doors mask them as they mask ``called``."""


def _names(*names: str) -> tuple[tuple[bytes, str], ...]:
    return tuple((name.encode(), name) for name in names)


#: Header as sent and name in the record, where the value is kept whole: of what sets up a call, and of all else.
_SET_UP: Final = _names(
    "via", "record-route", "contact", "user-agent", "server", "p-preferred-identity", "remote-party-id", "diversion",
    "history-info", "p-charge-info", "p-access-network-info", "session-id", "reason", "call-info", "privacy",
    "max-forwards",
)  # fmt: skip
_ANSWERING: Final = _names("user-agent", "server", "reason", "call-info", "session-id", "diversion", "history-info")
_PARAMETER: Final = re.compile(
    rb"[;?&][ \t]*(verstat|isup-oli|oli|cpc|rn|npdi|jip|otg|dtg|tgrp|trunk-context|cic)"
    rb'(?:[ \t]*=[ \t]*("[^"]*"|[^;>@?&," \t]*))?(?=[;>@?&," \t]|\Z)',
    re.IGNORECASE,
)
_NAMES: Final = {"isup-oli": "oli"}
_ICID: Final = re.compile(rb'icid-value[ \t]*=[ \t]*("[^"]*"|[^;, \t]*)', re.IGNORECASE)
_PPT: Final = re.compile(rb';[ \t]*ppt[ \t]*=[ \t]*"?([A-Za-z0-9-]{1,16})', re.IGNORECASE)
_TAG: Final = re.compile(rb';[ \t]*tag[ \t]*=[ \t]*([^;,> \t"]{1,128})', re.IGNORECASE)
_ORIGIN: Final = re.compile(rb"^o=\S+ \S+ \S+ IN IP[46] ([0-9A-Fa-f.:]{3,45})", re.MULTILINE)
_CONNECTION: Final = re.compile(rb"^c=IN IP[46] ([0-9A-Fa-f.:]{3,45})", re.MULTILINE)


def fields(message: SipMessage) -> dict[str, str]:
    """Return the record's ``headers``; empty where the message says nothing new of its call.

    What ``calling_raw`` and ``called_raw`` of the record hold is not said twice.
    """
    found = message.headers
    if found is None:
        return {}
    kept: dict[str, str] = {}
    new = message.status == 0 and message.method == "INVITE" and not message.in_dialog
    if message.status:
        _refusal(message, found, kept)
    for header, name in _SET_UP if new else _ANSWERING:
        if header in found:
            kept[name] = _joined(found[header])
    if new:
        _set_up(message, found, kept)
    return kept


def _set_up(message: SipMessage, found: dict[bytes, list[bytes]], kept: dict[str, str]) -> None:
    if b"via" in found:
        kept["hops"] = str(sum(1 for _ in values(found[b"via"])))
    _parties(message, found, kept)
    _parameters(message, found, kept)
    if b"p-charging-vector" in found:
        icid = _ICID.search(found[b"p-charging-vector"][0])
        if icid is not None:
            kept["icid"] = _text(icid[1].strip(b'"'))
    if message.identities:
        kept["identity-ppt"] = ",".join(_ppt(identity) for identity in message.identities)
    for name, lines in found.items():
        if name.startswith(b"x-"):
            kept[name.decode("ascii")] = _joined(lines)
    if message.body:
        _addresses(message.body[:SDP_OCTETS], kept)


def _parties(message: SipMessage, found: dict[bytes, list[bytes]], kept: dict[str, str]) -> None:
    """Keep From, To and asserted identities as far as the record's own fields do not hold them."""
    tag = _TAG.search(message.from_header)
    if tag is not None:
        kept["from-tag"] = _text(tag[1])
    if message.asserted:
        kept["from"] = _text(message.from_header)
        several = _joined(found[b"p-asserted-identity"])
        if len(several) > len(message.asserted):
            kept["p-asserted-identity"] = several
    if address(message.to_header) != message.request_uri:
        kept["to"] = _text(message.to_header)


def _refusal(message: SipMessage, found: dict[bytes, list[bytes]], kept: dict[str, str]) -> None:
    kept["reason-phrase"] = _text(message.phrase)
    block = blocks.read(
        message.status,
        message.phrase,
        reasons=tuple(values(found.get(b"reason", []))),
        call_infos=tuple(values(found.get(b"call-info", []))),
    )
    if block is not None:
        kept.update({name: value[:LONGEST] for name, value in block.named().items()})


def _parameters(message: SipMessage, found: dict[bytes, list[bytes]], kept: dict[str, str]) -> None:
    """Keep parameters of the URIs and of the values round them; of one that stands in several places, the first.

    The asserted identity comes before From, as it does for the calling number.
    """
    where = [*found.get(b"p-asserted-identity", ()), message.from_header, message.request_uri]
    where += found.get(b"p-charge-info", ())
    where += (address(value) for value in found.get(b"contact", ()))
    for octets in where:
        if b";" not in octets and b"?" not in octets:
            continue
        for name, value in _PARAMETER.findall(octets):
            known = name.decode("ascii").lower()
            kept.setdefault(_NAMES.get(known, known), _text(value.strip(b'"')) or "yes")


def _ppt(identity: bytes) -> str:
    found = _PPT.search(identity, identity.find(b";"))
    # RFC 8224 section 4: without the parameter the PASSporT has no extension.
    return found[1].decode("ascii").lower() if found is not None and b";" in identity else "none"


def _addresses(body: bytes, kept: dict[str, str]) -> None:
    """Keep the addresses that the session description names: they often show the network where a call began."""
    origin = _ORIGIN.search(body)
    if origin is not None:
        kept["sdp-origin"] = origin[1].decode("ascii")
    connections = dict.fromkeys(found.decode("ascii") for found in _CONNECTION.findall(body)[:16])
    if connections:
        kept["sdp-connection"] = ", ".join(list(connections)[:4])


def _joined(lines: list[bytes]) -> str:
    return _text(lines[0] if len(lines) == 1 else b", ".join(lines))


def _text(value: bytes) -> str:
    return value[:LONGEST].decode("utf-8", "replace")
