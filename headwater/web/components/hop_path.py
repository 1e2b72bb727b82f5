"""The path of one traceback as a drawing: the called party first, each provider further upstream after it.

Server-rendered SVG with presentation attributes alone: the same drawing on the screen, on paper and in a document.
State is word, shape and colour. The table beneath every drawing is the caller's.
"""

from dataclasses import dataclass
from xml.sax.saxutils import escape

from headwater.tracebacks.queries import HopView, TracebackView
from headwater.tracebacks.states import Grade, HopKind, HopRole
from headwater.web.components.moments import span
from headwater.web.components.status import Tone, status

#: Stations side by side (called party, five hops, what lies beyond); a longer path runs downwards.
ACROSS = 7
_WIDTH, _HEIGHT, _GAP, _MARGIN = 164, 108, 36, 6
_NAME, _LINE = 20, 24
"""Characters that fit a station: of its name, and of a smaller line."""

#: Text and frame colour of each tone: at least 4.5:1 on white and on the station's ground.
_INK = {
    Tone.ALARM: "#a80d0d",
    Tone.WAIT: "#6b4f00",
    Tone.GOOD: "#1b5e20",
    Tone.INFO: "#1a4480",
    Tone.ENDED: "#3d4551",
}
_GROUND = {
    Tone.ALARM: "#fdf1ef",
    Tone.WAIT: "#fdf7e3",
    Tone.GOOD: "#eef6ee",
    Tone.INFO: "#eef3fa",
    Tone.ENDED: "#f2f3f4",
}
_SHAPES = {
    Tone.ALARM: '<path d="M5 .5 9.8 9.5 .2 9.5Z" fill="{ink}"/>',
    Tone.WAIT: '<circle cx="5" cy="5" r="3.9" fill="none" stroke="{ink}" stroke-width="1.8"/>',
    Tone.GOOD: '<path d="M1 5.4 3.8 8.4 9 1.8" fill="none" stroke="{ink}" stroke-width="2"/>',
    Tone.INFO: '<circle cx="5" cy="5" r="3.9" fill="{ink}"/>',
    Tone.ENDED: '<path d="M1 1H9V9H1Z" fill="{ink}"/>',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One box of the drawing."""

    name: str
    lines: tuple[str, ...]
    """Up to three short lines beneath the name."""
    word: str = ""
    """The status in words; "" draws no status."""
    tone: Tone = Tone.INFO
    known: bool = True
    """False draws a broken frame: named or awaited, not proven."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A path ready to be shown: the SVG, and in one sentence what it shows."""

    svg: str
    finding: str


def of(view: TracebackView) -> Drawing:
    """Draw the path of ``view``."""
    called = Station(name="Called party", lines=(view.called_masked, view.called_state), tone=Tone.INFO)
    stations = [called, *(_hop(hop) for hop in view.path), *_beyond(view)]
    finding = view.outcome or _so_far(view)
    words = "; then ".join(
        ", ".join(filter(None, (station.name, *station.lines, station.word))) for station in stations
    )
    return Drawing(svg=draw(stations, title=f"Path of {view.id}", description=f"{finding} {words}."), finding=finding)


def draw(stations: list[Station], *, title: str, description: str) -> str:
    """Return the SVG of ``stations``, the called party's side first. Every text is escaped."""
    across = len(stations) <= ACROSS
    count = len(stations)
    width = 2 * _MARGIN + (count * _WIDTH + (count - 1) * _GAP if across else _WIDTH)
    height = 2 * _MARGIN + (_HEIGHT if across else count * _HEIGHT + (count - 1) * _GAP)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="hw-path" role="img" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="Public Sans, Source Sans Pro, Arial, sans-serif">'
        ),
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>",
    ]
    for place, station in enumerate(stations):
        x = _MARGIN + (place * (_WIDTH + _GAP) if across else 0)
        y = _MARGIN + (0 if across else place * (_HEIGHT + _GAP))
        if place:
            parts.append(_arrow(x, y, across=across, known=station.known))
        parts.append(_box(station, x, y))
    return "".join(parts) + "</svg>"


