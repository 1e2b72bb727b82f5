"""How much memory all processes of a demo use together, from /proc (Linux)."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

PROC = Path("/proc")


@dataclass(slots=True)
class Memory:
    """The most that was seen at once, in MiB. PSS counts a shared page once, RSS once for each process."""

    roots: tuple[int, ...]
    """Process ids whose descendants belong to the demo, themselves with them."""
    pidfile: Path
    """PostgreSQL's: it is started by a program that ends, so it descends from nobody here."""
    peak_pss_mib: float = 0.0
    peak_rss_mib: float = 0.0
    peak_by_program: dict[str, float] = field(default_factory=dict)
    """PSS by what the command line says, at the moment of the highest sum."""
    samples: int = 0

    def sample(self) -> None:
        """Measure once; where there is no /proc, nothing is measured and ``samples`` stays 0."""
        if not PROC.is_dir():
            return
        pss, rss, named = 0.0, 0.0, dict[str, float]()
        for pid in _family({*self.roots, *_postgres(self.pidfile)}):
            # A process may end while it is read; what is gone uses nothing.
            with contextlib.suppress(OSError):
                sizes = _sizes(pid)
                name = _name(pid)
                pss, rss = pss + sizes["Pss"], rss + sizes["Rss"]
                named[name] = round(named.get(name, 0.0) + sizes["Pss"], 1)
        self.samples += 1
        self.peak_rss_mib = max(self.peak_rss_mib, round(rss, 1))
        if pss > self.peak_pss_mib:
            self.peak_pss_mib, self.peak_by_program = round(pss, 1), named


def _family(roots: set[int]) -> set[int]:
    parents: dict[int, int] = {}
    for folder in PROC.iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                # pid (comm) state ppid ...: the name may hold spaces and brackets.
                rest = (folder / "stat").read_text().rpartition(")")[2].split()
                parents[int(folder.name)] = int(rest[1])
    found = roots & parents.keys()
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def _postgres(pidfile: Path) -> set[int]:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return {int(pidfile.read_text().splitlines()[0])}
    return set()


def _sizes(pid: int) -> dict[str, float]:
    lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith(("Pss:", "Rss:"))}
    return {"Pss": found.get("Pss", 0.0), "Rss": found.get("Rss", 0.0)}


def _name(pid: int) -> str:
    words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    text = [word.decode(errors="replace") for word in words if word]
    if "headwater" in text:
        return " ".join(["headwater", *text[text.index("headwater") + 1 :][:2]])
    return (text or [(PROC / str(pid) / "comm").read_text().strip()])[0].rsplit("/", 1)[-1].split(":")[0]
