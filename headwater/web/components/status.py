"""How a status looks: word, shape and colour, so that colour is never the only sign.

Every status of every room is listed here once; a test holds the table complete.
"""

from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """What a status asks of the reader."""

    ALARM = "alarm"
    """It hurts now: act."""
    WAIT = "wait"
    """Somebody is asked; a clock runs."""
    GOOD = "good"
    """Done as it should be."""
    INFO = "info"
    """Under way, nothing to do."""
    ENDED = "ended"
    """Over, for whatever reason."""


@dataclass(frozen=True, slots=True)
class Status:
    """One status as it is shown."""

    word: str
    tone: Tone


A, W, G, I, E = Tone.ALARM, Tone.WAIT, Tone.GOOD, Tone.INFO, Tone.ENDED  # noqa: E741 - one letter a tone keeps the table readable

STATUSES: dict[str, Status] = {
    # Messages of the outbox, and endpoints of webhooks
    "message_waiting": Status("Waiting", I),
    "message_delivered": Status("Delivered", G),
    "message_failed": Status("Failed", A),
    "endpoint_on": Status("On", G),
    "endpoint_paused": Status("Paused", E),
    # Accounts: people, invitations, checks of contact, machine credentials, identity providers
    "account_open": Status("Confirmed", G),
    "account_waiting": Status("Waiting", W),
    "account_unconfirmed": Status("To be confirmed", W),
    "account_closed": Status("Closed", E),
    "account_accepted": Status("Accepted", G),
    "account_passed": Status("Passed", G),
    "account_given_up": Status("Given up", E),
    "account_valid": Status("Valid", G),
    "account_revoked": Status("Revoked", E),
    "account_expired": Status("Expired", E),
    "account_on": Status("On", G),
    "account_off": Status("Off", E),
    # Uploads
    "uploaded": Status("To confirm", W),
    "queued": Status("Waiting", I),
    "storing": Status("Being stored", I),
    "stored": Status("Stored", G),
    "upload_failed": Status("Failed", A),
    # Campaigns
    "suspected": Status("Suspected", W),
    "confirmed": Status("Confirmed", A),
    "active": Status("Active", A),
    "dormant": Status("Dormant", I),
    "stopped": Status("Stopped", G),
    "ringing": Status("Still ringing", A),
    "quiet": Status("Quiet", I),
    # What happened to a series
    "trend_born": Status("Born", I),
    "trend_grew": Status("Grew", A),
    "trend_fell": Status("Fell", I),
    "trend_dormant": Status("Dormant", I),
    "trend_returned": Status("Returned", A),
    # Names
    "proposed": Status("Proposed", I),
    # Tracebacks
    "submitted": Status("Submitted", I),
    "in_progress": Status("In progress", W),
    "completed_originating": Status("Origin found", G),
    "ended_foreign": Status("Ended abroad", E),
    "ended_non_responsive": Status("No response", A),
    "ended_record_not_found": Status("No record found", E),
    "ended_unreachable": Status("Next provider unreachable", E),
    "ended_disputed": Status("Disputed", E),
    "cancelled": Status("Cancelled", E),
    # Grades
    "origin_confirmed": Status("Origin confirmed", G),
    "origin_stated": Status("Origin by its own statement", I),
    "origin_named": Status("Origin named by neighbour", W),
    "entry_confirmed": Status("Point of entry confirmed", G),
    "frontier": Status("Frontier", W),
    "on_net": Status("On-net, own statement", I),
    # Traces forward
    "completed_serving": Status("Serving provider found", G),
    "ended_not_served": Status("Nobody serves it", E),
    "server_confirmed": Status("Serving provider confirmed", G),
    "server_stated": Status("Serving provider by its own statement", I),
    "server_named": Status("Serving provider named by others", W),
    "unknown": Status("Serving provider not known", E),
    # Hops
    "notified": Status("Asked", W),
    "viewed": Status("Seen", W),
    "answered": Status("Answered", G),
    "needs_info": Status("Needs information", W),
    "disputed": Status("Disputed", A),
    "overdue": Status("Overdue", A),
    "answered_late": Status("Answered late", W),
    "non_responsive": Status("Non-responsive", A),
    # Legal process
    "draft": Status("Draft", I),
    "served": Status("Served", W),
    "under_review": Status("Under review", W),
    "deficient": Status("Deficient", A),
    "accepted": Status("Accepted", G),
    "identity_checked": Status("Identity checked", I),
    "certified": Status("Certified", G),
    "objected": Status("Objected", E),
    "producing": Status("Being produced", I),
    "produced": Status("Produced", G),
    "withdrawn": Status("Withdrawn", E),
    # Packages
    "sealing": Status("Being sealed", I),
    "sealed": Status("Sealed", G),
    "failed": Status("Failed", A),
    # Notices
    "sent": Status("Sent", W),
    "seen": Status("Seen", W),
    "acknowledged": Status("Acknowledged", W),
    "reported": Status("Action reported", G),
    # Cases and joint cases
    "open": Status("Open", W),
    "closed": Status("Closed", E),
    "invited": Status("Invited", W),
    "joined": Status("Joined", G),
    "left": Status("Left", E),
    # Appeals against block entries
    "upheld": Status("Upheld", G),
    # What calls did after a measure
    "returned": Status("Stopped, then returned", A),
    "moved": Status("Go on from another source", A),
    "fewer": Status("Fewer", I),
    "same": Status("No change shown", W),
    "more": Status("More", A),
    "too_early": Status("Too early to tell", W),
    "nothing_before": Status("No calls before it", E),
    # Signatures and hosts
    "valid": Status("Valid", G),
    "invalid": Status("Not valid", A),
    "unsupported": Status("Not judged", E),
    "waiting": Status("Waits for review", W),
    "allowed": Status("Allowed", G),
    "refused": Status("Refused", E),
    # Responses of providers
    "in_time": Status("In time", G),
    "late": Status("Late", W),
    "declined": Status("Declined", A),
    "silent": Status("Silent", A),
    "not_due": Status("Not due yet", I),
    "taken_back": Status("Taken back", E),
    # Disputes of a record
    "dispute_open": Status("Disputed", W),
    "dispute_upheld": Status("Set aside", E),
    "dispute_rejected": Status("Dispute rejected", E),
    "dispute_withdrawn": Status("Dispute withdrawn", E),
    # The eight principles
    "shown_for": Status("Speaks for it", G),
    "shown_against": Status("Speaks against it", A),
    "shown_mixed": Status("Shows both", W),
    "not_shown": Status("Shows nothing", E),
    # Agents
    "present": Status("There", G),
    "away": Status("Away", A),
    "never_seen": Status("Never seen", E),
    # Rows of a file of answers
    "taken": Status("Taken", G),
    "repeated": Status("There already", I),
    "left_out": Status("Left empty", E),
    # Checks
    "passed": Status("Passed", G),
    "not_done": Status("Not done", W),
    "flagged": Status("Worth a look", W),
    "not made": Status("Not made", E),
}


def status(value: str, word: str = "") -> Status:
    """Return how the status ``value`` is shown; a value without a row is shown as it is, neutrally."""
    known = STATUSES.get(value)
    if known is None:
        return Status(word or value.replace("_", " ").capitalize() or "None", Tone.INFO)
    return Status(word or known.word, known.tone)
