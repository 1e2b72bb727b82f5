"""Deposit mode: records pushed in sealed batches, found by blind labels, opened for a question about that very call.

For a carrier that would rather push than run an agent that answers. Three things are needed to read a record, and no
one of them is enough: the store, the approver's private key (the process that walks tracebacks has it, the door that
takes deposits has not), and the call's own called number and time, which the hub learns from the question before. The
key of each record follows from all three. What is not hidden: whose batch it is, how many calls it holds, and when; and
a holder of the approver's key can try out numbers, ten thousand million for each five minutes.

One signature and two wrapped keys serve a whole batch; a Merkle root (RFC 9162 section 2.1) binds each record to them.
"""

import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from headwater.calls.commitments import node
from headwater.errors import Invalid
from headwater.wire.canonical import canonical_json
from headwater.wire.deposits import VERSION, Deposit, Sealed, Wrapped

#: Records of one batch.
MOST_RECORDS: Final = 1_000
#: Longest batch in octets: a record is about 150, and nobody pads it to more than three times that.
MOST_OCTETS: Final = 524_288
#: Width of the time that a label stands for, seconds.
BUCKET_S: Final = 300
LABEL: Final = 8
_NO_NONCE: Final = bytes(12)
"""Every key encrypts one text alone."""


class BadDeposit(Invalid):
    """A batch or one of its records is not what its signature says, or cannot be opened with these keys."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One call at the carrier as it is deposited. Numbers are canonical digits, 0 where withheld; times are in ms."""

    called: int
    """Of the leg out, as the next carrier saw it; so are caller, start and identifiers."""
    calling: int
    start_ms: int
    duration_ms: int
    """-1 where the record does not say."""
    kind: int
    """Place of the answer in ``CODES``: who handed the call over."""
    upstream: str = ""
    """Code of whoever handed it over; "" for a customer."""
    upstream_name: str = ""
    """Of a foreign carrier, which is in no register."""
    country: str = "US"
    downstream: str = ""
    came_called: int = 0
    """Called number of the leg in where it differs, else 0; so is the caller."""
    came_calling: int = 0
    lag_ms: int = 0
    """How much later the call left than it came."""
    call_id: bytes = b""
    """First 8 octets of the SHA-256 of the leg out's Call-ID; b"" where it has none. So is the Identity token."""
    identity: bytes = b""
    record_id: bytes = b""
    record_sha256: bytes = b""


#: What a row may say; customers' identity is not among it.
CODES: Final = ("UPSTREAM_US", "UPSTREAM_FOREIGN", "ORIGINATED", "ORIGINATED_RESELLER")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What a carrier needs to deposit."""

    spc: str
    epoch: str
    label_key: bytes
    label_key_wrapped: Wrapped
    approver: X25519PublicKey
    sign: Callable[[bytes], str]
    """Returns a compact JWS."""


def short(identifier: str) -> bytes:
    """Return what of a Call-ID or a token's digest is deposited."""
    return sha256(identifier.encode()).digest()[:8] if identifier else b""


def label(key: bytes, called: int, bucket: int) -> bytes:
    """Return the label of a called number (last ten digits) in one bucket."""
    return hmac.digest(key, _particulars(called, bucket), "sha256")[:LABEL]


def record_key(batch_key: bytes, called: int, bucket: int, place: int) -> bytes:
    """Return the key of one record: without the call's own number and time the batch's key opens nothing."""
    return hmac.digest(batch_key, b"record|" + _particulars(called, bucket) + f"|{place}".encode(), "sha256")


def bucket_of(start_ms: int) -> int:
    """Return the bucket of an instant."""
    return start_ms // 1_000 // BUCKET_S


def buckets(at: datetime, window_s: float) -> range:
    """Return every bucket in which a call may lie that was at ``at``, ``window_s`` more or less."""
    start = at.timestamp()
    return range(bucket_of(round((start - window_s) * 1_000)), bucket_of(round((start + window_s) * 1_000)) + 1)


def seal(rows: Sequence[Row], keys: Keys, *, now: datetime) -> Deposit:
    """Seal a batch.

    Raises:
        Invalid: it holds no record, or more than ``MOST_RECORDS``.
    """
    if not 0 < len(rows) <= MOST_RECORDS:
        raise Invalid(f"a batch holds 1 to {MOST_RECORDS} records, not {len(rows)}")
    key = secrets.token_bytes(32)
    encode = msgspec.msgpack.Encoder().encode
    records, leaves = [], []
    for place, row in enumerate(rows):
        bucket = bucket_of(row.start_ms)
        name = label(keys.label_key, row.called, bucket)
        plain = encode(msgspec.structs.astuple(row))
        sealed = Sealed(name, AESGCM(record_key(key, row.called, bucket, place)).encrypt(_NO_NONCE, plain, name))
        records.append(sealed)
        leaves.append(_leaf(sealed))
    draft = Deposit(
        VERSION,
        keys.spc,
        now.astimezone(UTC).isoformat(),
        keys.epoch,
        keys.label_key_wrapped,
        wrap(key, keys.approver),
        _root(leaves),
        records,
        "",
    )
    return msgspec.structs.replace(draft, jws=keys.sign(signed_part(draft)))


def wrap(key: bytes, approver: X25519PublicKey) -> Wrapped:
    """Seal a key to the approver."""
    own = X25519PrivateKey.generate()
    sender = own.public_key().public_bytes_raw()
    return Wrapped(sender, AESGCM(_shared(own.exchange(approver), sender)).encrypt(_NO_NONCE, key, sender))


