"""PASSporTs: a token taken apart, and whether its claims are what the standards ask (RFC 8225, 8588, 8946, ...).

No key, no certificate and no call is known here: ``verify`` brings those together.
"""

import ipaddress
import json
import re
from base64 import b64encode, urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256, sha384, sha512
from typing import Any
from urllib.parse import urlsplit

import msgspec

from headwater.stir.identity import StirError
from headwater.stir.reasons import Check, Reason

#: PASSporT extensions that the verifier judges (IANA registry "PASSporT Extensions"); None is the plain form.
SUPPORTED = frozenset({None, "shaken", "div", "div-o", "rcd", "rph", "msg"})
MAX_TOKEN = 8 * 1024
MAX_DEPTH = 12
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_STANDARD = bytes.maketrans(b"-_", b"+/")
_PADDING = (b"", b"", b"==", b"=")
# The last character of an unpadded part carries bits that decode to nothing: they must be zero, or two
# different texts would be the same signature (RFC 4648 section 3.5).
_LAST = {2: frozenset(b"AQgw"), 3: frozenset(b"AEIMQUYcgkosw048")}
_CANONICAL = re.compile(r"[0-9*#]{1,15}")
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_ATTESTATIONS = frozenset("ABC")
_decode, _encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
_RPH_VALUE = re.compile(r"[A-Za-z0-9!#$%&'*+\-^_`|~]+\.[A-Za-z0-9!#$%&'*+\-^_`|~]+")


@dataclass(frozen=True, slots=True)
class TokenHeader:
    """The JOSE header of a token, with what is wrong with it."""

    members: dict[str, Any]
    alg: Any
    typ: Any
    ppt: str | None
    x5u: str
    faults: tuple[StirError, ...]


class Passport(msgspec.Struct, frozen=True, gc=False):
    """A token that could be taken apart. ``claims`` may still be wrong: ``claim_faults`` says so."""

    token: str
    header: TokenHeader
    claims: dict[str, Any]
    signed: bytes
    """The octets that the signature covers, as received."""
    signature: bytes


def parse_token(token: str) -> Passport:
    """Take a compact-serialised token apart, without judging claims or signature.

    Raises:
        StirError: not three base64url parts in full form, too large, or JSON that is malformed, too deep or
            holds a member twice.
    """
    if len(token) > MAX_TOKEN:
        detail = f"the token has {len(token)} octets, at most {MAX_TOKEN}"
        raise StirError(Check.SIZE_AND_JSON, Reason.TOKEN_TOO_LARGE, detail)
    octets = token.encode(errors="replace")
    parts = octets.split(b".")
    if len(parts) != 3 or not (parts[0] and parts[1]) or octets.translate(None, _ALPHABET) != b"..":
        if octets.startswith(b".."):
            raise StirError(Check.TOKEN_FORM, Reason.COMPACT_FORM, "the compact form leaves header and claims out")
        raise StirError(Check.TOKEN_FORM, Reason.TOKEN_MALFORMED, "the token is not three base64url parts")
    header, payload, signature = parts
    return Passport(
        token,
        _token_header(header),
        _object(_base64url(payload), "payload"),
        octets[: len(header) + 1 + len(payload)],
        _base64url(signature),
    )


def _base64url(text: bytes) -> bytes:
    rest = len(text) & 3
    if rest == 1 or (rest and text[-1] not in _LAST[rest]):
        raise StirError(Check.TOKEN_FORM, Reason.TOKEN_MALFORMED, "base64url with stray bits at its end")
    return a2b_base64(text.translate(_STANDARD) + _PADDING[rest])


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
@lru_cache(maxsize=16_384)
def _token_header(part: bytes) -> TokenHeader:
    members = _object(_base64url(part), "token header")
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
    return TokenHeader(
        members, alg, typ, ppt if isinstance(ppt, str) else None, x5u if isinstance(x5u, str) else "", tuple(faults)
    )


