"""Part 4: the call-path graph of all tracebacks together, as a table of nodes and edges and drawn on paper. Pure.

Calls flow down the page: the source side on top, who delivered the calls at the bottom. A place is a provider at its
distance from the called party, so a provider that stood at two distances is drawn twice.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from reportlab.graphics.shapes import Drawing, Line, Polygon, Rect, String
from reportlab.lib import colors

from headwater.evidence.material import Material
from headwater.evidence.parts import paper
from headwater.evidence.parts.bates import Bates
from headwater.typeface import REGULAR, shown

#: Providers drawn side by side at one distance; the table has all.
MOST_ABREAST = 5
#: Points: from one distance to the next, a box, and the height that one page has left for all of them.
_ROW, _BOX, _WIDE, _TALLEST = 84, 44, 84, 490
_INK, _LINE = colors.HexColor("#1b1b1b"), colors.HexColor("#565c65")
_FILLS = {
    "ORIGINATED": colors.HexColor("#f8dfe2"),
    "UPSTREAM_FOREIGN": colors.HexColor("#faf3d1"),
    "": colors.HexColor("#ffffff"),
}
_PASSED = colors.HexColor("#e7f2f5")

_Place = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The paths of all tracebacks, added up."""

    nodes: tuple[dict[str, Any], ...]
    edges: tuple[dict[str, Any], ...]


def graph(material: Material) -> Graph:
    """Return the places and the steps between them, each with its number of traced calls.

    An edge goes from the upstream to the downstream, as the calls did, and is there only where the downstream's answer
    names the upstream.
    """
    places: dict[_Place, dict[str, Any]] = {}
    answers: dict[_Place, Counter[str]] = defaultdict(Counter)
    steps: Counter[tuple[_Place, _Place]] = Counter()
    for row in material.path:
        place = (int(row["hop"]), row["provider_spc"])
        places.setdefault(place, {"name": row["provider"], "country": row.get("country", "")})
        answers[place][row["answer"]] += 1
        if upstream := row["upstream_spc"]:
            named = (place[0] + 1, upstream)
            places.setdefault(named, {"name": row["upstream"], "country": ""})
            steps[named, place] += 1
    nodes = tuple(
        {
            "hop": place[0],
            "provider": places[place]["name"],
            "provider_spc": place[1],
            "country": places[place]["country"],
            "tracebacks": answers[place].total(),
            "answers": dict(sorted(answers[place].items())),
        }
        for place in sorted(places)
    )
    edges = tuple(
        {"from_hop": a[0], "from_spc": a[1], "to_hop": b[0], "to_spc": b[1], "tracebacks": count}
        for (a, b), count in sorted(steps.items())
    )
    return Graph(nodes=nodes, edges=edges)


def octets(material: Material, bates: Bates) -> bytes:
    """Return the graph drawn as a PDF of one page."""
    found = graph(material)
    story: list[Any] = [
        paper.title("Paths of the traced calls"),
        paper.paragraph(
            f"All {len(material.tracebacks):,} tracebacks together. Calls flow down: each arrow is a call that the "
            "lower provider states it received from the upper one, with the number of traced calls beside it."
        ),
        _drawing(found) if found.nodes else paper.paragraph("No call in the scope was traced."),
        paper.note(
            "Red: states that its customer placed the call. Yellow: states that it took the call from abroad. Blue: "
            "passed it on. White: has not answered for the call; being named shows nothing but that. All places and "
            "steps, also those that do not fit here, are in call-path.json."
        ),
    ]
    footer = f"Headwater package {material.matter.package_id}, call-path graph"
    header = f"EVIDENCE PACKAGE {material.matter.package_id}. Path data."
    margins = paper.Margins(header=header, footer=footer)
    return paper.pdf(
        story,
        name="Call-path graph",
        margins=margins,
        bates=bates,
        at=material.sealed_at,
    )


def _drawing(found: Graph) -> Drawing:
    layers: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for node in sorted(found.nodes, key=lambda node: (-node["tracebacks"], node["provider_spc"])):
        layers[node["hop"]].append(node)
    depth = max(layers)
    height = min(depth * _ROW, _TALLEST)
    step = height / depth
    box = min(_BOX, step * 0.6)
    drawing = Drawing(paper.WIDTH, height + 6)
    at: dict[_Place, tuple[float, float]] = {}
    for hop, nodes in layers.items():
        shown = nodes[:MOST_ABREAST]
        for index, node in enumerate(shown):
            at[hop, node["provider_spc"]] = (paper.WIDTH * (index + 0.5) / len(shown), (hop - 1) * step + box / 2 + 2)
        if len(nodes) > len(shown):
            more = f"and {len(nodes) - len(shown)} more at this distance"
            drawing.add(
                _text(
                    paper.WIDTH - 4,
                    (hop - 1) * step,
                    more,
                    fontSize=7,
                    textAnchor="end",
                    fillColor=_LINE,
                )
            )
    for edge in found.edges:
        ends = at.get((edge["from_hop"], edge["from_spc"])), at.get((edge["to_hop"], edge["to_spc"]))
        if ends[0] and ends[1]:
            _arrow(drawing, ends[0], ends[1], box, edge["tracebacks"])
    for nodes in layers.values():
        for node in nodes[:MOST_ABREAST]:
            _box(drawing, node, at[node["hop"], node["provider_spc"]], box)
    return drawing


def _text(x: float, y: float, text: str, **looks: Any) -> String:
    return String(x, y, text, fontName=REGULAR, **looks)


def _arrow(drawing: Drawing, upper: tuple[float, float], lower: tuple[float, float], box: float, count: int) -> None:
    x1, y1, x2, y2 = upper[0], upper[1] - box / 2, lower[0], lower[1] + box / 2
    drawing.add(Line(x1, y1, x2, y2 + 5, strokeColor=_LINE, strokeWidth=min(0.6 + count * 0.15, 3)))
    drawing.add(Polygon([x2 - 3, y2 + 6, x2 + 3, y2 + 6, x2, y2], fillColor=_LINE, strokeColor=_LINE))
    drawing.add(_text((x1 + x2) / 2 + 5, (y1 + y2) / 2, f"{count:,}", fontSize=8, fillColor=_INK))


def _box(drawing: Drawing, node: dict[str, Any], at: tuple[float, float], box: float) -> None:
    said = {answer for answer in node["answers"] if answer}
    marked = next((answer for answer in ("ORIGINATED", "UPSTREAM_FOREIGN") if answer in said), "")
    fill = _FILLS[marked] if marked or not said else _PASSED
    x, y = at
    drawing.add(
        Rect(x - _WIDE / 2, y - box / 2, _WIDE, box, fillColor=fill, strokeColor=_INK, strokeWidth=0.7, rx=3, ry=3)
    )
    name = shown(str(node["provider"]))
    short = name if len(name) <= 18 else name[:17] + "\u2026"
    asked = f"asked for {node['tracebacks']:,}" if node["tracebacks"] else "not asked"
    lines = ((short, 8.5), (f"{node['provider_spc']}, hop {node['hop']}", 7.5), (asked, 7))
    # Where many distances share the page, a box has room for fewer lines.
    fitting = lines[: max(1, int(box // 11))]
    for line, (text, size) in enumerate(fitting):
        base = y + (len(fitting) - 1) * 5.5 - line * 11 - 2.5
        drawing.add(_text(x, base, text, fontSize=size, textAnchor="middle", fillColor=_INK))
