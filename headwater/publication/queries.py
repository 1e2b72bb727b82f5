"""What was published: anybody may read it, so that these queries ask for no actor."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from headwater.publication import rules
from headwater.publication.models import PublishedWeek


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


def weeks(limit: int = rules.SHOWN) -> list[Week]:
    """Return the published weeks, the newest first."""
    return [_week(row) for row in PublishedWeek.objects.order_by("-monday")[:limit]]


def _week(row: PublishedWeek) -> Week:
    return Week(
        monday=row.monday, totals=row.totals, made_at=row.made_at, closed=row.closed, rule_version=row.rule_version
    )
