"""What is to be done after a step of the engine: values that the shell carries out. Frozen; no decisions."""

from dataclasses import dataclass

from headwater.tracebacks.states import FlagKind, Grade, TracebackState


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Put a question to a provider; what it says is in the hop of that question."""

    question_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """Find who may have handed the call to this question's provider, and say so by ``Candidates``."""

    question_id: str
    far: bool = False
    """Whether whoever carried the call at all is wanted: a search beyond several that do not lead on."""


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


Command = Ask | Bridge | Remind | Escalate | Flag | Close | Reopen
