"""What kinds of legal process there are, and how far each can reach. Pure; ``KINDS`` is the whole of it.

Disclosure classes: domain reference, section 4. A voluntary request compels nobody, so it never reaches what needs
process: customer identity, and the called parties' numbers in full. A preservation request opens nothing at all: it
keeps records from deletion (18 U.S.C. 2703(f)) until the process comes that opens them.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final


class ProcessType(StrEnum):
    """What kind of process was served."""

    SUBPOENA = "subpoena"
    CID = "cid"
    COURT_ORDER = "court_order"
    SEARCH_WARRANT = "search_warrant"
    PRESERVATION = "preservation"
    VOLUNTARY = "voluntary"


class Disclosure(StrEnum):
    """A class of what can be disclosed; each is opened by name and by nothing else."""

    PATH = "path"
    """Call examples, campaign, hops, providers, roles, answers, times. Called numbers are masked."""
    CALLED_NUMBERS = "called_numbers"
    """The called parties' numbers in full, and the octets that hold them."""
    CUSTOMER_IDENTITY = "customer_identity"
    """Who a provider's customer is, and a provider's own words, which may say so."""


DISCLOSURE_WORDS: Final[dict[Disclosure, str]] = {
    Disclosure.PATH: "path data",
    Disclosure.CALLED_NUMBERS: "called numbers in full",
    Disclosure.CUSTOMER_IDENTITY: "customer identity",
}

TYPE_WORDS: Final[dict[ProcessType, str]] = {
    ProcessType.SUBPOENA: "Subpoena",
    ProcessType.CID: "Civil investigative demand",
    ProcessType.COURT_ORDER: "Court order",
    ProcessType.SEARCH_WARRANT: "Search warrant",
    ProcessType.PRESERVATION: "Preservation request",
    ProcessType.VOLUNTARY: "Voluntary request",
}

_EVERYTHING: Final = frozenset(Disclosure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The rules of one kind of process."""

    reach: frozenset[Disclosure]
    """Classes that it can ask for, and an acceptance can open; empty: it discloses nothing."""
    compels: bool
    """Whether it binds; what only asks may be refused without grounds."""
    needs_document: bool
    """Whether the signed document itself must be served."""
    needs_statute: bool
    seals_itself: bool
    """Whether a judge issues it, so that its own words can seal it; others name the order that does."""
    hold: timedelta | None
    """How long it keeps records from deletion; None: it does not."""
    says: str
    """What a person should know who chooses it."""


#: 18 U.S.C. 2703(f)(2): ninety days, and ninety more on a renewed request.
PRESERVED_FOR: Final = timedelta(days=90)
MOST_RENEWALS: Final = 1

KINDS: Final[dict[ProcessType, Kind]] = {
    ProcessType.SUBPOENA: Kind(
        reach=_EVERYTHING,
        compels=True,
        needs_document=True,
        needs_statute=True,
        seals_itself=False,
        hold=None,
        says="Compels production. Reaches path data, called numbers, and customer identity where it asks for it.",
    ),
    ProcessType.CID: Kind(
        reach=_EVERYTHING,
        compels=True,
        needs_document=True,
        needs_statute=True,
        seals_itself=False,
        hold=None,
        says="An agency's own demand under its statute. Reaches what a subpoena reaches.",
    ),
    ProcessType.COURT_ORDER: Kind(
        reach=_EVERYTHING,
        compels=True,
        needs_document=True,
        needs_statute=True,
        seals_itself=True,
        hold=None,
        says="Issued by a court; may seal itself and forbid disclosure.",
    ),
    ProcessType.SEARCH_WARRANT: Kind(
        reach=_EVERYTHING,
        compels=True,
        needs_document=True,
        needs_statute=True,
        seals_itself=True,
        hold=None,
        says="Issued by a judge on probable cause; may seal itself and forbid disclosure.",
    ),
    ProcessType.PRESERVATION: Kind(
        reach=frozenset(),
        compels=True,
        needs_document=False,
        needs_statute=False,
        seals_itself=False,
        hold=PRESERVED_FOR,
        says="Keeps the calls from deletion for 90 days from service, once renewable for 90 more. It opens nothing.",
    ),
    ProcessType.VOLUNTARY: Kind(
        reach=frozenset({Disclosure.PATH}),
        compels=False,
        needs_document=False,
        needs_statute=False,
        seals_itself=False,
        hold=None,
        says="Asks without compelling. Reaches path data alone: never customer identity or called numbers in full.",
    ),
}


def discloses(kind: ProcessType) -> bool:
    """Tell whether an acceptance of such a process opens anything."""
    return bool(KINDS[kind].reach)
