"""What a verification says: every check that was made, in plain words. Pure."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Outcome(StrEnum):
    """How one check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOTED = "noted"
    """Nothing is wrong, but the reader must know a limit of what was checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: its group, what was found in plain words, and the file in the package that it is about."""

    group: str
    outcome: Outcome
    finding: str
    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Every check of one package, in the order in which they were made."""

    checks: tuple[Check, ...]
    package_id: str = ""
    process_id: str = ""
    created: str = ""
    key_id: str = ""

    @property
    def ok(self) -> bool:
        """Whether at least one check passed and none failed."""
        outcomes = {check.outcome for check in self.checks}
        return Outcome.PASSED in outcomes and Outcome.FAILED not in outcomes

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.outcome is Outcome.FAILED)


_SIGNS = {Outcome.PASSED: "ok  ", Outcome.FAILED: "FAIL", Outcome.NOTED: "note"}
#: A group with more passed checks than this is told by its number, unless all are asked for.
_MOST_LINES = 12


def lines(report: Report, file: Path, *, every: bool) -> list[str]:
    """Return the report in plain words: every check, the passed ones of a long group as one line."""
    shown = []
    if report.package_id:
        shown.append(f"Package {report.package_id}, process {report.process_id}, sealed {report.created}")
    passed = Counter(check.group for check in report.checks if check.outcome is Outcome.PASSED)
    told: set[str] = set()
    for check in report.checks:
        folded = check.outcome is Outcome.PASSED and check.file and passed[check.group] > _MOST_LINES and not every
        if not folded:
            shown.append(_line(check))
        elif check.group not in told:
            told.add(check.group)
            number = sum(c.group == check.group and c.outcome is Outcome.PASSED and bool(c.file) for c in report.checks)
            shown.append(f"ok    {check.group}: {number} files have the size and SHA-256 that were sealed.")
    if report.ok:
        shown.append(f"GOOD  {file}: no octet differs from what was sealed, and the package agrees with itself.")
    else:
        named = sorted({check.file for check in report.failures if check.file})
        count = "1 check" if len(report.failures) == 1 else f"{len(report.failures)} checks"
        where = f" Changed or missing: {', '.join(named[:10])}." if named else ""
        shown.append(f"BAD   {file}: {count} failed.{where} Do not rely on it.")
    return shown


def _line(check: Check) -> str:
    return f"{_SIGNS[check.outcome]}  {check.group}: {check.finding}"
