"""A report on paper: PDF, landscape, every page numbered, its faces embedded."""

import io
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import landscape, letter
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import inch
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from headwater.conduct.reports import Report
from headwater.typeface import BOLD, REGULAR, faces, shown

faces()

#: Characters of one cell on paper; CSV and JSON hold the whole.
_LONGEST = 400


def pdf(report: Report) -> bytes:
    """Return the report as PDF octets."""
    out = io.BytesIO()
    styles = getSampleStyleSheet()
    title = styles["Heading1"].clone("title", fontName=BOLD)
    body = styles["BodyText"].clone("body", fontName=REGULAR)
    small = body.clone("small", fontSize=6.5, leading=8)
    head = body.clone("head", fontSize=6.5, leading=8, fontName=BOLD)
    story = [
        Paragraph(_plain(report.title), title),
        *(Paragraph(_plain(note), body) for note in report.notes),
        Paragraph(f"Made {report.made_at:%Y-%m-%d %H:%M} UTC. {len(report.rows)} rows.", body),
        Spacer(1, 0.15 * inch),
    ]
    table = [[Paragraph(_plain(name.replace("_", " ")), head) for name in report.columns]]
    table += [[Paragraph(_plain(value[:_LONGEST]), small) for value in row] for row in report.rows]
    width = (landscape(letter)[0] - inch) / len(report.columns)
    grid = LongTable(table, colWidths=[width] * len(report.columns), repeatRows=1)
    grid.setStyle(
        TableStyle(
            [
                ("GRID", (0, 0), (-1, -1), 0.25, colors.HexColor("#a9aeb1")),
                ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#f0f0f0")),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        )
    )
    paper = SimpleDocTemplate(
        out,
        pagesize=landscape(letter),
        title=shown(report.title),
        author="Headwater",
        leftMargin=0.5 * inch,
        rightMargin=0.5 * inch,
        topMargin=0.5 * inch,
        bottomMargin=0.6 * inch,
    )
    paper.build([*story, grid], onFirstPage=_numbered, onLaterPages=_numbered)
    return out.getvalue()


def _plain(text: str) -> str:
    return escape(shown(text))


def _numbered(canvas: Canvas, _document: SimpleDocTemplate) -> None:
    canvas.setFont(REGULAR, 7)
    canvas.drawRightString(landscape(letter)[0] - 0.5 * inch, 0.35 * inch, f"Page {canvas.getPageNumber()}")
