"""How a bench says what it measured: the figures of one run, and their ratios."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured rate."""

    what: str
    """``ours``, ``peer`` or ``bound``, and of what."""
    rate: float
    unit: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one bench module measured."""

    title: str
    figures: Sequence[Figure]
    """Ours first; the ratios are ours over each of the others."""
    notes: Sequence[str] = ()


def machine() -> str:
    """Return what the figures were measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return f"{os.cpu_count()} x {model}, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"


def show(claim: Claim) -> None:
    """Print one claim."""
    print(f"\n{claim.title}")
    for figure in claim.figures:
        print(f"  {figure.what:<46}{figure.rate:>12,.0f} {figure.unit}  {figure.note}".rstrip())
    for other in claim.figures[1:]:
        ours = claim.figures[0]
        print(f"  {'ratio: ' + ours.what + ' / ' + other.what:<72}{ours.rate / other.rate:>8.2f}")
    for note in claim.notes:
        print(f"  {note}")
