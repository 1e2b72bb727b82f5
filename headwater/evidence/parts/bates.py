"""Bates numbers: one for each page of paper and each other file, so that a court can cite any of them. Pure."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Bates:
    """The counter of one package: ``EP-XXXX-000001`` and on, in the order of the files."""

    prefix: str
    last: int = field(default=0)

    def next(self) -> str:
        """Return the next number."""
        self.last += 1
        return self.at(self.last)

    def at(self, number: int) -> str:
        """Return the label of one number."""
        return f"{self.prefix}-{number:06d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """One file of the package with the numbers that it carries, both ends included."""

    path: str
    octets: bytes
    first: str
    last: str
    pages: int
