"""A signed statement, made after a package was sealed, of what its campaign did since. Standard library only.

The package says that the campaign rang when it was sealed, and cannot say more. An addendum is one JSON file: a
statement, and a signature over its canonical octets by the key that seals packages. It names the package by the hash
of its manifest and the addendum before it by its own, so that none can be left out of a series unseen.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from headwater.errors import Invalid
from headwater.evidence import curves
from headwater.evidence.published import from_pem, key_id
from headwater.wire.canonical import canonical_json

FORMAT = "headwater-addendum/1"
#: Octets of an addendum that are read: one has about two thousand.
LARGEST = 65_536
#: What a statement says at least.
MEMBERS = (
    "as_of", "calls_since_sealing", "campaign", "last_call_at", "number", "package", "package_manifest_sha256",
    "previous", "rate_high", "rate_low", "rate_per_minute", "sealed_at", "still_ringing", "window_s",
)  # fmt: skip


class NotAnAddendum(Invalid):
    """The file is no addendum, or not as the holder of the key signed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addendum:
    """What a checked addendum states."""

    statement: Mapping[str, Any]
    key_id: str
    pinned: bool
    """Whether it was held against a key that the reader brought, or only against the one that it carries."""
    sha256: str


def signing_input(statement: Mapping[str, Any]) -> bytes:
    """Return what the signature of a statement is over."""
    return FORMAT.encode() + b"\n" + canonical_json(dict(statement))


def octets(statement: Mapping[str, Any], public: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """Return an addendum as a file.

    Args:
        statement: What it says; numbers with a fraction as decimal text.
        public: The 32 octets of the Ed25519 key.
        sign: Signs octets with it.
    """
    return (
        canonical_json(
            {
                "format": FORMAT,
                "key": base64.b64encode(public).decode(),
                "key_id": key_id(public),
                "signature": base64.b64encode(sign(signing_input(statement))).decode(),
                "statement": dict(statement),
            }
        )
        + b"\n"
    )


def looks_like_one(beginning: bytes) -> bool:
    """Tell whether a file that begins so is to be read as an addendum rather than as a package."""
    return beginning.lstrip()[:1] == b"{"


def check(file: bytes, pinned: bytes | None = None) -> Addendum:
    """Return what an addendum states, once its signature holds.

    Args:
        file: The file.
        pinned: The custodian's public key (PEM), got by another way.

    Raises:
        NotAnAddendum: it is changed, of another form, or signed by another key than the pinned one.
        Invalid: the pinned key is no key.
    """
    if len(file) > LARGEST:
        raise NotAnAddendum(f"an addendum has at most {LARGEST} octets")
    expected = from_pem(pinned) if pinned is not None else None
    try:
        found = json.loads(file)
        if set(found) != {"format", "key", "key_id", "signature", "statement"} or found["format"] != FORMAT:
            raise NotAnAddendum(f"the file is not of the form {FORMAT}")
        if canonical_json(found) + b"\n" != file:
            raise NotAnAddendum("the file is not written as Headwater writes it")
        public = base64.b64decode(found["key"], validate=True)
        signature = base64.b64decode(found["signature"], validate=True)
        statement = found["statement"]
        missing = [name for name in MEMBERS if name not in statement]
        signed = signing_input(statement)
    except NotAnAddendum:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise NotAnAddendum(f"the file cannot be read as an addendum: {error}") from error
    if expected is not None and public != expected:
        raise NotAnAddendum("it is signed by another key than the custodian's that you gave")
    if len(public) != 32 or found["key_id"] != key_id(public) or not curves.ed25519_holds(public, signature, signed):
        raise NotAnAddendum("the signature does not hold: the statement was changed after it was signed")
    if missing:
        raise NotAnAddendum(f"the statement does not say {', '.join(missing)}")
    return Addendum(
        statement=statement, key_id=found["key_id"], pinned=expected is not None, sha256=sha256(file).hexdigest()
    )


def _line(said: Mapping[str, Any], campaign: Mapping[str, Any]) -> str:
    rings = "was still ringing" if campaign["still_ringing"] else "was not ringing any more"
    rate = f"{campaign['rate_per_minute']} calls a minute (95% {campaign['rate_low']} to {campaign['rate_high']})"
    return (
        f"As of {said['as_of']} campaign {campaign['campaign']} {rings}: {campaign['calls_since_sealing']} calls were "
        f"reported since the package was sealed at {said['sealed_at']}, the last at {campaign['last_call_at']}. Rate "
        f"then: {rate}, over {campaign['window_s']} seconds."
    )


def lines(found: Addendum) -> list[str]:
    """Return what a checked addendum says, in plain words."""
    said = found.statement
    key = "the custodian's key that you gave" if found.pinned else "the key that it carries; compare its identifier"
    previous = f"The addendum before it has the SHA-256 {said['previous']}." if said["previous"] else ""
    return [
        f"OK. Addendum {said['number']} to package {said['package']}: the signature holds, by {key} ({found.key_id}).",
        *(_line(said, one) for one in (said, *said.get("also", ()))),
        "Counted are reports to Headwater, not all calls.",
        f"It belongs to the package whose manifest has the SHA-256 {said['package_manifest_sha256']}.",
        previous or "It is the first one.",
        f"SHA-256 of this file: {found.sha256}",
    ]
