"""Where a record of a file came from: the source, the file, the credential. Values only."""

import re
from dataclasses import dataclass, field
from typing import Final

from headwater.calls.records import SourceKind
from headwater.intake.sources import Source

_UNSAFE: Final = re.compile(r"[^\w.+@=,-]+")


def file_name(name: str) -> str:
    """Return the last part of a file's name, without what a terminal, a path or a table would act on."""
    return _UNSAFE.sub("_", name.replace("\\", "/").rpartition("/")[2]).strip(".")[:120] or "unnamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What every record of one file is marked with."""

    source_id: str
    source_kind: SourceKind = SourceKind.CARRIER
    name: str = ""
    """The file's own, as ``file_name`` returns it."""
    sha256: str = ""
    """Of the file's octets as they were given (compressed ones as they are); "" where they were not known yet."""
    credential: str = ""
    """By what its sender proved himself, as records keep it."""
    marks: dict[str, str] = field(init=False, default_factory=dict)
    """What of it stands in a record's ``headers``."""

    def __post_init__(self) -> None:
        said = {
            "file-name": self.name,
            "file-sha256": self.sha256,
        }
        self.marks.update({name: value for name, value in said.items() if value})

    @classmethod
    def of(cls, source: Source, *, name: str = "", sha256: str = "") -> "Provenance":
        """Return the provenance of a source's file."""
        return cls(
            source_id=source.source_id,
            source_kind=source.source_kind,
            name=file_name(name) if name else "",
            sha256=sha256,
            credential=source.credential,
        )
