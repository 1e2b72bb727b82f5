"""What a carrier has learned of its neighbours' clocks, kept in its folder: durable, small, and its own.

Only differences in time and prefixes are kept: no number, no call.
"""

import os
from pathlib import Path
from typing import Final

import msgspec

from headwater.calls.learning import Learner, Lesson
from headwater.calls.matching import UNKNOWN_EDGE, Edge
from headwater.errors import Invalid

#: Most neighbours that are remembered; the one that was learned of longest ago goes first.
MOST: Final = 2_000
_FILE: Final = msgspec.json.Decoder(dict[str, list[Lesson]])


class Learned:
    """Lessons by neighbour. ``learn`` writes the file anew and puts it in place of the old one."""

    def __init__(self, path: Path) -> None:
        """Read what was kept.

        Raises:
            Invalid: the file is there and cannot be read; it may be deleted, what it held is learned again.
        """
        self._path = path
        try:
            kept = _FILE.decode(path.read_bytes()) if path.exists() else {}
        except msgspec.DecodeError as error:
            raise Invalid(f"{path} cannot be read ({error}); delete it, what it held is learned again") from error
        self._learners = {neighbour: Learner(lessons) for neighbour, lessons in kept.items()}

    def edge(self, neighbour: str) -> Edge:
        """Return what is known of the clock against one neighbour's."""
        learner = self._learners.get(neighbour)
        return learner.edge() if learner else UNKNOWN_EDGE

    def drifting(self) -> list[str]:
        """Return the neighbours whose clock, or our own against it, is not steady."""
        return sorted(neighbour for neighbour, learner in self._learners.items() if learner.edge().drifts)

    def learn(self, neighbour: str, lesson: Lesson) -> None:
        """Take one lesson and keep it."""
        learner = self._learners.pop(neighbour, None) or Learner()
        learner.learn(lesson)
        self._learners[neighbour] = learner
        while len(self._learners) > MOST:
            del self._learners[next(iter(self._learners))]
        draft = self._path.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode({name: list(one.lessons) for name, one in self._learners.items()}))
        os.replace(draft, self._path)  # noqa: PTH105 - atomic, also over an open file
