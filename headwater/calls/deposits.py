"""Deposit mode: records pushed in sealed batches, found by blind labels, opened by an approver alone.

For a carrier that cannot run an agent that answers. Three keys are held by three parties: the carrier signs, the holder
of the epoch's label key can look a call up, and the approver alone can open what was found. A stolen store shows labels
and sealed octets. What it does not hide: whose batch it is; and a holder of the label key can try numbers, so that the
index protects against outsiders and against a stolen store, not against that holder.

One signature and one wrapped key serve a whole batch; a Merkle root (RFC 9162 section 2.1) binds each record to them.
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
from headwater.wire.deposits import VERSION, Deposit, Sealed

#: Records of one batch.
MOST_RECORDS: Final = 1_000
#: Width of the time that a label stands for, seconds; a look-up asks for the bucket and both neighbours.
BUCKET_S: Final = 300
LABEL: Final = 16
_NO_NONCE: Final = bytes(12)


class BadDeposit(Invalid):
    """A batch or one of its records is not what its signature says, or cannot be opened with this key."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One record as it is deposited. Numbers are canonical digits; times whole milliseconds."""

    called: int
    calling: int
    start_ms: int
    duration_ms: int
    upstream: str
    """Code of whoever handed it over; "" for a customer."""
    downstream: str
    record_sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What a carrier needs to deposit."""

    spc: str
    epoch: str
    label_key: bytes
    approver: X25519PublicKey
    sign: Callable[[bytes], str]
    """Returns a compact JWS."""


def label(key: bytes, called: int, bucket: int, receiver: str = "") -> bytes:
    """Return the label of a called number (last ten digits) in one bucket, and of who received the call."""
    text = f"{called % 10**10}|{bucket}|{receiver}".encode()
    return hmac.digest(key, text, "sha256")[:LABEL]


def buckets(start_ms: int) -> tuple[int, int, int]:
    """Return the bucket of an instant and its neighbours: where a record may be whose clock is off."""
    here = start_ms // 1_000 // BUCKET_S
    return here - 1, here, here + 1


def seal(rows: Sequence[Row], keys: Keys, *, now: datetime) -> Deposit:
    """Seal a batch.

    Raises:
        Invalid: it holds no record, or more than ``MOST_RECORDS``.
    """
    if not 0 < len(rows) <= MOST_RECORDS:
        raise Invalid(f"a batch holds 1 to {MOST_RECORDS} records, not {len(rows)}")
    key, own = secrets.token_bytes(32), X25519PrivateKey.generate()
    sender = own.public_key().public_bytes_raw()
    wrapped = AESGCM(_shared(own.exchange(keys.approver), sender)).encrypt(_NO_NONCE, key, sender)
    cipher, encode = AESGCM(key), msgspec.msgpack.Encoder().encode
    records, leaves = [], []
    for place, row in enumerate(rows):
        bucket = row.start_ms // 1_000 // BUCKET_S
        labels = label(keys.label_key, row.called, bucket) + label(keys.label_key, row.called, bucket, row.downstream)
        plain = encode(msgspec.structs.astuple(row))
        sealed = Sealed(labels, cipher.encrypt(place.to_bytes(12), plain, labels))
        records.append(sealed)
        leaves.append(_leaf(sealed))
    root = _root(leaves)
    head = _head(keys.spc, now.astimezone(UTC).isoformat(), keys.epoch, sender, wrapped, root, len(records))
    return Deposit(
        VERSION, keys.spc, now.astimezone(UTC).isoformat(), keys.epoch, sender, wrapped, root, records, keys.sign(head)
    )


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
    if found.version != VERSION or not 0 < len(found.records) <= MOST_RECORDS or len(found.sender) != 32:
        raise BadDeposit(f"a deposit has version {VERSION}, a key of 32 octets and 1 to {MOST_RECORDS} records")
    if any(len(one.labels) != 2 * LABEL for one in found.records):
        raise BadDeposit(f"a record has two labels of {LABEL} octets")
    if not hmac.compare_digest(_root([_leaf(one) for one in found.records]), found.root):
        raise BadDeposit("the records are not those that the signed root binds")
    return found


def signed_part(deposit: Deposit) -> bytes:
    """Return the octets that the signature of a batch must be over."""
    d = deposit
    return _head(d.spc, d.deposited_at, d.epoch, d.sender, d.wrapped, d.root, len(d.records))


def open_record(deposit: Deposit, place: int, approver: X25519PrivateKey) -> Row:
    """Open one record of a batch as its approver.

    Raises:
        BadDeposit: the key is not the approver's, or the record was changed.
    """
    try:
        shared = _shared(approver.exchange(X25519PublicKey.from_public_bytes(deposit.sender)), deposit.sender)
        key = AESGCM(shared).decrypt(_NO_NONCE, deposit.wrapped, deposit.sender)
        sealed = deposit.records[place]
        plain = AESGCM(key).decrypt(place.to_bytes(12), sealed.octets, sealed.labels)
        values = msgspec.msgpack.decode(plain)
        return msgspec.convert(dict(zip(Row.__struct_fields__, values, strict=True)), type=Row)
    except (InvalidTag, IndexError, ValueError, msgspec.MsgspecError) as error:
        raise BadDeposit(f"record {place} cannot be opened: {type(error).__name__}") from error


# -- inside


def _shared(secret: bytes, sender: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=sender, info=b"headwater deposit 1").derive(secret)


def _leaf(one: Sealed) -> bytes:
    return sha256(b"\x00" + one.labels + one.octets).digest()


def _root(leaves: Sequence[bytes]) -> bytes:
    level = list(leaves)
    while len(level) > 1:
        odd = [level[-1]] if len(level) % 2 else []
        level = [node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)] + odd
    return level[0]


def _head(  # noqa: PLR0913, PLR0917 - the members that are signed, in their order
    spc: str, at: str, epoch: str, sender: bytes, wrapped: bytes, root: bytes, count: int
) -> bytes:
    return canonical_json(
        {
            "version": VERSION,
            "spc": spc,
            "deposited_at": at,
            "epoch": epoch,
            "sender": sender.hex(),
            "wrapped": wrapped.hex(),
            "root": root.hex(),
            "records": count,
        }
    )
