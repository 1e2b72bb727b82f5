"""What a carrier's agent answered, to whom and when: on the carrier's own disk, before the answer leaves.

One JSON object a line, fsync'd. An answer is written whole, with its signed octets, before it is sent; so after a
crash it is sent again with the same octets, and no question is answered twice with different words. Each line
holds the SHA-256 of the line before it, so that a changed, dropped or moved line is noticed when the file is read.
"""

import fcntl
import os
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from headwater import clock
from headwater.errors import Conflict, Invalid, NotFound

FIRST: Final = "0" * 64

log = structlog.get_logger(__name__)


class JournalDamaged(Invalid):
    """A line of the journal was changed, dropped or moved since it was written."""


class Event(StrEnum):
    """What a line of the journal tells."""

    ANSWERED = "answered"
    """An answer was decided and signed; it may have left."""
    RECEIPT = "receipt"
    """The hub acknowledged it."""
    REFUSED = "refused"
    """The hub will not take it; the line has its words."""
    PROVED = "proved"
    """A blind search was told that such a call was carried; ``question_id`` is the search's identifier."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line."""

    at: str
    event: Event
    question_id: str
    previous: str
    traceback_id: str = ""
    hub: str = ""
    code: str = ""
    reason: str = ""
    """Why the hub asked, in its words."""
    candidates: int = 0
    answer_sha256: str = ""
    jws: str = ""
    """The signed answer as it was sent."""
    receipt_id: str = ""
    detail: str = ""


class Journal:
    """The open journal of one carrier. One process at a time; not thread-safe, one task writes."""

    def __init__(self, path: Path) -> None:
        """Open or make the journal.

        Raises:
            JournalDamaged: a line other than a torn last one does not follow from the one before.
            Conflict: another process has it open.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise Conflict(f"{path} is open in another agent; stop that one or give this one its own folder") from error
        self._answers: dict[str, tuple[int, int]] = {}
        self._closed_questions: set[str] = set()
        self._last = FIRST
        self._size = 0
        try:
            self._read()
        except BaseException:
            os.close(self._file)
            raise

    def close(self) -> None:
        """Close the file and give it up to the next process."""
        os.close(self._file)

    def answer(self, question_id: str) -> Entry | None:
        """Return the answer that was given to a question, or ``None``."""
        place = self._answers.get(question_id)
        if place is None:
            return None
        return msgspec.json.decode(os.pread(self._file, place[1], place[0]), type=Entry)

    def is_settled(self, question_id: str) -> bool:
        """Tell whether the hub acknowledged or finally refused the answer."""
        return question_id in self._closed_questions

    def unsettled(self) -> list[str]:
        """Return the questions whose answer may not have reached the hub, oldest first."""
        return [question_id for question_id in self._answers if question_id not in self._closed_questions]

    def answered(self, *, question_id: str, jws: str, **about: Any) -> Entry:
        """Write an answer before it leaves. ``about`` are further members of ``Entry``.

        Raises:
            Conflict: the question has an answer already.
        """
        if question_id in self._answers:
            raise Conflict(f"question {question_id} is answered already; the first answer stands")
        digest = sha256(jws.encode()).hexdigest()
        return self._write(Event.ANSWERED, question_id=question_id, jws=jws, answer_sha256=digest, **about)

    def receipt(self, *, question_id: str, receipt_id: str) -> None:
        """Note that the hub acknowledged the answer."""
        self._write(Event.RECEIPT, question_id=question_id, receipt_id=receipt_id)

    def refused(self, *, question_id: str, detail: str) -> None:
        """Note that the hub will never take the answer, in its words."""
        self._write(Event.REFUSED, question_id=question_id, detail=detail[:1_000])

    def proved(self, *, search_id: str, proofs: int, hub: str) -> None:
        """Note what a blind search is about to be told."""
        self._write(Event.PROVED, question_id=search_id, candidates=proofs, hub=hub)

    def _write(self, event: Event, *, at: datetime | None = None, **about: Any) -> Entry:
        moment = (at or clock.now()).isoformat(timespec="microseconds").replace("+00:00", "Z")
        entry = Entry(at=moment, event=event, previous=self._last, **about)
        line = msgspec.json.encode(entry) + b"\n"
        try:
            written = os.write(self._file, line)
            if written != len(line):
                raise OSError(28, "No space left on device")  # a short write to a file means a full disk
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._note(entry, line)
        return entry

    def _note(self, entry: Entry, line: bytes) -> None:
        if entry.event is Event.ANSWERED:
            self._answers[entry.question_id] = (self._size, len(line))
        elif entry.event is not Event.PROVED:
            self._closed_questions.add(entry.question_id)
        self._last = sha256(line).hexdigest()
        self._size += len(line)

    def _read(self) -> None:
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(0)
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    # Torn by a crash: its fsync never returned, so that answer never left.
                    log.warning("journal ends in a torn line, cut off", path=str(self.path), octets=len(line))
                    os.ftruncate(self._file, self._size)
                    break
                self._note(self._checked(line, number), line)

    def _checked(self, line: bytes, number: int) -> Entry:
        return _entry(self.path, line, number, self._last)


def _entry(path: Path, line: bytes, number: int, previous: str) -> Entry:
    try:
        entry = msgspec.json.decode(line, type=Entry)
    except msgspec.MsgspecError as error:
        raise JournalDamaged(f"{path}, line {number}: {error}; restore the file from a copy") from error
    if entry.previous != previous:
        raise JournalDamaged(
            f"{path}, line {number} does not follow from the line before it: a line was changed, dropped or "
            "moved; restore the file from a copy"
        )
    return entry


def checked_lines(path: Path) -> Iterator[Entry]:
    """Yield the lines of a journal, also of a running agent's; a torn last line is left out.

    Raises:
        JournalDamaged: a line does not follow from the one before it.
        NotFound: there is no journal.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise NotFound(f"There is no journal {path}: nothing was answered yet.") from None
    with file:
        last = FIRST
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            yield _entry(path, line, number, last)
            last = sha256(line).hexdigest()
