"""The faces of every paper: Liberation Serif, embedded, and what stands for a letter that they lack. Pure.

They hold Latin, Greek and Cyrillic letters. A letter of another script, or of one that is written from right to left,
which reportlab does not set, stands as its Unicode number: ``[U+4E2D U+6587]``. So no name is lost on paper and no two
names look alike; tables, transcripts and pages hold the letters themselves.
"""

import unicodedata
from functools import cache
from importlib.resources import as_file, files

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR, BOLD, ITALIC = "LiberationSerif", "LiberationSerif-Bold", "LiberationSerif-Italic"
_FILES = {
    REGULAR: "LiberationSerif-Regular.ttf",
    BOLD: "LiberationSerif-Bold.ttf",
    ITALIC: "LiberationSerif-Italic.ttf",
}
#: Directions of characters that are written from right to left, and marks that turn the direction of others.
_TURNED = frozenset({"R", "AL", "RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "PDF", "PDI", "FSI"})


@cache
def faces() -> frozenset[int]:
    """Register the three faces with reportlab, once, and return the code points that all of them can show."""
    folder = files("headwater.typeface")
    known: set[int] | None = None
    for name, file in _FILES.items():
        with as_file(folder.joinpath(file)) as path:
            font = TTFont(name, str(path))
        pdfmetrics.registerFont(font)
        here = set(font.face.charToGlyph)
        known = here if known is None else known & here
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=ITALIC, boldItalic=BOLD)
    return frozenset(known or ())


def lacking(text: str) -> int:
    """Return how many letters of ``text`` the faces cannot set."""
    return sum(not _has(char) for char in unicodedata.normalize("NFC", text) if char.isprintable())


def shown(text: object) -> str:
    """Return ``text`` as the faces can set it: a letter that they lack by its number, a control as a space."""
    found, numbers = [], list[str]()
    for char in unicodedata.normalize("NFC", str(text)):
        if char.isprintable() and not _has(char):
            numbers.append(f"U+{ord(char):04X}")
            continue
        if numbers:
            found.append(f"[{' '.join(numbers)}]")
            numbers = []
        found.append(char if char.isprintable() else " ")
    return "".join(found) + (f"[{' '.join(numbers)}]" if numbers else "")


def _has(char: str) -> bool:
    return ord(char) in faces() and unicodedata.bidirectional(char) not in _TURNED