def are_usual_claims(claims: dict[str, Any]) -> bool:
    """Tell at little cost that the claims of a shaken token have nothing wrong with them.

    True only where ``claim_faults`` yields nothing and origid is a UUID; False says nothing.
    """
    try:
        orig, dest, origid = claims["orig"], claims["dest"], claims["origid"]
        (called,) = dest["tn"]
        return (
            type(claims["iat"]) is int
            and claims["attest"] in _ATTESTATIONS
            and len(orig) == 1
            and len(dest) == 1
            and _CANONICAL.fullmatch(orig["tn"]) is not None
            and _CANONICAL.fullmatch(called) is not None
            and _UUID.fullmatch(origid) is not None
        )
    except (KeyError, TypeError, ValueError):
        return False


def claim_faults(claims: dict[str, Any], ppt: str | None) -> Iterator[StirError]:
    """Yield what is wrong with ``claims`` (RFC 8225 section 5 and the extension's own document)."""
    iat = claims.get("iat")
    if type(iat) not in (int, float):
        # RFC 8225 section 5.1.1: a NumericDate. RFC 8588's own example has a string (erratum 6656).
        yield StirError(Check.CLAIMS, Reason.IAT_BAD, f"iat is {iat!r}, not a JSON number")
    yield from _orig_faults(claims.get("orig"))
    yield from _dest_faults(claims.get("dest"))
    if ppt and (judge := _EXTENSIONS.get(ppt)):
        yield from judge(claims)


def _orig_faults(orig: Any) -> Iterator[StirError]:
    if not isinstance(orig, dict) or len(orig) != 1:
        yield StirError(Check.CLAIMS, Reason.ORIG_BAD, "orig is not an object with one tn or one uri (RFC 8225 5.2.1)")
        return
    ((kind, value),) = orig.items()
    if kind not in ("tn", "uri") or not isinstance(value, str) or not value:
        yield StirError(Check.CLAIMS, Reason.ORIG_BAD, "orig holds no single tn or uri string (RFC 8225 5.2.1)")
    elif kind == "tn" and not _CANONICAL.fullmatch(value):
        yield StirError(Check.CANONICAL_NUMBERS, Reason.NUMBER_NOT_CANONICAL, f"orig tn {value!r} is not canonical")


def _dest_faults(dest: Any) -> Iterator[StirError]:
    if not isinstance(dest, dict) or not dest or not set(dest) <= {"tn", "uri"}:
        yield StirError(Check.CLAIMS, Reason.DEST_BAD, "dest is not an object with tn or uri arrays (RFC 8225 5.2.1)")
        return
    for kind, values in dest.items():
        if not isinstance(values, list) or not values or not all(isinstance(each, str) and each for each in values):
            yield StirError(Check.CLAIMS, Reason.DEST_BAD, f"dest {kind} is not an array of strings (RFC 8225 5.2.1)")
        elif kind == "tn":
            for each in values:
                if not _CANONICAL.fullmatch(each):
                    yield StirError(
                        Check.CANONICAL_NUMBERS, Reason.NUMBER_NOT_CANONICAL, f"dest tn {each!r} is not canonical"
                    )


def _shaken(claims: dict[str, Any]) -> Iterator[StirError]:
    attest, origid = claims.get("attest"), claims.get("origid")
    if not isinstance(attest, str) or attest not in _ATTESTATIONS:
        yield StirError(Check.CLAIMS, Reason.ATTEST_BAD, f"attest is {attest!r}, not A, B or C (RFC 8588 section 4)")
    if not isinstance(origid, str) or not origid:
        yield StirError(Check.CLAIMS, Reason.ORIGID_BAD, "origid is missing or empty (RFC 8588 section 5)")