def _arrow(x: int, y: int, *, across: bool, known: bool) -> str:
    """Draw the hand-over of the call: it came from the later station, so the head points to the earlier one."""
    dash = "" if known else ' stroke-dasharray="4 4"'
    if across:
        middle = y + _HEIGHT // 2
        line = f'<path d="M{x - 2} {middle}H{x - _GAP + 10}"{dash}'
        head = f'<path d="M{x - _GAP + 3} {middle}l9 -5v10z"'
    else:
        middle = x + _WIDTH // 2
        line = f'<path d="M{middle} {y - 2}V{y - _GAP + 10}"{dash}'
        head = f'<path d="M{middle} {y - _GAP + 3}l-5 9h10z"'
    return f'{line} stroke="#3d4551" stroke-width="2" fill="none"/>{head} fill="#3d4551"/>'


def _box(station: Station, x: int, y: int) -> str:
    ink, ground = _INK[station.tone], _GROUND[station.tone]
    dash = "" if station.known else ' stroke-dasharray="5 4"'
    parts = [
        f'<g transform="translate({x} {y})"><title>{escape(station.name)}</title>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="4" fill="{ground}" stroke="{ink}" stroke-width="1.5"{dash}/>',
        f'<text x="10" y="22" font-size="14" font-weight="700" fill="#1b1b1b">{_fitting(station.name, _NAME)}</text>',
    ]
    parts += [
        f'<text x="10" y="{41 + 17 * row}" font-size="12.5" fill="#3d4551">{_fitting(line, _LINE)}</text>'
        for row, line in enumerate(line for line in station.lines[:3] if line)
    ]
    if station.word:
        shape = _SHAPES[station.tone].format(ink=ink)
        parts.append(
            f'<g transform="translate(10 {_HEIGHT - 19})">{shape}</g>'
            f'<text x="26" y="{_HEIGHT - 10}" font-size="12.5" font-weight="600" fill="{ink}">'
            f"{_fitting(station.word, _LINE)}</text>"
        )
    return "".join(parts) + "</g>"


def _fitting(text: str, most: int) -> str:
    return escape(text if len(text) <= most else text[: most - 1].rstrip() + "…")


#: What a provider that does not lead on has said.
_WITHOUT = {
    "RECORD_NOT_FOUND": "found no record",
    "RECORD_EXPIRED": "keeps no record so long",
    "NOT_OURS": "denies the call",
    "DECLINED": "declined",
}


def _hop(hop: HopView) -> Station:
    shown = status(hop.state.value)
    took = f"answered in {span(hop.took)}" if hop.took is not None else ""
    role = hop.role.label if hop.role is not HopRole.GATEWAY else "Gateway into the U.S."
    return Station(
        name=hop.provider.name,
        lines=(
            f"{role} · {hop.provider.spc}" if hop.role is not HopRole.UNKNOWN else hop.provider.spc,
            took,
            "found by its own record" if hop.kind is HopKind.BRIDGE else _WITHOUT.get(hop.answer_code, ""),
        ),
        word=shown.word,
        tone=shown.tone,
    )


def _beyond(view: TracebackView) -> list[Station]:
    """What lies upstream of the last provider that was asked, as far as the grade lets it be drawn."""
    if not view.path:
        return []
    tip = view.path[-1]
    if view.grade in (Grade.ORIGIN_CONFIRMED, Grade.ORIGIN_STATED, Grade.ON_NET):
        return [Station(name="Its customer", lines=("Identity needs legal", "process"), known=False)]
    if tip.upstream is not None and tip.upstream.name + tip.upstream.spc:
        where = "foreign provider" if view.grade is Grade.ENTRY_CONFIRMED else "named, not asked"
        lines = (f"{tip.upstream.country} · {where}", tip.upstream.spc)
        return [Station(name=tip.upstream.name or tip.upstream.spc, lines=lines, known=False)]
    if view.is_open:
        return [Station(name="Not known yet", lines=(f"{tip.provider.name} is asked",), known=False)]
    return [Station(name="Not known", lines=(), known=False, tone=Tone.ENDED)]


def _so_far(view: TracebackView) -> str:
    waiting = view.waiting
    if waiting is None:
        return "Nothing is proven yet."
    hops = len(view.path) - 1
    proven = f"{hops} hop{'s' if hops != 1 else ''} answered; " if hops else ""
    return f"{proven}{waiting.provider.name} is asked now."
