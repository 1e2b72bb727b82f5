"""Deposits: sealed records of a carrier that prefers to push. No behaviour; ``calls.deposits`` seals and opens."""

import msgspec

VERSION = 1


class Sealed(msgspec.Struct, frozen=True, array_like=True):
    """One record: what it can be found by, and its sealed octets."""

    labels: bytes
    """Two labels of 16 octets: over the called number and its five minutes, and over those and the receiver."""
    octets: bytes
    """AES-256-GCM under the batch's key; the nonce is the record's place."""


class Deposit(msgspec.Struct, frozen=True, array_like=True):
    """One batch of one carrier, as MessagePack. ``root`` binds every record; the signature is over all but them."""

    version: int
    spc: str
    deposited_at: str
    epoch: str
    """Which label key was used."""
    sender: bytes
    """X25519 public key of this batch."""
    wrapped: bytes
    """The batch's key, sealed to the approver."""
    root: bytes
    records: list[Sealed]
    jws: str
    """Compact JWS over the canonical JSON of the members above, ``records`` left out."""
