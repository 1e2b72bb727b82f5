"""Stacked bars over time, drawn on the server as SVG: one drawing for screen and print, with its figures beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 960, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 20, 10, 22
#: Steps between the horizontal lines, at least.
LINES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One series' part of one bar, in the drawing's own units."""

    series: str
    x: float
    y: float
    width: float
    height: float
    says: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A drawing of stacked bars."""

    pieces: tuple[Piece, ...]
    across: tuple[Tick, ...]
    """Marks of the time axis."""
    up: tuple[Tick, ...]
    """Marks of the count axis, with lines."""
    sentence: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    base: int = HEIGHT - BOTTOM
    end: int = WIDTH - RIGHT
    unfinished: float | None = None
    """Where the last bar begins, whose minute is not over."""


def bars(
    labels: Sequence[str],
    counts: Mapping[str, Sequence[int]],
    *,
    sentence: str,
    every: int,
    last_is_unfinished: bool,
) -> Bars:
    """Draw ``counts`` (series -> one count a label), stacked in the order of the series.

    Args:
        labels: What each step is called, oldest first.
        counts: The figures.
        sentence: What the drawing says, for those who do not see it.
        every: A mark of the time axis stands at each step whose number counted from the end is a multiple of it.
        last_is_unfinished: Whether the newest step is still being counted.
    """
    steps = len(labels)
    totals = [sum(series[step] for series in counts.values()) for step in range(steps)]
    top = nice_top(max(totals, default=0))
    across, down = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    pitch = across / max(steps, 1)
    pieces: list[Piece] = []
    for step, label in enumerate(labels):
        base = float(HEIGHT - BOTTOM)
        for name, series in counts.items():
            if not series[step]:
                continue
            height = series[step] / top * down
            base -= height
            pieces.append(
                Piece(
                    series=name,
                    x=round(LEFT + step * pitch + pitch * 0.12, 1),
                    y=round(base, 1),
                    width=round(pitch * 0.76, 1),
                    height=round(max(height, 0.5), 1),
                    says=f"{label} {name}: {series[step]}",
                )
            )
    return Bars(
        pieces=tuple(pieces),
        across=tuple(
            Tick(round(LEFT + (step + 0.5) * pitch, 1), label)
            for step, label in enumerate(labels)
            if (steps - 1 - step) % every == 0
        ),
        up=tuple(
            Tick(round(HEIGHT - BOTTOM - down * line / LINES, 1), f"{top * line // LINES:,}")
            for line in range(1, LINES + 1)
        ),
        sentence=sentence,
        unfinished=round(LEFT + (steps - 1) * pitch, 1) if last_is_unfinished and steps else None,
    )


def nice_top(highest: int) -> int:
    """Return the upper end of the axis: 4, 8, 20, 40, 80, 200 …, so that all four lines are whole numbers."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor * LINES >= highest:
                return step * factor * LINES
        step *= 10
