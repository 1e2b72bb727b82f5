"""Load files for review platforms: Concordance DAT and Opticon OPT, UTF-8 with a byte-order mark. Pure.

Each file of the package is one document; its numbers are its Bates range. No image is produced, so the OPT names the
native file of each first page and its number of pages.
"""

from collections.abc import Sequence
from hashlib import sha256

from headwater.evidence.material import Material
from headwater.evidence.parts.bates import Bates, Exhibit

_SEPARATOR, _QUALIFIER, _NEWLINE = "\x14", "\u00fe", "\u00ae"
_FIELDS = (
    "BEGBATES", "ENDBATES", "CUSTODIAN", "FILENAME", "DATECREATED", "TITLE", "SHA256", "FILESIZE", "NATIVEPATH",
    "TEXTPATH",
)  # fmt: skip
_VOLUME = "VOL001"


def _line(values: Sequence[str]) -> str:
    return _SEPARATOR.join(f"{_QUALIFIER}{_cleaned(value)}{_QUALIFIER}" for value in values) + "\r\n"


def _cleaned(value: str) -> str:
    kept = value.replace(_QUALIFIER, "").replace(_SEPARATOR, " ").replace("\r", "")
    return kept.replace("\n", _NEWLINE)


def dat(material: Material, exhibits: Sequence[Exhibit]) -> bytes:
    """Return the DAT: a header row, then one row a file; dates as YYYYMMDD."""
    lines = [_line(_FIELDS)]
    created = material.sealed_at.strftime("%Y%m%d")
    for exhibit in exhibits:
        name = exhibit.path.rpartition("/")[2]
        text = exhibit.path if exhibit.path.endswith((".txt", ".json", ".csv")) else ""
        lines.append(
            _line(
                (
                    exhibit.first, exhibit.last, "Headwater", name, created, exhibit.path,
                    sha256(exhibit.octets).hexdigest(), str(len(exhibit.octets)), exhibit.path, text,
                )
            )
        )  # fmt: skip
    return ("\ufeff" + "".join(lines)).encode()


def opt(exhibits: Sequence[Exhibit], bates: Bates) -> bytes:
    """Return the OPT: one row a page, ``Y`` where a document begins, with its number of pages."""
    rows = []
    for exhibit in exhibits:
        first = int(exhibit.first.rpartition("-")[2])
        for page in range(exhibit.pages):
            begins, count = ("Y", str(exhibit.pages)) if page == 0 else ("", "")
            rows.append(f"{bates.at(first + page)},{_VOLUME},{exhibit.path},{begins},,,{count}\r\n")
    return ("\ufeff" + "".join(rows)).encode()
