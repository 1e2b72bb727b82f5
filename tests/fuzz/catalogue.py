"""Which targets there are, and what each module says of itself."""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

TARGETS = Path(__file__).parent / "targets"
LONGEST = 4_096
SHORT_RUN = 2_000
"""Executions in the test suite; a target that takes milliseconds says fewer."""
INSTRUMENTED = ("headwater", "dpkt")
"""Packages whose branches guide the choice of inputs."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One reader under test."""

    name: str
    run: Callable[[bytes], None]
    seeds: Sequence[bytes]
    tokens: Sequence[bytes] = ()
    longest: int = LONGEST
    short_run: int = SHORT_RUN


def names() -> list[str]:
    """Return the targets' names."""
    return sorted(module.name for module in pkgutil.iter_modules([str(TARGETS)]) if not module.name.startswith("_"))


def load(name: str) -> Target:
    """Import one target."""
    module = importlib.import_module(f"tests.fuzz.targets.{name}")
    longest = max(getattr(module, "LONGEST", LONGEST), *(len(seed) for seed in module.SEEDS))
    return Target(
        name=name,
        run=module.target,
        seeds=module.SEEDS,
        tokens=getattr(module, "TOKENS", ()),
        longest=longest,
        short_run=getattr(module, "SHORT_RUN", SHORT_RUN),
    )
