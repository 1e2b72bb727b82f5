"""The subpoena that a demo's officer serves: a real PDF with invented content that says so."""

import io
from datetime import date

from reportlab.lib.pagesizes import LETTER
from reportlab.pdfgen.canvas import Canvas

_MARGIN, _LINE = 72, 16


def subpoena(*, agency: str, campaign: str, case_number: str, signed: date) -> bytes:
    """Return the document as PDF octets."""
    sheet = io.BytesIO()
    canvas = Canvas(sheet, pagesize=LETTER, invariant=1)
    canvas.setTitle("Simulated subpoena")
    height = LETTER[1] - _MARGIN
    lines = [
        ("Helvetica-Bold", "SIMULATED: issued by a demonstration, without legal effect"),
        ("Helvetica", ""),
        ("Helvetica-Bold", agency),
        ("Helvetica-Bold", "SUBPOENA DUCES TECUM"),
        ("Helvetica", f"Matter: {case_number}"),
        ("Helvetica", f"Date: {signed.isoformat()}"),
        ("Helvetica", ""),
        ("Helvetica", "To: the custodian of records of the traceback consortium"),
        ("Helvetica", ""),
        ("Helvetica", "You are commanded to produce, for the robocall campaign named"),
        ("Helvetica-Bold", campaign),
        ("Helvetica", "the path of each traced call from its terminating to its originating provider,"),
        ("Helvetica", "the answers of each provider as received, call examples with their raw octets,"),
        ("Helvetica", "transcripts, and a declaration of the custodian."),
    ]
    for font, text in lines:
        canvas.setFont(font, 11)
        canvas.drawString(_MARGIN, height, text)
        height -= _LINE
    canvas.save()
    return sheet.getvalue()
