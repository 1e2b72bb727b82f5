"""The carrier's commitments: which records became durable in which minute, and the signed root of each minute.

On the carrier's own disk, in its folder: ``minutes/`` holds the leaves of each minute (48 octets a record),
``roots.jsonl`` the signed roots, each naming the SHA-256 of the one before. The hub gets the roots alone.
"""

import base64
import os
import secrets
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from headwater.agent.keys import SigningKey
from headwater.calls.commitments import DEPTH, Tree, leaf, record_key
from headwater.calls.records import CallRecord
from headwater.errors import Invalid
from headwater.wire.commitments import VERSION, Proof, Root, Roots, Short, payload_of

FIRST: Final = "0" * 64
MINUTE: Final = timedelta(minutes=1)
#: Minutes that an agent was down for are published as empty when it is back, at most so many; more is a gap.
MOST_MISSED: Final = 24 * 60
#: A record is looked for in the minute it was received in and so many after it.
LATE_MINUTES: Final = 15
_ENTRY: Final = 16 + 32


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``roots.jsonl``."""

    minute: str
    jws: str


def minute_of(at: datetime) -> str:
    """Return the minute of an instant as roots name it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def _instant(minute: str) -> datetime:
    return datetime.strptime(minute, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Last:
    minute: str
    digest: str


class Commitments:
    """One carrier's. One process at a time; ``note`` may be called from one thread, ``seal`` from another."""

    def __init__(self, folder: Path, *, spc: str, key: SigningKey, depth: int = DEPTH) -> None:
        """Open or make the folder.

        Raises:
            Invalid: a line of the roots does not follow from the one before.
        """
        self._folder, self._spc, self._key, self._depth = folder, spc, key, depth
        self._minutes = folder / "minutes"
        self._minutes.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._secret = _secret(folder / "secret")
        self._path = folder / "roots.jsonl"
        self._lines = list(self._read())
        last = self._lines[-1] if self._lines else None
        self._last = _Last(last.minute, _digest(last.jws)) if last else _Last("", FIRST)

    def note(self, records: Iterable[CallRecord], *, now: datetime) -> None:
        """Take records that have just become durable into the present minute."""
        entries = bytearray()
        for record in records:
            name = str(record.record_id)
            entries += record.record_id.bytes
            entries += leaf(record_key(self._secret, name), name, record.raw_sha256.hex())
        if not entries:
            return
        minute = minute_of(now)
        if minute <= self._last.minute:  # sealed a moment ago: the next root takes it
            minute = minute_of(_instant(self._last.minute) + MINUTE)
        with (self._minutes / _file(minute)).open("ab") as file:
            file.write(entries)

    def seal(self, *, now: datetime) -> list[str]:
        """Sign the root of every minute that is over and has none, empty ones included. Returns the new ones."""
        done: list[str] = []
        minute = self._next(now)
        while minute < minute_of(now):
            done.append(self._seal(minute))
            minute = minute_of(_instant(minute) + MINUTE)
        return done

    def roots(self, *, after: str = "", most: int = 0) -> Roots:
        """Return the signed roots of the minutes after ``after``, oldest first, as they travel.

        ``most``: at most so many, 0 for all. They end where another key began to sign.
        """
        place = bisect_right(self._lines, after, key=lambda line: line.minute)
        wanted = self._lines[place : place + most] if most else self._lines[place:]
        before = self._lines[place - 1].jws if place else ""
        short: list[Short] = []
        first = ""
        for line in wanted:
            header, payload, signature = line.jws.split(".")
            if first and header != first:
                break
            first = header
            root = msgspec.json.decode(_octets(payload), type=Root)
            minutes = int(_instant(line.minute).timestamp()) // 60
            short.append(Short(minutes, root.depth, bytes.fromhex(root.root), _octets(signature)))
        kid = msgspec.json.decode(_octets(first), type=dict[str, str])["kid"] if first else ""
        previous = bytes.fromhex(_digest(before)) if before else bytes(32)
        return Roots(VERSION, self._spc, kid, previous, short)

    def proof(self, record_id: UUID, received_at: datetime) -> Proof | None:
        """Return the proof of a record, or None where no sealed minute holds it."""
        begin = received_at.astimezone(UTC).replace(second=0, microsecond=0)
        for late in range(LATE_MINUTES + 1):
            minute = minute_of(begin + late * MINUTE)
            if minute > self._last.minute:
                return None
            names, leaves = self._leaves(minute)
            if record_id.bytes in names:
                place = names.index(record_id.bytes)
                return self._tree(leaves, minute).proof(place, key=record_key(self._secret, str(record_id)))
        return None

    # -- inside

    def _next(self, now: datetime) -> str:
        if not self._last.minute:
            kept = sorted(path.stem for path in self._minutes.glob("*.leaves"))
            return _minute_of_file(kept[0]) if kept else minute_of(now - MINUTE)
        first = max(_instant(self._last.minute) + MINUTE, now - MOST_MISSED * MINUTE)
        return minute_of(first)

    def _seal(self, minute: str) -> str:
        _, leaves = self._leaves(minute)
        tree = self._tree(leaves, minute)
        root = Root(spc=self._spc, minute=minute, depth=tree.depth, root=tree.root.hex(), previous=self._last.digest)
        jws = self._key.signed(payload_of(root))
        line = Line(minute=minute, jws=jws)
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._lines.append(line)
        self._last = _Last(minute, _digest(jws))
        return jws

    def _tree(self, leaves: Sequence[bytes], minute: str) -> Tree:
        """Return the tree of a minute: of the usual depth, deeper where more records came than it holds."""
        depth = max(self._depth, (len(leaves) - 1).bit_length() if leaves else 0)
        return Tree(leaves, secret=self._secret, minute=minute, depth=depth)

    def _leaves(self, minute: str) -> tuple[Sequence[bytes], list[bytes]]:
        path = self._minutes / _file(minute)
        octets = path.read_bytes() if path.exists() else b""
        places = range(0, len(octets) - _ENTRY + 1, _ENTRY)  # a torn last entry was never committed
        return [octets[at : at + 16] for at in places], [octets[at + 16 : at + _ENTRY] for at in places]

    def _read(self) -> Iterable[Line]:
        if not self._path.exists():
            return
        whole = self._path.read_bytes()
        before = FIRST
        for number, line in enumerate(whole.splitlines(keepends=True), start=1):
            if not line.endswith(b"\n"):
                with self._path.open("r+b") as file:  # torn by a crash: it was never published
                    file.truncate(len(whole) - len(line))
                return
            try:
                read = msgspec.json.decode(line, type=Line)
                root = msgspec.json.decode(_payload(read.jws), type=Root)
            except (msgspec.MsgspecError, ValueError) as error:
                raise Invalid(f"{self._path}, line {number}: {error}; restore the file from a copy") from error
            if root.previous != before:
                raise Invalid(f"{self._path}, line {number} does not follow from the line before it")
            before = _digest(read.jws)
            yield read


def _file(minute: str) -> str:
    return minute.replace(":", "").replace("-", "") + ".leaves"


def _minute_of_file(stem: str) -> str:
    return f"{stem[:4]}-{stem[4:6]}-{stem[6:11]}:{stem[11:]}"


def _digest(jws: str) -> str:
    return sha256(jws.encode()).hexdigest()


def _payload(jws: str) -> bytes:
    return _octets(jws.split(".")[1])


def _octets(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _secret(path: Path) -> bytes:
    """Return the carrier's secret; the first time it is made, readable by its owner alone."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
    found = path.read_bytes()
    if len(found) != 32:
        raise Invalid(f"{path} must hold 32 octets; it is made once and never changed")
    return found
