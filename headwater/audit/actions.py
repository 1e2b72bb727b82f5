"""Writing the audit: ``record`` is the only way in, for every room; ``checkpoint`` signs where it stands."""

import shutil
import uuid
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings
from django.db import connection, transaction

from headwater import clock
from headwater.audit import checkpoints, merkle
from headwater.audit.models import AuditEntry, AuditHead
from headwater.audit.statement import Checkpoint, Head
from headwater.audit.tags import Tag
from headwater.audit.tree import FOLDER, Tree
from headwater.audit.verify import instant
from headwater.errors import Conflict, Invalid
from headwater.wire.canonical import canonical_json

#: Longest entry in octets. A room that has more to say keeps it in its own rows and names them here.
MAX_ENTRY = 16_384
#: Entries whose hashes are read at once while the tree grows.
_PORTION = 50_000


class Who(Protocol):
    """What the audit must know of whoever acts: ``accounts.actors.Actor`` has it."""

    @property
    def label(self) -> str:
        """Who, as the audit names them: ``user:alex@ag.example``."""

    @property
    def organisation_id(self) -> str:
        """Their organisation, "" for a part of Headwater."""


def record(who: Who, tag: Tag, subject: str, detail: dict[str, Any] | None = None) -> int:
    """Append one entry in the present transaction and return its number.

    The head of the chain stays locked until the transaction ends: lock what you change first, record last.

    Args:
        who: Whoever acts.
        tag: What happened.
        subject: Identifier of what it happened to.
        detail: More, as JSON values without floats; UUIDs and aware datetimes are written as text.

    Raises:
        RuntimeError: There is no transaction: the entry could stand without the change, or the change without it.
        Invalid: The entry is longer than 16 KiB.
    """
    if not connection.in_atomic_block:
        message = f"audit.record({tag}) needs transaction.atomic(): a change and its entry stand or fall together"
        raise RuntimeError(message)
    entry = canonical_json(
        {
            "actor": _clean(who.label)[:200],
            "at": instant(clock.now()),
            "detail": _plain(detail or {}),
            "organisation": who.organisation_id,
            "process": connection.settings_dict["USER"],
            "subject": _clean(str(subject))[:200],
            "tag": str(tag),
        }
    )
    if len(entry) > MAX_ENTRY:
        message = f"The audit entry {tag} of {subject} has {len(entry)} octets; at most {MAX_ENTRY} are kept."
        raise Invalid(message)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT audit_append(%s)", [entry.decode()])
        (seq,) = cursor.fetchone()
    return int(seq)


def _clean(text: str) -> str:
    """Return ``text`` without what PostgreSQL's jsonb cannot hold: NUL and lone surrogates."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _plain(value: Any) -> Any:
    """Return ``value`` as canonical JSON can hold it."""
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value


def checkpoint() -> Checkpoint | None:
    """Sign what the audit is now, if it moved since the last checkpoint; the worker calls it each minute.

    Raises:
        Conflict: An entry that was signed before is gone or changed: somebody rewrote the log.
        Unavailable: There is no signing key.
    """
    config = settings.HEADWATER
    folder = config.home / "audit"
    key = checkpoints.private_key(config.secrets / "audit-key.pem")
    with transaction.atomic():
        head = AuditHead.objects.get(id=1)
        before = checkpoints.last(folder)
        if before is not None:
            _check_still_there(before)
            if before.seq == head.seq:
                return None
    if head.seq == 0:
        return None
    tree = Tree(folder / FOLDER)
    if before is not None and (tree.size < before.seq or tree.root(before.seq).hex() != before.root):
        # The tree on disk is a copy: made anew from the log, it must come to what was signed.
        shutil.rmtree(folder / FOLDER, ignore_errors=True)
    _grow(tree, head.seq)
    if before is not None and tree.root(before.seq).hex() != before.root:
        message = (
            f"The audit was rewritten: its first {before.seq} entries are not those that were signed at {before.at}. "
            "Stop the processes, keep the data directory as it is and run `headwater audit verify`."
        )
        raise Conflict(message)
    standing = Head(seq=head.seq, hash=head.hash, root=tree.root(head.seq).hex())
    return checkpoints.append(folder, key, standing, at=instant(clock.now()))


def _grow(tree: Tree, size: int) -> None:
    """Add the entries that the tree lacks, up to number ``size``, in portions."""
    while (have := tree.size) < size:
        rows = AuditEntry.objects.filter(seq__gt=have, seq__lte=min(size, have + _PORTION)).order_by("seq")
        leaves = [merkle.leaf(entry_hash) for entry_hash in rows.values_list("hash", flat=True)]
        if len(leaves) != min(size, have + _PORTION) - have:
            message = f"Entries after {have} are missing from the audit. Run `headwater audit verify`."
            raise Conflict(message)
        tree.extend(leaves, after=have)


def _check_still_there(before: Checkpoint) -> None:
    there = AuditEntry.objects.filter(seq=before.seq).values_list("hash", flat=True).first()
    if there != before.hash:
        state = "is gone" if there is None else "was changed"
        message = (
            f"The audit was rewritten: entry {before.seq}, signed at {before.at}, {state}. "
            "Stop the processes, keep the data directory as it is and run `headwater audit verify`."
        )
        raise Conflict(message)
