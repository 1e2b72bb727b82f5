"""The SIP Identity header field: one or several tokens with their parameters (RFC 8224 section 4)."""

import re

import msgspec

from headwater.stir.reasons import Check, Reason

MAX_HEADER = 8 * 1024

# The form that nearly every carrier sends, parameter by parameter; anything else takes the careful way below.
_USUAL_ALG = frozenset({"alg=ES256", 'alg="ES256"'})
_USUAL_PPT = {f"ppt={quote}{name}{quote}": name for name in ("shaken", "div", "rcd") for quote in ("", '"')}
_FOLD = re.compile(r"\r?\n[ \t]+")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class StirError(ValueError):
    """Something about a header or token is not as it must be: which check failed, and why."""

    def __init__(self, check: Check, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.check = check
        self.reason = reason


class IdentityHeader(msgspec.Struct, frozen=True, gc=False):
    """One Identity header value. Parameters that were absent are ``None``."""

    token: str
    info: str | None = None
    alg: str | None = None
    ppt: str | None = None


def parse_identity(value: str) -> IdentityHeader:
    """Read one Identity header value: the token, then ``info``, ``alg`` and ``ppt`` in any order.

    Parameter names are case-insensitive, values bare or quoted; unknown parameters are ignored.

    Raises:
        StirError: larger than 8 KiB, no token, no ``info``, a parameter twice, or characters that belong nowhere.
    """
    if len(value) > MAX_HEADER:
        raise StirError(
            Check.SIZE_AND_JSON, Reason.TOKEN_TOO_LARGE, f"the header has {len(value)} octets, at most {MAX_HEADER}"
        )
    parts = value.split(";")
    if len(parts) == 4 and parts[2] in _USUAL_ALG and (ppt := _USUAL_PPT.get(parts[3])):
        token, info = parts[0], parts[1]
        # White space or brackets inside would have to be judged; what is left is compared with the token's x5u.
        if info[:6] == "info=<" and info[-1] == ">" and token and "<" not in info[6:] and " " not in value:
            return IdentityHeader(token, info[6:-1], "ES256", ppt)
    text = _FOLD.sub(" ", value).strip()
    token, semicolon, rest = text.partition(";")
    token = token.strip()
    if not token or any(character.isspace() for character in token):
        raise _malformed("there is no token before the parameters")
    if not semicolon:
        raise _malformed("there are no parameters: info is required (RFC 8224 section 4)")
    found: dict[str, str] = {}
    for name, text_value in _parameters(rest):
        if name in found:
            raise _malformed(f"the parameter {name} stands twice")
        found[name] = text_value
    if "info" not in found:
        raise _malformed("the parameter info is missing (RFC 8224 section 4)")
    return IdentityHeader(token, found["info"], found.get("alg"), found.get("ppt"))


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
    """Split a field that joins several Identity values with commas; commas in <> and quotes do not count."""
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
