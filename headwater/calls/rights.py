"""Which tables and columns of the call store each reader may name. Pure; what is not written here is refused.

A called number is a person who was called, and raw octets hold it in clear: a process gets them only where an audited
purpose of its own needs them. The worker asks carriers by called number and seals packages; the desk finds calls and
masks them at its door, and never needs octets; the portal and the carrier pages need neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: Tables that any reader of the facade may ask for, beside those that the stock client reads when it connects.
TABLES: Final = frozenset({"areas", "calls", "hours", "migrations", "minutes", "rejects"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What one reader may read."""

    tables: frozenset[str] = TABLES
    withheld: frozenset[str] = frozenset()
    """Columns that it may not name in any table: not to select, to filter, to join or to sort by them."""


ALL: Final = Rights(tables=TABLES | {"bodies"})
#: Octets as they came in: of records, and of what a door refused.
_OCTETS: Final = frozenset({"raw", "packed"})
#: Whatever holds a called number, or text and headers that may say one.
_CALLED: Final = frozenset({"called", "called_digits", "called_form", "called_raw", "headers", "transcript", "reason"})
#: By what a sender proved itself: its own business and the desk's.
_PROOFS: Final = frozenset({"credential"})

#: For a reader that is not named below, such as an operator's own chart.
NARROWEST: Final = Rights(
    tables=frozenset({"areas", "calls", "hours", "migrations", "minutes"}),
    withheld=_OCTETS | _CALLED | _PROOFS,
)

#: Reader -> what it may read. Names are those of ``calls-readers.json``.
READERS: Final[Mapping[str, Rights]] = {
    "admin": ALL,
    "carrier": NARROWEST,
    "desk": Rights(withheld=_OCTETS),
    "portal": NARROWEST,
    "work": ALL,
}


def of(reader: str) -> Rights:
    """Return the rights of one reader; of a name that is not known here, the narrowest."""
    return READERS.get(reader, NARROWEST)
