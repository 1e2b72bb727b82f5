"""The evidence graph around one campaign, drawn on the server: what its calls have, and who else has it.

Capped and says so: it opens on one campaign and its neighbours, never on the whole network. The table beneath has all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from headwater.campaigns.fusion import Node
from headwater.campaigns.shared import Sharing

WIDTH: Final = 960
ROW: Final = 30
TOP: Final = 20
NODES: Final = 12
_LEFT, _MIDDLE, _RIGHT, _HALF = 90, 440, 800, 150
_CHARACTERS: Final = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One thing, campaign or value."""

    x: int
    y: int
    words: str
    note: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One edge; its strength says how much sharing the thing proves."""

    path: str
    strength: int
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The whole drawing."""

    own: Box
    nodes: tuple[Box, ...]
    others: tuple[Box, ...]
    lines: tuple[Line, ...]
    height: int
    sentence: str
    width: int = WIDTH
    half: int = _HALF


def draw(name: str, nodes: Sequence[Node], others: Sequence[Sharing]) -> Drawing | None:
    """Draw a campaign with what its calls have, those first that other campaigns have too; ``None`` for nothing."""
    if not nodes:
        return None
    chosen = sorted(nodes, key=lambda node: (node.campaigns == 1, -node.weight * node.calls, node.value))[:NODES]
    height = TOP * 2 + ROW * max(len(chosen), len(others), 3)
    own = Box(x=_LEFT, y=height // 2, words=_short(name), note="this campaign")
    middle = {
        (node.kind, node.value): Box(
            x=_MIDDLE,
            y=_at(place, len(chosen), height),
            words=_short(node.value),
            note=f"{node.label}, {node.calls} call{'' if node.calls == 1 else 's'}",
        )
        for place, node in enumerate(chosen)
    }
    weights = {(node.kind, node.value): node.weight for node in chosen}
    lines = [_line(own, box, weights[key], f"{name} has {box.words}") for key, box in middle.items()]
    right = []
    for place, other in enumerate(others):
        box = Box(
            x=_RIGHT,
            y=_at(place, len(others), height),
            words=_short(other.campaign_name),
            note=f"shares {len(other.nodes)}",
            path=other.campaign_id,
        )
        right.append(box)
        lines += [
            _line(middle[key], box, weights[key], f"{other.campaign_name} has {middle[key].words} too")
            for key in other.nodes
            if key in middle
        ]
    return Drawing(
        own=own,
        nodes=tuple(middle.values()),
        others=tuple(right),
        lines=tuple(lines),
        height=height,
        sentence=_sentence(name, len(chosen), len(nodes), len(others)),
    )


def _sentence(name: str, shown: int, all_of_them: int, others: int) -> str:
    who = f"{others} other campaign{' shares' if others == 1 else 's share'} some" if others else "no other shares any"
    return f"{shown} of {all_of_them} things that calls of {name} have; {who}."


def _at(place: int, number: int, height: int) -> int:
    return round(height * (place + 0.5) / number)


def _line(start: Box, end: Box, weight: float, says: str) -> Line:
    first, last = start.x + (_HALF if start.x != _LEFT else 80), end.x - _HALF
    middle = (first + last) // 2
    return Line(
        path=f"M{first} {start.y}C{middle} {start.y} {middle} {end.y} {last} {end.y}",
        strength=max(1, min(3, round(weight / 2.5))),
        says=f"{says} (weight {weight:.1f})",
    )


def _short(text: str) -> str:
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…"
