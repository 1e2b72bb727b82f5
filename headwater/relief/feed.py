"""The published feed of block and do-not-originate entries: its files, octet by octet. Pure.

A version is three files and a head. The snapshot is a function of the version's header and its entries alone, so a
client that applies the delta to what it has, and writes it down in the same form, must come to the octets whose hash
the signed head states. docs/reference/block-feed.md describes it for those who read it.
"""

import base64
import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from headwater.errors import Invalid
from headwater.relief.states import BlockReason, ListKind, Removal
from headwater.wire.canonical import canonical_json

FORMAT = "headwater-block-feed/1"
HEAD_TYPE = "headwater-block-feed+jws"
SNAPSHOT, TABLE, DELTA = "block-feed.jsonl", "block-feed.csv", "delta.jsonl"
COLUMNS = ("id", "list", "number", "reason", "evidence", "calls", "from", "until")
#: A version counts for so long; a client that gets no newer one by then knows that it is kept from it.
LIFE = timedelta(hours=24)
#: A version is published anew after so long though nothing changed.
REFRESH = timedelta(hours=6)
#: Deltas that are kept; a client that is further behind takes the snapshot.
DELTAS_KEPT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class FeedEntry:
    """One entry as it is published. Ordered by number, then reference."""

    number: str
    """Digits of the E.164 number, without the plus sign."""
    id: str
    list: ListKind
    reason: BlockReason
    evidence: str
    calls: int
    since: datetime
    until: datetime

    def row(self) -> dict[str, Any]:
        """Return it as the files write it."""
        return {
            "id": self.id,
            "list": self.list.value,
            "number": f"+{self.number}",
            "reason": self.reason.value,
            "evidence": self.evidence,
            "calls": self.calls,
            "from": instant(self.since),
            "until": instant(self.until),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """An entry that is no longer in the feed."""

    id: str
    number: str
    why: Removal


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What heads a version."""

    version: int
    published_at: datetime
    appeals: str
    """Where to say that an entry is wrong."""

    @property
    def expires_at(self) -> datetime:
        """Until when the version counts."""
        return self.published_at + LIFE

    def header(self, kind: str, entries: int, *, since: int | None = None) -> dict[str, Any]:
        """Return the first line of a file."""
        more = {} if since is None else {"since": since}
        return {
            "format": FORMAT,
            "kind": kind,
            "version": self.version,
            "published_at": instant(self.published_at),
            "expires_at": instant(self.expires_at),
            "appeals": self.appeals,
            "entries": entries,
            **more,
        }


def instant(at: datetime) -> str:
    """Return an instant as the feed writes it: UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def snapshot(edition: Edition, entries: Iterable[FeedEntry]) -> bytes:
    """Return all entries as JSON lines, the header first, then by number."""
    rows = [entry.row() for entry in sorted(entries)]
    return lines([edition.header("snapshot", len(rows)), *rows])


def table(entries: Iterable[FeedEntry]) -> bytes:
    """Return all entries as CSV (RFC 4180). Numbers stand without their plus sign: a spreadsheet takes that for a sum.

    Nothing in it comes from outside unchecked: words of ours, identifiers, digits, and evidence of ``checked`` form.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for entry in sorted(entries):
        row = entry.row() | {"number": entry.number}
        writer.writerow([row[column] for column in COLUMNS])
    return out.getvalue().encode()


def delta(edition: Edition, added: Iterable[FeedEntry], removed: Iterable[Removed]) -> bytes:
    """Return what changed since the version before: removals, then additions. A changed entry is both."""
    out: list[dict[str, Any]] = [
        *(
            {"op": "remove", "id": one.id, "number": f"+{one.number}", "why": one.why.value}
            for one in sorted(removed, key=lambda one: (one.number, one.id))
        ),
        *({"op": "add", "entry": entry.row()} for entry in sorted(added)),
    ]
    return lines([edition.header("delta", len(out), since=edition.version - 1), *out])


def head(edition: Edition, files: Mapping[str, bytes], *, entries: int, previous: str) -> dict[str, Any]:
    """Return what the head states of a version.

    ``previous``: SHA-256 of the head before, "" for the first: versions are a chain that cannot be rewritten unseen.
    """
    return {
        **edition.header("head", entries),
        "files": {name: {"sha256": sha256(octets).hexdigest(), "size": len(octets)} for name, octets in files.items()},
        "previous": previous,
    }


def signing_input(payload: Mapping[str, Any], key_id: str) -> bytes:
    """Return what a head's signature is over: the first two parts of a compact JWS (RFC 7515) with EdDSA (RFC 8037)."""
    protected = {"alg": "EdDSA", "kid": key_id, "typ": HEAD_TYPE}
    return b".".join(encoded(canonical_json(part)) for part in (protected, dict(payload)))


def encoded(octets: bytes) -> bytes:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return rows as JSON lines, each canonical (RFC 8785)."""
    return b"".join(canonical_json(dict(row)) + b"\n" for row in rows)


def entry_of(row: Mapping[str, Any]) -> FeedEntry:
    """Return an entry from its row.

    Raises:
        Invalid: the row is not one.
    """
    try:
        found = FeedEntry(
            id=str(row["id"]),
            list=ListKind(row["list"]),
            number=str(row["number"]).removeprefix("+"),
            reason=BlockReason(row["reason"]),
            evidence=str(row["evidence"]),
            calls=int(row["calls"]),
            since=_read_instant(row["from"]),
            until=_read_instant(row["until"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Invalid(f"a line is no entry of the feed: {error}") from error
    if found.row() != dict(row) or not found.number.isdecimal():
        raise Invalid(f"the entry {found.id[:20]} is not written in the feed's own form")
    return found


def changed(before: Iterable[FeedEntry], after: Iterable[FeedEntry]) -> tuple[list[FeedEntry], list[FeedEntry]]:
    """Return what was added and what is gone; an entry that says something else is in both."""
    old, new = set(before), set(after)
    return sorted(new - old), sorted(old - new)


def read_lines(octets: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the header and the rows of a file.

    Raises:
        Invalid: it is not JSON lines of the feed.
    """
    try:
        rows = [json.loads(line) for line in octets.splitlines()]
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the file is not JSON lines: {error}") from error
    if not rows or not all(isinstance(row, dict) for row in rows) or rows[0].get("format") != FORMAT:
        raise Invalid(f"the file does not begin with a header of {FORMAT}")
    return rows[0], rows[1:]


def _read_instant(text: Any) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
