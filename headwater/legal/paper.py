"""Letters as PDF: one column on letter paper. The same letter gives the same octets: no time enters but its own.

Every text from outside is escaped: reportlab reads markup in paragraphs, and a provider's or officer's name must not
become a tag.
"""

import io
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import letter as paper_size
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import inch
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from headwater.legal.letters import Letter
from headwater.typeface import BOLD, REGULAR, faces, shown

faces()

_INK, _SOFT = colors.HexColor("#1b1b1b"), colors.HexColor("#565c65")
_BODY = ParagraphStyle("body", fontName=REGULAR, fontSize=11, leading=14.5, textColor=_INK, spaceAfter=8)
_TITLE = ParagraphStyle("title", parent=_BODY, fontName=BOLD, fontSize=17, leading=21, spaceAfter=10)
_NAME = ParagraphStyle("name", parent=_BODY, fontSize=9.5, leading=12, textColor=_SOFT, spaceAfter=0)
_VALUE = ParagraphStyle("value", parent=_BODY, fontSize=9.5, leading=12, spaceAfter=0, splitLongWords=1)


def pdf(written: Letter, *, process: str) -> bytes:
    """Return ``written`` as a PDF."""
    out = io.BytesIO()

    def frame(canvas: Canvas, document: Any) -> None:
        canvas.saveState()
        canvas.setFont(REGULAR, 8.5)
        canvas.setFillColor(_SOFT)
        canvas.drawString(inch, paper_size[1] - 0.6 * inch, f"Headwater \u00b7 legal process {process}")
        canvas.drawRightString(paper_size[0] - inch, 0.6 * inch, f"page {document.page}")
        canvas.restoreState()

    document = SimpleDocTemplate(
        out,
        pagesize=paper_size,
        leftMargin=inch,
        rightMargin=inch,
        topMargin=inch,
        bottomMargin=inch,
        title=f"{written.title} {process}",
        author="Headwater",
        invariant=1,
        initialFontName=REGULAR,
    )
    facts = Table(
        [[Paragraph(_plain(name), _NAME), Paragraph(_plain(value), _VALUE)] for name, value in written.facts],
        colWidths=[1.35 * inch, paper_size[0] - 3.35 * inch - 12],
        style=TableStyle(
            [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.HexColor("#dcdee0"))]
        ),
    )
    body = [Paragraph(_plain(part), _BODY) for text in written.paragraphs for part in text.splitlines() if part.strip()]
    document.build(
        [Paragraph(_plain(written.title), _TITLE), facts, Spacer(1, 14), *body], onFirstPage=frame, onLaterPages=frame
    )
    return out.getvalue()


def _plain(text: str) -> str:
    """Return ``text`` as the faces can set it, its markup escaped."""
    return escape(shown(text))
