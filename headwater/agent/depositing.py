"""Depositing instead of answering: a carrier's calls are sealed and pushed, window by window, and none twice.

In the carrier's folder, ``deposits/`` holds one file an epoch (the label key and its sealed form), one file a window
that the hub has not acknowledged yet, and ``deposits.jsonl``, which says what was acknowledged when. A window is
sealed once, on disk before it is sent, and sent with the same octets until the hub has it; where the next window begins
follows from these files, so that neither a crash nor a hub that is away loses or doubles one.
"""

import asyncio
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from headwater.agent.config import Carrier
from headwater.agent.hub import HubClient
from headwater.agent.keys import SigningKey
from headwater.agent.policy import Policy
from headwater.calls import deposits
from headwater.calls.deposits import CODES, MOST_RECORDS, Keys, Row, short
from headwater.calls.legs import Leg, Passage, PeerKind, passages
from headwater.calls.queries import CallQueries
from headwater.errors import Conflict, Invalid
from headwater.wire.deposits import Deposited, DepositTerms, Wrapped

#: Longest window, and how long after its end it is sealed: the legs of one call come within seconds of each other.
WINDOW: Final = timedelta(seconds=60)
APART: Final = timedelta(seconds=30)
#: Windows that wait for the hub; then nothing more is sealed, and the records stay in the carrier's store.
MOST_WAITING: Final = 10_000
_KINDS: Final = {
    PeerKind.CARRIER: CODES.index("UPSTREAM_US"),
    PeerKind.FOREIGN: CODES.index("UPSTREAM_FOREIGN"),
    PeerKind.CUSTOMER: CODES.index("ORIGINATED"),
    PeerKind.RESELLER: CODES.index("ORIGINATED_RESELLER"),
}


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """One label key, as it stands in its file (mode 0600)."""

    epoch: str
    begun: str
    label_key: bytes
    wrapped: Wrapped
    approver: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``deposits.jsonl``: a window that the hub has."""

    at: str
    until: str
    """End of the window, by the time of receipt of its records."""
    deposits: list[str]
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositStatus:
    """How the depositing of one carrier stands."""

    deposited: int
    """Records that the hub has, since the start."""
    left_out: int
    """Calls that could not be deposited: no record shows who handed them over, or several could have."""
    waiting: int
    """Windows that wait for the hub."""
    until: str
    """Records received until then are sealed."""


class Depositor:
    """One carrier's. ``seal`` in a thread, ``send`` in the loop; one task does both, one after the other."""

    def __init__(self, folder: Path, carrier: Carrier, records: CallQueries, key: SigningKey) -> None:
        """Open or make the folder.

        Raises:
            Invalid: a file in it is none of ours.
        """
        self._folder, self._carrier, self._records, self._key = folder, carrier, records, key
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._ledger = folder / "deposits.jsonl"
        self._epoch = _newest_epoch(folder)
        begun = [datetime.fromisoformat(self._epoch.begun)] if self._epoch else []
        self._until = max((*self._known(), *begun), default=None)
        self.deposited = self.left_out = 0

    def status(self) -> DepositStatus:
        """Return how it stands."""
        return DepositStatus(
            deposited=self.deposited,
            left_out=self.left_out,
            waiting=len(self.waiting()),
            until=_stamp(self._until) if self._until else "",
        )

    def waiting(self) -> list[Path]:
        """Return the windows that wait for the hub, oldest first."""
        return sorted(self._folder.glob("*.window"))

    def agree(self, terms: DepositTerms, *, now: datetime) -> None:
        """Begin an epoch where there is none of this month, sealed to the hub's approver.

        Raises:
            Conflict: the approver is not the one that the carrier's configuration names.
            Invalid: the approver's key is none.
        """
        pinned = self._carrier.deposit.approver if self._carrier.deposit else ""
        if pinned and pinned.lower() != terms.approver.lower():
            raise Conflict("the hub's approver is not the one of carrier.deposit.approver: nothing is sealed to it")
        month = now.astimezone(UTC).strftime("%Y-%m")
        last = self._epoch
        if last is not None and last.epoch[:7] == month and last.approver == terms.approver:
            return
        name = f"{month}.{secrets.token_hex(3)}"  # a folder that was lost begins another, and no second key for one
        label_key = secrets.token_bytes(32)
        try:
            approver = X25519PublicKey.from_public_bytes(bytes.fromhex(terms.approver))
        except ValueError as error:
            raise Invalid(f"the hub's approver key is none: {error}") from error
        self._epoch = Epoch(
            epoch=name,
            begun=_stamp(now),
            label_key=label_key,
            wrapped=deposits.wrap(label_key, approver),
            approver=terms.approver,
        )
        _write(self._folder / f"{now.astimezone(UTC):%Y%m%dT%H%M%S}.epoch", msgspec.json.encode(self._epoch))
        self._until = self._until or now

    def seal(self, *, now: datetime) -> int:
        """Seal every window that is over. Returns how many hold records. Blocks: call it from a thread."""
        sealed = 0
        while self._epoch and self._until and self._until + APART < now and len(self.waiting()) < MOST_WAITING:
            until = min(self._until + WINDOW, now - APART)
            sealed += self._seal(self._epoch, self._until, until, now)
            self._until = until
        return sealed

    async def send(self, hub: HubClient) -> None:
        """Hand in what waits, oldest first; a window is let go when the hub has all of it.

        Raises:
            HubAway: the hub does not take one now.
            AnswerRefused: it will never take one.
        """
        for path in self.waiting():
            batches = msgspec.msgpack.decode(path.read_bytes(), type=list[bytes])
            taken: list[Deposited] = [await hub.deposit(octets) for octets in batches]
            records = sum(one.records for one in taken)
            await asyncio.to_thread(self._note, path, [one.deposit_id for one in taken], records)
            self.deposited += records

    # -- inside

    def _known(self) -> list[datetime]:
        lines = self._ledger.read_bytes().splitlines(keepends=True) if self._ledger.exists() else []
        whole = [line for line in lines if line.endswith(b"\n")]  # of a torn last line the window is still there
        taken = [datetime.fromisoformat(msgspec.json.decode(line, type=Line).until) for line in whole]
        return [*taken, *map(_until, self.waiting())]

    def _seal(self, epoch: Epoch, start: datetime, until: datetime, now: datetime) -> bool:
        seen = self._records.received_between(start - APART, until + APART)
        rows: list[Row] = []
        for passage in passages(seen, self._carrier.profile):
            first = passage.egress[0] if passage.egress else passage.ingress
            if first is None or not start < first.record.received_at <= until:
                continue
            found = rows_of(passage, self._carrier.policy)
            self.left_out += not found
            rows += found
        if not rows:
            return False
        keys = Keys(
            spc=self._carrier.party.spc,
            epoch=epoch.epoch,
            label_key=epoch.label_key,
            label_key_wrapped=epoch.wrapped,
            approver=X25519PublicKey.from_public_bytes(bytes.fromhex(epoch.approver)),
            sign=self._key.signed,
        )
        batches = [
            deposits.encode(deposits.seal(rows[at : at + MOST_RECORDS], keys, now=now))
            for at in range(0, len(rows), MOST_RECORDS)
        ]
        _write(self._folder / f"{_micros(until)}.window", msgspec.msgpack.encode(batches))
        return True

    def _note(self, path: Path, deposit_ids: list[str], records: int) -> None:
        line = Line(at=_stamp(datetime.now(UTC)), until=_stamp(_until(path)), deposits=deposit_ids, records=records)
        with self._ledger.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        path.unlink()


