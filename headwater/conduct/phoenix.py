"""Signs that two filings are one business under two names: what they share, and how rare that is. Pure.

Matching is on normalised values: an address without its punctuation, abbreviations and suite words; a telephone
number by its ten digits; a name without its legal form. What many filings share proves nothing (agents, lawyers,
shared offices), so each sign carries how many filings have the value, and is left out above ``COMMON``. A sign is a
question to look into, never a finding.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from headwater.conduct.states import SignKind
from headwater.numbering.numbers import canonical

#: Kept with what is shown: which matching made it.
VERSION: Final = "phoenix-1"
#: A value that more filings than this share is an office or an agent, and no sign.
COMMON: Final = 12
_FORMS: Final = frozenset(
    [
        "inc",
        "incorporated",
        "llc",
        "lc",
        "llp",
        "lp",
        "ltd",
        "limited",
        "corp",
        "corporation",
        "co",
        "company",
        "plc",
        "gmbh",
        "sa",
        "srl",
        "bv",
        "pty",
        "pte",
        "the",
        "dba",
    ]
)
_ADDRESS: Final = {
    "street": "st", "avenue": "ave", "boulevard": "blvd", "drive": "dr", "road": "rd", "lane": "ln", "suite": "",
    "ste": "", "unit": "", "floor": "fl", "north": "n", "south": "s", "east": "e", "west": "w", "place": "pl",
    "court": "ct", "highway": "hwy", "parkway": "pkwy", "apartment": "", "apt": "", "room": "", "po": "po",
    "united": "", "states": "", "usa": "", "us": "",
}  # fmt: skip
_WORD: Final = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """One filing as one registry had it from one day to another."""

    registry: str
    key: str
    """RMD number or filer identifier."""
    name: str
    frn: str = ""
    names: tuple[str, ...] = ()
    """Trade and previous names."""
    address: str = ""
    contact: str = ""
    contact_phone: str = ""
    contact_address: str = ""
    other_frns: tuple[str, ...] = ()
    holding: str = ""
    valid_from: datetime
    valid_to: datetime | None = None
    """When a later load no longer had it: removed, or changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One thing that two filings share."""

    kind: SignKind
    value: str
    """As the other filing has it."""
    own_value: str
    filings: int
    """Different filers (by FRN, else by name) that share the value in all registries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Another filing with what it shares with a provider's own."""

    other: Filing
    own: Filing
    signs: tuple[Sign, ...]

    @property
    def succession(self) -> str:
        """How the two stand in time, in words."""
        if self.other.valid_to is not None and self.other.valid_to <= self.own.valid_from:
            return "the other filing was gone before this one appeared"
        if self.own.valid_to is not None and self.own.valid_to <= self.other.valid_from:
            return "the other filing appeared after this one was gone"
        if self.other.valid_to is not None:
            return "the other filing is gone"
        return "both are listed"


def plain_name(text: str) -> str:
    """Return a business name without case, punctuation and legal form: "" where nothing is left."""
    return " ".join(word for word in _words(text) if word not in _FORMS)


def plain_address(text: str) -> str:
    """Return an address in the form that is compared; "" where it has no house number or box."""
    words = [_ADDRESS.get(word, word) for word in _words(text)]
    left = [word for word in words if word]
    return " ".join(left) if len(left) > 2 and any(word.isdigit() for word in left) else ""


def plain_person(text: str) -> str:
    """Return a person's name with its words in order, without initials; "" where it is no name of two words."""
    words = sorted(word for word in _words(text) if len(word) > 1 and word not in {"mr", "ms", "mrs", "dr", "jr", "sr"})
    generic = {"traceback", "department", "support", "compliance", "team", "noc", "legal", "robocall", "mitigation"}
    return " ".join(words) if len(words) >= 2 and not generic & set(words) else ""


def plain_phone(text: str) -> str:
    """Return a telephone number in canonical form; "" where it is none."""
    number = canonical(text)
    return number if len(number) >= 8 else ""


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("&", " and ").replace("'", "").replace(".", ""))


def _values(filing: Filing) -> dict[tuple[SignKind, str], str]:
    """Return (kind, compared form) -> as filed, of what can be shared by equality."""
    found = [
        (SignKind.CONTACT_PERSON, plain_person(filing.contact), filing.contact),
        (SignKind.CONTACT_PHONE, plain_phone(filing.contact_phone), filing.contact_phone),
        (SignKind.ADDRESS, plain_address(filing.address), filing.address),
        (SignKind.ADDRESS, plain_address(filing.contact_address), filing.contact_address),
        (SignKind.HOLDING, plain_name(filing.holding), filing.holding),
    ]
    return {(kind, value): filed for kind, value, filed in found if value}


def _filer(filing: Filing) -> str:
    return filing.frn or plain_name(filing.name)


def links(own: Sequence[Filing], everybody: Iterable[Filing]) -> list[Link]:
    """Return the filings of others that share something rare with ``own``, the most signs first.

    Args:
        own: Filings of one provider, present and past.
        everybody: All filings of the registries, present and past, its own included.
    """
    filers = {_filer(filing) for filing in own}
    others: list[tuple[Filing, dict[tuple[SignKind, str], str]]] = []
    shared: dict[tuple[SignKind, str], set[str]] = {}
    for filing in everybody:
        values = _values(filing)
        for value in values:
            shared.setdefault(value, set()).add(_filer(filing))
        if _filer(filing) not in filers:
            others.append((filing, values))
    found: dict[tuple[str, str], Link] = {}
    for mine in own:
        values = _values(mine)
        names = {plain_name(name): name for name in (mine.name, *mine.names)}
        for filing, theirs in others:
            signs = [*_equal(values, theirs, shared), *_names(names, filing), *_listed(mine, filing)]
            before = found.get((filing.registry, filing.key))
            if signs and (before is None or len(signs) > len(before.signs)):
                found[filing.registry, filing.key] = Link(other=filing, own=mine, signs=tuple(signs))
    return sorted(found.values(), key=lambda link: (-len(link.signs), min(s.filings for s in link.signs)))


def _equal(
    mine: dict[tuple[SignKind, str], str],
    theirs: dict[tuple[SignKind, str], str],
    shared: dict[tuple[SignKind, str], set[str]],
) -> list[Sign]:
    return [
        Sign(kind=key[0], value=theirs[key], own_value=filed, filings=len(shared[key]))
        for key, filed in mine.items()
        if key in theirs and len(shared[key]) <= COMMON
    ]


def _names(own: dict[str, str], other: Filing) -> list[Sign]:
    theirs = {plain_name(name): name for name in (other.name, *other.names)}
    both = sorted((own.keys() & theirs.keys()) - {""})
    return [Sign(kind=SignKind.TRADE_NAME, value=theirs[name], own_value=own[name], filings=2) for name in both]


def _listed(mine: Filing, other: Filing) -> list[Sign]:
    """The FRN of one among those that the other lists as its own."""
    both = [one.frn for one, by in ((other, mine), (mine, other)) if one.frn and one.frn in by.other_frns]
    return [Sign(kind=SignKind.OTHER_FRN, value=frn, own_value=frn, filings=2) for frn in both[:1]]
