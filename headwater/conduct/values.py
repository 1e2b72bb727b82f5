"""A provider's part in one traced call: what every figure and flag of its conduct is counted from. Frozen; pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from headwater.conduct.states import COUNTED, Response
from headwater.tracebacks.states import Grade, HopRole, TracebackState
from headwater.wire.agents import AnswerCode

#: Grades under which the end of the path is known, so that the distance from it is.
REACHED = frozenset({Grade.ORIGIN_CONFIRMED, Grade.ENTRY_CONFIRMED})
_WITHOUT_RECORD = frozenset({AnswerCode.RECORD_NOT_FOUND.value, AnswerCode.RECORD_EXPIRED.value})
_UNCLEAR = frozenset({AnswerCode.NEED_INFO.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A provider beside another on a path. ``id`` is "" where it stands in no register."""

    id: str = ""
    name: str = ""
    spc: str = ""
    country: str = "US"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One provider in one traced call, as the questions to it tell: named by its neighbour and asked."""

    traceback_id: str
    provider: Neighbour
    question_id: str
    """The question in force: what the passage opens onto."""
    campaign_id: str = ""
    campaign_name: str = ""
    lawful: bool = False
    """The campaign is marked as a lawful sender's: it counts for cooperation alone."""
    state: TracebackState
    grade: Grade
    role: HopRole = HopRole.UNKNOWN
    hop: int
    """From the called party: 1 is the terminating provider."""
    distance: int | None = None
    """From the end of a completed path: 0 placed or let in the call, 1 took it directly from there. None: not known."""
    asked_at: datetime
    answered_at: datetime | None = None
    legal_due_at: datetime
    final_due_at: datetime
    withdrawn_at: datetime | None = None
    answer: str = ""
    """Code of the answer in force, "" while there is none."""
    by_agent: bool = False
    upstream: Neighbour | None = None
    downstream: Neighbour | None = None
    confirmed_upstream: bool = False
    """The upstream's own record confirms the hand-over."""
    contradicted: bool = False
    """Its statement and a neighbour's contradict each other, or its record does not fit the call."""
    on_path: bool = True

    @property
    def completed(self) -> bool:
        """Tell whether the traceback reached the call's origin or point of entry."""
        return self.grade in REACHED

    @property
    def took(self) -> timedelta | None:
        """From the question to the first answer."""
        return self.answered_at - self.asked_at if self.answered_at else None

    @property
    def counterparty(self) -> str:
        """Code of the neighbour that a contradiction is with: whom it named, or who named it."""
        other = self.upstream if self.upstream is not None else self.downstream
        return other.spc or other.name if other is not None else ""

    @property
    def without_record(self) -> bool:
        """Tell whether the provider answered that it has no record, or none that tells which call it was."""
        return self.answer in _WITHOUT_RECORD or self.answer in _UNCLEAR

    def response(self, now: datetime) -> Response:
        """Return what came of asking, as it stands at ``now``."""
        if self.answer == AnswerCode.DECLINED:
            return Response.DECLINED
        if self.answered_at is not None:
            return Response.IN_TIME if self.answered_at <= self.legal_due_at else Response.LATE
        if self.withdrawn_at is not None and self.withdrawn_at <= self.final_due_at:
            return Response.TAKEN_BACK
        if now > self.final_due_at:
            return Response.SILENT
        return Response.OVERDUE if now > self.legal_due_at else Response.WAITING

    def counts(self, now: datetime) -> bool:
        """Tell whether the question was due, or answered: what is not due yet says nothing of the provider."""
        return self.response(now) in COUNTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many of so many, with the 95% interval of the share (Wilson score, without continuity correction)."""

    part: int
    whole: int

    @property
    def ratio(self) -> float | None:
        """The share, None of nothing."""
        return self.part / self.whole if self.whole else None

    @property
    def low(self) -> float:
        """Lower end of the interval; 0 of nothing."""
        return self._end(-1)

    @property
    def high(self) -> float:
        """Upper end of the interval; 1 of nothing."""
        return self._end(1) if self.whole else 1.0

    def _end(self, sign: int) -> float:
        if not self.whole:
            return 0.0
        z, n, p = 1.959963984540054, self.whole, self.part / self.whole
        middle = p + z * z / (2 * n)
        spread = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
        return float(min(1.0, max(0.0, (middle + sign * spread) / (1 + z * z / n))))
