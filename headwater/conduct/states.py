"""The words of conduct: what a provider's response to one question was, the four flags, disputes, signs. Pure."""

from headwater.errors import Conflict
from headwater.labels import Labelled


class Response(Labelled):
    """What came of asking a provider about one traced call."""

    IN_TIME = "in_time", "Answered by the legal due time"
    LATE = "late", "Answered after the legal due time"
    DECLINED = "declined", "Declined to answer"
    SILENT = "silent", "Did not answer by the final due time"
    OVERDUE = "overdue", "Legal due time passed, answer still awaited"
    WAITING = "not_due", "Not due yet"
    TAKEN_BACK = "taken_back", "The question was taken back before it was due"


#: Responses that count: the question was due, or was answered.
COUNTED = frozenset({Response.IN_TIME, Response.LATE, Response.DECLINED, Response.SILENT})


class ConductFlagKind(Labelled):
    """The four kinds of non-cooperation that the attorneys general asked to be told of (letter of May 4, 2020)."""

    NOT_PARTICIPATING = "not_participating", "Does not take part in tracebacks"
    ORIGINATES_OR_ACCEPTS = "originates_or_accepts", "Repeatedly originates or accepts illegal robocalls"
    POINT_OF_ENTRY = "point_of_entry", "Regularly the U.S. point of entry of foreign illegal robocalls"
    INSUFFICIENT_RECORDS = "insufficient_records", "Repeatedly fails to give sufficient records"


class DisputeState(Labelled):
    """Where a provider's dispute of its own record stands."""

    OPEN = "dispute_open", "Disputed by the provider"
    UPHELD = "dispute_upheld", "Dispute upheld: set aside"
    REJECTED = "dispute_rejected", "Dispute rejected, with the reason"
    WITHDRAWN = "dispute_withdrawn", "Dispute withdrawn by the provider"


#: What may follow what. A decision is final: a provider with new facts disputes anew.
NEXT_DISPUTE: dict[DisputeState, frozenset[DisputeState]] = {
    DisputeState.OPEN: frozenset({DisputeState.UPHELD, DisputeState.REJECTED, DisputeState.WITHDRAWN}),
    DisputeState.UPHELD: frozenset(),
    DisputeState.REJECTED: frozenset(),
    DisputeState.WITHDRAWN: frozenset(),
}


def move_dispute(state: DisputeState, to: DisputeState) -> DisputeState:
    """Return ``to`` where it may follow ``state``.

    Raises:
        Conflict: it may not: the dispute was decided or withdrawn already.
    """
    if to not in NEXT_DISPUTE[state]:
        raise Conflict(f"The dispute stands as {state.label.lower()!r}; it cannot become {to.label.lower()!r}.")
    return to


class SignKind(Labelled):
    """What two filings of the Robocall Mitigation Database, or of Form 499, have in common."""

    CONTACT_PERSON = "contact_person", "Same contact person"
    CONTACT_PHONE = "contact_phone", "Same contact telephone"
    ADDRESS = "address", "Same business address"
    CONTACT_ADDRESS = "contact_address", "Same contact address"
    TRADE_NAME = "trade_name", "One's name is a trade or previous name of the other"
    OTHER_FRN = "other_frn", "One lists the other's FRN as its own"
    HOLDING = "holding", "Same holding company"
