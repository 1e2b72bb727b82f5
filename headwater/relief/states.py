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
