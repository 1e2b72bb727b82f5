"""What an accepted process opens, to whom and how long: the one decision of scoped access. Pure.

A scope is a union: the calls of its campaigns, its tracebacks, and the calls that show one of its calling numbers; of
these what lies in its window. ``Scope.allows`` decides for every page and API. The views of the database
(``legal_scoped_*``) say the same in SQL; a property test holds the two equal, and every row that a view gives is
held against ``allows`` once more before it leaves ``legal.access``.
"""

from dataclasses import dataclass, field
from datetime import datetime

from headwater.legal.kinds import Disclosure, ProcessType, discloses
from headwater.legal.states import ACCEPTED, ProcessState


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """What a process is about. Numbers are calling numbers as signalled, canonical (``numbering.E164``)."""

    campaigns: frozenset[str] = field(default_factory=frozenset)
    tracebacks: frozenset[str] = field(default_factory=frozenset)
    numbers: frozenset[str] = field(default_factory=frozenset)

    def __bool__(self) -> bool:
        return bool(self.campaigns or self.tracebacks or self.numbers)

    def __le__(self, other: "Subjects") -> bool:
        return (
            self.campaigns <= other.campaigns and self.tracebacks <= other.tracebacks and self.numbers <= other.numbers
        )

    def __sub__(self, other: "Subjects") -> "Subjects":
        return Subjects(
            campaigns=self.campaigns - other.campaigns,
            tracebacks=self.tracebacks - other.tracebacks,
            numbers=self.numbers - other.numbers,
        )

    def __len__(self) -> int:
        return len(self.campaigns) + len(self.tracebacks) + len(self.numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """One call or traceback, as far as a scope asks."""

    call_at: datetime
    campaign: str = ""
    traceback: str = ""
    """Of a call that is traced: its traceback."""
    calling: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one accepted process opens."""

    process: str
    agency: str
    kind: ProcessType
    state: ProcessState
    subjects: Subjects
    start: datetime
    end: datetime | None
    """Calls before it; None: as they come, until the access ends."""
    classes: frozenset[Disclosure]
    people: frozenset[str]
    """Identifiers of those whom it is open to: named, of the agency, and their accounts open."""
    access_until: datetime | None
    """From then on nothing is open; None only where nothing was accepted."""
    leavers: frozenset[str] = field(default_factory=frozenset)
    """Named people whose accounts are closed: open to whom they handed their matters over to, and to nobody else."""

    def stands(self, now: datetime) -> bool:
        """Tell whether the process opens anything at ``now``: accepted, not ended, not run out."""
        return (
            self.state in ACCEPTED
            and discloses(self.kind)
            and self.access_until is not None
            and now < self.access_until
        )

    def is_open_to(self, person: str, now: datetime, *, answers_for: frozenset[str] = frozenset()) -> bool:
        """Tell whether ``person``, by identifier, may look at ``now``.

        ``answers_for``: the people whose matters are theirs now.
        """
        return self.stands(now) and (person in self.people or not self.leavers.isdisjoint(answers_for - {person}))

    def reaches(self, disclosure: Disclosure) -> bool:
        """Tell whether the acceptance opened that class."""
        return disclosure in self.classes

    def allows(self, matter: Matter, *, disclosure: Disclosure = Disclosure.PATH) -> bool:
        """Tell whether that class of ``matter`` lies inside the scope. Whether it is open now: ``is_open_to``."""
        if disclosure not in self.classes or Disclosure.PATH not in self.classes:
            return False
        if matter.call_at < self.start or (self.end is not None and matter.call_at >= self.end):
            return False
        return (
            (matter.campaign != "" and matter.campaign in self.subjects.campaigns)
            or (matter.traceback != "" and matter.traceback in self.subjects.tracebacks)
            or (matter.calling != "" and matter.calling in self.subjects.numbers)
        )