def rows_of(passage: Passage, policy: Policy) -> list[Row]:
    """Return one row for each leg out of a call; of a call that stayed, one for its leg in.

    None at all where the records do not show who handed the call over, or where several could have. Pure.
    """
    came = passage.ingress
    peer = came.peer if came else None
    if came is None or peer is None or any(leg.peer != peer for leg in passage.rivals):
        return []
    return [_row(leg, came, peer.kind, policy) for leg in passage.egress or (came,)]


def _row(leg: Leg, came: Leg, kind: PeerKind, policy: Policy) -> Row:
    fields, customer = set(policy.fields), kind is PeerKind.CUSTOMER
    upstream = came.peer if came.peer and not customer else None
    carrier = leg.peer is not None and leg is not came and leg.peer.kind is not PeerKind.CUSTOMER
    return Row(
        called=_digits(leg.called),
        calling=_digits(leg.calling),
        start_ms=_millis(leg.started),
        duration_ms=leg.record.duration_ms if "duration" in fields else -1,
        kind=_KINDS[kind],
        upstream=upstream.spc if upstream else "",
        upstream_name=upstream.name if upstream and not upstream.spc else "",
        country=upstream.country if upstream else "US",
        downstream=leg.peer.spc if leg.peer and carrier else "",
        came_called=_digits(came.called) if came.called != leg.called else 0,
        # The number of a customer's own may stand where the shown one does later.
        came_calling=_digits(came.calling) if came.calling != leg.calling and not customer else 0,
        lag_ms=_millis(leg.started) - _millis(came.started),
        call_id=short(leg.call_id) if "call_id" in fields and leg is not came else b"",
        identity=short(leg.identity_digest) if "identity_digest" in fields else b"",
        record_id=leg.record.record_id.bytes if "record" in fields else b"",
        record_sha256=leg.record.raw_sha256 if "record" in fields else b"",
    )


def _digits(number: str) -> int:
    return int(number) if number.isdigit() else 0


def _millis(at: datetime) -> int:
    return round(at.timestamp() * 1_000)


def _micros(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def _until(path: Path) -> datetime:
    return datetime.fromtimestamp(int(path.stem) / 1_000_000, UTC)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _newest_epoch(folder: Path) -> Epoch | None:
    path = max(folder.glob("*.epoch"), default=None)
    if path is None:
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Epoch)
    except msgspec.MsgspecError as error:
        raise Invalid(f"{path} is no epoch of deposits: {error}; restore it from a copy, or move it away") from error


def _write(path: Path, octets: bytes) -> None:
    """Write a file whole, on disk, readable by its owner alone; a torn one never bears the name."""
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
