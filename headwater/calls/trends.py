"""How many calls there were of what, hour by hour: read from the roll-ups that the store keeps as it writes.

One roll-up keeps an hour, a calling number, the provider that delivered, the attestation and the source together;
every coarser trend is a sum over it, and costs no scan of the calls. Counts of calls are exact. Counts of distinct
called numbers are approximate (HyperLogLog with 4,096 cells: about 2 in 100 off) and are always named so.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, Final, Protocol

from headwater.errors import Invalid
from headwater.numbering.numbers import E164, state

#: Hours that one trend may span: about a quarter.
MOST_HOURS: Final = 24 * 92
MOST_KEYS: Final = 1_000


class Dimension(StrEnum):
    """What a trend is of."""

    NUMBER = "number"
    BLOCK = "block"
    """A thousands block: NPA-NXX-X, as numbers are pooled (47 CFR 52.20)."""
    NPA_NXX = "npa_nxx"
    STATE = "state"
    """State of the calling number's area code: where it was assigned, not where its holder is."""
    PROVIDER = "provider"
    """The provider that delivered the call to the subscriber, by SPC or OCN."""
    ATTESTATION = "attestation"
    SOURCE = "source"


_KEYS: Final = {
    Dimension.NUMBER: "calling",
    Dimension.BLOCK: "if(length(calling) = 11 AND startsWith(calling, '1'), substring(calling, 2, 7), '')",
    Dimension.NPA_NXX: "if(length(calling) = 11 AND startsWith(calling, '1'), substring(calling, 2, 6), '')",
    Dimension.STATE: "if(length(calling) = 11 AND startsWith(calling, '1'), substring(calling, 2, 3), '')",
    Dimension.PROVIDER: "terminating_spc",
    Dimension.ATTESTATION: "attest",
    Dimension.SOURCE: "source_id",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The calls of one key."""

    key: str
    """A number, block, state, code or identifier; "" for calls that have none."""
    calls: int
    """Exact."""
    called_about: int
    """Distinct called numbers, approximate; 0 where it was not asked for (states are sums over areas)."""
    hours: Mapping[datetime, int] = field(default_factory=dict)
    """Start of each hour of the call, UTC -> calls, exact; hours without calls are left out."""


class Rows(Protocol):
    """What is asked of ``calls.queries.CallQueries``."""

    def rows(self, statement: str, **parameters: Any) -> Sequence[Any]:
        """Return the rows of a statement."""


def trends(  # noqa: PLR0913 - each by name
    store: Rows, dimension: Dimension, *, start: datetime, end: datetime, limit: int = 50, key: str = ""
) -> list[Trend]:
    """Return the keys with the most calls between two times (whole hours, ``end`` excluded), each with its hours.

    ``key`` asks for that one alone. What is no call (a vendor's reputation record) is not counted.

    Raises:
        Invalid: the span or the limit is out of bounds.
        StoreUnavailable: the store does not answer.
    """
    _spans(start, end)
    if not 1 <= limit <= MOST_KEYS:
        raise Invalid(f"between 1 and {MOST_KEYS} keys are shown, not {limit}")
    whole = {"start": _hour(start), "end": end}
    of_state = dimension is Dimension.STATE
    expression = _KEYS[dimension]
    only = "" if of_state or not key else f"AND {expression} = {{key:String}}"
    top = store.rows(
        f"SELECT {expression} AS k, toInt64(sum(calls)) AS n, toInt64(uniqCombinedMerge(12)(called)) "  # noqa: S608 - constants only
        f"FROM hours WHERE {_SPAN} {only} GROUP BY k ORDER BY n DESC, k LIMIT {{most:Int64}}",
        most=MOST_KEYS if of_state else limit,
        key=key,
        **whole,
    )
    keys = [k for k, _, _ in top]
    series: dict[str, dict[datetime, int]] = defaultdict(dict)
    for k, hour, calls in store.rows(
        f"SELECT {expression} AS k, hour, toInt64(sum(calls)) FROM hours "  # noqa: S608 - constants only
        f"WHERE {_SPAN} AND k IN {{keys:Array(String)}} GROUP BY k, hour ORDER BY k, hour",
        keys=keys,
        **whole,
    ):
        series[k][hour] = calls
    found = [Trend(key=k, calls=n, called_about=called, hours=series[k]) for k, n, called in top]
    return _by_state(found, key)[:limit] if of_state else found


def by_vantage(
    store: Rows, *, start: datetime, end: datetime, dimension: Dimension | None = None, key: str = ""
) -> dict[str, dict[datetime, int]]:
    """Return calls by kind of source, hour by hour: the vantage points side by side, which are never summed.

    Of one ``key`` of a dimension (a number, a block, a provider ...), or of all calls where none is named. Reads no
    called number, so that every reader of the facade may ask.

    Raises:
        Invalid: the span is out of bounds.
        StoreUnavailable: the store does not answer.
    """
    _spans(start, end)
    only = f"AND {_KEYS[dimension]} = {{key:String}}" if dimension is not None else ""
    return _kinds(
        store.rows(
            f"SELECT source_kind, hour, toInt64(sum(calls)) FROM hours WHERE {_SPAN} {only} "  # noqa: S608 - constants only
            "GROUP BY source_kind, hour ORDER BY source_kind, hour",
            start=_hour(start),
            end=end,
            key=key,
        )
    )


def called_in(store: Rows, where: str, *, start: datetime, end: datetime) -> dict[str, dict[datetime, int]]:
    """Return calls to numbers of one state's areas, by kind of source, hour by hour.

    Raises:
        Invalid: the span is out of bounds.
        StoreUnavailable: the store does not answer.
    """
    _spans(start, end)
    return _kinds(
        store.rows(
            f"SELECT source_kind, hour, toInt64(sum(calls)) FROM areas WHERE {_SPAN} "  # noqa: S608 - constants only
            "AND area IN {areas:Array(String)} GROUP BY source_kind, hour ORDER BY source_kind, hour",
            start=_hour(start),
            end=end,
            areas=[area for area, of in _states().items() if of == where],
        )
    )


def called_totals(store: Rows, *, start: datetime, end: datetime) -> dict[str, dict[str, int]]:
    """Return state of the called number's area -> kind of source -> calls; "" holds numbers of no state.

    Raises:
        Invalid: the span is out of bounds.
        StoreUnavailable: the store does not answer.
    """
    _spans(start, end)
    found: dict[str, dict[str, int]] = {}
    for area, kind, calls in store.rows(
        f"SELECT area, source_kind, toInt64(sum(calls)) FROM areas WHERE {_SPAN} GROUP BY area, source_kind",  # noqa: S608 - constants only
        start=_hour(start),
        end=end,
    ):
        kinds = found.setdefault(_states().get(area, ""), {})
        kinds[kind] = kinds.get(kind, 0) + calls
    return found


@cache
def _states() -> dict[str, str]:
    """Return the state of each area code that has one."""
    states = {str(area): state(E164(f"1{area}2000000")) for area in range(200, 1000)}
    return {area: where for area, where in states.items() if where}


def _kinds(rows: Sequence[Any]) -> dict[str, dict[datetime, int]]:
    found: dict[str, dict[datetime, int]] = {}
    for kind, hour, calls in rows:
        found.setdefault(kind, {})[hour] = calls
    return found


def _spans(start: datetime, end: datetime) -> None:
    if not timedelta() < end - start <= timedelta(hours=MOST_HOURS):
        raise Invalid(f"a trend spans more than nothing and at most {MOST_HOURS // 24} days")


_SPAN: Final = "hour >= {start:DateTime64(6, 'UTC')} AND hour < {end:DateTime64(6, 'UTC')}"


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _by_state(areas: Sequence[Trend], only: str) -> list[Trend]:
    calls: dict[str, int] = defaultdict(int)
    hours: dict[str, dict[datetime, int]] = defaultdict(lambda: defaultdict(int))
    for area in areas:
        where = state(E164(f"1{area.key}2000000")) if area.key else ""
        calls[where] += area.calls
        for hour, number in area.hours.items():
            hours[where][hour] += number
    found = [
        Trend(key=where, calls=number, called_about=0, hours=dict(hours[where]))
        for where, number in calls.items()
        if not only or where == only
    ]
    return sorted(found, key=lambda one: (-one.calls, one.key))
