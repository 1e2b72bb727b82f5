"""The timeline of a case: moments in lanes, each with how exactly it is known. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from headwater.cases.states import Lane, Precision, SubjectKind

#: Columns of an export, in the order in which people read them.
COLUMNS = ("at", "until", "precision", "lane", "what", "who", "kind", "reference")
_FORMS = {Precision.EXACT: "%Y-%m-%dT%H:%M:%SZ", Precision.MINUTE: "%Y-%m-%dT%H:%MZ", Precision.DAY: "%Y-%m-%d"}
_LENGTH = {Precision.EXACT: timedelta(0), Precision.MINUTE: timedelta(minutes=1), Precision.DAY: timedelta(days=1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that happened."""

    at: datetime
    """Aware UTC; of a day or minute its beginning."""
    lane: Lane
    what: str
    precision: Precision = Precision.EXACT
    who: str = ""
    """Who did or said it, "" where the record itself does."""
    kind: SubjectKind | None = None
    reference: str = ""
    """Identifier of what it is of: a campaign, traceback, process, package, provider."""

    @property
    def until(self) -> datetime:
        """The end of the time in which it happened."""
        return self.at + _LENGTH[self.precision]

    @property
    def spoken(self) -> str:
        """The moment as exactly as it is known, and no more exactly."""
        return self.at.astimezone(UTC).strftime(_FORMS[self.precision])


def cut(at: datetime, precision: Precision) -> datetime:
    """Return the beginning of the second, minute or day (UTC) in which ``at`` lies."""
    at = at.astimezone(UTC)
    match precision:
        case Precision.DAY:
            return at.replace(hour=0, minute=0, second=0, microsecond=0)
        case Precision.MINUTE:
            return at.replace(second=0, microsecond=0)
        case _:
            return at


def ordered(moments: Iterable[Moment]) -> tuple[Moment, ...]:
    """Return moments by time, then lane; what two sources tell alike stands once."""
    lanes, exact = list(Lane), list(Precision)

    def place(one: Moment) -> tuple[Any, ...]:
        return (
            one.at,
            lanes.index(one.lane),
            exact.index(one.precision),
            one.what,
            one.who,
            one.kind or "",
            one.reference,
        )

    return tuple(sorted(set(moments), key=place))


def rows(moments: Iterable[Moment]) -> list[dict[str, Any]]:
    """Return moments as an export writes them: no time is given more exactly than it is known."""
    return [
        {
            "at": one.spoken,
            "until": one.until.astimezone(UTC).strftime(_FORMS[Precision.EXACT]),
            "precision": one.precision.value,
            "lane": one.lane.value,
            "what": one.what,
            "who": one.who,
            "kind": one.kind.value if one.kind else "",
            "reference": one.reference,
        }
        for one in moments
    ]
