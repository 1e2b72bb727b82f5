"""How our PDFs look: one column on letter paper, a header that says what the paper is, numbered pages.

Every text from outside goes through ``plain``: reportlab reads markup in paragraphs, and a provider's name must not
become a tag. Nothing but the sealing's own time enters the file, so the same content gives the same octets.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import letter
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import inch
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    KeepTogether,
    LongTable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    TableStyle,
)

from headwater.evidence.parts import archival
from headwater.evidence.parts.bates import Bates
from headwater.typeface import BOLD, ITALIC, REGULAR, faces, shown

faces()

_INK = colors.HexColor("#1b1b1b")
_SOFT = colors.HexColor("#565c65")
_LINE = colors.HexColor("#a9aeb1")
_HEAD = colors.HexColor("#e9edf1")
#: Width of the text in points: a frame keeps 6 points free on each side.
WIDTH = letter[0] - 2 * inch - 12

_BODY = ParagraphStyle("body", fontName=REGULAR, fontSize=10.8, leading=14, textColor=_INK, spaceAfter=5)
_TITLE = ParagraphStyle("title", parent=_BODY, fontName=BOLD, fontSize=16, leading=20, spaceAfter=8)
_HEADING = ParagraphStyle(
    "heading",
    parent=_BODY,
    fontName=BOLD,
    fontSize=12,
    leading=15,
    spaceBefore=10,
    spaceAfter=4,
    keepWithNext=1,
)
_ITEM = ParagraphStyle("item", parent=_BODY, leftIndent=14, bulletIndent=2, spaceAfter=3, bulletFontName=REGULAR)
_QUOTE = ParagraphStyle("quote", parent=_BODY, leftIndent=18, rightIndent=18, fontName=ITALIC)
_CELL = ParagraphStyle(
    "cell", parent=_BODY, fontSize=8.2, leading=10, spaceAfter=0, alignment=TA_LEFT, splitLongWords=1
)
_CELL_HEAD = ParagraphStyle("cellhead", parent=_CELL, fontName=BOLD)
_NOTE = ParagraphStyle("note", parent=_BODY, fontSize=9, leading=11.5, textColor=_SOFT)


def count(number: int, one: str, many: str = "") -> str:
    """Return ``number`` with its noun: ``1 call``, ``2 calls``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def plain(text: object) -> str:
    """Return ``text`` safe for a paragraph: as the faces can set it, its markup escaped."""
    return escape(shown(text))


def title(text: str) -> Any:
    """Return the paper's title."""
    return Paragraph(plain(text), _TITLE)


def heading(text: str) -> Any:
    """Return the heading of a section."""
    return Paragraph(plain(text), _HEADING)


def paragraph(text: str) -> Any:
    """Return one paragraph."""
    return Paragraph(plain(text), _BODY)


def note(text: str) -> Any:
    """Return one paragraph in small grey letters."""
    return Paragraph(plain(text), _NOTE)


def quote(text: str) -> Any:
    """Return quoted words."""
    return Paragraph(plain(text), _QUOTE)


def items(texts: Sequence[str]) -> list[Any]:
    """Return a list with bullets."""
    return [Paragraph(plain(text), _ITEM, bulletText="\u2022") for text in texts]


def together(*parts: Any) -> Any:
    """Return ``parts`` kept on one page where they fit."""
    return KeepTogether(list(parts))


def new_page() -> Any:
    """Return the end of a page."""
    return PageBreak()


def gap(height: float = 8) -> Any:
    """Return empty space of ``height`` points."""
    return Spacer(1, height)


def table(head: Sequence[str], rows: Sequence[Sequence[object]], widths: Sequence[float]) -> Any:
    """Return a table; ``widths`` are shares of the page's width. Its head repeats on each page."""
    total = sum(widths)
    body = [[Paragraph(plain(cell), _CELL) for cell in row] for row in rows]
    made = LongTable(
        [[Paragraph(plain(cell), _CELL_HEAD) for cell in head], *body],
        colWidths=[WIDTH * width / total for width in widths],
        repeatRows=1,
    )
    style = [
        ("GRID", (0, 0), (-1, -1), 0.4, _LINE),
        ("BACKGROUND", (0, 0), (-1, 0), _HEAD),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ]
    made.setStyle(TableStyle(style))
    return made


def facts(pairs: Sequence[tuple[str, object]]) -> Any:
    """Return a table of names and values without a head."""
    body = [[Paragraph(plain(name), _CELL_HEAD), Paragraph(plain(value), _CELL)] for name, value in pairs]
    made = LongTable(body, colWidths=[WIDTH * 0.28, WIDTH * 0.72])
    style = [
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ]
    made.setStyle(TableStyle(style))
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """What stands above and below the text of every page."""

    header: str
    footer: str


class _Pages(Canvas):  # type: ignore[misc]  # reportlab is untyped
    """Draws header and footer once the number of pages is known."""

    margins = Margins(header="", footer="")
    bates = Bates("")
    at = datetime(2000, 1, 1, tzinfo=UTC)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kept: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - reportlab's name
        """Keep the page until all are there."""
        self._kept.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Draw what every page carries, then write the file."""
        archival.finish(self._doc, self.at)
        for number, page in enumerate(self._kept, start=1):
            self.__dict__.update(page)
            self.setFont(BOLD, 9)
            self.setFillColor(_SOFT)
            self.drawString(inch + 6, letter[1] - 0.6 * inch, shown(self.margins.header))
            self.setFont(REGULAR, 9)
            self.drawString(inch + 6, 0.55 * inch, shown(self.margins.footer))
            self.drawRightString(letter[0] - inch - 6, 0.55 * inch, f"Page {number} of {len(self._kept)}")
            self.drawRightString(letter[0] - inch - 6, 0.38 * inch, self.bates.next())
            super().showPage()
        super().save()


def pdf(story: Sequence[Any], *, name: str, margins: Margins, bates: Bates, at: datetime) -> bytes:
    """Return ``story`` as the octets of a PDF/A-1b made at ``at``, the same for the same story.

    Each page takes the next number of ``bates``.
    """
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=letter, leftMargin=inch, rightMargin=inch, topMargin=0.9 * inch, bottomMargin=0.9 * inch,
        title=shown(name), author="Headwater", subject=shown(margins.footer), creator="Headwater", invariant=1,
        pageCompression=1, initialFontName=REGULAR, lang="en-US",
    )  # fmt: skip
    pages = type("Pages", (_Pages,), {"margins": margins, "bates": bates, "at": at})
    document.build(list(story), canvasmaker=pages)
    return archival.written(out.getvalue())
