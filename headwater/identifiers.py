"""Identifiers that people read aloud, type and cite: a kind, a dash, ten characters."""

import secrets
import uuid
from hashlib import sha256

# Crockford's base 32 without I, L, O, U: no two characters that a reader confuses.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 10


def new_id(kind: str) -> str:
    """Return a fresh identifier such as ``TB-7K3QM9ZD4F``: 50 random bits, not guessable in order."""
    return kind + "-" + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def record_id(source_id: str, event_id: str) -> uuid.UUID:
    """Return the identifier of a call record: the same sender and event always give the same one.

    The first 16 octets of SHA-256(source, zero octet, event id). It makes a retry harmless.
    """
    return uuid.UUID(bytes=sha256(source_id.encode() + b"\x00" + event_id.encode()).digest()[:16])
