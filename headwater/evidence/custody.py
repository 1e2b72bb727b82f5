"""The custody log: audit entries about what is in a package, chained once more. Pure, standard library only.

The audit's chain runs over every matter, so a package can show only those of its entries that concern it. Each entry's
own hash can be recomputed; that none was left out of THIS log is what the second chain (``link``) shows, because the
signed manifest fixes its last link.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import NoReturn

from headwater.evidence.container import NotAPackage
from headwater.evidence.layout import CUSTODY, FIRST_LINK
from headwater.wire.canonical import canonical_json

_HEX = re.compile(r"[0-9a-f]{64}")
_LARGEST_SEQUENCE = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the audit as it stands there."""

    sequence: int
    entry: str
    """Canonical JSON of who did what to what, when: the octets that the hash covers."""
    previous_hash: str
    hash: str


def audit_hash(entry: Entry) -> str:
    """Return the hash that the audit gives: SHA-256 of previous hash, number (8 octets, big-endian) and entry."""
    octets = bytes.fromhex(entry.previous_hash) + entry.sequence.to_bytes(8, "big") + entry.entry.encode()
    return sha256(octets).hexdigest()


def octets(entries: Iterable[Entry]) -> bytes:
    """Return the custody log of ``entries``, one canonical JSON line each, every line linked to the one before."""
    link, lines = FIRST_LINK, []
    for entry in entries:
        link = _link(link, entry)
        members = {"entry": entry.entry, "hash": entry.hash, "link": link, "previous_hash": entry.previous_hash}
        lines.append(canonical_json({**members, "sequence": entry.sequence}) + b"\n")
    return b"".join(lines)


def _link(previous: str, entry: Entry) -> str:
    return sha256(bytes.fromhex(previous) + bytes.fromhex(audit_hash(entry))).hexdigest()


def _read(line: bytes) -> tuple[Entry, str]:
    """Return the entry and the link of one line; ``ValueError`` where it is not one as we write it."""
    found = json.loads(line)
    if not isinstance(found, dict) or canonical_json(found) != line:
        message = "is not written as Headwater writes it"
        raise ValueError(message)
    hashes = [found.get(name) for name in ("previous_hash", "hash", "link")]
    sequence, entry = found.get("sequence"), found.get("entry")
    if not all(isinstance(text, str) and _HEX.fullmatch(text) for text in hashes) or not isinstance(entry, str):
        message = "lacks a hash or its entry"
        raise ValueError(message)
    if not isinstance(sequence, int) or isinstance(sequence, bool) or not 0 < sequence <= _LARGEST_SEQUENCE:
        message = "has no number"
        raise ValueError(message)
    value = Entry(sequence=sequence, entry=entry, previous_hash=str(hashes[0]), hash=str(hashes[1]))
    return value, str(hashes[2])


def read(log: bytes) -> list[Entry]:
    """Return the entries of a custody log, each line checked.

    Raises:
        NotAPackage: a line was changed, removed, added or moved.
    """
    link, found = FIRST_LINK, list[Entry]()
    if log and not log.endswith(b"\n"):
        _refuse("The custody log is cut short")
    for count, line in enumerate(log.splitlines(), start=1):
        try:
            entry, stated = _read(line)
            recomputed = audit_hash(entry)
        except (ValueError, TypeError, RecursionError) as error:
            _refuse(f"Line {count} of the custody log cannot be used: {error}")
        link = _link(link, entry)
        if recomputed != entry.hash:
            _refuse(f"Line {count} of the custody log is not what the audit hashed: it was changed")
        if link != stated:
            _refuse(f"Before line {count} of the custody log an entry was removed, added or moved")
        if found and entry.sequence <= found[-1].sequence:
            _refuse(f"Line {count} of the custody log is out of order")
        if found and entry.sequence == found[-1].sequence + 1 and entry.previous_hash != found[-1].hash:
            _refuse(f"Line {count} of the custody log does not follow the line before it")
        found.append(entry)
    return found


def _refuse(message: str) -> NoReturn:
    raise NotAPackage(message, member=CUSTODY)
