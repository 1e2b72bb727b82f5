"""Run every bench, or those that are named: ``python -m bench [NAME ...]``."""

import importlib
import pkgutil
import sys
from pathlib import Path

from bench.report import machine, show

_NOT_BENCHES = {"__main__", "learn", "report", "split_calls"}


def names() -> list[str]:
    """Return the bench modules that a person may name."""
    found = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return sorted(name for name in found if name not in _NOT_BENCHES and not name.startswith("_"))


def main(wanted: list[str]) -> int:
    unknown = set(wanted) - set(names())
    if unknown:
        print(f"No bench is called {', '.join(sorted(unknown))}. There are: {', '.join(names())}.")
        return 2
    print(machine())
    for name in wanted or names():
        show(importlib.import_module(f"bench.{name}").run())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
