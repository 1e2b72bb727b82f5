"""What a hold may name. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from headwater.calls.keeping import source_name
from headwater.errors import Invalid

#: Records that one hold may name.
MOST_RECORDS: Final = 10_000
LONGEST_REASON: Final = 2_000


class HoldKind(StrEnum):
    """By what a hold names its calls."""

    CAMPAIGN = "campaign"
    CASE = "case"
    PROCESS = "process"
    RECORDS = "records"
    SOURCE = "source"


#: Kinds whose records grow after the hold was set.
GROWING: Final = frozenset({HoldKind.CAMPAIGN, HoldKind.CASE, HoldKind.PROCESS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a legal process or a case covers, as its room states it: the union of its subjects, within its times."""

    process: str
    """Identifier of the process, or of the case."""
    campaigns: tuple[str, ...] = ()
    tracebacks: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    """Calling numbers, canonical."""
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person asks to be held: one of a campaign, a case, a process, records, or a source with its times."""

    campaign: str = ""
    case: Reach | None = None
    process: Reach | None = None
    records: tuple[UUID, ...] = ()
    source: str = ""
    start: datetime | None = None
    end: datetime | None = None

    def kind(self) -> HoldKind:
        """Return by what the calls are named.

        Raises:
            Invalid: by nothing, by several things at once, by too many records, or by a source without its times.
        """
        named = [
            kind
            for kind, given in (
                (HoldKind.CAMPAIGN, self.campaign),
                (HoldKind.CASE, self.case),
                (HoldKind.PROCESS, self.process),
                (HoldKind.RECORDS, self.records),
                (HoldKind.SOURCE, self.source),
            )
            if given
        ]
        if len(named) != 1:
            raise Invalid("a hold names one thing: a campaign, a case, a process, records, or a source")
        if len(self.records) > MOST_RECORDS:
            raise Invalid(f"a hold names at most {MOST_RECORDS} records; set several, or hold the source and time")
        timed = self.start is not None and self.end is not None and self.start < self.end
        if (named[0] is HoldKind.SOURCE) != (self.start is not None or self.end is not None) or (
            named[0] is HoldKind.SOURCE and not timed
        ):
            raise Invalid("a source is held from a start to a later end, and nothing else takes times")
        if self.source:
            source_name(self.source)
        return named[0]


def reason(text: str) -> str:
    """Return the reason of a hold or a release.

    Raises:
        Invalid: there is none, or it is too long.
    """
    if not text.strip() or len(text) > LONGEST_REASON:
        raise Invalid(f"say why, in 1 to {LONGEST_REASON} characters")
    return text.strip()
