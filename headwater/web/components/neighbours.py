"""One provider between its neighbours as a drawing: upstreams on the left, downstreams on the right.

Server-rendered SVG with presentation attributes alone. A full line is a hand-over that both records show, a broken one
a hand-over that one side alone states; its width grows with the traced calls. The table beneath holds every figure.
"""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from headwater.conduct.graph import Edge, Graph
from headwater.conduct.values import Neighbour

#: Neighbours that one side of the drawing shows; the table has all.
MOST = 8
_WIDTH, _HEIGHT, _GAP, _MARGIN, _BETWEEN = 230, 46, 14, 8, 150
_NAME = 26
_INK, _GROUND, _OWN = "#3d4551", "#f7f9fa", "#e7f2f5"


def draw(graph: Graph, provider_id: str, title: str) -> str:
    """Return the SVG of the neighbours of one provider; "" where it has none. Every text is escaped."""
    above = [edge for edge in graph.edges if edge.downstream.id == provider_id]
    below = [edge for edge in graph.edges if edge.upstream.id == provider_id]
    if not above and not below:
        return ""
    rows = max(min(len(above), MOST), min(len(below), MOST), 1)
    height = 2 * _MARGIN + rows * _HEIGHT + (rows - 1) * _GAP + 22
    width = 2 * _MARGIN + 3 * _WIDTH + 2 * _BETWEEN
    middle_y = _MARGIN + 22 + (rows * _HEIGHT + (rows - 1) * _GAP - _HEIGHT) / 2
    centre = _MARGIN + _WIDTH + _BETWEEN
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="hw-path" role="img" viewBox="0 0 {width} {height:g}" '
            f'width="{width}" height="{height:g}" font-family="Public Sans, Source Sans Pro, Arial, sans-serif">'
            f"<title>{escape(title)}</title><desc>{escape(_words(above, below))}</desc>"
        ),
        _label(_MARGIN, "Hands calls to it"),
        _label(centre, "This provider"),
        _label(centre + _WIDTH + _BETWEEN, "Takes calls from it"),
    ]
    for place, edge in enumerate(above[:MOST]):
        y = _place(place, min(len(above), MOST), rows)
        parts.append(_line(_MARGIN + _WIDTH, y + _HEIGHT / 2, centre, middle_y + _HEIGHT / 2, edge))
        parts.append(_box(_MARGIN, y, edge.upstream, _count(edge), _GROUND))
    for place, edge in enumerate(below[:MOST]):
        y = _place(place, min(len(below), MOST), rows)
        right = centre + _WIDTH + _BETWEEN
        parts.append(_line(centre + _WIDTH, middle_y + _HEIGHT / 2, right, y + _HEIGHT / 2, edge))
        parts.append(_box(right, y, edge.downstream, _count(edge), _GROUND))
    own = above[0].downstream if above else below[0].upstream
    passed = len({one for edge in (*above, *below) for one in edge.traceback_ids})
    parts.append(_box(centre, middle_y, own, f"{passed} traced call{'s' if passed != 1 else ''}", _OWN))
    return "".join(parts) + "</svg>"


def _place(place: int, count: int, rows: int) -> float:
    free = (rows - count) * (_HEIGHT + _GAP) / 2
    return _MARGIN + 22 + free + place * (_HEIGHT + _GAP)


def _label(x: float, text: str) -> str:
    return f'<text x="{x:g}" y="{_MARGIN + 10}" font-size="12.5" font-weight="600" fill="{_INK}">{text}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, edge: Edge) -> str:
    dash = "" if edge.proven else ' stroke-dasharray="5 4"'
    width = min(7.0, 1.2 + 0.8 * edge.calls)
    bend = (x1 + x2) / 2
    return (
        f'<path d="M{x1:g} {y1:g}C{bend:g} {y1:g} {bend:g} {y2:g} {x2 - 9:g} {y2:g}" fill="none" stroke="{_INK}" '
        f'stroke-width="{width:g}"{dash}/><path d="M{x2:g} {y2:g}l-9 -5v10z" fill="{_INK}"/>'
    )


def _count(edge: Edge) -> str:
    campaigns = len(edge.campaigns)
    return (
        f"{edge.calls} call{'s' if edge.calls != 1 else ''}, {campaigns} campaign{'s' if campaigns != 1 else ''}"
        f"{', repeat pair' if edge.repeats else ''}"
    )


def _box(x: float, y: float, provider: Neighbour, line: str, ground: str) -> str:
    name = provider.name or provider.spc
    shown = name if len(name) <= _NAME else name[: _NAME - 1].rstrip() + "…"
    abroad = f" ({provider.country})" if provider.country != "US" else ""
    return (
        f'<g transform="translate({x:g} {y:g})"><title>{escape(name)}</title>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="4" fill="{ground}" stroke="{_INK}" stroke-width="1.2"/>'
        f'<text x="10" y="19" font-size="13.5" font-weight="700" fill="#1b1b1b">{escape(shown + abroad)}</text>'
        f'<text x="10" y="36" font-size="12" fill="{_INK}">{escape(line)}</text></g>'
    )


def _words(above: Sequence[Edge], below: Sequence[Edge]) -> str:
    up = "; ".join(f"{edge.upstream.name or edge.upstream.spc}, {_count(edge)}" for edge in above)
    down = "; ".join(f"{edge.downstream.name or edge.downstream.spc}, {_count(edge)}" for edge in below)
    return f"Hands calls to it: {up or 'nobody known'}. Takes calls from it: {down or 'nobody known'}."
