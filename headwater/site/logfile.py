"""One bounded log a process: the present file and one older."""

from pathlib import Path

OCTETS = 5_000_000
"""Where a log is set aside for a fresh one."""


class LogFile:
    """Appends octets as they come from a child; never grows past two files of ``octets`` and one piece more."""

    def __init__(self, path: Path, *, octets: int = OCTETS) -> None:
        self.path = path
        self._octets = octets
        self._file = path.open("ab", buffering=0)
        self._size = path.stat().st_size
        path.chmod(0o600)

    def write(self, octets: bytes) -> None:
        """Append; a full disk loses log lines, not the process that writes them."""
        if self._size > self._octets:
            self._file.close()
            self.path.replace(self.path.with_suffix(".log.1"))
            self._file = self.path.open("ab", buffering=0)
            self.path.chmod(0o600)
            self._size = 0
        try:
            self._size += self._file.write(octets) or 0
        except OSError:
            # Nowhere to say it: the supervisor's own screen shows what matters.
            self._size += len(octets)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def tail(path: Path, lines: int = 15) -> str:
    """Return the last lines of a log, indented for the screen."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 32_768))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return "    (nothing was logged)"
    return "\n".join(f"    {line[:400]}" for line in text.splitlines()[-lines:])
