"""What was published: anybody may read it, so that these queries ask for no actor."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from headwater.numbering.places import name_of
from headwater.publication import rules
from headwater.publication.models import PublishedWeek
from headwater.tracebacks.states import Grade, TracebackState
from headwater.trends.queries import VANTAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """One published week."""

    monday: date
    totals: Mapping[str, Any]
    """``rules.totals``."""
    made_at: datetime
    closed: bool
    rule_version: str

    @property
    def sunday(self) -> date:
        """Its last day."""
        return self.monday + timedelta(days=6)

    @property
    def ended(self) -> int:
        """Tracebacks that ended in it."""
        return sum(self.totals["outcomes"].values())

    @property
    def median(self) -> timedelta | None:
        """Half of its tracebacks took less."""
        minutes = self.totals["median_minutes"]
        return None if minutes is None else timedelta(minutes=minutes)

    @property
    def reports(self) -> list[tuple[str, int | None]]:
        """(who saw the calls, how many); ``None`` for too few to be told."""
        told = self.totals["reports"]
        return [(name, told[kind]) for kind, name in VANTAGES.items() if kind in told]

    @property
    def families(self) -> list[dict[str, Any]]:
        """Each family with its name in words, its campaigns and calls; ``None`` for too few to be told."""
        return [{**one, "name": _family(one["family"])} for one in self.totals["families"]]

    @property
    def states(self) -> list[tuple[str, int | None]]:
        """(state, calls), most first; ``None`` for too few to be told."""
        return sorted(
            ((name_of(code), count) for code, count in self.totals["states"].items()),
            key=lambda one: (-(one[1] or 0), one[0]),
        )

    @property
    def outcomes(self) -> list[tuple[str, int]]:
        """(how a traceback ended, how many), most first."""
        return sorted(((_outcome(value), n) for value, n in self.totals["outcomes"].items()), key=lambda one: -one[1])


def _family(key: str) -> str:
    """Return ``ssa-impersonation`` as ``SSA impersonation``."""
    words = [word.upper() if len(word) == 3 else word for word in key.split("-") if word]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]]) if words else "Others"


def _outcome(value: str) -> str:
    grades = {grade.value: grade.label for grade in Grade if grade.value}
    return grades.get(value) or TracebackState(value).label


def weeks(limit: int = rules.SHOWN) -> list[Week]:
    """Return the published weeks, the newest first."""
    return [_week(row) for row in PublishedWeek.objects.order_by("-monday")[:limit]]


def _week(row: PublishedWeek) -> Week:
    return Week(
        monday=row.monday, totals=row.totals, made_at=row.made_at, closed=row.closed, rule_version=row.rule_version
    )
