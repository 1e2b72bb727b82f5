"""A map of the states as tiles of one size, drawn on the server as SVG: a small state is seen as well as a large one.

Each tile says its code and its count in words, is a link, and its shade is one of five steps whose bounds stand beside
it: colour is never the only sign. A table beneath says the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from headwater.numbering.places import PLACES

SIDE: Final = 56
GAP: Final = 4
STEPS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One state."""

    code: str
    count: str
    x: int
    y: int
    step: int
    """0 for none, else 1 (fewest) to 5 (most)."""
    says: str
    path: str
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TileMap:
    """The whole drawing."""

    tiles: tuple[Tile, ...]
    bounds: tuple[str, ...]
    """What each step stands for, the lowest first."""
    sentence: str
    width: int
    height: int
    side: int = SIDE


def tile_map(
    counts: Mapping[str, int],
    *,
    what: str,
    link: Callable[[str], str],
    own: frozenset[str] = frozenset(),
    few: frozenset[str] = frozenset(),
) -> TileMap:
    """Draw calls by state, shaded by calls for each million residents.

    Args:
        counts: State -> calls.
        what: What is counted, for the sentences.
        link: The address that a tile leads to; "" for none.
        own: States to mark as the reader's own.
        few: States whose counts are too small to be told.
    """
    rates = {code: counts.get(code, 0) * 1e6 / place.residents for code, place in PLACES.items()}
    edges = _edges([rate for rate in rates.values() if rate > 0])
    tiles = tuple(
        Tile(
            code=code,
            count="few" if code in few else _short(counts.get(code, 0)),
            x=place.column * (SIDE + GAP),
            y=place.row * (SIDE + GAP),
            step=_step(rates[code], edges),
            # Begins with what is read in the tile, so that it can be called by that.
            says=(
                f"{code} few {what}, {place.name}: too few to be told"
                if code in few
                else f"{code} {_short(counts.get(code, 0))} {what}, {place.name}: {rates[code]:.2f} a million residents"
            ),
            path=link(code),
            own=code in own,
        )
        for code, place in PLACES.items()
    )
    most = max(counts, key=lambda code: rates.get(code, 0.0), default="")
    hit = sum(1 for code in PLACES if counts.get(code))
    sentence = f"{what.capitalize()} in {hit} states and territories"
    if most in PLACES:
        sentence += f"; most for its residents in {PLACES[most].name}, {rates[most]:.2f} a million"
    return TileMap(
        tiles=tiles,
        bounds=_words(edges),
        sentence=sentence + ".",
        width=11 * (SIDE + GAP) - GAP,
        height=9 * (SIDE + GAP) - GAP,
    )


def _edges(rates: list[float]) -> tuple[float, ...]:
    """Return the upper bounds of the steps but the last: equal shares of the states that were called."""
    if not rates:
        return ()
    ordered = sorted(rates)
    edges = {ordered[min(len(ordered) - 1, len(ordered) * step // STEPS)] for step in range(1, STEPS)}
    return tuple(sorted(edges))


def _step(rate: float, edges: tuple[float, ...]) -> int:
    if rate <= 0:
        return 0
    return 1 + sum(rate >= edge for edge in edges) if edges else 1


def _words(edges: tuple[float, ...]) -> tuple[str, ...]:
    if not edges:
        return ()
    ends = [f"{edge:.2g}" if edge < 100 else f"{edge:,.0f}" for edge in edges]
    return (f"under {ends[0]}", *(f"{low} to {high}" for low, high in pairwise(ends)),
            f"{ends[-1]} and more")  # fmt: skip


def _short(count: int) -> str:
    if count < 10_000:
        return f"{count:,}" if count else "0"
    return f"{count / 1000:.0f}k" if count < 1_000_000 else f"{count / 1e6:.1f}M"
