"""The SIP Identity header field: one or several tokens with their parameters (RFC 8224 section 4)."""

import re
from functools import lru_cache

import msgspec

from headwater.stir.reasons import Check, Reason

MAX_HEADER = 8 * 1024

_FOLD = re.compile(r"\r?\n[ \t]+")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class StirError(ValueError):
    """Something about a header or token is not as RFC 8224 and 8225 demand: which check failed, and why."""

    def __init__(self, check: Check, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.check = check
        self.reason = reason


class Parameters(msgspec.Struct, frozen=True, gc=False):
    """What follows the token in an Identity header value (RFC 8224 section 4); ``None`` where it was absent."""

    info: str | None = None
    alg: str | None = None
    ppt: str | None = None


#: Of a token that came without a header.
NO_PARAMETERS = Parameters()


def parse_identity(value: str) -> tuple[str, Parameters]:
    """Read one Identity header value (RFC 8224 section 4): token, then ``info``, ``alg``, ``ppt`` in any order.

    Parameter names are case-insensitive, values bare or quoted; unknown parameters are ignored.

    Raises:
        StirError: larger than 8 KiB, no token, no ``info``, a parameter twice, or characters that belong nowhere.
    """
    if len(value) > MAX_HEADER:
        raise StirError(
            Check.SIZE_AND_JSON, Reason.TOKEN_TOO_LARGE, f"the header has {len(value)} octets, at most {MAX_HEADER}"
        )
    text = _FOLD.sub(" ", value) if "\n" in value else value
    token, semicolon, rest = text.partition(";")
    token = token.strip()
    if not token:
        raise _malformed("there is no token before the parameters")
    if not semicolon:
        raise _malformed("there are no parameters: info is required (RFC 8224 section 4)")
    return token, _read_parameters(rest.strip())


# One signer sends the same parameters with every call: they are read once.
@lru_cache(maxsize=4_096)
def _read_parameters(text: str) -> Parameters:
    found: dict[str, str] = {}
    for name, value in _parameters(text):
        if name in found:
            raise _malformed(f"the parameter {name} stands twice")
        found[name] = value
    if "info" not in found:
        detail = "the parameter info is missing (RFC 8224 section 4)"
        raise StirError(Check.HEADER_FORM, Reason.INFO_MISSING, detail)
    return Parameters(found["info"], found.get("alg"), found.get("ppt"))


def _parameters(text: str) -> list[tuple[str, str]]:
    found = []
    at = 0
    while True:
        name = _TOKEN.match(text, _skip(text, at))
        if not name:
            raise _malformed("a parameter without a name")
        at = _skip(text, name.end())
        value = ""
        if text[at : at + 1] == "=":
            at = _skip(text, at + 1)
            value, at = _value(text, at)
        found.append((name[0].lower(), value))
        at = _skip(text, at)
        if at == len(text):
            return found
        if text[at] != ";":
            raise _malformed(f"{text[at : at + 12]!r} where a semicolon belongs")
        at += 1


def _value(text: str, at: int) -> tuple[str, int]:
    for opening, closing in (("<", ">"), ('"', '"')):
        if text[at : at + 1] == opening:
            end = text.find(closing, at + 1)
            if end < 0:
                raise _malformed(f"{opening} without its {closing}")
            return text[at + 1 : end], end + 1
    bare = _TOKEN.match(text, at)
    if not bare:
        raise _malformed("a parameter with an equals sign and no value")
    return bare[0], bare.end()


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t":
        at += 1
    return at


def _malformed(detail: str) -> StirError:
    return StirError(Check.HEADER_FORM, Reason.HEADER_MALFORMED, detail)


def split_identities(value: str) -> list[str]:
    """Split a field of several Identity values at its commas (RFC 3261 section 7.3.1), not at those in <> or quotes."""
    parts, start, inside = [], 0, ""
    for at, character in enumerate(value):
        if inside:
            if character == inside:
                inside = ""
        elif character == "<":
            inside = ">"
        elif character == '"':
            inside = '"'
        elif character == ",":
            parts.append(value[start:at])
            start = at + 1
    parts.append(value[start:])
    return [part.strip() for part in parts if part.strip()]