def _div(claims: dict[str, Any]) -> Iterator[StirError]:
    div = claims.get("div")
    named = {kind: div[kind] for kind in ("tn", "uri") if div.get(kind)} if isinstance(div, dict) else {}
    if len(named) != 1 or not all(isinstance(each, str) for each in named.values()):
        yield _extension("div names no single tn or uri that was diverted (RFC 8946 section 3)")
    elif "tn" in named and not _CANONICAL.fullmatch(named["tn"]):
        yield StirError(
            Check.CANONICAL_NUMBERS, Reason.NUMBER_NOT_CANONICAL, f"div tn {named['tn']!r} is not canonical"
        )


def _div_o(claims: dict[str, Any]) -> Iterator[StirError]:
    yield from _div(claims)
    if not isinstance(claims.get("opt"), str) or not claims["opt"]:
        yield _extension("opt holds no nested PASSporT (RFC 8946 section 5)")


def _rcd(claims: dict[str, Any]) -> Iterator[StirError]:
    rcd = claims.get("rcd")
    if not isinstance(rcd, dict) or not isinstance(rcd.get("nam"), str):
        yield _extension("rcd has no nam string (RFC 9795 section 5.1)")
        return
    for name in ("apn", "icn", "jcl"):
        if name in rcd and not isinstance(rcd[name], str):
            yield _extension(f"rcd {name} is no string (RFC 9795 section 5.1)")
    if "jcd" in rcd and not isinstance(rcd["jcd"], list):
        yield _extension("rcd jcd is no jCard array (RFC 9795 section 5.1.4)")
    if "jcd" in rcd and "jcl" in rcd:
        yield _extension("rcd has both jcd and jcl (RFC 9795 section 5.1)")
    if "crn" in claims and not isinstance(claims["crn"], str):
        yield _extension("crn is no string (RFC 9795 section 5.2)")
    if "rcdi" in claims:
        yield from _rcdi(claims["rcdi"], rcd)


_DIGESTS = {"sha256": sha256, "sha384": sha384, "sha512": sha512}


def _rcdi(rcdi: Any, rcd: dict[str, Any]) -> Iterator[StirError]:
    """Check the digests over members of rcd (RFC 9795 section 6.1); those behind URIs wait for their content."""
    if not isinstance(rcdi, dict) or not rcdi:
        yield _extension("rcdi is no object of digests (RFC 9795 section 6)")
        return
    for pointer, digest in rcdi.items():
        if not isinstance(digest, str) or digest.partition("-")[0] not in _DIGESTS:
            yield _extension(f"rcdi {pointer!r} names no known digest")
            continue
        found, value = _at(rcd, pointer)
        if not found:
            yield StirError(Check.CLAIMS, Reason.DIGEST_DIFFERS, f"rcdi {pointer!r} points at nothing in rcd")
            continue
        if (isinstance(value, str) and pointer.split("/")[-1] in ("icn", "jcl")) or _is_uri(value):
            continue
        octets = value.encode() if isinstance(value, str) else _deterministic(value)
        if not content_matches(octets, digest):
            yield StirError(Check.CLAIMS, Reason.DIGEST_DIFFERS, f"rcdi {pointer!r} does not match its content")


