"""Where recordings lie: a folder in which each is named by the SHA-256 of its octets, written once and never changed.

Recordings hold voices, so the files are for the operator alone. A record of the call store refers to one by
``audio_sha256``.
"""

import os
import re
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Final

from headwater.errors import Conflict, Invalid, NotFound, TooLarge

#: Octets of one recording: an hour of 8 kHz mu-law has 29 million.
MOST_OCTETS: Final = 64 * 1024 * 1024
FOLDER: Final = "recordings"
_NAME = re.compile(r"[0-9a-f]{64}")


class Recordings:
    """The recordings under one data directory."""

    def __init__(self, home: Path, *, most_octets: int = MOST_OCTETS) -> None:
        self._folder = home / FOLDER
        self._most = most_octets

    def put(self, octets: bytes) -> str:
        """Keep a recording and return its name, the SHA-256 in hex. One that is there already is left alone.

        Raises:
            Invalid: it is empty.
            TooLarge: beyond the bound.
        """
        if not octets:
            raise Invalid("a recording without octets is none")
        if len(octets) > self._most:
            raise TooLarge(f"a recording has at most {self._most} octets; this one has {len(octets)}")
        name = sha256(octets).hexdigest()
        path = self._path(name)
        if path.exists():
            return name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:  # mode 0600
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
        return name

    def get(self, name: str) -> bytes:
        """Return a recording's octets.

        Raises:
            NotFound: there is none of that name here.
            Conflict: the file is not what was kept.
        """
        path = self._path(name)
        try:
            octets = path.read_bytes()
        except FileNotFoundError:
            raise NotFound(f"The recording {name} is not kept here.") from None
        if sha256(octets).hexdigest() != name:
            raise Conflict(f"The recording {path} was changed since it was kept.")
        return octets

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(_NAME.fullmatch(name)) and self._path(name).exists()

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise NotFound(f"{name[:80]!r} names no recording.")
        return self._folder / name[:2] / name
