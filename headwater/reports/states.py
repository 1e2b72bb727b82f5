"""Where a report and its request for tracebacks can stand. Pure."""

from typing import Final

from headwater.labels import Labelled


class ReportKind(Labelled):
    """What was brought."""

    CALLS = "calls", "Example calls"
    FILE = "file", "Complaint export or list of calls"
    RECORDING = "recording", "Recording of a call"


class ReportState(Labelled):
    """Where a report stands."""

    RECEIVED = "received", "Received"
    """Kept; its calls are on their way to the call store."""
    TAKEN = "taken", "Taken in"
    """At least one of its calls is in the call store."""
    REFUSED = "refused", "Nothing could be taken in"


class TraceRequest(Labelled):
    """Where a request to trace the reported calls stands."""

    NONE = "", "Not asked for"
    ASKED = "asked", "Waits for the desk"
    OPENING = "opening", "Being opened"
    OPENED = "opened", "Opened"
    DECLINED = "declined", "Declined"


REPORT_MOVES: Final[dict[ReportState, frozenset[ReportState]]] = {
    ReportState.RECEIVED: frozenset({ReportState.TAKEN, ReportState.REFUSED}),
    ReportState.TAKEN: frozenset(),
    ReportState.REFUSED: frozenset(),
}
TRACE_MOVES: Final[dict[TraceRequest, frozenset[TraceRequest]]] = {
    TraceRequest.NONE: frozenset({TraceRequest.ASKED, TraceRequest.OPENING}),
    TraceRequest.ASKED: frozenset({TraceRequest.OPENING, TraceRequest.DECLINED}),
    TraceRequest.OPENING: frozenset({TraceRequest.OPENED, TraceRequest.ASKED}),
    TraceRequest.OPENED: frozenset(),
    TraceRequest.DECLINED: frozenset(),
}
