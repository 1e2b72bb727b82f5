"""The timeline of a case in lanes, drawn on the server as SVG; the table beneath says the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from headwater.cases.states import Lane, Precision
from headwater.cases.timeline import Moment
from headwater.web.components.bars import Tick

WIDTH, LEFT, RIGHT, TOP, ROW, FOOT = 960, 104, 16, 8, 34, 24
#: Least width of a mark, so that it can be seen and pointed at.
SMALLEST = 5.0
_MARKS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One moment: as wide as it is uncertain, its shape by its precision."""

    x: float
    y: int
    width: float
    precision: Precision
    says: str

    @property
    def middle(self) -> float:
        """Where its point stands, of an exact one."""
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One lane."""

    label: str
    y: int
    base: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The whole drawing, in its own units."""

    rows: tuple[Row, ...]
    marks: tuple[Mark, ...]
    across: tuple[Tick, ...]
    sentence: str
    width: int
    height: int
    left: int
    end: int
    base: int


def drawn(moments: Sequence[Moment], lanes: Sequence[Lane] = tuple(Lane)) -> Drawing:
    """Draw ``moments`` in ``lanes``, over the time from the first to the last."""
    start = min((one.at for one in moments), default=None)
    end = max((one.until for one in moments), default=None)
    span = max((end - start) if start and end else timedelta(0), timedelta(minutes=1))
    across = WIDTH - LEFT - RIGHT
    place = {lane: TOP + number * ROW for number, lane in enumerate(lanes)}
    marks = []
    for one in moments:
        if start is None or one.lane not in place:
            continue
        x = LEFT + (one.at - start) / span * across
        width = max((one.until - one.at) / span * across, SMALLEST)
        marks.append(
            Mark(
                x=round(min(x, LEFT + across - width), 1),
                y=place[one.lane] + ROW // 2,
                width=round(width, 1),
                precision=one.precision,
                says=f"{one.spoken} {one.lane.label}: {one.what}",
            )
        )
    counted = {lane: sum(one.lane is lane for one in moments) for lane in lanes}
    return Drawing(
        rows=tuple(
            Row(label=lane.label, y=place[lane] + ROW // 2, base=place[lane] + ROW, count=counted[lane])
            for lane in lanes
        ),
        marks=tuple(marks),
        across=_ticks(start, span) if start else (),
        sentence=_sentence(moments, counted),
        width=WIDTH,
        height=TOP + ROW * len(lanes) + FOOT,
        left=LEFT,
        end=WIDTH - RIGHT,
        base=TOP + ROW * len(lanes),
    )


def _ticks(start: datetime, span: timedelta) -> tuple[Tick, ...]:
    form = "%b %d, %Y" if span > timedelta(days=6) else "%b %d %H:%M" if span > timedelta(hours=12) else "%H:%M:%S"
    across = WIDTH - LEFT - RIGHT
    return tuple(
        Tick(round(LEFT + across * step / _MARKS, 1), (start + span * step / _MARKS).strftime(form))
        for step in range(_MARKS + 1)
    )


def _sentence(moments: Sequence[Moment], counted: dict[Lane, int]) -> str:
    if not moments:
        return "Nothing has a time yet"
    lanes = ", ".join(f"{lane.label.lower()} {count}" for lane, count in counted.items() if count)
    return f"{len(moments)} moments from {moments[0].spoken} to {moments[-1].spoken}: {lanes}"