def unwrap(wrapped: Wrapped, approver: X25519PrivateKey) -> bytes:
    """Open a wrapped key as the approver.

    Raises:
        BadDeposit: it was sealed to somebody else, or changed.
    """
    try:
        shared = _shared(approver.exchange(X25519PublicKey.from_public_bytes(wrapped.sender)), wrapped.sender)
        return AESGCM(shared).decrypt(_NO_NONCE, wrapped.octets, wrapped.sender)
    except (InvalidTag, ValueError) as error:
        raise BadDeposit("a wrapped key cannot be opened: it is sealed to another approver, or was changed") from error


def encode(deposit: Deposit) -> bytes:
    """Return a batch as it travels."""
    return msgspec.msgpack.encode(deposit)


def decode(octets: bytes) -> Deposit:
    """Read a batch and check its root. The signature is the caller's to check, over ``signed_part``.

    Raises:
        BadDeposit: it is none, or a record was changed, dropped, added or moved.
    """
    try:
        found = msgspec.msgpack.decode(octets, type=Deposit)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadDeposit(f"this is no deposit: {error}") from error
    if found.version != VERSION or not 0 < len(found.records) <= MOST_RECORDS or len(octets) > MOST_OCTETS:
        raise BadDeposit(
            f"a deposit has version {VERSION}, 1 to {MOST_RECORDS} records and {MOST_OCTETS} octets at most"
        )
    if any(len(one.sender) != 32 or len(one.octets) != 48 for one in (found.label_key, found.batch_key)):
        raise BadDeposit("a wrapped key has 48 octets, and its sender's key 32")
    if any(len(one.label) != LABEL for one in found.records):
        raise BadDeposit(f"a record has a label of {LABEL} octets")
    if not 0 < len(found.epoch) <= 16 or not found.epoch.isascii():
        raise BadDeposit("an epoch has a name of 1 to 16 ASCII characters")
    if not hmac.compare_digest(_root([_leaf(one) for one in found.records]), found.root):
        raise BadDeposit("the records are not those that the signed root binds")
    return found


def signed_part(deposit: Deposit) -> bytes:
    """Return the octets that the signature of a batch must be over."""
    return canonical_json(
        {
            "version": deposit.version,
            "spc": deposit.spc,
            "deposited_at": deposit.deposited_at,
            "epoch": deposit.epoch,
            "label_key": [deposit.label_key.sender.hex(), deposit.label_key.octets.hex()],
            "batch_key": [deposit.batch_key.sender.hex(), deposit.batch_key.octets.hex()],
            "root": deposit.root.hex(),
            "records": len(deposit.records),
        }
    )


@dataclass(frozen=True, slots=True)
class Opened:
    """One record of a batch, opened: its place, what it says, and the key that opens it and no other."""

    place: int
    row: Row
    key: bytes


def open_records(
    deposit: Deposit, approver: X25519PrivateKey, label_key: bytes, *, called: int, wanted: range
) -> list[Opened]:
    """Open the records of calls to ``called`` in the buckets ``wanted``, and no other.

    Raises:
        BadDeposit: a record with such a label does not open: it is not what the label says.
    """
    known = {label(label_key, called, bucket): bucket for bucket in wanted}
    places = [(place, known[one.label]) for place, one in enumerate(deposit.records) if one.label in known]
    if not places:
        return []
    batch_key = unwrap(deposit.batch_key, approver)
    found = []
    for place, bucket in places:
        key = record_key(batch_key, called, bucket, place)
        row = open_record(deposit.records[place], key)
        if row.called % 10**10 != called % 10**10:
            raise BadDeposit(f"record {place} is of another call than its label")
        found.append(Opened(place, row, key))
    return found


def open_record(sealed: Sealed, key: bytes) -> Row:
    """Open one record with its own key.

    Raises:
        BadDeposit: it is another record's key, or the record was changed.
    """
    try:
        values = msgspec.msgpack.decode(AESGCM(key).decrypt(_NO_NONCE, sealed.octets, sealed.label))
        row = msgspec.convert(dict(zip(Row.__struct_fields__, values, strict=True)), type=Row)
    except (InvalidTag, ValueError, TypeError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadDeposit(f"a record cannot be opened: {type(error).__name__}") from error
    if not 0 <= row.kind < len(CODES):
        raise BadDeposit(f"a record's kind is {row.kind}, which is none")
    return row


def path(deposit: Deposit, place: int) -> list[bytes]:
    """Return the siblings that lead from a record's leaf to the root, upwards; b"" where a node has none."""
    level = [_leaf(one) for one in deposit.records]
    found = []
    while len(level) > 1:
        found.append(level[place ^ 1] if place ^ 1 < len(level) else b"")
        level, place = _above(level), place // 2
    return found


def leads_to(sealed: Sealed, place: int, siblings: Sequence[bytes], root: bytes) -> bool:
    """Tell whether a record with this path stands under ``root``: what ``path`` gave is checked so, offline."""
    here = _leaf(sealed)
    for other in siblings:
        if other:
            here = node(other, here) if place & 1 else node(here, other)
        place //= 2
    return hmac.compare_digest(here, root)


# -- inside


def _particulars(called: int, bucket: int) -> bytes:
    return f"{called % 10**10}|{bucket}".encode()


def _shared(secret: bytes, sender: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=sender, info=b"headwater deposit 1").derive(secret)


def _leaf(one: Sealed) -> bytes:
    return sha256(b"\x00" + one.label + one.octets).digest()


def _above(level: Sequence[bytes]) -> list[bytes]:
    odd = [level[-1]] if len(level) % 2 else []
    return [node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)] + odd


def _root(leaves: Sequence[bytes]) -> bytes:
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]
