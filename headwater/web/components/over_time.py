"""Series over time, drawn on the server as SVG: hours against what is usual, days against what was forecast."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from headwater.trends.queries import Scored, VantageTrend
from headwater.trends.rules import Usual
from headwater.trends.series import DAY, days_of, hours_of
from headwater.web.components.bars import Tick, nice_top

WIDTH: Final = 960
HEIGHT: Final = 150
LEFT: Final = 46
RIGHT: Final = 10
TOP: Final = 8
BOTTOM: Final = 22
LINES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class HourDrawing:
    """The hours of one vantage point."""

    bars: str
    """Path of every hour's bar."""
    band: str
    """Path of the usual range; "" where none is known."""
    middle: str
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    sentence: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    base: int = HEIGHT - BOTTOM
    end: int = WIDTH - RIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBar:
    """One day: what came, and what was said of it."""

    day: date
    x: float
    width: float
    y: float
    height: float
    low: float | None
    high: float | None
    """Ends of the forecast's interval; ``None`` where nothing was said."""
    expected: float | None
    centre: float
    outside: bool
    """What came lies beyond the interval."""
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayDrawing:
    """The days of one vantage point with the forecasts of the next."""

    bars: tuple[DayBar, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    sentence: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    base: int = HEIGHT - BOTTOM
    end: int = WIDTH - RIGHT


def _place(value: float, top: float) -> float:
    return round(HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM), 1)


def _scale(top: int) -> tuple[Tick, ...]:
    return tuple(Tick(_place(top * line / LINES, top), f"{top * line // LINES:,}") for line in range(1, LINES + 1))


def hours(one: VantageTrend, *, start: datetime, end: datetime) -> HourDrawing:
    """Draw the hours from ``start`` to ``end`` against what is usual in them."""
    every = hours_of(start, end)
    counts = [one.series.hours.get(hour, 0) for hour in every]
    top = nice_top(max([*counts, *(usual.high for usual in one.usual)], default=0))
    pitch = (WIDTH - LEFT - RIGHT) / max(len(every), 1)
    base = HEIGHT - BOTTOM
    bars = "".join(
        f"M{LEFT + step * pitch + pitch * 0.1:.1f} {base}V{_place(count, top)}h{pitch * 0.8:.1f}V{base}z"
        for step, count in enumerate(counts)
        if count
    )
    told = (
        f"{sum(counts):,} calls from {start:%Y-%m-%d} to {end:%Y-%m-%d %H}:00 UTC, at most {max(counts, default=0):,}"
    )
    return HourDrawing(
        bars=bars,
        band=_band(one.usual, pitch, top),
        middle=_middle(one.usual, pitch, top),
        across=tuple(
            Tick(round(LEFT + (step + 12) * pitch, 1), f"{hour:%a %b} {hour.day}")
            for step, hour in enumerate(every)
            if hour.hour == 0 and step + 12 < len(every) and _ticked(step // 24, len(every) // 24)
        ),
        up=_scale(top),
        sentence=f"{told} in one hour{'; the band holds 90% of such hours before' if one.usual else ''}.",
    )


def _ticked(day: int, days: int) -> bool:
    return day % max(1, days // 7) == 0


def _band(usual: Sequence[Usual], pitch: float, top: int) -> str:
    if not usual:
        return ""
    there = "".join(
        f"{'M' if not step else 'L'}{LEFT + step * pitch:.1f} {_place(one.high, top)}h{pitch:.1f}"
        for step, one in enumerate(usual)
    )
    back = "".join(
        f"L{LEFT + (step + 1) * pitch:.1f} {_place(usual[step].low, top)}h{-pitch:.1f}"
        for step in range(len(usual) - 1, -1, -1)
    )
    return f"{there}{back}z"


def _middle(usual: Sequence[Usual], pitch: float, top: int) -> str:
    return "".join(
        f"{'M' if not step else 'L'}{LEFT + (step + 0.5) * pitch:.1f} {_place(one.mean, top)}"
        for step, one in enumerate(usual)
    )


def days(one: VantageTrend, *, today: date, back: int = 28) -> DayDrawing:
    """Draw the last ``back`` days and what was said of them, and the forecasts of the days that are not over."""
    past = days_of(today - DAY * back, today)
    said = {each.said.day: each for each in one.past}
    # Of a day that is not over, the nearest forecast stands: the last in the order of horizons is the earlier one.
    ahead = {each.said.day: each for each in reversed(one.next_days)}
    every = [*past, today, *sorted(day for day in ahead if day > today)]
    counts = dict(zip(every, one.series.over_days(every[0], every[-1] + DAY), strict=True))
    heights = [*counts.values(), *(each.said.high for each in (*said.values(), *ahead.values()))]
    top = nice_top(max(heights, default=0))
    pitch = (WIDTH - LEFT - RIGHT) / len(every)
    bars = tuple(
        _day(day, counts[day], said.get(day) or ahead.get(day), place=step, pitch=pitch, top=top, today=today)
        for step, day in enumerate(every)
    )
    expected = next((each for each in one.next_days if each.said.day > today), None)
    sentence = f"Calls a day over {back} days" + (
        f"; {expected.said.expected:,.0f} expected on {expected.said.day:%Y-%m-%d}, "
        f"between {expected.said.low:,} and {expected.said.high:,} with 90% probability."
        if expected
        else "; a forecast needs three whole days."
    )
    return DayDrawing(
        bars=bars,
        across=tuple(Tick(bar.centre, f"{bar.day:%b} {bar.day.day}") for bar in bars if bar.day.weekday() == 0),
        up=_scale(top),
        sentence=sentence,
    )


def _day(  # noqa: PLR0913 - each by name
    day: date, count: int, said: Scored | None, *, place: int, pitch: float, top: int, today: date
) -> DayBar:
    y = _place(count, top)
    outside = said is not None and said.came is not None and not said.said.low <= said.came <= said.said.high
    words = f"{day:%a %Y-%m-%d}"
    if day <= today:
        words += f": {count:,} calls" + (" so far" if day == today else "")
    if said is not None:
        words += f"; said {said.said.expected:,.0f} ({said.said.low:,} to {said.said.high:,})"
    return DayBar(
        day=day,
        x=round(LEFT + place * pitch + pitch * 0.15, 1),
        width=round(pitch * 0.7, 1),
        y=y,
        height=round(HEIGHT - BOTTOM - y, 1),
        low=_place(said.said.low, top) if said else None,
        high=_place(said.said.high, top) if said else None,
        expected=_place(said.said.expected, top) if said else None,
        centre=round(LEFT + (place + 0.5) * pitch, 1),
        outside=outside,
        says=words,
    )
