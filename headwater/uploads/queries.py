"""What may be read of uploads, and by whom: a carrier's people those of their own organisation, nobody else's."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from django.db import transaction
from django.db.models import QuerySet

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import NotFound
from headwater.uploads.models import Upload
from headwater.uploads.states import OPEN, UploadState

#: Uploads that a list shows.
LISTED: Final = 200
FILE: Final = "file"
#: What a spreadsheet takes for a formula, or for the end of a cell.
_ACTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


class UploadNotFound(NotFound):
    """There is no such upload, or it is another carrier's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadView:
    """One upload as its carrier sees it."""

    id: str
    name: str
    size: int
    sha256: str
    uploaded_by: str
    uploaded_at: datetime
    state: UploadState
    format: str
    zone: str
    explained: str
    octets_read: int
    rows: int
    stored: int
    duplicates: int
    passed: int
    refused: int
    reasons: tuple[tuple[str, int], ...]
    problem: str
    settled_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Something is still to come."""
        return self.state in OPEN

    @property
    def percent(self) -> int:
        """Share of the file that is read, in whole per cent."""
        if self.state is UploadState.STORED:
            return 100
        return min(99, self.octets_read * 100 // self.size) if self.size else 0


def visible_to(actor: Actor) -> QuerySet[Upload]:
    """Return the uploads that ``actor`` may see."""
    if not actor.may(Permission.FILE_UPLOAD) or not actor.organisation_id:
        return Upload.objects.none()
    return Upload.objects.filter(organisation_id=actor.organisation_id)


def uploads(actor: Actor) -> tuple[UploadView, ...]:
    """Return the uploads of the actor's organisation, newest first."""
    return tuple(view_of(row) for row in visible_to(actor).order_by("-uploaded_at", "id")[:LISTED])


def upload(actor: Actor, upload_id: str) -> UploadView:
    """Return one upload.

    Raises:
        UploadNotFound: there is none that the actor may see.
    """
    return view_of(row_of(actor, upload_id))


def row_of(actor: Actor, upload_id: str) -> Upload:
    """Return the row of an upload that ``actor`` may see. Raises as ``upload``."""
    found = visible_to(actor).filter(pk=upload_id).first()
    if found is None:
        raise UploadNotFound(f"There is no upload {upload_id[:16]} of yours.")
    return found


def view_of(row: Upload) -> UploadView:
    """Return a row as a value."""
    return UploadView(
        id=row.id,
        name=row.name,
        size=row.size,
        sha256=row.sha256,
        uploaded_by=row.uploaded_by,
        uploaded_at=row.uploaded_at,
        state=UploadState(row.state),
        format=row.format,
        zone=row.zone,
        explained=row.explained,
        octets_read=row.octets_read,
        rows=row.rows,
        stored=row.stored,
        duplicates=row.duplicates,
        passed=row.passed,
        refused=row.refused,
        reasons=tuple(sorted(row.reasons.items(), key=lambda each: -each[1])),
        problem=row.problem,
        settled_at=row.settled_at,
    )


def folder_of(home: Path, upload_id: str) -> Path:
    """Return where the file of an upload lies: under its identifier, never under a name that somebody gave it."""
    return home / "uploads" / upload_id


def rejects(actor: Actor, upload_id: str, home: Path) -> Iterator[bytes]:
    """Return the refused rows of an upload as CSV, piece by piece; audited, for they hold numbers.

    A cell that a spreadsheet would take for a formula gets an apostrophe before it.

    Raises:
        UploadNotFound: there is no such upload, or it refused no row.
    """
    with transaction.atomic():
        row = row_of(actor, upload_id)
        path = folder_of(home, row.id) / f"{FILE}.rejects.jsonl"
        if not path.is_file():
            raise UploadNotFound(f"Upload {row.id} has no file of refused rows.")
        record(actor, Tag.UPLOAD_REJECTS_READ, row.id, {"refused": row.refused})
    return _as_csv(path)


def _as_csv(path: Path) -> Iterator[bytes]:
    yield _line(("row", "offset", "reason", "raw"))
    with path.open("rb") as file:
        for line in file:
            said = msgspec.json.decode(line)
            yield _line((str(said["row"]), str(said["offset"]), safe_cell(said["reason"]), safe_cell(said["raw"])))


def _line(cells: tuple[str, ...]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(cells)
    return out.getvalue().encode("utf-8", "replace")


def safe_cell(text: str) -> str:
    """Return a text that no spreadsheet acts on."""
    plain = text.replace("\x00", "\ufffd")
    return f"'{plain}" if plain.startswith(_ACTS) else plain
