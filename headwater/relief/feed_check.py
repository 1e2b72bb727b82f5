"""Checking what was fetched of the published feed, as a client must before it blocks a call. Standard library only."""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from headwater.errors import Invalid
from headwater.evidence import curves
from headwater.evidence.published import key_id
from headwater.relief import feed
from headwater.relief.feed import FeedEntry

#: Octets of a head that are read: a head has some hundred.
LARGEST_HEAD = 16_384


class NotTheFeed(Invalid):
    """What was fetched is not what the holder of the key published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a signed head states."""

    version: int
    published_at: datetime
    expires_at: datetime
    appeals: str
    entries: int
    files: Mapping[str, tuple[str, int]]
    """Name -> SHA-256 and size."""
    previous: str
    sha256: str
    """Of the head itself: what the next one names."""

    @property
    def edition(self) -> feed.Edition:
        """The header of its files."""
        return feed.Edition(version=self.version, published_at=self.published_at, appeals=self.appeals)


def read_head(jws: bytes, key: bytes) -> Head:
    """Return what a head states, once its signature holds.

    Args:
        jws: The head as fetched.
        key: The publisher's public key, 32 octets, from another way than the feed.

    Raises:
        NotTheFeed: it is not signed by the key, or is no head.
    """
    jws = jws.strip()
    try:
        if len(jws) > LARGEST_HEAD:
            raise NotTheFeed(f"a head has at most {LARGEST_HEAD} octets")
        protected, payload, signature = jws.split(b".")
        header = json.loads(_decoded(protected))
        if header != {"alg": "EdDSA", "kid": key_id(key), "typ": feed.HEAD_TYPE}:
            raise NotTheFeed("the head names another key or another way of signing")
        if not curves.ed25519_holds(key, _decoded(signature), protected + b"." + payload):
            raise NotTheFeed("the head's signature is not by this key")
        return _head(json.loads(_decoded(payload)), jws)
    except NotTheFeed:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise NotTheFeed(f"the head cannot be read: {error}") from error


def check_fresh(head: Head, *, now: datetime, at_least: int = 0) -> None:
    """Refuse a head that is over, or older than what the client has seen.

    Raises:
        NotTheFeed: somebody keeps the client from newer versions, or shows it an older one.
    """
    if head.version < at_least:
        raise NotTheFeed(f"version {head.version} was shown, and version {at_least} is known already")
    if now >= head.expires_at:
        raise NotTheFeed(
            f"version {head.version} was over at {feed.instant(head.expires_at)}: no newer one was to be had"
        )


def check_file(head: Head, name: str, octets: bytes) -> None:
    """Refuse a file that is not the one that the head names.

    Raises:
        NotTheFeed: its hash or size differs, or the head knows no such file.
    """
    if head.files.get(name) != (sha256(octets).hexdigest(), len(octets)):
        raise NotTheFeed(f"{name} is not the file that the head of version {head.version} names")


def check_detached(octets: bytes, signature: bytes, key: bytes) -> None:
    """Refuse a file whose detached signature (Ed25519 over its octets, base64) is not by ``key``.

    Raises:
        NotTheFeed: it is not.
    """
    try:
        raw = base64.b64decode(signature.strip(), validate=True)
    except (ValueError, binascii.Error) as error:
        raise NotTheFeed(f"the signature is not base64: {error}") from error
    if not curves.ed25519_holds(key, raw, octets):
        raise NotTheFeed("the detached signature is not by this key")


def entries_of(head: Head, snapshot: bytes) -> tuple[FeedEntry, ...]:
    """Return the entries of a snapshot that is the head's.

    Raises:
        NotTheFeed: it is another file, or not in the feed's own form.
    """
    check_file(head, feed.SNAPSHOT, snapshot)
    _, rows = feed.read_lines(snapshot)
    found = tuple(feed.entry_of(row) for row in rows)
    if feed.snapshot(head.edition, found) != snapshot:
        raise NotTheFeed("the snapshot's header or order is not that of its version")
    return found


def moved_on(known: Iterable[FeedEntry], head: Head, delta: bytes) -> tuple[FeedEntry, ...]:
    """Return the entries of the head's version, from those of the version before and its delta.

    Raises:
        NotTheFeed: the delta is another file, does not fit what is known, or leads to other entries than the head's.
    """
    check_file(head, feed.DELTA, delta)
    _, rows = feed.read_lines(delta)
    entries = {entry.id: entry for entry in known}
    for row in rows:
        if row.get("op") == "remove":
            if entries.pop(str(row.get("id")), None) is None:
                raise NotTheFeed("the delta takes out an entry that is not there: take the snapshot")
        elif row.get("op") == "add" and isinstance(row.get("entry"), dict):
            entry = feed.entry_of(row["entry"])
            entries[entry.id] = entry
        else:
            raise NotTheFeed("the delta has a line that is neither an addition nor a removal")
    found = tuple(sorted(entries.values()))
    check_file(head, feed.SNAPSHOT, feed.snapshot(head.edition, found))
    return found


def _head(payload: dict[str, Any], jws: bytes) -> Head:
    if payload["format"] != feed.FORMAT or payload["kind"] != "head":
        raise NotTheFeed(f"the head is not of {feed.FORMAT}")
    return Head(
        version=int(payload["version"]),
        published_at=_instant(payload["published_at"]),
        expires_at=_instant(payload["expires_at"]),
        appeals=str(payload["appeals"]),
        entries=int(payload["entries"]),
        files={name: (str(file["sha256"]), int(file["size"])) for name, file in payload["files"].items()},
        previous=str(payload["previous"]),
        sha256=sha256(jws).hexdigest(),
    )


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _decoded(part: bytes) -> bytes:
    found = base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    if feed.encoded(found) != part:
        raise ValueError("a part is not in base64url form")
    return found
