"""Calls of a campaign over its life with a line at each measure, drawn on the server as SVG."""

from dataclasses import dataclass

from headwater.relief.queries import Chart
from headwater.web.components.bars import Bars, bars
from headwater.web.components.moments import span

#: A mark of the time axis at every so many steps.
_EVERY = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """The bars, and where the measures stand."""

    drawing: Bars
    marks: tuple[float, ...]
    top: int


def before_after(chart: Chart) -> Marked:
    """Draw the calls of ``chart`` with a line at each step in which a measure was taken."""
    days = chart.step * len(chart.counts) >= chart.step.resolution * 86_400_000_000
    form = "%b %d %H:%M" if days else "%H:%M:%S" if chart.step.total_seconds() < 60 else "%H:%M"
    labels = [(chart.start + chart.step * step).strftime(form) for step in range(len(chart.counts))]
    sentence = (
        f"Reported calls in steps of {span(chart.step)}: {sum(chart.counts)} in all, at most "
        f"{max(chart.counts, default=0)} in one step; {len(chart.measures)} steps with a measure"
    )
    drawing = bars(labels, {"report": chart.counts}, sentence=sentence, every=_EVERY, last_is_unfinished=False)
    pitch = (drawing.end - drawing.left) / max(len(chart.counts), 1)
    marks = tuple(round(drawing.left + step * pitch, 1) for step in chart.measures)
    return Marked(drawing=drawing, marks=marks, top=10)
