"""What the registries say of one number at one moment: who it was assigned to, and whether it may originate calls."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from headwater.numbering.numbers import E164, is_possible, npa
from headwater.numbering.ranges import RangeIndex


class DnoKind(StrEnum):
    """Why no call may come from a number: the four kinds of the FCC's rule (47 CFR 64.1200(o))."""

    SUBSCRIBER = "subscriber"
    """Its holder asks that no call be let through: the number only takes calls."""
    INVALID = "invalid"
    UNALLOCATED = "unallocated"
    """Assigned to no provider."""
    UNUSED = "unused"
    """Assigned to a provider, and given to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a number at a moment."""

    number: E164
    possible: bool
    """Valid in its numbering plan."""
    ocn: str
    """OCN that its block was assigned to, "" where no registry says."""
    unallocated: bool | None
    """True where the blocks of its area code are known and its own is assigned to nobody; None where it cannot be
    told."""
    listed: tuple[DnoKind, ...]
    """Kinds under which do-not-originate lists hold it."""

    @property
    def dno(self) -> tuple[DnoKind, ...]:
        """Every reason why no call may come from it: what lists say, and what follows from the numbering plan."""
        reasons = set(self.listed)
        if not self.possible:
            reasons.add(DnoKind.INVALID)
        if self.unallocated:
            reasons.add(DnoKind.UNALLOCATED)
        return tuple(kind for kind in DnoKind if kind in reasons)


#: The word of a block that the registry names and nobody holds.
VACANT = "-"


class NumberPlan:
    """The registries of numbers, read into memory."""

    def __init__(self, blocks: RangeIndex, dno: RangeIndex, *, area_codes: Iterable[str]) -> None:
        """Take the index of blocks (words: OCNs or ``VACANT``) and of do-not-originate entries (words: kinds)."""
        self.blocks = blocks
        self.dno = dno
        self._area_codes = frozenset(area_codes)

    def standing(self, number: E164, at: datetime) -> Standing:
        """Return what is known of ``number`` at a moment."""
        possible = is_possible(number)
        digits = int(number) if number else -1
        block = next(self.blocks.spans_at(digits, at), None)
        ocn = block.word if block and block.word != VACANT else ""
        known = npa(number) in self._area_codes
        listed = {span.word for span in self.dno.spans_at(digits, at)}
        return Standing(
            number=number,
            possible=possible,
            ocn=ocn,
            unallocated=not ocn if known else None,
            listed=tuple(kind for kind in DnoKind if kind.value in listed),
        )
