"""The words of a traceback: states, grades, roles, deadlines. Pure; the tables that connect them are the engine's."""

from enum import StrEnum

from headwater.labels import Labelled


class TracebackState(Labelled):
    """Where a traceback stands (domain reference, section 9)."""

    SUBMITTED = "submitted", "Submitted"
    IN_PROGRESS = "in_progress", "In progress"
    COMPLETED_ORIGINATING = "completed_originating", "Completed: originating provider found"
    ENDED_FOREIGN = "ended_foreign", "Ended at a foreign provider"
    ENDED_NON_RESPONSIVE = "ended_non_responsive", "Ended: no response"
    ENDED_RECORD_NOT_FOUND = "ended_record_not_found", "Ended: no record found"
    ENDED_UNREACHABLE = "ended_unreachable", "Ended: the next provider cannot be asked"
    ENDED_DISPUTED = "ended_disputed", "Ended: disputed"
    CANCELLED = "cancelled", "Cancelled"


#: States in which somebody still has to answer.
OPEN_STATES = frozenset({TracebackState.SUBMITTED, TracebackState.IN_PROGRESS})


class Grade(Labelled):
    """What the outcome says; the wording on screen and in evidence follows it."""

    NONE = "", "No outcome yet"
    ORIGIN_CONFIRMED = "origin_confirmed", "Origin confirmed"
    ENTRY_CONFIRMED = "entry_confirmed", "Point of entry confirmed"
    ORIGIN_STATED = "origin_stated", "Origin by its own statement"
    ORIGIN_NAMED = "origin_named", "Origin named by its neighbour"
    ON_NET = "on_net", "On-net, by the terminating provider's own statement"
    FRONTIER = "frontier", "Frontier"


class HopKind(Labelled):
    """Why a question is asked."""

    WALK = "walk", "Named by the provider downstream of it"
    BRIDGE = "bridge", "Asked whether it handed the call to a provider that does not lead on"
    GAP = "gap", "Asked whether it carried the call, beyond several that do not lead on"
    CHECK = "check", "Asked once more whom it names"
    ATTESTED = "attested", "Signed the call; to be confirmed by the walk"


class HopState(Labelled):
    """Where one hop stands."""

    NOTIFIED = "notified", "Notified"
    VIEWED = "viewed", "Viewed"
    ANSWERED = "answered", "Answered"
    NEEDS_INFO = "needs_info", "Needs information"
    DISPUTED = "disputed", "Disputed"
    OVERDUE = "overdue", "Overdue"
    ANSWERED_LATE = "answered_late", "Answered late"
    NON_RESPONSIVE = "non_responsive", "Non-responsive"


#: Hop states in which the provider still owes an answer that the walk waits for.
WAITING_STATES = frozenset({HopState.NOTIFIED, HopState.VIEWED, HopState.OVERDUE})


class HopRole(Labelled):
    """A provider's part in THIS call."""

    UNKNOWN = "", "Not known yet"
    TERMINATING = "terminating", "Terminating"
    INTERMEDIATE = "intermediate", "Intermediate"
    GATEWAY = "gateway", "Gateway (U.S. point of entry)"
    ORIGINATING = "originating", "Originating"


class Deadline(Labelled):
    """What runs out on a question."""

    PLATFORM = "platform", "Platform target"
    LEGAL = "legal", "Legal due time, 47 CFR 64.1200(n)(1)"
    FINAL = "final", "One further legal day after the legal due time"


class FlagKind(Labelled):
    """What a traceback has to say about a provider's conduct: a fact with its question, not a judgement."""

    LATE = "late", "Did not answer by the legal due time"
    NON_RESPONSIVE = "non_responsive", "Did not answer at all"
    DECLINED = "declined", "Declined to answer"
    CONTRADICTED = "contradicted", "Its statement and its neighbour's contradict each other"


class TellingWay(Labelled):
    """How a message about a question goes out."""

    MAIL = "mail", "By mail with a one-time link"
    WEBHOOK = "webhook", "By webhook"
    DESK = "desk", "On the desk's queue"
    NOBODY = "nobody", "Nobody is named who could be written to"
    PASSED = "passed", "Passed over: a later message said more"


class Reason(StrEnum):
    """Why a carrier is asked; a carrier's policy may look at it."""

    CAMPAIGN = "campaign"
    """The call belongs to a confirmed campaign."""
    REQUEST = "request"
    """A person of the consortium asked for this call."""
