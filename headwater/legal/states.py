"""Where a legal process can stand and what moves it. Pure. ``TRANSITIONS`` is the whole: no other place sets a state.

States and their order: domain reference, section 9. docs/reference/legal-process.md draws this table.
"""

from enum import StrEnum
from typing import Final

from headwater.errors import Conflict


class ProcessState(StrEnum):
    """Where a process stands."""

    DRAFT = "draft"
    SERVED = "served"
    IDENTITY_CHECKED = "identity_checked"
    UNDER_REVIEW = "under_review"
    DEFICIENT = "deficient"
    ACCEPTED = "accepted"
    OBJECTED = "objected"
    PRODUCING = "producing"
    PRODUCED = "produced"
    CERTIFIED = "certified"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


STATE_WORDS: Final[dict[ProcessState, str]] = {
    ProcessState.DRAFT: "Draft, not served",
    ProcessState.SERVED: "Served",
    ProcessState.IDENTITY_CHECKED: "Identity checked",
    ProcessState.UNDER_REVIEW: "Under review",
    ProcessState.DEFICIENT: "Deficient: more is needed",
    ProcessState.ACCEPTED: "Accepted",
    ProcessState.OBJECTED: "Objected",
    ProcessState.PRODUCING: "Being produced",
    ProcessState.PRODUCED: "Produced",
    ProcessState.CERTIFIED: "Certified",
    ProcessState.CLOSED: "Closed",
    ProcessState.WITHDRAWN: "Withdrawn",
}


class Step(StrEnum):
    """What can happen to a process."""

    SERVE = "serve"
    CHECK_IDENTITY = "check identity"
    BEGIN_REVIEW = "begin review"
    ACCEPT = "accept"
    OBJECT = "object"
    ASK_FOR_MORE = "ask for more"
    SUPPLY = "supply what was asked for"
    WITHDRAW = "withdraw"
    BEGIN_PRODUCTION = "begin production"
    FINISH_PRODUCTION = "finish production"
    CERTIFY = "certify"
    CLOSE = "close"


_S = ProcessState
TRANSITIONS: Final[dict[tuple[ProcessState, Step], ProcessState]] = {
    (_S.DRAFT, Step.SERVE): _S.SERVED,
    (_S.DRAFT, Step.WITHDRAW): _S.WITHDRAWN,
    (_S.SERVED, Step.CHECK_IDENTITY): _S.IDENTITY_CHECKED,
    (_S.SERVED, Step.WITHDRAW): _S.WITHDRAWN,
    (_S.IDENTITY_CHECKED, Step.BEGIN_REVIEW): _S.UNDER_REVIEW,
    (_S.IDENTITY_CHECKED, Step.WITHDRAW): _S.WITHDRAWN,
    (_S.UNDER_REVIEW, Step.ACCEPT): _S.ACCEPTED,
    (_S.UNDER_REVIEW, Step.OBJECT): _S.OBJECTED,
    (_S.UNDER_REVIEW, Step.ASK_FOR_MORE): _S.DEFICIENT,
    (_S.UNDER_REVIEW, Step.WITHDRAW): _S.WITHDRAWN,
    (_S.DEFICIENT, Step.SUPPLY): _S.UNDER_REVIEW,
    (_S.DEFICIENT, Step.WITHDRAW): _S.WITHDRAWN,
    (_S.DEFICIENT, Step.CLOSE): _S.CLOSED,
    # An answer to the objection, such as a narrower request, takes it up again.
    (_S.OBJECTED, Step.SUPPLY): _S.UNDER_REVIEW,
    (_S.OBJECTED, Step.WITHDRAW): _S.WITHDRAWN,
    (_S.OBJECTED, Step.CLOSE): _S.CLOSED,
    (_S.ACCEPTED, Step.BEGIN_PRODUCTION): _S.PRODUCING,
    (_S.ACCEPTED, Step.WITHDRAW): _S.WITHDRAWN,
    (_S.ACCEPTED, Step.CLOSE): _S.CLOSED,
    (_S.PRODUCING, Step.FINISH_PRODUCTION): _S.PRODUCED,
    (_S.PRODUCING, Step.WITHDRAW): _S.WITHDRAWN,
    (_S.PRODUCING, Step.CLOSE): _S.CLOSED,
    # Producing again (a failed sealing, a fresh addendum) is another package under the same acceptance.
    (_S.PRODUCING, Step.BEGIN_PRODUCTION): _S.PRODUCING,
    (_S.PRODUCED, Step.BEGIN_PRODUCTION): _S.PRODUCING,
    (_S.PRODUCED, Step.CERTIFY): _S.CERTIFIED,
    (_S.PRODUCED, Step.WITHDRAW): _S.WITHDRAWN,
    (_S.PRODUCED, Step.CLOSE): _S.CLOSED,
    (_S.CERTIFIED, Step.BEGIN_PRODUCTION): _S.PRODUCING,
    (_S.CERTIFIED, Step.WITHDRAW): _S.WITHDRAWN,
    (_S.CERTIFIED, Step.CLOSE): _S.CLOSED,
}

#: Waiting for the consortium, in the order of the queue.
IN_REVIEW: Final = (ProcessState.SERVED, ProcessState.IDENTITY_CHECKED, ProcessState.UNDER_REVIEW)
#: Accepted, and all that follows an acceptance while it stands.
ACCEPTED: Final = (ProcessState.ACCEPTED, ProcessState.PRODUCING, ProcessState.PRODUCED, ProcessState.CERTIFIED)
#: Nothing follows.
ENDED: Final = (ProcessState.CLOSED, ProcessState.WITHDRAWN)


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
