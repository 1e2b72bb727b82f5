"""The values that the engine works on: a trace, its hops, what was asked and what was said. Frozen; no decisions."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from headwater.identifiers import ALPHABET, LENGTH
from headwater.tracebacks.clocks import DEFAULT_READINGS, Readings
from headwater.tracebacks.states import WAITING_STATES, Deadline, FlagKind, Grade, HopState, Reason, TracebackState
from headwater.wire.agents import AnswerCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A provider as an answer names it."""

    spc: str
    name: str = ""
    country: str = "US"

    @property
    def title(self) -> str:
        """Its name where there is one, else its code."""
        return self.name or self.spc


@dataclass(frozen=True, slots=True, kw_only=True)
class Respondent:
    """A provider that can be asked: it is in the register."""

    provider_id: str
    spc: str
    name: str
    country: str
    office_zone: str
    by_agent: bool
    """True where its agent answers, False where a person does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The call as one witness saw it: what the next provider is asked about."""

    calling: str
    called: str
    call_at: datetime
    call_id: str = ""
    identity_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The rules that one traceback runs by, kept with it so that it can be replayed."""

    agent_target_s: int = 60
    """Platform's target for an answer by an agent, seconds."""
    pages_target_minutes: int = 240
    """Platform's target for an answer by a person, minutes of business hours."""
    readings: Readings = DEFAULT_READINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One version of one answer, reduced to what the walk depends on."""

    answer_id: str
    code: AnswerCode
    upstream: Party | None = None
    respondent: Respondent | None = None
    """The upstream where it is in the register, else None."""
    ingress: Call | None = None
    """The call as it came in at the answering provider."""
    matched_at: datetime | None = None
    """Start of the leg that was matched with the question."""
    record: str = ""
    """Digest or identifier of the record that it rests on; "" where none was given."""
    by_person: bool = False
    note: str = ""
    answered_at: datetime
    """By the provider's clock."""
    received_at: datetime
    """By ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One provider asked once about the call."""

    question_id: str
    index: int
    """1 at the terminating provider, growing upstream."""
    attempt: int
    """How often this provider has been asked at this place, this time included."""
    widened: int
    """How many steps the window has been widened."""
    window_s: int
    respondent: Respondent
    downstream: str
    """Question whose answer named this provider; "" at the terminating provider."""
    call: Call
    asked_at: datetime
    legal_due_at: datetime
    platform_due_at: datetime
    final_due_at: datetime
    state: HopState = HopState.NOTIFIED
    viewed_at: datetime | None = None
    statements: tuple[Statement, ...] = ()
    answered_at: datetime | None = None
    lapsed: tuple[Deadline, ...] = ()
    withdrawn_at: datetime | None = None
    """When the question was asked again or the path left it; such a question takes no answer any more."""
    replaced_by: str = ""

    @property
    def statement(self) -> Statement | None:
        """The version in force: the last."""
        return self.statements[-1] if self.statements else None

    @property
    def live(self) -> bool:
        """Tell whether the question still stands."""
        return self.withdrawn_at is None

    @property
    def waiting(self) -> bool:
        """Tell whether the walk waits for this provider."""
        return self.live and self.state in WAITING_STATES

    @property
    def next_deadline(self) -> tuple[Deadline, datetime] | None:
        """What runs out next on this question, and when."""
        if not self.waiting:
            return None
        if self.state is HopState.OVERDUE:
            return Deadline.FINAL, self.final_due_at
        if Deadline.PLATFORM not in self.lapsed and self.platform_due_at < self.legal_due_at:
            return Deadline.PLATFORM, self.platform_due_at
        return Deadline.LEGAL, self.legal_due_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One traceback as the events so far have made it."""

    traceback_id: str
    state: TracebackState = TracebackState.SUBMITTED
    grade: Grade = Grade.NONE
    origin: Respondent | None = None
    """Set with the grade *origin confirmed* and with no other."""
    outcome: str = ""
    hops: tuple[Hop, ...] = ()
    terms: Terms = Terms()
    closed_at: datetime | None = None

    @property
    def path(self) -> tuple[Hop, ...]:
        """The questions that stand, from the terminating provider upstream: each named by the one before."""
        return tuple(sorted((hop for hop in self.hops if hop.live), key=lambda hop: hop.index))

    def hop(self, question_id: str) -> Hop | None:
        """Return the hop of one question, or None."""
        return next((hop for hop in self.hops if hop.question_id == question_id), None)


def question_id(traceback_id: str, serial: int) -> str:
    """Return the identifier of a traceback's ``serial``-th question: the same on every replay."""
    digest = int.from_bytes(sha256(f"{traceback_id}/question/{serial}".encode()).digest())
    return "Q-" + "".join(ALPHABET[(digest >> 5 * place) % 32] for place in range(LENGTH))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The traceback begins at the terminating provider."""

    call: Call
    terminating: Respondent
    terms: Terms = Terms()
    reason: Reason = Reason.CAMPAIGN
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewed:
    """The provider has seen its question."""

    question_id: str
    seen_at: datetime
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The provider has answered: for the first time, late, or with a correction."""

    question_id: str
    statement: Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlinePassed:
    """A clock ran out on a question."""

    question_id: str
    deadline: Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """A person called the traceback off."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An answer had been taken and then proved impossible: it stays on record and moves nothing."""

    question_id: str
    answer_id: str
    reason: str


Event = Opened | Viewed | Answered | DeadlinePassed | Cancelled | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Put a question to a provider; what it says is in the hop of that question."""

    question_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remind:
    """Tell the provider that the platform's target has passed."""

    question_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate:
    """Tell the desk that the legal due time has passed without an answer."""

    question_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """Keep what this question says about the provider's conduct."""

    question_id: str
    kind: FlagKind
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """The walk is over: state, grade and sentence stand in the trace."""

    state: TracebackState
    grade: Grade


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """A closed traceback goes on: a late answer or a correction came."""

    question_id: str


Command = Ask | Remind | Escalate | Flag | Close | Reopen
