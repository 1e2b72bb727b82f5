"""A proof about the audit as one JSON file: that an entry is in it, or that it begins with what was signed before.

Whoever has the file and the audit's public key checks it without the database. Pure: the caller hands in how a
signature is checked.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.audit import merkle
from headwater.audit.statement import Checkpoint, parse

FORMAT = "headwater-audit-proof/1"
#: The longest file that is read: an entry of 16 KiB, two checkpoints, two paths.
LARGEST = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a file proves, and by what."""

    checkpoint: Checkpoint
    path: Sequence[str]
    sequence: int = 0
    """Number of the entry that is proven; 0 where an earlier checkpoint is."""
    entry: str = ""
    previous_hash: str = ""
    earlier: Checkpoint | None = None


def octets(proof: Proof) -> bytes:
    """Return the file of a proof."""
    body: dict[str, Any] = {
        "format": FORMAT,
        "checkpoint": proof.checkpoint.line().decode(),
        "path": list(proof.path),
    }
    if proof.earlier is not None:
        body["earlier_checkpoint"] = proof.earlier.line().decode()
    else:
        body |= {"sequence": proof.sequence, "entry": proof.entry, "previous_hash": proof.previous_hash}
    return json.dumps(body, indent=2, sort_keys=True).encode() + b"\n"


def read(text: bytes) -> Proof:
    """Read the file of a proof.

    Raises:
        ValueError: it is none.
    """
    try:
        body = json.loads(text[:LARGEST])
        if body["format"] != FORMAT or not all(isinstance(step, str) for step in body["path"]):
            message = "it is no proof of Headwater's audit"
            raise ValueError(message)
        earlier = body.get("earlier_checkpoint")
        return Proof(
            checkpoint=parse(body["checkpoint"].encode()),
            path=tuple(body["path"]),
            sequence=0 if earlier else int(body["sequence"]),
            entry="" if earlier else str(body["entry"]),
            previous_hash="" if earlier else str(body["previous_hash"]),
            earlier=parse(earlier.encode()) if earlier else None,
        )
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        message = f"it is no proof of Headwater's audit: {error}"
        raise ValueError(message) from error


def check(
    proof: Proof, *, signed: Callable[[Checkpoint], bool], entry_hash: Callable[[str, int, str], str]
) -> list[str]:
    """Return what is wrong with a proof; nothing where it holds.

    Args:
        proof: The proof.
        signed: Tells whether a checkpoint is signed by the audit's key.
        entry_hash: Gives the hash of an entry from previous hash, number and text.
    """
    faults = []
    if not signed(proof.checkpoint):
        faults.append("the checkpoint is not signed by the given key")
    try:
        path = [bytes.fromhex(step) for step in proof.path[: merkle.LONGEST_PATH * 2 + 1]]
        root = bytes.fromhex(proof.checkpoint.root)
        if proof.earlier is not None:
            if not signed(proof.earlier):
                faults.append("the earlier checkpoint is not signed by the given key")
            before = bytes.fromhex(proof.earlier.root)
            if not merkle.consistent(proof.earlier.seq, before, proof.checkpoint.seq, root, path):
                faults.append("the later log does not begin with the earlier one")
        else:
            leaf = merkle.leaf(entry_hash(proof.previous_hash, proof.sequence, proof.entry))
            if merkle.root_of_inclusion(proof.sequence - 1, proof.checkpoint.seq, leaf, path) != root:
                faults.append("the entry is not in the log whose root was signed")
    except (ValueError, OverflowError) as error:
        faults.append(f"a hash in it is none: {error}")
    return faults
