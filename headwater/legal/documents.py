"""What a served document must be: a whole PDF without active content, under a harmless name. Pure.

A served document is opened by reviewers and counsel. One that runs code, starts programs or carries other files is
refused with the name of what was found, because the officer at the screen can print it to a plain PDF in a minute.
One that cannot be looked into (encrypted, or expanding without end) is refused for the same reason. This is a filter
in front of people, not a sandbox: documents are never shown inside our pages and always leave as downloads.
"""

import re
import unicodedata
import zlib
from dataclasses import dataclass
from hashlib import sha256

from headwater.errors import Invalid, TooLarge

LARGEST_DOCUMENT = 20 * 1024 * 1024
LONGEST_NAME = 120
#: All streams of one document together; a scanned letter of 30 pages stays far below.
LARGEST_EXPANSION = 256 * 1024 * 1024
_PIECE = 1 << 20

#: Names that make a PDF do something or carry something, and the words for it (ISO 32000-2, 12.6 and 7.11).
ACTIVE: dict[bytes, str] = {
    b"/JavaScript": "a script (/JavaScript)",
    b"/JS": "a script (/JS)",
    b"/Launch": "an action that starts a program (/Launch)",
    b"/EmbeddedFile": "another file inside it (/EmbeddedFile)",
    b"/EmbeddedFiles": "other files inside it (/EmbeddedFiles)",
    b"/RichMedia": "rich media (/RichMedia)",
    b"/SubmitForm": "an action that sends form data (/SubmitForm)",
    b"/ImportData": "an action that reads data in (/ImportData)",
    b"/GoToE": "a link into an embedded file (/GoToE)",
    b"/Rendition": "a media action (/Rendition)",
    b"/XFA": "an XFA form (/XFA)",
}
#: Names worth telling the reviewer: an action on opening may be as harmless as "show page 1".
NOTABLE: dict[bytes, str] = {
    b"/OpenAction": "It names a view or action for opening (/OpenAction).",
    b"/AA": "It names additional actions (/AA).",
    b"/URI": "It has links to addresses outside (/URI).",
}
_DELIMITER = rb"(?=[\x00\t\n\f\r ()<>\[\]{}/%]|$)"
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM = re.compile(rb"stream\r?\n")
_OBJECT = re.compile(rb"\d+\s+\d+\s+obj\b")
_FILTER = re.compile(rb"/Filter\s*(/\w+|\[[^\]]*\])")


class RefusedDocument(Invalid):
    """The document cannot be served; the message says what was found and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document that passed, as it is stored: the octets unchanged."""

    filename: str
    octets: bytes
    sha256: str
    notes: tuple[str, ...]
    """What the reviewer should know of it."""


def inspect(filename: str, octets: bytes) -> Document:
    """Return the document if it may be served.

    Raises:
        TooLarge: it has more than 20 MB.
        RefusedDocument: it is no whole PDF, holds active content or cannot be looked into.
    """
    if len(octets) > LARGEST_DOCUMENT:
        message = "The document is larger than 20 MB. Scan it at a lower resolution or split it."
        raise TooLarge(message)
    _check_frame(octets)
    found: set[bytes] = set()
    body = _names_spelled_out(_without_streams(octets))
    if _has(body, b"/Encrypt"):
        message = (
            "The document is encrypted, so it cannot be inspected. Save it without a password and upload it again."
        )
        raise RefusedDocument(message)
    # Outside streams every name counts. Inside binary data only long names do: three octets come about by chance.
    found |= {name for name in [*ACTIVE, *NOTABLE] if _has(body, name)}
    whole = _names_spelled_out(octets)
    found |= {name for name in ACTIVE if len(name) > 5 and _has(whole, name)}
    found |= _inside_streams(octets)
    active = [ACTIVE[name] for name in ACTIVE if name in found]
    if active:
        message = (
            f"The document contains {', '.join(active)}. Print it to a plain PDF (File, Print, Save as PDF) "
            "and upload that."
        )
        raise RefusedDocument(message)
    notes = tuple(NOTABLE[name] for name in NOTABLE if name in found)
    return Document(filename=safe_filename(filename), octets=octets, sha256=sha256(octets).hexdigest(), notes=notes)


