"""What a verification says: every check that was made, in plain words. Pure."""

from dataclasses import dataclass
from enum import StrEnum


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
