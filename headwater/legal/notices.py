"""What is told of a process by mail and webhook, and to whom. Pure.

A mail crosses other people's servers, so it says that something happened to which number and where to read it, and
nothing of campaign, case or scope. The letters themselves stay in the portal.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any


class Event(StrEnum):
    """What happened."""

    SERVED = "served"
    SUPPLIED = "supplied"
    WITHDRAWN = "withdrawn"
    EXTENSION_ASKED = "extension_asked"
    EXTENSION_ANSWERED = "extension_answered"
    ACCEPTED = "accepted"
    OBJECTED = "objected"
    DEFICIENT = "deficient"
    PRODUCED = "produced"
    CERTIFIED = "certified"
    CLOSED = "closed"
    NAMED = "named"
    ACCESS_ENDS_SOON = "access_ends_soon"
    HOLD_ENDS_SOON = "hold_ends_soon"
    RETURN_DATE_NEAR = "return_date_near"


class Side(StrEnum):
    """Who is told."""

    AGENCY = "agency"
    """The people named on the process."""
    CONSORTIUM = "consortium"
    """Its reviewers."""


_A, _C = frozenset({Side.AGENCY}), frozenset({Side.CONSORTIUM})
TOLD: dict[Event, frozenset[Side]] = {
    Event.SERVED: _A | _C,
    Event.SUPPLIED: _C,
    Event.WITHDRAWN: _A | _C,
    Event.EXTENSION_ASKED: _A | _C,
    Event.EXTENSION_ANSWERED: _A | _C,
    Event.ACCEPTED: _A,
    Event.OBJECTED: _A,
    Event.DEFICIENT: _A,
    Event.PRODUCED: _A,
    Event.CERTIFIED: _A,
    Event.CLOSED: _A,
    Event.NAMED: _A,
    Event.ACCESS_ENDS_SOON: _A,
    Event.HOLD_ENDS_SOON: _A,
    Event.RETURN_DATE_NEAR: _C,
}
_SAYS: dict[Event, str] = {
    Event.SERVED: "was served. The receipt with the time and the hash of each document is on its page",
    Event.SUPPLIED: "was answered by the agency: the review goes on",
    Event.WITHDRAWN: "was withdrawn by the agency; what it had opened is closed",
    Event.EXTENSION_ASKED: "has a request for more time that waits for an answer",
    Event.EXTENSION_ANSWERED: "has an answer to the request for more time",
    Event.ACCEPTED: "was accepted. The letter on its page says what is open, and until when",
    Event.OBJECTED: "was objected to. The letter on its page says why",
    Event.DEFICIENT: "needs more before it can be decided. The letter on its page says what",
    Event.PRODUCED: "was produced: a sealed package is ready",
    Event.CERTIFIED: "was certified by the custodian",
    Event.CLOSED: "was closed; what it had opened is closed",
    Event.NAMED: "now names you: what it opens is open to you",
    Event.ACCESS_ENDS_SOON: "ends its access within a week. Ask for an extension on its page if you need one",
    Event.HOLD_ENDS_SOON: (
        "ends its preservation within a week. Renew it on its page, or serve the process that opens the records"
    ),
    Event.RETURN_DATE_NEAR: "has its return date within two business days and is not produced",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail, the same for each of its readers."""

    subject: str
    text: str


def mail(  # noqa: PLR0913 - what a mail is made of, each by name
    event: Event, *, process: str, kind: str, at: datetime, base_url: str, side: Side
) -> Mail:
    """Return what one side is written. ``base_url`` is the address of its pages, "" where none is configured."""
    path = f"/requests/{process}/" if side is Side.AGENCY else f"/process/{process}/"
    where = f"{base_url.rstrip('/')}{path}" if base_url else f"the page of {process} in your pages of Headwater"
    said = _SAYS[event]
    text = (
        f"{kind} {process} {said}.\n\nWhen: {at:%Y-%m-%d %H:%M:%S} UTC\nWhere: {where}\n\n"
        "This mail says nothing of the matter on purpose. Do not answer it; nobody reads the answers.\n"
    )
    return Mail(subject=f"{kind} {process}: {event.value.replace('_', ' ')}", text=text)


def webhook(event: Event, *, process: str, state: str, at: datetime, return_date: date) -> dict[str, Any]:
    """Return the data of the webhook ``process.changed``."""
    return {
        "process": process,
        "event": event.value,
        "state": state,
        "at": at.isoformat().replace("+00:00", "Z"),
        "return_date": return_date.isoformat(),
    }
