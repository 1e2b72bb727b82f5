"""How a legal process moves, what it must state, what an acceptance opens. Pure: ``now`` is an argument.

States and their order: domain reference, section 9. ``TRANSITIONS`` is the whole of it; no other place sets a state.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from headwater.errors import Conflict, Invalid


class ProcessType(StrEnum):
    """What kind of process was served."""

    SUBPOENA = "subpoena"
    CID = "cid"
    COURT_ORDER = "court_order"


TYPE_WORDS: dict[ProcessType, str] = {
    ProcessType.SUBPOENA: "Subpoena",
    ProcessType.CID: "Civil investigative demand",
    ProcessType.COURT_ORDER: "Court order",
}


class ProcessState(StrEnum):
    """Where a process stands."""

    DRAFT = "draft"
    SERVED = "served"
    UNDER_REVIEW = "under_review"
    DEFICIENT = "deficient"
    ACCEPTED = "accepted"
    OBJECTED = "objected"
    PRODUCING = "producing"
    PRODUCED = "produced"
    WITHDRAWN = "withdrawn"


STATE_WORDS: dict[ProcessState, str] = {
    ProcessState.DRAFT: "Draft, not served",
    ProcessState.SERVED: "Served",
    ProcessState.UNDER_REVIEW: "Under review",
    ProcessState.DEFICIENT: "Deficient: more is needed",
    ProcessState.ACCEPTED: "Accepted",
    ProcessState.OBJECTED: "Objected",
    ProcessState.PRODUCING: "Being produced",
    ProcessState.PRODUCED: "Produced",
    ProcessState.WITHDRAWN: "Withdrawn",
}


class Step(StrEnum):
    """What can happen to a process."""

    SERVE = "serve"
    BEGIN_REVIEW = "begin review"
    ACCEPT = "accept"
    OBJECT = "object"
    ASK_FOR_MORE = "ask for more"
    SUPPLY = "supply what was asked for"
    WITHDRAW = "withdraw"
    BEGIN_PRODUCTION = "begin production"
    FINISH_PRODUCTION = "finish production"


_S = ProcessState
TRANSITIONS: dict[tuple[ProcessState, Step], ProcessState] = {
    (_S.DRAFT, Step.SERVE): _S.SERVED,
    (_S.DRAFT, Step.WITHDRAW): _S.WITHDRAWN,
    (_S.SERVED, Step.BEGIN_REVIEW): _S.UNDER_REVIEW,
    (_S.SERVED, Step.WITHDRAW): _S.WITHDRAWN,
    (_S.UNDER_REVIEW, Step.ACCEPT): _S.ACCEPTED,
    (_S.UNDER_REVIEW, Step.OBJECT): _S.OBJECTED,
    (_S.UNDER_REVIEW, Step.ASK_FOR_MORE): _S.DEFICIENT,
    (_S.UNDER_REVIEW, Step.WITHDRAW): _S.WITHDRAWN,
    (_S.DEFICIENT, Step.SUPPLY): _S.UNDER_REVIEW,
    (_S.DEFICIENT, Step.WITHDRAW): _S.WITHDRAWN,
    (_S.ACCEPTED, Step.BEGIN_PRODUCTION): _S.PRODUCING,
    (_S.PRODUCING, Step.FINISH_PRODUCTION): _S.PRODUCED,
    # Producing again (a failed sealing, a fresh addendum) is another package under the same acceptance.
    (_S.PRODUCED, Step.BEGIN_PRODUCTION): _S.PRODUCING,
    (_S.PRODUCING, Step.BEGIN_PRODUCTION): _S.PRODUCING,
}

#: Waiting for the consortium, in the order of the queue.
IN_REVIEW = (ProcessState.SERVED, ProcessState.UNDER_REVIEW)
#: Accepted, and all that follows an acceptance.
ACCEPTED = (ProcessState.ACCEPTED, ProcessState.PRODUCING, ProcessState.PRODUCED)
#: Our own target: a campaign that rings now is worth an answer within the hour.
REVIEW_TARGET = timedelta(hours=1)
LONGEST_LINE = 200
LONGEST_TEXT = 10_000
#: No process may reach further back than the store can hold and a court would find relevant: five years.
FURTHEST_BACK = timedelta(days=5 * 366)


class WrongStep(Conflict):
    """The process does not stand where this can happen to it."""


def after(state: ProcessState, step: Step) -> ProcessState:
    """Return the state after ``step``.

    Raises:
        WrongStep: it cannot happen in ``state``.
    """
    found = TRANSITIONS.get((state, step))
    if found is None:
        message = f"a process that is {STATE_WORDS[state].lower()} cannot take the step to {step}; load the page again"
        raise WrongStep(message)
    return found


class Decision(StrEnum):
    """What a reviewer can decide."""

    ACCEPT = "accept"
    OBJECT = "object"
    ASK_FOR_MORE = "deficient"


DECISION_STEP: dict[Decision, Step] = {
    Decision.ACCEPT: Step.ACCEPT,
    Decision.OBJECT: Step.OBJECT,
    Decision.ASK_FOR_MORE: Step.ASK_FOR_MORE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an agency asks for. Times are aware UTC; ``covers_to`` None means until the package is sealed."""

    process_type: ProcessType
    authority: str
    statute: str
    case_number: str
    scope: str
    covers_from: datetime
    covers_to: datetime | None
    return_date: date
    signer: str
    called_numbers: bool
    """Whether the called parties' numbers are asked for in full: raw records and signed answers hold them."""
    customer_identity: bool
    """Whether the customer's identity, the guarded disclosure class, is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What an acceptance opens beyond path data."""

    called_numbers: bool
    customer_identity: bool


