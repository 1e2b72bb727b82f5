"""Writing the audit: ``record`` is the only way in, for every room."""

import uuid
from datetime import UTC, datetime
from typing import Any, Protocol

from django.db import connection, transaction

from headwater import clock
from headwater.audit.tags import Tag
from headwater.errors import Invalid
from headwater.wire.canonical import canonical_json

#: Longest entry in octets. A room that has more to say keeps it in its own rows and names them here.
MAX_ENTRY = 16_384


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
            "at": clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
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
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, dict):
        return {_clean(str(name)): _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value
