"""What a checkpoint states, as octets and as a value. Standard library only: the offline verifier reads it too."""

import json
from dataclasses import dataclass

from headwater.wire.canonical import canonical_json

#: Longest line that is read; ours have about 530 octets.
MAX_LINE = 2_048
_SIGNED = ("at", "hash", "key_id", "previous", "root", "seq")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the log stands: its number of entries, the hash of the last, the root over all (hex)."""

    seq: int
    hash: str
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """One signed statement: at this time the log had this many entries, this last hash and this root."""

    seq: int
    hash: str
    root: str
    """Root (hex) of the Merkle tree over the first ``seq`` entries, see ``merkle``."""
    at: str
    """UTC, as entries write it."""
    key_id: str
    """SHA-256 (hex) of the raw public key."""
    previous: str
    """SHA-256 (hex) of the line before."""
    signature: str = ""

    def signed(self) -> bytes:
        """Return the octets that the signature covers."""
        return canonical_json({name: getattr(self, name) for name in _SIGNED})

    def line(self) -> bytes:
        """Return the checkpoint as it stands in the file, without the end of line."""
        return canonical_json({name: getattr(self, name) for name in (*_SIGNED, "signature")})


def parse(line: bytes) -> Checkpoint:
    """Read one line.

    Raises:
        ValueError, TypeError, KeyError: it is no checkpoint as ``Checkpoint.line`` writes it.
    """
    body = json.loads(line)
    checkpoint = Checkpoint(seq=body["seq"], **{name: body[name] for name in (*_SIGNED, "signature") if name != "seq"})
    texts = (checkpoint.hash, checkpoint.root, checkpoint.at, checkpoint.key_id, checkpoint.signature)
    if type(checkpoint.seq) is not int or not all(isinstance(text, str) for text in texts):
        message = "a member is of the wrong kind"
        raise TypeError(message)
    if checkpoint.line() != line:
        message = "it is not written as Headwater writes it"
        raise ValueError(message)
    return checkpoint