def safe_filename(raw: str) -> str:
    """Return the last part of ``raw`` with harmless characters only, ending in ``.pdf``; never empty, never hidden."""
    name = unicodedata.normalize("NFKC", raw).replace("\\", "/").rsplit("/", 1)[-1]
    # Control and format characters go: they turn the reading direction and forge headers.
    name = "".join(c if c.isalnum() or c in " ._-()" else "_" for c in name if unicodedata.category(c)[0] != "C")
    name = re.sub(r"\.pdf$", "", name.strip(" ._"), flags=re.IGNORECASE).strip(" ._")
    while len((name or "document").encode()) > LONGEST_NAME:
        name = name[:-1]
    return (name or "document") + ".pdf"


def _check_frame(octets: bytes) -> None:
    """Refuse what does not begin and end as a PDF: a program or archive with a PDF inside does neither."""
    if not re.match(rb"%PDF-[12]\.\d", octets):
        message = "The file is not a PDF. Upload the signed process as a PDF document."
        raise RefusedDocument(message)
    end = octets.rfind(b"%%EOF")
    if end < 0 or octets.rfind(b"startxref") < 0:
        message = "The PDF is not whole: its end is missing. Save it again and upload it."
        raise RefusedDocument(message)
    if octets[end + 5 :].strip(b"\x00\t\n\f\r "):
        message = "Something follows the end of the PDF. Print it to a plain PDF and upload that."
        raise RefusedDocument(message)


def _names_spelled_out(octets: bytes) -> bytes:
    """Return ``octets`` with ``#4A`` in names written as the character it stands for (ISO 32000-2, 7.3.5)."""
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), octets) if b"#" in octets else octets


def _has(octets: bytes, name: bytes) -> bool:
    return re.search(re.escape(name) + _DELIMITER, octets) is not None


def _without_streams(octets: bytes) -> bytes:
    """Return what lies outside streams."""
    parts, at = [], 0
    while match := _STREAM.search(octets, at):
        parts.append(octets[at : match.start()])
        end = octets.find(b"endstream", match.end())
        at = len(octets) if end < 0 else end
    parts.append(octets[at:])
    return b"\n".join(parts)


def _inside_streams(octets: bytes) -> set[bytes]:
    """Return the active names inside compressed streams: object streams hold dictionaries like the file itself."""
    found: set[bytes] = set()
    left = LARGEST_EXPANSION
    for match in _STREAM.finditer(octets):
        header = _names_spelled_out(_dictionary_before(octets, match.start()))
        is_objects = _has(header, b"/ObjStm") or (_has(header, b"/First") and _has(header, b"/N"))
        filters = b"".join(re.findall(rb"/\w+", b"".join(_FILTER.findall(header))))
        if is_objects and filters not in (b"", b"/FlateDecode", b"/Fl"):
            message = (
                "The PDF stores objects in a form that cannot be inspected. Print it to a plain PDF and upload that."
            )
            raise RefusedDocument(message)
        names = ACTIVE if is_objects else {name: ACTIVE[name] for name in ACTIVE if len(name) > 5}
        expanded, hits = _scan_stream(octets, match.end(), frozenset(names), left)
        found |= hits
        left -= expanded
        if left <= 0:
            message = "The PDF expands to more than 256 MB, so it cannot be inspected. Print it to a plain PDF."
            raise RefusedDocument(message)
    return found


def _dictionary_before(octets: bytes, at: int) -> bytes:
    """Return the dictionary of the stream that begins at ``at``: back to the ``obj`` that opens it, at most 8 KB."""
    window = octets[max(0, at - 8_192) : at]
    starts = [match.end() for match in _OBJECT.finditer(window)]
    return window[starts[-1] :] if starts else window


def _scan_stream(octets: bytes, start: int, names: frozenset[bytes], most: int) -> tuple[int, set[bytes]]:
    """Return how much the deflated stream at ``start`` expands to and the names in it; 0 where it is not deflated."""
    inflate = zlib.decompressobj()
    data: bytes = octets[start : start + _PIECE]
    at, expanded, tail = start + len(data), 0, b""
    found: set[bytes] = set()
    while data and not inflate.eof and expanded <= most:
        try:
            piece = inflate.decompress(data, _PIECE)
        except zlib.error:
            break
        expanded += len(piece)
        text = _names_spelled_out(tail + piece)
        found |= {name for name in names if _has(text, name)}
        # Long enough for a name that is cut between two pieces, even with every character escaped.
        tail = (tail + piece)[-64:]
        data = inflate.unconsumed_tail
        if not data:
            data = octets[at : at + _PIECE]
            at += len(data)
    return expanded, found
