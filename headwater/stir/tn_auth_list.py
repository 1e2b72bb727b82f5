"""TNAuthList and JWTClaimConstraints: what a STI certificate lets its holder speak for and say."""

import re
from dataclasses import dataclass

from headwater.stir import der

TN_AUTH_LIST_OID = "1.3.6.1.5.5.7.1.26"
CLAIM_CONSTRAINTS_OID = "1.3.6.1.5.5.7.1.27"
ENHANCED_CLAIM_CONSTRAINTS_OID = "1.3.6.1.5.5.7.1.33"

_TN_CHARACTERS = frozenset("0123456789*#")
_DIGITS = re.compile(r"[0-9]+").fullmatch


@dataclass(frozen=True, slots=True)
class TnRange:
    """``count`` consecutive numbers from ``start`` (RFC 8226 section 9)."""

    start: str
    count: int

    def covers(self, tn: str) -> bool:
        """Tell whether ``tn`` lies in the range: the same length, digits only, below start + count."""
        if self.count == 1 or len(tn) != len(self.start) or not _DIGITS(tn):
            return tn == self.start
        return 0 <= int(tn) - int(self.start) < self.count


@dataclass(frozen=True, slots=True)
class TnAuthList:
    """What a TNAuthList holds (RFC 8226 section 9): service provider codes, ranges and single numbers."""

    spcs: tuple[str, ...] = ()
    ranges: tuple[TnRange, ...] = ()

    @property
    def is_delegate(self) -> bool:
        """Whether it grants numbers instead of naming a provider (RFC 9060)."""
        return bool(self.ranges) and not self.spcs

    def covers(self, tn: str) -> bool:
        """Tell whether a range or number of the list is ``tn``. A service provider code covers none by itself."""
        return any(each.covers(tn) for each in self.ranges)

    def within(self, parent: "TnAuthList") -> bool:
        """Tell whether ``parent`` may delegate this list: a provider code above, or enclosing ranges (RFC 9060)."""
        if parent.spcs:
            return not self.spcs or set(self.spcs) <= set(parent.spcs)
        if self.spcs:
            return False
        return all(
            any(
                outer.covers(inner.start)
                and (inner.count == 1 or outer.covers(str(int(inner.start) + inner.count - 1).zfill(len(inner.start))))
                for outer in parent.ranges
            )
            for inner in self.ranges
        )


def parse_tn_auth_list(octets: bytes) -> TnAuthList:
    """Read a TNAuthList: SEQUENCE OF CHOICE {[0] spc, [1] range, [2] one}, explicit tags (RFC 8226 section 9).

    Raises:
        der.DerError: it is not one; an empty list and an empty provider code are refused too.
    """
    spcs: list[str] = []
    ranges: list[TnRange] = []
    for entry in der.whole(octets, der.SEQUENCE).children():
        inner = list(entry.children()) if entry.tag in (0xA0, 0xA1, 0xA2) else []
        if len(inner) != 1:
            raise der.DerError(f"tag {entry.tag:#04x} at octet {entry.start} is no TNEntry")
        if entry.tag == 0xA0:
            spc = _ia5(inner[0])
            if not spc or len(spc) > 16 or not spc.isalnum():
                raise der.DerError(f"service provider code {spc!r} is empty or odd")
            spcs.append(spc)
        elif entry.tag == 0xA2:
            ranges.append(TnRange(_tn(inner[0]), 1))
        else:
            parts = list(inner[0].expect(der.SEQUENCE).children())
            if len(parts) != 2 or not 2 <= (count := der.integer(parts[1])) <= 10**15 or not _DIGITS(_tn(parts[0])):
                raise der.DerError(f"bad number range at octet {entry.start}")
            ranges.append(TnRange(_tn(parts[0]), count))
    if not spcs and not ranges:
        raise der.DerError("the TNAuthList is empty")
    return TnAuthList(tuple(spcs), tuple(ranges))


@dataclass(frozen=True, slots=True)
class ClaimConstraints:
    """JWTClaimConstraints, plain (RFC 8226 section 8) or enhanced (RFC 9118)."""

    must_include: tuple[str, ...] = ()
    permitted: tuple[tuple[str, tuple[str, ...]], ...] = ()
    must_exclude: tuple[str, ...] = ()

    def broken_by(self, claims: dict[str, object]) -> str:
        """Return a sentence that says which constraint ``claims`` breaks, or ""."""
        for name in self.must_include:
            if name not in claims:
                return f"the certificate demands the claim {name!r}"
        for name, values in self.permitted:
            if name in claims and not _permitted(claims[name], values):
                return f"the certificate does not permit this value of {name!r}"
        for name in self.must_exclude:
            if name in claims:
                return f"the certificate forbids the claim {name!r}"
        return ""


def _permitted(value: object, values: tuple[str, ...]) -> bool:
    if isinstance(value, str):
        return value in values
    if isinstance(value, dict):
        # orig and dest hold their value one level down: {"tn": …}, {"uri": …}.
        return all(_permitted(each, values) for each in value.values())
    if isinstance(value, list):
        return all(_permitted(each, values) for each in value)
    return str(value) in values


#: Claims that RFC 8225 demands of every token: constraints on them would say nothing or forbid everything.
BASE_CLAIMS = frozenset({"iat", "orig", "dest"})


def parse_claim_constraints(octets: bytes) -> ClaimConstraints:
    """Read JWTClaimConstraints (RFC 8226 section 8) or the enhanced ones (RFC 9118): explicit tags [0], [1], [2].

    Raises:
        der.DerError: it is neither, it constrains nothing, or it excludes a claim that every token must hold.
    """
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    permitted: list[tuple[str, tuple[str, ...]]] = []
    seen: set[int] = set()
    for part in der.whole(octets, der.SEQUENCE).children():
        inner = list(part.children()) if part.tag in (0xA0, 0xA1, 0xA2) and part.tag not in seen else []
        if len(inner) != 1:
            raise der.DerError(f"tag {part.tag:#04x} at octet {part.start} is no claim constraint")
        seen.add(part.tag)
        items = list(inner[0].expect(der.SEQUENCE).children())
        if part.tag == 0xA0:
            include = tuple(map(_ia5, items))
        elif part.tag == 0xA2:
            exclude = tuple(map(_ia5, items))
        else:
            for item in items:
                fields = list(item.expect(der.SEQUENCE).children())
                if len(fields) != 2:
                    raise der.DerError(f"bad claim values at octet {item.start}")
                values = tuple(
                    value.expect(der.UTF8).content.decode(errors="replace")
                    for value in fields[1].expect(der.SEQUENCE).children()
                )
                permitted.append((_ia5(fields[0]), values))
    if not (include or exclude or permitted):
        raise der.DerError("the claim constraints constrain nothing")
    if BASE_CLAIMS & set(exclude):
        raise der.DerError("the claim constraints exclude a claim that every PASSporT holds")
    return ClaimConstraints(include, tuple(permitted), exclude)


def _ia5(element: der.Element) -> str:
    try:
        return element.expect(der.IA5).content.decode("ascii")
    except UnicodeDecodeError:
        raise der.DerError(f"IA5String with other characters at octet {element.start}") from None


def _tn(element: der.Element) -> str:
    text = _ia5(element)
    if not 1 <= len(text) <= 15 or not set(text) <= _TN_CHARACTERS:
        raise der.DerError(f"{text!r} is no telephone number")
    return text
