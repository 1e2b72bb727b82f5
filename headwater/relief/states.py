"""The words of relief: kinds of notice, what a provider reports, what measures are, what one came to. Pure."""

from headwater.labels import Labelled


class NoticeKind(Labelled):
    """What a provider is told."""

    SUSPECTED_TRAFFIC = "suspected_traffic", "Notice of suspected illegal traffic"
    CEASE_AND_DESIST = "cease_and_desist", "Cease and desist"
    COURT_ORDER = "court_order", "Service of a court order"


class NoticeState(Labelled):
    """Where a notice stands with its provider."""

    SENT = "sent", "Sent"
    SEEN = "seen", "Seen"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    REPORTED = "reported", "Action reported"


#: What may follow what; a report may be followed by another, as a new version.
NEXT_STATES: dict[NoticeState, frozenset[NoticeState]] = {
    NoticeState.SENT: frozenset({NoticeState.SEEN}),
    NoticeState.SEEN: frozenset({NoticeState.ACKNOWLEDGED, NoticeState.REPORTED}),
    NoticeState.ACKNOWLEDGED: frozenset({NoticeState.REPORTED}),
    NoticeState.REPORTED: frozenset({NoticeState.REPORTED}),
}


class ReportedAction(Labelled):
    """What a provider says that it did."""

    CUSTOMER_ENDED = "customer_ended", "Ended the customer that placed the calls"
    CUSTOMER_WARNED = "customer_warned", "Warned the customer that placed the calls"
    BLOCKED = "blocked", "Blocks this and substantially similar traffic"
    REFUSES_UPSTREAM = "refuses_upstream", "Takes no more of this traffic from its upstream"
    INVESTIGATING = "investigating", "Investigates"
    DISPUTED = "disputed", "Disputes the notice"


#: Reports that are a measure against the calls, from the time that the provider states.
MEASURES_REPORTED = frozenset(
    {
        ReportedAction.CUSTOMER_ENDED,
        ReportedAction.CUSTOMER_WARNED,
        ReportedAction.BLOCKED,
        ReportedAction.REFUSES_UPSTREAM,
    }
)


class MeasureKind(Labelled):
    """Something that may stop calls."""

    NOTICE_SENT = "notice_sent", "Notice sent"
    PROVIDER_ACTED = "provider_acted", "A provider reports that it acted"
    ORDER_ISSUED = "order_issued", "Court order issued"
    ORDER_SERVED = "order_served", "Court order served"
    NUMBERS_BLOCKED = "numbers_blocked", "Block entries published"
    OTHER = "other", "Other measure"


#: Measures that a person enters; the others are noted by what happens here.
ENTERED_BY_HAND = (MeasureKind.ORDER_ISSUED, MeasureKind.ORDER_SERVED, MeasureKind.OTHER)


class Verdict(Labelled):
    """What the calls did after a measure."""

    STOPPED = "stopped", "Stopped"
    RETURNED = "returned", "Stopped, then returned"
    MOVED = "moved", "Go on from another source"
    FEWER = "fewer", "Fewer"
    SAME = "same", "No change shown"
    MORE = "more", "More"
    TOO_EARLY = "too_early", "Too early to tell"
    NOTHING_BEFORE = "nothing_before", "No calls before it"


class ListKind(Labelled):
    """What carriers and apps are advised to do with calls that show a number."""

    BLOCK = "block", "Block"
    DO_NOT_ORIGINATE = "do_not_originate", "Do not originate"


class BlockReason(Labelled):
    """Why a number is on a list: the reason class of the published feed."""

    CAMPAIGN_CALLS = "campaign_calls", "Calls of a traced campaign show it"
    COURT_ORDER = "court_order", "A court's order"
    HOLDER_REQUEST = "holder_request", "Its holder asks: it never places calls"
    INVALID = "invalid", "Not a valid number of the numbering plan"
    UNALLOCATED = "unallocated", "Not allocated to any provider"
    UNUSED = "unused", "Allocated and not in use"


#: Reasons of do-not-originate entries (47 CFR 64.1200(o): invalid, unallocated, unused, and the holder's request).
DO_NOT_ORIGINATE_REASONS = (
    BlockReason.HOLDER_REQUEST,
    BlockReason.INVALID,
    BlockReason.UNALLOCATED,
    BlockReason.UNUSED,
    BlockReason.COURT_ORDER,
)


class Removal(Labelled):
    """Why an entry left the feed."""

    ENDED = "ended", "Its day has come"
    WITHDRAWN = "withdrawn", "Taken back"
    APPEAL_UPHELD = "appeal_upheld", "Taken back on appeal"


class AppealState(Labelled):
    """Where an appeal against an entry stands."""

    OPEN = "open", "Waits for a decision"
    UPHELD = "upheld", "Upheld: the entry is taken back"
    REFUSED = "refused", "Refused"


class DeliveryWay(Labelled):
    """How a notice reached a provider."""

    REGISTERED_LETTER = "registered_letter", "Registered letter"
    COURIER = "courier", "Courier"
    IN_PERSON = "in_person", "Served in person"
    AGENT = "agent", "Served on its registered agent"
