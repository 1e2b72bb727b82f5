"""PASSporTs: a token taken apart (RFC 8225 sections 3 to 7, RFC 7515 section 3.1). What it claims: ``claims``."""

import json
import re
from base64 import urlsafe_b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from headwater.stir.claims import numeric_date
from headwater.stir.identity import StirError
from headwater.stir.reasons import Check, Reason
from headwater.stir.x5u import x5u_fault

MAX_TOKEN = 8 * 1024
MAX_DEPTH = 12
# To the alphabet that the decoder reads; what is no base64url, such as + and /, becomes what its strict mode refuses.
_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"", b"==", b"=")
# The last character of an unpadded part carries bits that decode to nothing: they must be zero, or two
# different texts would be the same signature (RFC 4648 section 3.5).
_LAST = (frozenset[int](range(256)), frozenset[int](), frozenset(b"AQgw"), frozenset(b"AEIMQUYcgkosw048"))
_decode, _encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
# Shaken claims in the deterministic form (RFC 8225 section 9) that nearly every carrier sends, with nothing wrong in
# them and a UUID for origid. What matches holds no member twice and needs no other look at its claims.
_USUAL_CLAIMS = re.compile(
    rb'\{"attest":"[ABC]","dest":\{"tn":\["[0-9*#]{1,15}"\]\},"iat":(0|[1-9][0-9]{0,10}),'
    rb'"orig":\{"tn":"[0-9*#]{1,15}"\},'
    rb'"origid":"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"\}'
).fullmatch


@dataclass(frozen=True, slots=True)
class TokenHeader:
    """The JOSE header of a token (RFC 8225 section 4), with what is wrong with it."""

    members: dict[str, Any]
    alg: Any
    typ: Any
    ppt: str | None
    x5u: str
    x5u_fault: str
    """Why the rules forbid fetching ``x5u``, or ""."""
    faults: tuple[StirError, ...]
    usual: bool
    """It is that of a shaken token with nothing wrong in it."""


class Passport(msgspec.Struct, frozen=True, gc=False):
    """A token that could be taken apart (RFC 8225 section 3). Its claims may still be wrong."""

    token: str
    """As received. What else it holds is read anew at each call: the objects would take five times as much."""
    header: TokenHeader
    iat: float | None
    """The claim ``iat`` in Unix seconds, where it is a number."""
    usual: bool
    """It is a shaken token, and nothing is wrong in its header and claims."""

    @property
    def claims(self) -> dict[str, Any]:
        """The claims as received: JSON without a member twice."""
        return _decode(from_base64url(self.token.encode().split(b".")[1]))  # type: ignore[no-any-return]  # take_apart took nothing but objects

    @property
    def signed(self) -> bytes:
        """The octets that the signature covers, as received."""
        return self.token.rpartition(".")[0].encode()

    @property
    def signature(self) -> bytes:
        """The octets of r and s."""
        return from_base64url(self.token.rpartition(".")[2].encode())


def parse_token(token: str) -> Passport:
    """Take a token apart (RFC 7515 section 3.1), without judging claims or signature.

    Raises:
        StirError: not three base64url parts in full form, too large, or JSON that is malformed, too deep or
            holds a member twice.
    """
    return take_apart(token)[0]


def take_apart(token: str) -> tuple[Passport, bytes, bytes]:
    """Return the token with the octets that its signature covers and the signature. Raises as ``parse_token``."""
    if len(token) > MAX_TOKEN:
        detail = f"the token has {len(token)} octets, at most {MAX_TOKEN}"
        raise StirError(Check.SIZE_AND_JSON, Reason.TOKEN_TOO_LARGE, detail)
    octets = token.encode(errors="replace")
    parts = octets.translate(_STANDARD).split(b".")
    if len(parts) != 3 or b"" in parts:
        if octets.startswith(b".."):
            raise StirError(Check.TOKEN_FORM, Reason.COMPACT_FORM, "the compact form leaves header and claims out")
        raise StirError(Check.TOKEN_FORM, Reason.TOKEN_MALFORMED, "the token is not three base64url parts")
    header, payload, signature = _token_header(parts[0]), _base64(parts[1]), _base64(parts[2])
    if usual := _USUAL_CLAIMS(payload):
        passport = Passport(token, header, int(usual[1]), header.usual)
    else:
        passport = Passport(token, header, numeric_date(_object(payload, "payload").get("iat")), False)
    return passport, octets[: -1 - len(parts[2])], signature


