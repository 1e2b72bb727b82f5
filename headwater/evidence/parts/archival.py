"""What makes a paper keep for decades: PDF/A-1b (ISO 19005-1). Pure: the same facts give the same octets.

The profile wants every face embedded, colours that are bound to a device-independent space, and who made the paper and
when in XMP, saying the same as the document's own dictionary. No script, no encryption, no transparency, nothing that
is loaded from elsewhere.
"""

import io
import struct
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any
from xml.sax.saxutils import escape

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import BasePdfFileWriter, copy_into_new_writer
from reportlab.pdfbase import pdfdoc

PRODUCER = "ReportLab PDF Library"
VERSION = (1, 4)
"""PDF/A-1 is a profile of PDF 1.4."""

#: sRGB (IEC 61966-2-1) seen under the D50 of the profile connection space: X, Y, Z of white and of the three colorants.
_WHITE = (0.96420, 1.0, 0.82491)
_COLORANTS = {b"rXYZ": (0.43607, 0.22249, 0.01392), b"gXYZ": (0.38515, 0.71687, 0.09708),
              b"bXYZ": (0.14307, 0.06061, 0.71410)}  # fmt: skip
_STEPS = 1_024


class Made:
    """When a paper was made, as reportlab asks for it: the sealing's own time, never the clock's."""

    def __init__(self, at: datetime) -> None:
        whole = at.astimezone(UTC).replace(microsecond=0)
        self.t = whole.timestamp()
        self.lt = whole.timetuple()
        self.YMDhms = tuple(self.lt)[:6]
        self.dhh = self.dmm = 0
        self.tzname = "UTC"


def finish(document: Any, at: datetime) -> None:
    """Give a reportlab document what PDF/A-1b wants beside its pages."""
    document._timeStamp = Made(at)  # noqa: SLF001 - reportlab takes no time of its user's otherwise
    document.info.producer = PRODUCER
    document.Catalog.__NoDefault__ = [*pdfdoc.PDFCatalog.__NoDefault__, "OutputIntents"]
    document.Catalog.Metadata = _unfiltered(
        {"Type": pdfdoc.PDFName("Metadata"), "Subtype": pdfdoc.PDFName("XML")}, _xmp(document.info, at)
    )
    profile = document.Reference(_unfiltered({"N": 3}, srgb()))
    intent = pdfdoc.PDFDictionary(
        {
            "Type": pdfdoc.PDFName("OutputIntent"),
            "S": pdfdoc.PDFName("GTS_PDFA1"),
            "OutputConditionIdentifier": pdfdoc.PDFString("sRGB IEC61966-2.1"),
            "Info": pdfdoc.PDFString("sRGB IEC61966-2.1"),
            "RegistryName": pdfdoc.PDFString("http://www.color.org"),
            "DestOutputProfile": profile,
        }
    )
    document.Catalog.OutputIntents = pdfdoc.PDFArray([intent])


def written(octets: bytes) -> bytes:
    """Return a paper of reportlab's in the syntax that an archive wants (ISO 19005-1 section 6.1).

    Its identifier follows from its contents.
    """
    reader = PdfFileReader(io.BytesIO(octets))
    writer = copy_into_new_writer(reader)
    writer.output_version = VERSION
    keep_as_made(writer, sha256(octets).digest()[:16])
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def keep_as_made(writer: BasePdfFileWriter, identifier: bytes) -> None:
    """Let ``writer`` neither restate who made a paper and when nor draw a random identifier: the paper says it."""
    octets = generic.ByteStringObject(identifier)
    first = writer._document_id[0] if isinstance(writer, IncrementalPdfFileWriter) else octets  # noqa: SLF001 - no door
    if isinstance(writer, IncrementalPdfFileWriter):
        # It would state the version in which its own additions were standardised; PDF/A-1 is PDF 1.4, and to that
        # they are objects like any other.
        writer.root.pop(generic.pdf_name("/Version"), None)
        writer.ensure_output_version = lambda version: None  # type: ignore[method-assign]  # noqa: ARG005 - see above
    writer._document_id = generic.ArrayObject([first, octets])  # noqa: SLF001 - it is random otherwise
    writer._update_meta = lambda: None  # type: ignore[method-assign]  # noqa: SLF001 - it writes the clock's time


def _unfiltered(members: dict[str, Any], octets: bytes) -> Any:
    # PDF/A-1 wants XMP readable without a PDF reader (ISO 19005-1 section 6.7.2).
    return pdfdoc.PDFStream(dictionary=pdfdoc.PDFDictionary(members), content=octets)


def _xmp(info: Any, at: datetime) -> bytes:
    made = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    packet = _XMP.format(
        title=escape(info.title),
        author=escape(info.author),
        subject=escape(info.subject),
        creator=escape(info.creator),
        producer=escape(info.producer),
        made=made,
    )
    return packet.encode()


_XMP = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
   <pdfaid:part>1</pdfaid:part>
   <pdfaid:conformance>B</pdfaid:conformance>
  </rdf:Description>
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
   <dc:format>application/pdf</dc:format>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
   <dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
  </rdf:Description>
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
   <xmp:CreatorTool>{creator}</xmp:CreatorTool>
   <xmp:CreateDate>{made}</xmp:CreateDate>
   <xmp:ModifyDate>{made}</xmp:ModifyDate>
  </rdf:Description>
  <rdf:Description rdf:about="" xmlns:pdf="http://ns.adobe.com/pdf/1.3/">
   <pdf:Producer>{producer}</pdf:Producer>
   <pdf:Keywords></pdf:Keywords>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>
"""


@cache
def srgb() -> bytes:
    """Return sRGB as an ICC profile of version 2 (ICC.1:1998-09), the newest that PDF/A-1 allows."""
    tags = [
        (b"desc", _described("sRGB IEC61966-2.1")),
        (b"cprt", b"text\0\0\0\0No copyright, use freely\0"),
        (b"wtpt", _xyz(_WHITE)),
        *((name, _xyz(value)) for name, value in _COLORANTS.items()),
        (b"rTRC", _curve()),
    ]
    at = 128 + 4 + 12 * (len(tags) + 2)
    table, body = [], b""
    for name, octets in tags:
        padded = octets + b"\0" * (-len(octets) % 4)
        names = (b"rTRC", b"gTRC", b"bTRC") if name == b"rTRC" else (name,)
        table += [struct.pack(">4sII", one, at + len(body), len(octets)) for one in names]
        body += padded
    size = at + len(body)
    head = struct.pack(
        ">I4sI4s4s4s6H4s4sI4sI8sI3i48x", size, b"\0" * 4, 0x0210_0000, b"mntr", b"RGB ", b"XYZ ",
        2000, 1, 1, 0, 0, 0, b"acsp", b"\0" * 4, 0, b"\0" * 4, 0, b"\0" * 8, 0, *(_fixed(part) for part in _WHITE),
    )  # fmt: skip
    return head + struct.pack(">I", len(table)) + b"".join(table) + body


def _fixed(value: float) -> int:
    return round(value * 65_536)


def _xyz(value: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(_fixed(part) for part in value))


def _described(text: str) -> bytes:
    ascii_text = text.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(ascii_text)) + ascii_text + b"\0" * 8 + b"\0" * 3 + b"\0" * 67


def _curve() -> bytes:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    steps = [round(65_535 * linear(step / (_STEPS - 1))) for step in range(_STEPS)]
    return b"curv\0\0\0\0" + struct.pack(f">I{_STEPS}H", _STEPS, *steps)
