"""Deposits: sealed records of a carrier that prefers to push. No behaviour; ``calls.deposits`` seals and opens."""

import msgspec

VERSION = 1


class Sealed(msgspec.Struct, frozen=True, array_like=True):
    """One record: what it can be found by, and its sealed octets."""

    label: bytes
    """8 octets, keyed: over the called number and its five minutes."""
    octets: bytes
    """AES-256-GCM under a key that follows from the batch's key, the called number, its five minutes and the place."""


class Wrapped(msgspec.Struct, frozen=True, array_like=True):
    """A key of 32 octets, sealed to the approver."""

    sender: bytes
    """X25519 public key made for this."""
    octets: bytes


class Deposit(msgspec.Struct, frozen=True, array_like=True):
    """One batch of one carrier, as MessagePack. ``root`` binds every record; the signature is over all but them."""

    version: int
    spc: str
    deposited_at: str
    epoch: str
    """Name of the label key, such as ``2026-06.5f0c3a``."""
    label_key: Wrapped
    """The same octets in every batch of the epoch."""
    batch_key: Wrapped
    root: bytes
    records: list[Sealed]
    jws: str
    """Compact JWS over the canonical JSON of the members above, ``records`` left out and counted."""


class Deposited(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub has of a batch: said when it is on disk."""

    version: int = VERSION
    deposit_id: str
    root: str
    """Hexadecimal."""
    records: int
    received_at: str


class DepositTerms(msgspec.Struct, frozen=True, kw_only=True):
    """To whom deposits are sealed, and how much of them the hub takes."""

    version: int = VERSION
    approver: str
    """X25519 public key, hexadecimal."""
    most_records: int
    kept_days: int
