"""Write the agent's requirements.lock: of the hub's lock the part that the agent needs, hashes and all.

One set of versions is tested; so the agent gets the same as the hub. What it needs follows from its pyproject.toml and
from what the installed distributions say that they need. Run by `make agent-dist`; a test holds the file current.
"""

import sys
import tomllib
from collections.abc import Container
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE: Final = Path(__file__).resolve().parent
WHOLE: Final = HERE.parents[1] / "requirements.lock"
OWN: Final = HERE / "requirements.lock"
_HEAD: Final = "# Of ../../requirements.lock the part that the agent needs; written by lock.py, not by hand.\n"


def needed(held: Container[str]) -> set[str]:
    """Return the canonical names of all distributions that the agent needs, directly or through others.

    What is needed on some platforms alone is kept where the whole lock (``held``) has it.
    """
    wanted = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]["dependencies"]
    found: set[str] = set()
    waiting = [Requirement(line) for line in wanted]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        if name in found or (one.marker is not None and name not in held):
            continue
        if name not in held:
            sys.exit(f"requirements.lock holds no {name}: write it anew first")
        found.add(name)
        try:
            further = [Requirement(line) for line in distribution(name).requires or ()]
        except PackageNotFoundError:
            continue  # of another platform, or another Python
        waiting += [each for each in further if _applies(each, one.extras)]
    return found


def _applies(one: Requirement, extras: set[str]) -> bool:
    """Tell whether a requirement holds on some platform, with the extras that were asked for."""
    if one.marker is None or "extra" not in str(one.marker):
        return True
    return any(one.marker.evaluate({"extra": extra}) for extra in extras)


def lock() -> str:
    """Return the text of the agent's lock."""
    parts: dict[str, list[str]] = {}
    for line in WHOLE.read_text().splitlines():
        if line and not line[0].isspace() and not line.startswith("#"):
            current = parts.setdefault(canonicalize_name(line.partition("==")[0]), [])
        if line and not line.lstrip().startswith("#"):
            current.append(line)
    return _HEAD + "".join(f"{line}\n" for name in sorted(needed(parts)) for line in parts[name])


if __name__ == "__main__":
    OWN.write_text(lock())
