"""How events are kept as JSON, and read again. The stored form is the truth that a replay starts from."""

from typing import Any, get_args

import msgspec

from headwater.tracebacks.trace import Event

_KINDS: dict[str, type[Event]] = {kind.__name__.lower(): kind for kind in get_args(Event)}


def encode(event: Event) -> dict[str, Any]:
    """Return ``event`` as the JSON value that is stored."""
    return {"event": type(event).__name__.lower(), **msgspec.to_builtins(event)}


def decode(stored: dict[str, Any]) -> Event:
    """Return the event of a stored JSON value.

    Raises:
        msgspec.ValidationError: the stored value was not written by ``encode``.
    """
    fields = dict(stored)
    kind = fields.pop("event", None)
    if kind not in _KINDS:
        raise msgspec.ValidationError(f"{kind!r} is no event of a traceback")
    event: Event = msgspec.convert(fields, type=_KINDS[kind])
    return event