class BadRequest(Invalid):
    """The request breaks a rule of its form; ``problems`` says which, by field."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = problems


_LINES = {
    "authority": "Enter the issuing authority, for example the office of an attorney general",
    "statute": "Enter the statute that you act under, for example 47 U.S.C. § 227",
    "case_number": "Enter your case or matter number",
    "signer": "Enter who signed the process, with their title",
}


def check_request(request: Request, now: datetime) -> None:
    """Refuse a request that states too little or impossible times.

    Raises:
        BadRequest: with one sentence a field.
    """
    problems = _line_problems(request) | _time_problems(request, now)
    if not request.scope.strip():
        problems["scope"] = "Enter what is to be produced"
    elif len(request.scope) > LONGEST_TEXT:
        problems["scope"] = f"Use at most {LONGEST_TEXT:,} characters for the scope"
    if problems:
        raise BadRequest(problems)


def _line_problems(request: Request) -> dict[str, str]:
    problems = {}
    for field, missing in _LINES.items():
        text = getattr(request, field).strip()
        if not text:
            problems[field] = missing
        elif len(text) > LONGEST_LINE or not text.isprintable():
            problems[field] = f"Use at most {LONGEST_LINE} plain characters on one line"
    return problems


def _time_problems(request: Request, now: datetime) -> dict[str, str]:
    problems = {}
    if request.covers_from > now:
        problems["covers_from"] = "The first day must not lie in the future"
    elif request.covers_from < now - FURTHEST_BACK:
        problems["covers_from"] = "The first day must not lie more than five years back"
    if request.covers_to is not None and request.covers_to <= request.covers_from:
        problems["covers_to"] = "The last day must not lie before the first day"
    if request.return_date < now.date():
        problems["return_date"] = "The return date must be today or later"
    elif request.return_date > now.date() + timedelta(days=366):
        problems["return_date"] = "The return date must lie within a year"
    return problems


def check_reason(reason: str) -> str:
    """Return ``reason`` without its margins.

    Raises:
        BadRequest: it is empty or too long: every decision is told to the agency with its reason.
    """
    text = reason.strip()
    if not text:
        raise BadRequest({"reason": "Enter the reason: the agency reads it in the decision letter"})
    if len(text) > LONGEST_TEXT:
        raise BadRequest({"reason": f"Use at most {LONGEST_TEXT:,} characters"})
    return text


def check_grant(asked: Request, grant: Grant) -> None:
    """Refuse an acceptance that opens more than was asked for.

    Raises:
        BadRequest: a class is granted that the process does not ask for.
    """
    if grant.called_numbers and not asked.called_numbers:
        raise BadRequest({"grant_called_numbers": "The process does not ask for called numbers in full"})
    if grant.customer_identity and not asked.customer_identity:
        raise BadRequest({"grant_customer_identity": "The process does not ask for customer identity"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How long a process has waited for the consortium, and what is left of the review target."""

    waited: timedelta
    left: timedelta

    @property
    def late(self) -> bool:
        """Whether the target has passed."""
        return self.left < timedelta(0)


def waiting(served_at: datetime, now: datetime) -> Waiting:
    """Return the review clock of a process served at ``served_at``."""
    return Waiting(waited=now - served_at, left=served_at + REVIEW_TARGET - now)
