"""When a source is asked again, and which page comes next. Pure: answers in, requests out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from headwater.connectors.config import Kind, Settings
from headwater.errors import Invalid

#: After a failure: doubled each time, up to the longest.
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=6)
#: How long a source may make us wait.
LONGEST_WAIT: Final = timedelta(days=1)
#: Part of an interval by which it varies, so that not everybody asks at the full hour.
JITTER: Final = 0.1
#: Days that the FTC's pull reads again: what comes late is found there, what was there is recognised.
FTC_DAYS_AGAIN: Final = 3
FTC_BEGINNING: Final = date(2020, 2, 1)


class Rubbish(Invalid):
    """A source's answer is not what its kind gives; the cursor stays where it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask for."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    """Another address than the connector's, at the same host."""


def next_at(
    now: datetime, *, interval: timedelta, failures: int, wait: timedelta | None = None, chance: float = 0.5
) -> datetime:
    """Return when a source is asked again.

    Args:
        now: When the pull ended.
        interval: How often the operator wants it asked.
        failures: Pulls that failed one after the other, this one included; 0 after a success.
        wait: What the source said (``Retry-After``).
        chance: A number in 0..1, for the jitter.
    """
    pause = interval
    if failures:
        pause = min(FIRST_PAUSE * 2 ** min(failures - 1, 20), LONGEST_PAUSE)
    pause = max(pause * (1 - JITTER + 2 * JITTER * chance), timedelta(seconds=1))
    if wait is not None:
        pause = max(pause if failures == 0 else FIRST_PAUSE / 60, min(wait, LONGEST_WAIT))
    return now + pause


def request(settings: Settings, cursor: Mapping[str, Any], *, now: datetime) -> Request:
    """Return what to ask a source for, where its cursor stands."""
    if settings.kind is Kind.FTC:
        day = _ftc_day(settings, cursor, now)
        return Request(
            parameters={
                "created_date": day.isoformat(),
                "items_per_page": str(settings.page_size),
                "offset": str(_count(cursor.get("offset"))),
            }
        )
    if settings.kind is Kind.SOCRATA:
        parameters = {"$select": ":*,*", "$order": ":updated_at,:id", "$limit": str(settings.page_size)}
        at, last = cursor.get("updated_at"), cursor.get("id")
        if isinstance(at, str) and isinstance(last, str):
            moment, row = _quoted(at), _quoted(last)
            parameters["$where"] = f":updated_at > {moment} OR (:updated_at = {moment} AND :id > {row})"
        elif settings.since:
            parameters["$where"] = f":updated_at >= {_quoted(settings.since)}"
        return Request(parameters=parameters)
    following = cursor.get("next")
    return Request(url=following if isinstance(following, str) else "")


def after(
    settings: Settings, cursor: Mapping[str, Any], page: Sequence[Any], *, now: datetime, following: str = ""
) -> tuple[dict[str, Any], bool]:
    """Return the cursor after a page was stored, and whether another page is to be asked for at once.

    Raises:
        Rubbish: the page does not say where it ends.
    """
    if settings.kind is Kind.FTC:
        return _after_ftc(settings, cursor, page, now)
    if settings.kind is Kind.SOCRATA:
        return _after_socrata(settings, cursor, page)
    if following:
        return {"next": following}, True
    return {}, False


def _after_ftc(
    settings: Settings, cursor: Mapping[str, Any], page: Sequence[Any], now: datetime
) -> tuple[dict[str, Any], bool]:
    # Totals in the answer's meta are not reliable: a day ends with a page that is empty.
    day = _ftc_day(settings, cursor, now)
    if page:
        return {"day": day.isoformat(), "offset": _count(cursor.get("offset")) + len(page)}, True
    today = now.date()
    if day < today:
        return {"day": (day + timedelta(days=1)).isoformat(), "offset": 0}, True
    return {"day": (today - timedelta(days=FTC_DAYS_AGAIN)).isoformat(), "offset": 0}, False


def _after_socrata(settings: Settings, cursor: Mapping[str, Any], page: Sequence[Any]) -> tuple[dict[str, Any], bool]:
    if not page:
        return dict(cursor), False
    last = page[-1] if isinstance(page[-1], dict) else {}
    at, row = last.get(":updated_at"), last.get(":id")
    if not (isinstance(at, str) and isinstance(row, str)):
        raise Rubbish("the last row of the page has no :updated_at and :id, so that nobody knows where it ends")
    if (at, row) == (cursor.get("updated_at"), cursor.get("id")):
        raise Rubbish("the page ends where the one before ended: the source does not page")
    return {"updated_at": at, "id": row}, len(page) >= settings.page_size


def _ftc_day(settings: Settings, cursor: Mapping[str, Any], now: datetime) -> date:
    for text in (cursor.get("day"), settings.since):
        try:
            return min(max(date.fromisoformat(str(text)), FTC_BEGINNING), now.date())
        except ValueError:
            continue
    return now.date() - timedelta(days=FTC_DAYS_AGAIN)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _quoted(text: str) -> str:
    """Return a SoQL text: a quote is written twice."""
    return "'" + text.replace("'", "''") + "'"
