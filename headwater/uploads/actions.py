"""What may be done with uploads: bring a file, look at its first rows, confirm or withdraw it, and store its rows.

Each with its audit entry in one transaction. The rows go to the call store through its file door, by the worker: the
pages themselves write no calls.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Conflict, Forbidden, Invalid, TooLarge, Unavailable
from headwater.identifiers import new_id
from headwater.intake.cdr import detect
from headwater.intake.cdr.deliver import Keeper, Progress
from headwater.intake.cdr.detect import Preview
from headwater.intake.cdr.files import unfolded
from headwater.intake.cdr.mapping import Mapping, of_tables
from headwater.intake.cdr.runs import Choice, Run, is_capture
from headwater.intake.provenance import file_name
from headwater.jobs import Job, defer
from headwater.uploads import queries
from headwater.uploads.models import Upload
from headwater.uploads.queries import FILE, UploadView, folder_of, row_of, view_of
from headwater.uploads.states import NEXT_STATES, OPEN, UploadState

#: Octets of one upload by a page; larger files are sent with ``headwater intake file``.
MOST_OCTETS: Final = 2 * 1024**3
#: Uploads of one carrier that are not settled yet.
MOST_OPEN: Final = 20
#: Octets that must stay free on the disk.
FREE_OCTETS: Final = 1024**3
#: A page receives no file for longer: its connection is given up before.
LONGEST_RECEIVING: Final = timedelta(hours=12)


class WrongStep(Conflict):
    """The upload is not in a state in which this may be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a person wants the file to be read; all empty: the file shows it."""

    mapping: Mapping | None = None
    zone: str = ""


def receive(actor: Actor, name: str, pieces: Iterable[bytes], home: Path, *, most: int = MOST_OCTETS) -> UploadView:
    """Keep a file that a person brings; nothing of it is stored as calls yet.

    Raises:
        Forbidden: the actor may not bring files.
        TooLarge: it has more than ``most`` octets, or the disk is nearly full.
        Conflict: too many uploads of this carrier wait already.
        Invalid: it is empty.
    """
    actor.require(Permission.FILE_UPLOAD)
    if queries.visible_to(actor).filter(state__in=OPEN).count() >= MOST_OPEN:
        raise Conflict(f"{MOST_OPEN} uploads of yours are not settled yet; confirm or withdraw some first.")
    upload_id = new_id("UP")
    folder = folder_of(home, upload_id)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
    try:
        size, digest = _kept(folder / FILE, pieces, most)
        with transaction.atomic():
            row = Upload.objects.create(
                id=upload_id,
                organisation_id=actor.organisation_id,
                uploaded_by=actor.label,
                uploaded_at=clock.now(),
                name=file_name(name),
                size=size,
                sha256=digest,
            )
            record(actor, Tag.UPLOAD_RECEIVED, row.id, {"name": row.name, "size": size, "sha256": digest})
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return view_of(row)


def _kept(path: Path, pieces: Iterable[bytes], most: int) -> tuple[int, str]:
    found, size = sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for piece in pieces:
            size += len(piece)
            if size > most:
                raise TooLarge("The file has more than 2 GiB. Send it with: headwater intake file.")
            if shutil.disk_usage(path.parent).free < FREE_OCTETS:
                raise TooLarge("There is no room for the file on our disk now; nothing of it was kept.")
            found.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    if not size:
        raise Invalid("The file is empty.")
    return size, found.hexdigest()


def preview(actor: Actor, upload_id: str, reading: Reading, home: Path) -> Preview | None:
    """Return the first rows as they would be read; ``None`` for a packet capture, which needs no reading.

    Raises:
        UploadNotFound: there is none that the actor may see.
        Invalid: the file shows no format, is not of this one, or needs a zone; the message says what to do.
    """
    with transaction.atomic():
        row = row_of(actor, upload_id)
        record(actor, Tag.UPLOAD_PREVIEWED, row.id, {"format": reading.mapping.name if reading.mapping else "auto"})
    path = folder_of(home, row.id) / FILE
    if reading.mapping is None and is_capture(path):
        return None
    with path.open("rb") as raw, unfolded(raw) as file:
        head = file.read(detect.HEAD_OCTETS)
        whole = not file.read(1)
    return detect.preview(head, reading.mapping, clock.now(), zone=reading.zone, whole=whole)


def confirm(actor: Actor, upload_id: str, reading: Reading, home: Path) -> UploadView:
    """Say that the file is understood rightly: its rows will be stored, read as the preview showed them.

    Raises as ``preview``, and ``WrongStep``: it is confirmed or withdrawn already.
    """
    actor.require(Permission.FILE_UPLOAD)
    shown = preview(actor, upload_id, reading, home)
    with transaction.atomic():
        row = _locked(actor, upload_id, UploadState.QUEUED)
        row.mapping = msgspec.to_builtins(shown.mapping) if shown else None
        row.format = shown.mapping.name if shown else "capture"
        row.explained = shown.explained if shown else "a packet capture; its SIP messages are taken"
        row.zone, row.problem = reading.zone, ""
        row.save()
        record(
            actor,
            Tag.UPLOAD_CONFIRMED,
            row.id,
            {"format": row.format, "mapping": shown.mapping.digest if shown else "", "zone": row.zone},
        )
        defer(Job.STORE_UPLOAD, once=f"upload {row.id}", upload_id=row.id)
    return view_of(row)


def withdraw(actor: Actor, upload_id: str, home: Path) -> UploadView:
    """Throw a file away that was not confirmed, or that failed.

    Raises:
        UploadNotFound: there is none that the actor may see.
        WrongStep: its rows are being stored, or are.
    """
    actor.require(Permission.FILE_UPLOAD)
    with transaction.atomic():
        row = _locked(actor, upload_id, UploadState.WITHDRAWN)
        row.settled_at = clock.now()
        row.save()
        record(actor, Tag.UPLOAD_WITHDRAWN, row.id, {})
        transaction.on_commit(lambda: shutil.rmtree(folder_of(home, row.id), ignore_errors=True))
    return view_of(row)


def _locked(actor: Actor, upload_id: str, to: UploadState) -> Upload:
    row_of(actor, upload_id)
    row = Upload.objects.select_for_update(no_key=True).get(pk=upload_id)
    if to not in NEXT_STATES[UploadState(row.state)]:
        raise WrongStep(f"Upload {row.id} is {row.state}; this can no longer be done.")
    row.state = to
    return row


def store(upload_id: str, home: Path, keeper_for: Callable[[str], Keeper]) -> None:
    """Send the rows of a confirmed upload to the call store. Run by the worker; a second run goes on or does nothing.

    ``keeper_for`` gives the file door for the records of one organisation.

    Raises:
        Unavailable: the door does not answer; the job is tried again.
    """
    sweep(home)
    row = Upload.objects.filter(pk=upload_id, state__in=(UploadState.QUEUED, UploadState.STORING)).first()
    if row is None:
        return
    folder = folder_of(home, upload_id)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unavailable(f"upload {upload_id} is being stored by another worker") from None
        _store(row, folder, keeper_for(row.organisation_id))


def sweep(home: Path, *, older_than: timedelta = LONGEST_RECEIVING) -> int:
    """Delete what a page that was killed while it received a file left on the disk, and return how many.

    A file has its row only once it is whole: a folder without a row, and older than any receiving takes, is half a file
    that nobody was told of. Run by the worker, whose role sees every upload.
    """
    before = clock.now().timestamp() - older_than.total_seconds()
    folders = [path for path in folder_of(home, "").glob("UP-*") if path.is_dir() and path.stat().st_mtime < before]
    known = set(Upload.objects.filter(id__in=[path.name for path in folders]).values_list("id", flat=True))
    left = [path for path in folders if path.name not in known]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return len(left)


def _store(row: Upload, folder: Path, keeper: Keeper) -> None:
    mapping = of_tables(row.mapping) if row.mapping is not None else None
    choice = Choice(mapping=mapping, is_capture=mapping is None, zone=row.zone)

    def moved(progress: Progress, octets: int) -> None:
        Upload.objects.filter(pk=row.id).update(state=UploadState.STORING, octets_read=octets, **_counts(progress))

    try:
        done = Run(folder / FILE, choice, name=row.name).deliver(keeper, on_part=moved)
    except (Unavailable, Forbidden):
        raise
    except (Invalid, TooLarge, Conflict, OSError) as error:
        _settled(row, UploadState.UPLOAD_FAILED, {"problem": str(error)[:2_000]})
        return
    _settled(row, UploadState.STORED, {"octets_read": row.size, **_counts(done)})
    # Each row's octets are in the call store, with the file's digest; the file itself is not kept a second time.
    with suppress(FileNotFoundError):
        (folder / FILE).unlink()


def _settled(row: Upload, state: UploadState, said: dict[str, Any]) -> None:
    system = Actor(label="system:uploads", organisation_id=row.organisation_id)
    with transaction.atomic():
        Upload.objects.filter(pk=row.id).update(state=state, settled_at=clock.now(), **said)
        detail: dict[str, Any] = {
            name: said[name] for name in ("rows", "stored", "duplicates", "refused", "problem") if name in said
        }
        record(system, Tag.UPLOAD_SETTLED, row.id, {"state": state.value, **detail})


def _counts(progress: Progress) -> dict[str, Any]:
    return {
        "rows": progress.rows,
        "stored": progress.stored,
        "duplicates": progress.duplicates,
        "passed": progress.passed,
        "refused": progress.refused,
        "reasons": progress.reasons,
    }