def rcd_references(claims: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return pointer -> (URI, digest) of rcd content that lies behind a URI, for who may fetch and check it."""
    rcd, rcdi = claims.get("rcd"), claims.get("rcdi")
    if not isinstance(rcd, dict) or not isinstance(rcdi, dict):
        return {}
    found = {}
    for pointer, digest in rcdi.items():
        present, value = _at(rcd, pointer)
        if present and isinstance(digest, str) and _is_uri(value):
            found[pointer] = (value, digest)
    return found


def content_matches(content: bytes, digest: str) -> bool:
    """Tell whether ``content`` has the rcdi ``digest``, such as ``sha256-…`` (RFC 9795 section 6.1)."""
    algorithm, _, expected = digest.partition("-")
    return algorithm in _DIGESTS and b64encode(_DIGESTS[algorithm](content).digest()).decode().rstrip(
        "="
    ) == expected.rstrip("=")


def _is_uri(value: Any) -> bool:
    return isinstance(value, str) and urlsplit(value).scheme in ("https", "http")


def _at(value: Any, pointer: str) -> tuple[bool, Any]:
    """Follow a JSON pointer (RFC 6901)."""
    if pointer == "":
        return True, value
    if not pointer.startswith("/"):
        return False, None
    for part in pointer[1:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return False, None
    return True, value


def _deterministic(value: Any) -> bytes:
    """Return JSON in the deterministic form of RFC 8225 section 9: sorted, no white space."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _rph(claims: dict[str, Any]) -> Iterator[StirError]:
    rph = claims.get("rph")
    known = isinstance(rph, dict) and {name: rph[name] for name in ("auth", "ESorig", "EScallback") if name in rph}
    if not known:
        yield _extension("rph has no auth, ESorig or EScallback (RFC 8443 section 3; RFC 9027 section 3)")
        return
    for name, value in known.items():
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(each, str) and _RPH_VALUE.fullmatch(each) for each in values):
            yield _extension(f"rph {name} holds no namespace.priority values (RFC 4412 section 3.1)")
    if "sph" in claims and not isinstance(claims["sph"], str):
        yield _extension("sph is no string (RFC 9027 section 4)")


def _msg(claims: dict[str, Any]) -> Iterator[StirError]:
    digest = claims.get("msgi")
    if not isinstance(digest, str) or digest.partition("-")[0] not in _DIGESTS:
        yield _extension("msgi names no digest of the message (RFC 9475 section 3.2)")


def _extension(detail: str) -> StirError:
    return StirError(Check.CLAIMS, Reason.EXTENSION_CLAIM_BAD, detail)


_EXTENSIONS = {"shaken": _shaken, "div": _div, "div-o": _div_o, "rcd": _rcd, "rph": _rph, "msg": _msg}


def is_uuid(origid: object) -> bool:
    """Tell whether ``origid`` is a UUID; many real ones are not, which is flagged and no failure."""
    return isinstance(origid, str) and _UUID.fullmatch(origid) is not None


@lru_cache(maxsize=16_384)
def x5u_fault(url: str) -> str:
    """Return why the rules forbid fetching ``url``, or "" (ATIS-1000074 5.3.1; addresses: our own rule).

    By the text alone: a host name may still resolve to an address that the fetch refuses.
    """
    if len(url) > 2_048 or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "characters or length that no certificate address has"
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return "it is no URL"
    rules = (
        (parts.scheme == "https", f"the scheme is {parts.scheme!r}, not https"),
        (bool(host), "it has no host"),
        (port in (None, 443, 8443), f"the port is {port}, not 443 or 8443"),
        ("@" not in parts.netloc, "it holds user information"),
        ("?" not in url, "it has a query"),
        ("#" not in url, "it has a fragment"),
    )
    return next((why for kept, why in rules if not kept), "") or _host_fault(host)


def _host_fault(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # Resolvers read 0x7f000001 and 127.1 as addresses: a public name has a dot and ends in a word.
        last = host.rstrip(".").rpartition(".")
        public = last[1] and last[2][:1].isalpha() and last[2] not in ("local", "internal", "localhost", "onion")
        return "" if public else "the host is no public name"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return "" if address.is_global else "the address is not a public one"


def canonical_tn(text: str) -> str:
    """Return a telephone number from a URI or display form in canonical form (RFC 8224 section 8.3).

    Visual separators, a leading ``+`` and URI parameters go; ``*`` and ``#`` stay; a ten-digit North American
    number gets its country code; "" where no number is left.
    """
    for scheme in ("sips:", "sip:", "tel:"):
        if text[: len(scheme)].lower() == scheme:
            text = text[len(scheme) :]
            break
    user = text.partition("@")[0].partition(";")[0]
    digits = "".join(character for character in user if character not in "-.() \t")
    international = digits.startswith("+")
    digits = digits.removeprefix("+")
    if not _CANONICAL.fullmatch(digits):
        return ""
    if not international and len(digits) == 10 and digits.isdigit() and digits[0] in "23456789":
        return "1" + digits
    return digits
