"""What of a week may be told to everybody, and how it is counted. Pure.

A count of calls of fewer than ``SMALLEST`` is not told: it could point to one person who was called.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

RULE_VERSION: Final = "public-totals/1"
SMALLEST: Final = 5
#: Reports come late: a week is closed this long after its end, and is then not counted again.
CLOSED_AFTER: Final = timedelta(hours=24)
#: Weeks that are shown.
SHOWN: Final = 26


def monday_of(at: datetime) -> date:
    """Return the Monday (UTC) of the week in which ``at`` lies."""
    day = at.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def bounds(monday: date) -> tuple[datetime, datetime]:
    """Return when the week begins, and when the next one does, UTC."""
    start = datetime.combine(monday, time(), UTC)
    return start, start + timedelta(days=7)


def is_closed(monday: date, now: datetime) -> bool:
    """Tell whether the week's totals are final at ``now``."""
    return now >= bounds(monday)[1] + CLOSED_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was counted of one week, exactly."""

    reports: Mapping[str, int] = field(default_factory=dict)
    """Vantage point (``app``, ``honeypot``, ``complaint``, ``carrier``) -> calls that it told of."""
    families: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Family -> (campaigns that rang, their calls)."""
    states: Mapping[str, int] = field(default_factory=dict)
    """State of the called number's area -> calls of campaigns."""
    campaigns_found: int = 0
    """Confirmed in the week."""
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """Outcome of a traceback that ended in the week -> how many."""
    median_minutes: float | None = None
    """From the opening of a traceback to its end, half of those that ended took less."""
    alerts: int = 0
    notices: int = 0


def told(count: int) -> int | None:
    """Return the count as it may be told; ``None`` for one that is too small."""
    return count if count == 0 or count >= SMALLEST else None


def totals(counts: Counts) -> dict[str, Any]:
    """Return what is published of the counts: JSON values."""
    kept = {name: pair for name, pair in counts.families.items() if pair[1] >= SMALLEST and name}
    rest = [pair for name, pair in counts.families.items() if name not in kept]
    families = [
        {"family": name, "campaigns": campaigns, "calls": calls}
        for name, (campaigns, calls) in sorted(kept.items(), key=lambda item: (-item[1][1], item[0]))
    ]
    if rest:
        other = sum(calls for _, calls in rest)
        families.append(
            {
                "family": "",
                "campaigns": told(sum(campaigns for campaigns, _ in rest)) if other >= SMALLEST else None,
                "calls": told(other),
            }
        )
    return {
        "reports": {kind: told(count) for kind, count in sorted(counts.reports.items())},
        "families": families,
        "states": {state: told(count) for state, count in sorted(counts.states.items()) if state},
        "campaigns_found": counts.campaigns_found,
        "campaigns_rang": sum(campaigns for campaigns, _ in counts.families.values()),
        "outcomes": {outcome: count for outcome, count in sorted(counts.outcomes.items()) if count},
        "median_minutes": (
            round(counts.median_minutes, 1)
            if counts.median_minutes is not None and sum(counts.outcomes.values()) >= SMALLEST
            else None
        ),
        "alerts": counts.alerts,
        "notices": counts.notices,
    }
