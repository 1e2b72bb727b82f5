"""Canonical JSON (RFC 8785, for the values that our messages hold) and its hash."""

import json
from hashlib import sha256
from typing import Any


def canonical_json(value: Any) -> bytes:
    """Return ``value`` as canonical JSON octets: sorted members, no spaces, UTF-8.

    RFC 8785 in full for objects, arrays, strings, integers, booleans and null, with ASCII member names
    (there code-point order equals its UTF-16 order). Floats are refused: their canonical form differs
    between languages, and no message of ours needs one.

    Raises:
        TypeError: ``value`` holds a float or something that JSON cannot hold.
    """
    _refuse_floats(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        message = f"canonical JSON holds no floats: {value!r}; use an integer in a smaller unit"
        raise TypeError(message)
    if isinstance(value, dict):
        for name, member in value.items():
            if not isinstance(name, str) or not name.isascii():
                message = f"canonical JSON wants ASCII member names, not {name!r}"
                raise TypeError(message)
            _refuse_floats(member)
    elif isinstance(value, list | tuple):
        for member in value:
            _refuse_floats(member)


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of ``value``, in lower-case hexadecimal."""
    return sha256(canonical_json(value)).hexdigest()
