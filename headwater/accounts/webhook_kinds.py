"""The types of events that organisations can have posted to them, in alphabetical order. Pure."""

from enum import StrEnum

from headwater.accounts.permissions import OrganisationKind


class EventKind(StrEnum):
    """Everything that can be told by webhook."""

    ALERT_SENT = "alert.sent"
    """A campaign that rings in the agency's state, or that a subscription asks for."""
    NOTICE_SENT = "notice.sent"
    """A notice to a provider."""
    PROCESS_CHANGED = "process.changed"
    """A step of the agency's own legal process."""
    QUESTION_ASKED = "question.asked"
    """A traceback asks a provider about a call."""
    QUESTION_REMINDED = "question.reminded"
    """The due time of a question draws near or has passed."""
    TEST = "webhook.test"
    """Sent when somebody asks for a test: no cause, no data."""


#: Which kinds concern which organisations.
OFFERED: dict[OrganisationKind, tuple[EventKind, ...]] = {
    OrganisationKind.AGENCY: (EventKind.ALERT_SENT, EventKind.PROCESS_CHANGED),
    OrganisationKind.PROVIDER: (EventKind.NOTICE_SENT, EventKind.QUESTION_ASKED, EventKind.QUESTION_REMINDED),
}
