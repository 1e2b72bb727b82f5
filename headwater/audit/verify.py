"""Checking the audit: is the chain whole, unchanged, in order, complete, and what was signed along the way?

Pure: takes rows from the database or from an export, knows neither. Every check is named in the report, also those
that could not be done; a finding names the entry.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from headwater.audit import merkle
from headwater.audit.statement import Checkpoint
from headwater.wire.canonical import canonical_json

#: The hash that the first entry is chained to.
GENESIS = "0" * 64
#: Most findings that a check lists one by one; the rest is counted.
MAX_FINDINGS = 20
COLUMNS = ("actor", "organisation", "tag", "subject", "detail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One entry as it stands in the database or in an export."""

    seq: int
    at: datetime
    actor: str
    organisation: str
    tag: str
    subject: str
    detail: Any
    entry: str
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Place:
    """A number in the chain and the hash there."""

    seq: int
    hash: str


BEGINNING = Place(0, GENESIS)


class Outcome(StrEnum):
    """What a check came to."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_DONE = "not_done"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what it says, how it went, what it found."""

    name: str
    says: str
    outcome: Outcome
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All checks of one verification."""

    first: int
    last: int
    entries: int
    checks: tuple[Check, ...]

    @property
    def sound(self) -> bool:
        """Tell whether no check failed."""
        return all(check.outcome is not Outcome.FAILED for check in self.checks)


@dataclass(slots=True)
class _Findings:
    """Findings of one check, the first ones kept, all counted."""

    name: str
    says: str
    count: int = 0
    listed: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        self.count += 1
        if self.count <= MAX_FINDINGS:
            self.listed.append(text)

    def check(self) -> Check:
        more = self.count - len(self.listed)
        findings = (*self.listed, *([f"and {more} more"] if more else []))
        return Check(self.name, self.says, Outcome.FAILED if self.count else Outcome.PASSED, findings)


def chain_hash(*, prev_hash: str, seq: int, entry: str) -> str:
    """Return SHA-256 (hex) of the previous hash's octets, the number as int8 big-endian, and the entry's octets."""
    return sha256(bytes.fromhex(prev_hash) + seq.to_bytes(8, "big", signed=True) + entry.encode()).hexdigest()


def verify(
    rows: Iterable[Row],
    *,
    head: Place | None,
    checkpoints: Sequence[Checkpoint] | None = None,
    checkpoint_faults: Sequence[str] = (),
    start: Place = BEGINNING,
) -> Report:
    """Check the rows that follow ``start``, in the order in which they come.

    Args:
        rows: The entries, read one at a time.
        head: What the log says is its last entry; None where it is not known.
        checkpoints: The signed checkpoints, whose signatures were checked on reading; None where there are none.
        checkpoint_faults: What was wrong with the checkpoints themselves.
        start: The entry before the first row, known to be good; the beginning of the chain by default.
    """
    walk = _Walk(start, {c.seq: c for c in checkpoints or ()})
    for row in rows:
        walk.take(row)
    checks = [f.check() for f in (walk.sequence, walk.link, walk.hash, walk.canonical, walk.columns)]
    checks.append(_head_check(walk, head))
    checks.append(_checkpoint_check(walk, checkpoints, checkpoint_faults))
    return Report(first=start.seq + 1, last=walk.last.seq, entries=walk.entries, checks=tuple(checks))


class _Walk:
    """One pass over the rows: constant memory, but for the checkpoints."""

    def __init__(self, start: Place, checkpoints: Mapping[int, Checkpoint]) -> None:
        self.start = self.last = start
        self.entries = 0
        self.checkpoints = checkpoints
        self.met: set[int] = set()
        self.sequence = _Findings("sequence", "Entries are numbered without gap, repetition or change of order")
        self.link = _Findings("chain", "Each entry is chained to the hash of the one before")
        self.hash = _Findings("hash", "Each entry has the hash of its own text")
        self.canonical = _Findings("form", "Each entry is the canonical JSON that Headwater writes")
        self.columns = _Findings("columns", "The searchable columns say what the entry says")
        # From the middle of the log the tree cannot be worked out.
        self.tree = merkle.Frontier() if start == BEGINNING else None
        self.signed = _Findings("checkpoints", "Every signed checkpoint agrees with the log")

    def take(self, row: Row) -> None:
        """Check one row against the one before."""
        self.entries += 1
        self._place(row)
        if row.prev_hash != self.last.hash:
            self.link.add(f"entry {row.seq} is not chained to the entry before it ({self.last.seq})")
        if not _is_hash(row.prev_hash) or chain_hash(**_chained(row)) != row.hash:
            self.hash.add(f"entry {row.seq} was changed: its hash is not that of its text")
        self._content(row)
        if self.tree is not None:
            self.tree.append(merkle.leaf(row.hash if _is_hash(row.hash) else GENESIS))
        signed = self.checkpoints.get(row.seq)
        if signed is not None:
            self.met.add(row.seq)
            if signed.hash != row.hash:
                self.signed.add(f"entry {row.seq} is not the one that was signed at {signed.at}")
            elif self.tree is not None and self.tree.root().hex() != signed.root:
                self.signed.add(f"the entries up to {row.seq} are not those whose root was signed at {signed.at}")
        self.last = Place(row.seq, row.hash)

    def _place(self, row: Row) -> None:
        expected = self.last.seq + 1
        if row.seq > expected:
            missing = f"entry {expected} is" if row.seq == expected + 1 else f"entries {expected} to {row.seq - 1} are"
            self.sequence.add(f"{missing} missing before entry {row.seq}")
        elif row.seq < expected:
            self.sequence.add(f"entry {row.seq} comes after entry {self.last.seq}: it is repeated or out of order")

    def _content(self, row: Row) -> None:
        try:
            body = json.loads(row.entry)
            canonical = canonical_json(body).decode()
        except (ValueError, TypeError, RecursionError) as error:
            self.canonical.add(f"entry {row.seq} cannot be read: {error}")
            return
        if canonical != row.entry or not isinstance(body, dict):
            self.canonical.add(f"entry {row.seq} is not in canonical form")
            return
        differing = [name for name in COLUMNS if getattr(row, name) != body.get(name)]
        if body.get("at") != instant(row.at):
            differing.append("at")
        if differing:
            self.columns.add(f"entry {row.seq}: {', '.join(differing)} differ from the entry")


def instant(at: datetime) -> str:
    """Return an instant as entries write it: UTC, microseconds, ``Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _chained(row: Row) -> dict[str, Any]:
    return {"prev_hash": row.prev_hash, "seq": row.seq, "entry": row.entry}


