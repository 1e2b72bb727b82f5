"""A folder where a carrier's files arrive (SFTP drop): each is taken once it is complete, and moved with a report.

What a file's state is, the folder itself says, so that a process that is killed at any moment loses and doubles
nothing: a file that is still in the folder is not done. It is moved only when every row of it is settled, and rows
that are sent again are recognised.
"""

import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from headwater.errors import Conflict, Forbidden, Invalid, TooLarge, Unavailable
from headwater.intake.cdr.deliver import Keeper, Progress
from headwater.intake.cdr.runs import Choice, Run

DONE: Final = "done"
FAILED: Final = "failed"
#: Names that senders use while they write, and names of ours.
_UNFINISHED: Final = (
    ".part",
    ".tmp",
    ".filepart",
    ".writing",
    ".progress",
    ".progress.new",
    ".rejects.jsonl",
    ".report.json",
)
_MARK: Final = ".done"
#: Files whose sizes are remembered between two looks.
REMEMBERED: Final = 100_000


@dataclass(frozen=True, slots=True)
class _Seen:
    """How a file looked, and since when."""

    size: int
    modified: int
    since: float


class Folder:
    """Takes the files of one folder. Nothing outside it is read or written, and no link in it is followed."""

    def __init__(
        self,
        folder: Path,
        choice: Choice,
        keeper: Keeper,
        *,
        settle_s: float = 10.0,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder.resolve()
        self._choice = choice
        self._keeper = keeper
        self._settle_s = settle_s
        self._say = say
        self._seen: dict[str, _Seen] = {}
        for name in (DONE, FAILED):
            self._own(name)

    def _own(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(mode=0o700, exist_ok=True)
        if path.is_symlink():
            raise Invalid(f"{path} is a link; the folder's own {name}/ must be a folder")
        return path

    def run(self, *, every_s: float, once: bool = False) -> None:
        """Take files as they arrive, until interrupted; ``once``: those that are complete now.

        Raises:
            Forbidden: the credential does not open the door: nothing can be taken.
        """
        while True:
            taken = self.turn(time.monotonic())
            if once and not taken:
                return
            if not taken:
                time.sleep(every_s)

    def turn(self, now: float, *, stop: Callable[[], bool] = lambda: False) -> int:
        """Take every file that is complete; return how many were. ``now`` is a monotonic clock's, in seconds."""
        taken = 0
        for name in self.complete(now):
            if stop():
                break
            try:
                self._take(name)
            except Unavailable as error:
                self._say(f"{error}")
                break  # the door is away: the files stay where they are
            taken += 1
        return taken

    def complete(self, now: float) -> list[str]:
        """Return the names of files that are complete, oldest first."""
        found: list[tuple[int, str]] = []
        seen: dict[str, _Seen] = {}
        marks: set[str] = set()
        files: dict[str, os.stat_result] = {}
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith(_MARK):
                    marks.add(entry.name.removesuffix(_MARK))
                elif not entry.name.startswith(".") and not entry.name.endswith(_UNFINISHED):
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode) and len(files) < REMEMBERED:
                        files[entry.name] = status
        for name, status in files.items():
            before = self._seen.get(name)
            looks = (status.st_size, status.st_mtime_ns)
            since = before.since if before and (before.size, before.modified) == looks else now
            seen[name] = _Seen(*looks, since)
            if name in marks or (now - since >= self._settle_s and (before is not None or self._settle_s == 0)):
                found.append((status.st_mtime_ns, name))
        self._seen = seen
        return [name for _, name in sorted(found)]

    def _take(self, name: str) -> None:
        path = self.folder / name
        try:
            run = Run(path, self._choice)
            done = run.deliver(self._keeper, on_part=lambda *_: None)
        except (Unavailable, Forbidden):
            raise
        except FileNotFoundError:
            return  # its sender took it back
        except (Invalid, TooLarge, Conflict, OSError) as error:
            self._settle(name, FAILED, {"file": name, "problem": str(error)})
            self._say(f"{name}: {error}")
            return
        self._settle(name, DONE, _report(name, run, done))
        self._say(
            f"{name}: {done.rows} rows, {done.stored} stored, {done.duplicates} there already, {done.refused} refused"
        )

    def _settle(self, name: str, where: str, report: dict[str, object]) -> None:
        """Move a file with what belongs to it. The file itself goes first: from then on it is settled."""
        place = self._own(where)
        target = _free(place, name)
        (self.folder / name).rename(target)
        _write(target.with_name(target.name + ".report.json"), msgspec.json.format(msgspec.json.encode(report)))
        rejects = self.folder / f"{name}.rejects.jsonl"
        if rejects.exists() and not rejects.is_symlink():
            rejects.rename(target.with_name(target.name + ".rejects.jsonl"))
        for left in (f"{name}.progress", f"{name}{_MARK}"):
            (self.folder / left).unlink(missing_ok=True)
        self._seen.pop(name, None)


def _report(name: str, run: Run, done: Progress) -> dict[str, object]:
    return {
        "file": name,
        "sha256": run.sha256,
        "read": run.explained,
        "rows": done.rows,
        "stored": done.stored,
        "duplicates": done.duplicates,
        "refused": done.refused,
        "of_no_call": done.passed,
        "reasons": done.reasons,
    }


def _free(place: Path, name: str) -> Path:
    """Return a name that is not taken: a carrier may use one every day."""
    target = place / name
    number = 1
    while target.exists() or target.is_symlink():
        number += 1
        target = place / f"{number}-{name}"
    return target


def _write(path: Path, octets: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
