"""The Identity headers in a record's raw octets, whatever the record came as: a SIP message or a JSON event. Pure."""

from typing import Any

import msgspec

from headwater.errors import Invalid
from headwater.intake import sip

#: As many as a message is read for.
MOST = sip.MOST_IDENTITIES
#: Longer ones are judged as they are, cut: no verifier takes them (RFC 8224 has no bound; ours is 8 KiB).
LONGEST = 16_384


def identities(raw: bytes) -> list[str]:
    """Return the values of the Identity headers, in their order; none where the octets hold none or cannot be read."""
    found = _of_event(raw) if raw.lstrip()[:1] == b"{" else _of_message(raw)
    return [value[:LONGEST] for value in found[:MOST] if value]


def _of_message(raw: bytes) -> list[str]:
    try:
        return [value.decode("latin-1") for value in sip.parse(raw).identities]
    except Invalid:
        return []


def _of_event(raw: bytes) -> list[str]:
    """Return the headers of a feed event: its own form, or the neutral event's ``data.network.identity``."""
    try:
        event: Any = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return []
    for names in (("identity",), ("data", "network", "identity")):
        value = event
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str):
            return [value]
        if isinstance(value, list):
            return [each for each in value if isinstance(each, str)]
    return []
