"""Signed checkpoints: what the audit was, at a time, under a key that the database does not have.

Who owns the tables could rewrite the whole chain. A checkpoint, and a copy of it elsewhere, shows that. The file is
``HOME/audit/checkpoints.jsonl``: one canonical JSON object a line, each naming the SHA-256 of the line before.
Ed25519 (RFC 8032). No Django here: the offline check uses it.
"""

import fcntl
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from headwater.audit.statement import MAX_LINE, Checkpoint, Head, parse
from headwater.errors import Unavailable

FILE = "checkpoints.jsonl"
PUBLIC_KEY_FILE = "audit-key.pub.pem"
#: What the first checkpoint names as the line before it.
FIRST = "0" * 64


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file of checkpoints holds, and what is wrong with it."""

    checkpoints: tuple[Checkpoint, ...]
    faults: tuple[str, ...]


def private_key(path: Path) -> Ed25519PrivateKey:
    """Read the signing key.

    Raises:
        Unavailable: There is no such key. ``headwater database prepare`` makes it.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError as error:
        message = f"The audit's signing key {path} is missing. Run `headwater database prepare`."
        raise Unavailable(message) from error
    if not isinstance(key, Ed25519PrivateKey):
        message = f"{path} holds no Ed25519 key."
        raise Unavailable(message)
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key in PEM.

    Raises:
        ValueError: The file holds no Ed25519 public key.
    """
    key = load_pem_public_key(path.read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        message = f"{path} holds no Ed25519 public key"
        raise ValueError(message)  # noqa: TRY004 - a wrong file, not a wrong call
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """Return SHA-256 (hex) of the raw public key."""
    return sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def read(lines: Iterable[bytes], key: Ed25519PublicKey | None) -> Reading:
    """Read checkpoints, checking form, order, the chain of lines and, with ``key``, every signature.

    A last line without its end was being written when the machine stopped: it was never acknowledged and is left out.
    """
    checkpoints: list[Checkpoint] = []
    faults: list[str] = []
    previous, number = FIRST, 0
    for number, octets in enumerate(lines, start=1):
        if not octets.endswith(b"\n"):
            break
        line = octets[:-1]
        try:
            checkpoint = parse(line)
        except (ValueError, TypeError, KeyError) as error:
            faults.append(f"line {number} of the checkpoints is none: {error}")
            continue
        if checkpoint.previous != previous:
            faults.append(f"line {number} of the checkpoints does not follow the line before it")
        if checkpoints and checkpoint.seq < checkpoints[-1].seq:
            faults.append(f"line {number} of the checkpoints goes back from entry {checkpoints[-1].seq}")
        if key is not None and not signature_holds(checkpoint, key):
            faults.append(f"line {number} of the checkpoints is not signed by the given key")
        previous = sha256(line).hexdigest()
        checkpoints.append(checkpoint)
    if key is None and checkpoints:
        faults.append("the checkpoints' signatures were not checked: no public key was given")
    return Reading(tuple(checkpoints), tuple(faults))


def read_file(path: Path, key: Ed25519PublicKey | None) -> Reading | None:
    """Read a file of checkpoints, or return None where there is no such file."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        return read(iter(lambda: file.readline(MAX_LINE), b""), key)


def append(folder: Path, key: Ed25519PrivateKey, head: Head, *, at: str) -> Checkpoint:
    """Sign a checkpoint and add it to the file in ``folder``; it is on disk when this returns.

    Where another worker has signed as much or more meanwhile, its checkpoint is returned instead.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _publish(folder / PUBLIC_KEY_FILE, key.public_key())
    with (folder / FILE).open("a+b") as file:
        # Several workers may run: one writes at a time.
        fcntl.flock(file, fcntl.LOCK_EX)
        newest = _last_line(file)
        if newest is not None and (before := parse(newest)).seq >= head.seq:
            return before
        previous = FIRST if newest is None else sha256(newest).hexdigest()
        known = key_id(key.public_key())
        unsigned = Checkpoint(seq=head.seq, hash=head.hash, root=head.root, at=at, key_id=known, previous=previous)
        checkpoint = replace(unsigned, signature=key.sign(unsigned.signed()).hex())
        file.write(checkpoint.line() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return checkpoint


def last(folder: Path) -> Checkpoint | None:
    """Return the newest checkpoint in ``folder``, unverified, or None."""
    path = folder / FILE
    if not path.exists():
        return None
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2 * MAX_LINE))
        lines = [line for line in file.read().split(b"\n")[:-1] if line]
    return parse(lines[-1]) if lines else None


def _last_line(file: Any) -> bytes | None:
    """Return the last whole line, None where there is none, after cutting off one that a crash left half written."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 2 * MAX_LINE))
    tail = file.read()
    end = tail.rfind(b"\n") + 1
    if end < len(tail):
        file.truncate(size - (len(tail) - end))
    file.seek(0, os.SEEK_END)
    lines = [line for line in tail[:end].split(b"\n") if line]
    return lines[-1] if lines else None


def signature_holds(checkpoint: Checkpoint, key: Ed25519PublicKey) -> bool:
    """Tell whether ``key`` signed ``checkpoint``."""
    try:
        key.verify(bytes.fromhex(checkpoint.signature), checkpoint.signed())
    except (InvalidSignature, ValueError):
        return False
    return checkpoint.key_id == key_id(key)


def _publish(path: Path, key: Ed25519PublicKey) -> None:
    """Lay the public key beside the checkpoints, for those who check them elsewhere."""
    octets = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if not path.exists() or path.read_bytes() != octets:
        path.write_bytes(octets)
