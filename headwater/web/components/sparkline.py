"""A sparkline drawn on the server: one bar a step, as SVG rectangles. The same drawing serves screen and print."""

from collections.abc import Sequence
from dataclasses import dataclass

BAR, GAP, HEIGHT = 4, 1, 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One step's bar, in the drawing's own units."""

    x: int
    y: float
    width: int
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline:
    """A small drawing of counts over time, with the sentence that says the same."""

    bars: tuple[Bar, ...]
    width: int
    height: int
    sentence: str


def sparkline(counts: Sequence[int], *, what: str) -> Sparkline:
    """Draw ``counts``, oldest first, scaled to the highest of them. ``what`` names them in the sentence."""
    highest = max(counts, default=0)
    bars = []
    for step, count in enumerate(counts):
        # A single call must be seen beside a hundred: no bar that stands for something is lower than 2 units.
        height = max(2.0, round(HEIGHT * count / highest, 1)) if count else 0.0
        if height:
            bars.append(Bar(x=step * (BAR + GAP), y=HEIGHT - height, width=BAR, height=height))
    return Sparkline(
        bars=tuple(bars),
        width=len(counts) * (BAR + GAP) - GAP,
        height=HEIGHT,
        sentence=f"{what}: {sum(counts)}, at most {highest} in one step",
    )
