"""One file on its way: what it is, where it was left, and what became of it, on disk beside the file.

``FILE.progress`` is written after each part, in one step that survives a crash; ``FILE.rejects.jsonl`` holds the rows
that were not taken. A run that is begun again goes on where the last one was, and writes no reject twice.
"""

import base64
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, Self

import msgspec

from headwater.errors import Invalid
from headwater.intake import capture
from headwater.intake.cdr import detect, exchange
from headwater.intake.cdr.deliver import Keeper, Progress, deliver, deliver_capture
from headwater.intake.cdr.exchange import Answer, Part
from headwater.intake.cdr.files import unfolded
from headwater.intake.cdr.mapping import Mapping
from headwater.intake.provenance import file_name

#: Octets that a checkpoint may have: it holds the names of a file's columns.
_CHECKPOINT_OCTETS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How the sender wants files to be read."""

    mapping: Mapping | None = None
    """``None``: each file shows it."""
    is_capture: bool = False
    zone: str = ""
    secret: str = ""


class _Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What is written after each part."""

    sha256: str
    reading: str
    """The mapping and zone by which the file is read: another one begins anew."""
    rejects: int
    """Octets of the reject file that belong to it."""
    progress: Progress


OnMoved = Callable[[Progress, int], None]
"""Called after each part with what became of the file, and the octets of it that were read."""


class Run:
    """The delivery of one file. Made anew after a crash, it goes on.

    Raises:
        UnknownLayout: the file shows no format.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path, choice: Choice, *, beside: Path | None = None, name: str = "") -> None:
        """``beside`` is the folder of checkpoint and rejects; without it the file's own."""
        self.path = path
        self.size = path.stat().st_size
        folder = beside or path.parent
        label = name or path.name
        self.checkpoint = folder / f"{path.name}.progress"
        self.rejects = folder / f"{path.name}.rejects.jsonl"
        self._is_capture = choice.is_capture or (choice.mapping is None and is_capture(path))
        self._choice = choice
        mapping: Mapping | None = None
        if self._is_capture:
            self.explained = "a packet capture; its SIP messages are taken"
        else:
            mapping, self.explained = self._mapping(choice)
        with _opened(path) as file:
            self.sha256 = exchange.digest(file)
        tables = msgspec.to_builtins(mapping) if mapping is not None else None
        self._part = Part(
            mapping=tables, zone=choice.zone, name=file_name(label), sha256=self.sha256, secret=choice.secret
        )
        self._reading = exchange.CAPTURE if mapping is None else f"{mapping.digest} {choice.zone}"

    def _mapping(self, choice: Choice) -> tuple[Mapping, str]:
        if choice.mapping is not None:
            return choice.mapping, f"read as {choice.mapping.name} ({choice.mapping.title})"
        with _opened(self.path) as raw, unfolded(raw) as file:
            trial = detect.recognised(file.read(detect.HEAD_OCTETS), datetime.now(UTC))
        return trial.mapping, f"read as {trial.reason}"

    def deliver(self, keeper: Keeper, *, on_part: OnMoved) -> Progress:
        """Send the file from where it was left to its end. Raises as ``deliver.deliver`` does."""
        progress, rejects = self._begun()
        with _opened(self.path) as raw, _RejectFile(self.rejects, rejects) as kept:

            def settled(done: Progress, answer: Answer) -> None:
                kept.add(answer)
                self._write(done, kept.octets)
                on_part(done, raw.tell())

            if self._is_capture:
                deliver_capture(raw, self._part, keeper, progress=progress, on_part=settled)
            else:
                with unfolded(raw) as file:
                    deliver(file, self._part, keeper, progress=progress, on_part=settled)
            self._write(progress, kept.octets)
        return progress

    def _begun(self) -> tuple[Progress, int]:
        """Return how far an earlier run of the same file came, read in the same way; else a beginning."""
        try:
            if self.checkpoint.stat().st_size > _CHECKPOINT_OCTETS:
                return Progress(), 0
            found = msgspec.json.decode(self.checkpoint.read_bytes(), type=_Checkpoint)
        except (OSError, msgspec.DecodeError):
            return Progress(), 0
        if (found.sha256, found.reading) != (self.sha256, self._reading):
            return Progress(), 0
        if found.progress.done:
            return Progress(), 0  # asked for again: every row is recognised, and counted as such
        return found.progress, found.rejects

    def _write(self, progress: Progress, rejects: int) -> None:
        found = _Checkpoint(sha256=self.sha256, reading=self._reading, rejects=rejects, progress=progress)
        draft = self.checkpoint.with_name(self.checkpoint.name + ".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(found))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.checkpoint)


class _RejectFile:
    """Rows that were not taken, one JSON object a line; what a run that died wrote beyond its checkpoint goes."""

    def __init__(self, path: Path, octets: int) -> None:
        self._path = path
        self.octets = octets
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        if self._path.is_symlink():
            raise Invalid(f"{self._path} is a link; remove it, and run this again")
        if not self.octets:
            self._path.unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, answer: Answer) -> None:
        """Write the refused rows of one part, on disk before the checkpoint counts them."""
        if not answer.rows:
            return
        if self._file is None:
            # Records of people: for the operator alone.
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            self._file = os.fdopen(descriptor, "r+b")
            self._file.truncate(self.octets)
            self._file.seek(self.octets)
        lines = b"".join(msgspec.json.encode(rejected(row)) + b"\n" for row in answer.rows)
        self._file.write(lines)
        self._file.flush()
        os.fsync(self._file.fileno())
        self.octets += len(lines)


def rejected(row: exchange.RefusedRow) -> dict[str, object]:
    """Return a refused row as it stands in a reject file: ``raw`` is text, with its octets where it is no UTF-8."""
    octets = base64.b64decode(row.raw)
    found: dict[str, object] = {"row": row.row, "offset": row.offset, "reason": row.reason}
    found["raw"] = octets.decode("utf-8", "replace")
    if "\ufffd" in str(found["raw"]):
        found["raw_base64"] = row.raw
    return found


def is_capture(path: Path) -> bool:
    """Tell whether a file is a packet capture, also inside gzip."""
    with _opened(path) as raw:
        head = raw.read(4)
        if head[:2] != capture.GZIP:
            return capture.is_capture(head)
        raw.seek(0)
        with unfolded(raw) as file:
            inner = file.read(4)
    return inner[:2] != capture.GZIP and capture.is_capture(inner)


def _opened(path: Path) -> BinaryIO:
    """Open a file that is one: a link, a pipe or a device is not followed or waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Invalid(f"{path} is no file")
    return os.fdopen(descriptor, "rb")
