"""Times as switches write them, to aware UTC. Pure functions; a local time without a zone is never guessed at."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from headwater.errors import Invalid
from headwater.intake.cdr.mapping import Time, TimeForm
from headwater.intake.cdr.values import Unreadable

AMBIGUOUS: Final = "this local time came twice, as clocks were put back: read as the first"
SKIPPED: Final = "this local time did not exist, as clocks were put forward: read by the offset before"
FIXED_OFFSET: Final = "offset as the row states it; whether daylight saving time was in it is not known"

_JULIAN_EPOCH: Final = 2_440_587.5
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US_ZONES: Final = {
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8,
    "HST": -10, "UTC": 0, "GMT": 0,
}  # fmt: skip
_GMT: Final = re.compile(r"GMT([+-])([0-9]{1,2}):?([0-9]{2})?")
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_CLOCK: Final = re.compile(r"[*.]?([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))? +([A-Z]{3,4}) +(.*)", re.DOTALL)


class NeedsZone(Invalid):
    """The file holds local times and nobody said whose: nothing of it may be read."""


class Moment(NamedTuple):
    """One moment of a row; ``note`` says what is doubtful of it."""

    at: datetime
    note: str = ""


class Local:
    """Brings local times of one zone to UTC. Remembers offsets by half-hours: few are asked for, many times."""

    def __init__(self, zone: ZoneInfo | None) -> None:
        self._zone = zone
        self._known: dict[tuple[int, int, bool], tuple[timedelta, str]] = {}

    def utc(self, naive: datetime) -> Moment:
        """Return a local time in UTC.

        Raises:
            NeedsZone: no zone was given.
        """
        key = (naive.toordinal(), naive.hour, naive.minute >= 30)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._ask(naive)
            if len(self._known) > 20_000:
                self._known.clear()
        offset, note = known
        return Moment((naive - offset).replace(tzinfo=UTC), note)

    def _ask(self, naive: datetime) -> tuple[timedelta, str]:
        if self._zone is None:
            raise NeedsZone(
                "The file holds local times without a zone. Say which, such as --zone America/New_York, or --zone UTC."
            )
        first = naive.replace(tzinfo=self._zone, fold=0).utcoffset() or timedelta()
        second = naive.replace(tzinfo=self._zone, fold=1).utcoffset() or timedelta()
        if first == second:
            return first, ""
        return first, AMBIGUOUS if first > second else SKIPPED


Reader = Callable[[str], Moment | None]
"""Reads the text of a moment; ``None`` where the row has none. Raises ``Unreadable``."""


def reader(time: Time, zone: ZoneInfo | None) -> Reader:
    """Return the function that reads the moments of one column. An empty text, a zero or a dash is no moment."""
    local = Local(zone)
    read = {
        TimeForm.ISO: _iso(local),
        TimeForm.EPOCH_S: lambda text: _epoch(text, 1_000_000),
        TimeForm.EPOCH_MS: lambda text: _epoch(text, 1_000),
        TimeForm.EPOCH_US: lambda text: _epoch(text, 1),
        TimeForm.JULIAN: _julian,
        TimeForm.DATABASE: _database(local),
        TimeForm.ACME: _clocked,
        TimeForm.CISCO: _clocked,
        TimeForm.PATTERN: _patterns(time.pattern.split("|"), local),
    }[time.form]
    shift = timedelta(seconds=time.shift_s)

    def moment(text: str) -> Moment | None:
        text = text.strip()
        if text in _NONE:
            return None
        found = read(text)
        return found if not shift else Moment(found.at + shift, found.note)

    return moment


_NONE: Final = frozenset({"", "0", "-", "0.0", "NULL", "\\N", "0000-00-00 00:00:00"})


def _iso(local: Local) -> Callable[[str], Moment]:
    def read(text: str) -> Moment:
        try:
            found = datetime.fromisoformat(text)
            return local.utc(found) if found.tzinfo is None else Moment(found.astimezone(UTC))
        except (ValueError, OverflowError):
            raise Unreadable(f"{text[:60]!r} is no time such as 2026-11-24 15:04:05") from None

    return read


def _epoch(text: str, unit: int) -> Moment:
    try:
        micros = int(text[:20]) * unit if text.isascii() and text.isdigit() else round(float(text) * unit)
        return Moment(_EPOCH + timedelta(0, *divmod(micros, 1_000_000)))
    except (ValueError, OverflowError):
        raise Unreadable(f"{text[:60]!r} is no Unix time") from None


def _julian(text: str) -> Moment:
    try:
        seconds = (float(text) - _JULIAN_EPOCH) * 86_400
        # A double holds a Julian day to about 40 microseconds.
        return Moment(_EPOCH + timedelta(milliseconds=round(seconds * 1_000)))
    except (ValueError, OverflowError):
        raise Unreadable(f"{text[:60]!r} is no Julian day") from None


def _database(local: Local) -> Callable[[str], Moment]:
    iso = _iso(local)

    def read(text: str) -> Moment:
        try:
            number = float(text)
        except ValueError:
            return iso(text)
        if 2_300_000 <= number < 2_600_000:
            # Kamailio's db_sqlite writes half a second too early (and reads it back so): seen on its own rows.
            return Moment(_julian(text).at + timedelta(milliseconds=500))
        if 100_000_000 <= number < 10_000_000_000:
            return _epoch(text, 1_000_000)
        raise Unreadable(f"{text[:60]!r} is neither a Julian day, a Unix time nor a date")

    return read


def _clocked(text: str) -> Moment:
    """Read ``15:54:56.868 PST DEC 18 2017`` and ``15:54:56.868 UTC Fri Dec 18 2026``."""
    found = _CLOCK.fullmatch(text)
    words = found[6].upper().split() if found else []
    if len(words) == 4:
        words = words[1:]  # the day of the week
    if found is None or len(words) != 3 or words[0] not in _MONTHS or found[5] not in _US_ZONES:
        raise Unreadable(f"{text[:60]!r} is no time such as 15:54:56.868 PST DEC 18 2017")
    zone = timezone(timedelta(hours=_US_ZONES[found[5]]))
    try:
        at = datetime(
            int(words[2]),
            _MONTHS.index(words[0]) + 1,
            int(words[1]),
            int(found[1]),
            int(found[2]),
            int(found[3]),
            int((found[4] or "0").ljust(6, "0")),
            tzinfo=zone,
        )
        return Moment(at.astimezone(UTC))
    except (ValueError, OverflowError):
        raise Unreadable(f"{text[:60]!r} is no time of the calendar") from None


def _patterns(patterns: list[str], local: Local) -> Callable[[str], Moment]:
    @lru_cache(maxsize=4_096)  # a file runs through time: its seconds come again and again
    def parse(text: str) -> datetime:
        for pattern in patterns:
            try:
                return datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is added by the caller
            except ValueError:
                continue
        raise Unreadable(f"{text[:60]!r} is no time in the form {patterns[0]}")

    def read(text: str) -> Moment:
        found = parse(text)
        try:
            return local.utc(found) if found.tzinfo is None else Moment(found.astimezone(UTC))
        except OverflowError:
            raise Unreadable(f"{text[:60]!r} is outside the calendar") from None

    return read


def stated_zone(text: str, form: str) -> tzinfo:
    """Return the offset that a row itself states.

    Raises:
        Unreadable: it states none.
    """
    try:
        if form == "minutes-west":
            return timezone(timedelta(minutes=-int(text)))
        found = _GMT.search(text)
        if found is None:
            raise ValueError
        minutes = int(found[2]) * 60 + int(found[3] or 0)
        return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))
    except (ValueError, OverflowError):
        raise Unreadable(f"{text[:40]!r} states no offset from Greenwich") from None