def _base64(text: bytes) -> bytes:
    """Decode a part whose characters were brought to the standard alphabet."""
    rest = len(text) & 3
    if text[-1] not in _LAST[rest]:
        raise StirError(Check.TOKEN_FORM, Reason.TOKEN_MALFORMED, "base64url with stray bits at its end")
    try:
        return a2b_base64(text + _PADDING[rest], strict_mode=True)
    except Base64Error:
        detail = "the token holds characters that are no base64url"
        raise StirError(Check.TOKEN_FORM, Reason.TOKEN_MALFORMED, detail) from None


def from_base64url(text: bytes) -> bytes:
    """Return the octets that ``text`` stands for, strictly (RFC 7515 section 2). Raises ``StirError``."""
    return _base64(text.translate(_STANDARD)) if text else b""


def base64url(octets: bytes) -> str:
    """Return ``octets`` as base64url without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def _object(octets: bytes, what: str) -> dict[str, Any]:
    try:
        value = _decode(octets)
        # What encodes back to the same octets held no member twice: the usual case, and quick.
        if _encode(value) != octets:
            json.loads(octets, object_pairs_hook=_once)
        # Each level costs two octets: what is short enough cannot be deep, and most tokens hold few braces.
        if octets.count(b"{") + octets.count(b"[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
            raise StirError(Check.SIZE_AND_JSON, Reason.JSON_TOO_DEEP, f"the {what} nests deeper than {MAX_DEPTH}")
    except StirError:
        raise
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise StirError(Check.SIZE_AND_JSON, Reason.JSON_MALFORMED, f"the {what} is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise StirError(Check.SIZE_AND_JSON, Reason.JSON_MALFORMED, f"the {what} is no JSON object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise StirError(Check.SIZE_AND_JSON, Reason.JSON_MEMBER_TWICE, "a JSON member stands twice: which one counts?")
    return found


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


# One signer sends the same header with every call: it is decoded and judged once.
@lru_cache(maxsize=4_096)
def _token_header(part: bytes) -> TokenHeader:
    members = _object(_base64(part), "token header")
    faults = []

    def fault(reason: Reason, detail: str) -> None:
        faults.append(StirError(Check.TOKEN_HEADER, reason, detail))

    alg, typ, ppt, x5u = (members.get(name) for name in ("alg", "typ", "ppt", "x5u"))
    for name in ("alg", "typ", "x5u"):
        if name not in members:
            fault(Reason.TOKEN_HEADER_MEMBER, f"the token header has no {name}")
    if "typ" in members and typ != "passport":
        fault(Reason.TYP_NOT_PASSPORT, f"typ is {typ!r}, not passport")
    if "alg" in members and alg != "ES256":
        fault(Reason.ALG_NOT_ES256, f"alg is {alg!r}, not ES256")
    if "x5u" in members and not isinstance(x5u, str):
        fault(Reason.TOKEN_HEADER_MEMBER, "x5u is no string")
    if "crit" in members:
        fault(Reason.CRIT_UNKNOWN, f"crit names what is not understood: {members['crit']!r}")
    if ppt is not None and not isinstance(ppt, str):
        fault(Reason.TOKEN_HEADER_MEMBER, "ppt is no string")
    extension = ppt if isinstance(ppt, str) else None
    address = x5u if isinstance(x5u, str) else ""
    why = x5u_fault(address)
    usual = extension == "shaken" and not faults and not why
    return TokenHeader(members, alg, typ, extension, address, why, tuple(faults), usual)
