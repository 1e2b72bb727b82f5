"""What the claims of a PASSporT must be: RFC 8225 section 5 and the document of each extension.

No key, no certificate and no call is known here: ``verify`` brings those together.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256, sha384, sha512
from typing import Any

from headwater.stir.identity import StirError
from headwater.stir.reasons import Check, Reason

#: PASSporT extensions that the verifier judges (IANA registry "PASSporT Extensions"); None is the plain form.
SUPPORTED = frozenset({None, "shaken", "div", "div-o", "rcd", "rph", "msg"})
_CANONICAL = re.compile(r"[0-9*#]{1,15}")
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_ATTESTATIONS = frozenset("ABC")
#: The year 9999; a clock beyond it is no clock.
_LATEST = 253_402_300_800
_INDEX = re.compile(r"0|[1-9][0-9]{0,3}")
_RPH_VALUE = re.compile(r"[A-Za-z0-9!#$%&'*+\-^_`|~]+\.[A-Za-z0-9!#$%&'*+\-^_`|~]+")


def numeric_date(value: Any) -> float | None:
    """Return a NumericDate (RFC 7519 section 2) in Unix seconds, or ``None`` where ``value`` is none or absurd."""
    return value if type(value) in (int, float) and abs(value) < _LATEST else None


def claim_faults(claims: dict[str, Any], ppt: str | None) -> Iterator[StirError]:
    """Yield what is wrong with ``claims`` (RFC 8225 section 5 and the extension's own document)."""
    if numeric_date(claims.get("iat")) is None:
        # RFC 8225 section 5.1.1: a NumericDate. RFC 8588's own example has a string (erratum 6656).
        yield StirError(Check.CLAIMS, Reason.IAT_BAD, f"iat is {str(claims.get('iat'))[:40]!r}, not a time in seconds")
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
    """Return pointer -> (URI, digest) of rcd content behind a URI (RFC 9795 section 6), for who may fetch it."""
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
    return isinstance(value, str) and value[:8].lower().startswith(("https:", "http:"))


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
        elif isinstance(value, list) and _INDEX.fullmatch(key) and int(key) < len(value):
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