def _is_hash(text: str) -> bool:
    return len(text) == 64 and all(c in "0123456789abcdef" for c in text)


def _head_check(walk: _Walk, head: Place | None) -> Check:
    name, says = "head", "The log ends where its head says"
    if head is None:
        return Check(name, says, Outcome.NOT_DONE, ("there is no head to compare with",))
    if (head.seq, head.hash) == (walk.last.seq, walk.last.hash):
        return Check(name, says, Outcome.PASSED)
    finding = f"the head is at entry {head.seq}, but the log ends with entry {walk.last.seq}"
    if head.seq == walk.last.seq:
        finding = f"the head and the last entry {head.seq} have different hashes"
    return Check(name, says, Outcome.FAILED, (finding,))


def _checkpoint_check(walk: _Walk, checkpoints: Sequence[Checkpoint] | None, faults: Sequence[str]) -> Check:
    if checkpoints is None:
        return Check(walk.signed.name, walk.signed.says, Outcome.NOT_DONE, ("no checkpoints were given",))
    for fault in faults:
        walk.signed.add(fault)
    for checkpoint in checkpoints:
        if checkpoint.seq <= walk.start.seq or checkpoint.seq in walk.met:
            continue
        if checkpoint.seq > walk.last.seq:
            text = f"the log ends with entry {walk.last.seq}, but entry {checkpoint.seq} was signed at {checkpoint.at}"
        else:
            text = f"entry {checkpoint.seq}, signed at {checkpoint.at}, is missing"
        walk.signed.add(text)
    return walk.signed.check()
