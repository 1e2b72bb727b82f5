"""When a message is tried again, what it may look like, and where it may go. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from headwater.errors import Invalid, TooLarge
from headwater.stir.x5u import host_fault

#: Pauses after the first, second, ... attempt that failed; after the last one the message has failed. About three
#: days in all, dense at first: most faults pass within minutes.
PAUSES: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
#: A message is taken for as long as this; whoever took it and died gives it back.
LEASE: Final = timedelta(minutes=5)
#: Without a mail server a mail waits and is looked at again after this.
UNSENDABLE_PAUSE: Final = timedelta(minutes=1)
NO_SERVER: Final = "No mail server is set (HEADWATER_SMTP_URL): the mail waits."
MOST_TEXT: Final = 256 * 1024
MOST_ATTACHED: Final = 10 * 1024 * 1024
MOST_URL: Final = 2_048
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,119}")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}/[a-z0-9][a-z0-9.+-]{0,99}")


class Way(StrEnum):
    """How a message leaves."""

    MAIL = "mail"
    POST = "post"
    """A webhook: an HTTPS request, signed."""


class State(StrEnum):
    """Where a message stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    """The recipient's server took it; its answer is the receipt."""
    FAILED = "failed"
    """Refused for good, or tried until the last pause was over."""


class Outcome(StrEnum):
    """What one attempt came to."""

    TAKEN = "taken"
    LATER = "later"
    """No answer, or one that may be another the next time."""
    REFUSED = "refused"
    """An answer that says that trying again is of no use."""
    GONE = "gone"
    """HTTP 410: the endpoint wants nothing any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one attempt."""

    outcome: Outcome
    text: str
    """What the server said, or why there is no answer."""
    wait: timedelta | None = None
    """How long it asked us to wait, where it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    media_type: str
    octets: bytes


def after(answer: Answer, *, attempts: int, now: datetime) -> tuple[State, datetime]:
    """Return the state after attempt number ``attempts``, and when to try again where it waits."""
    if answer.outcome is Outcome.TAKEN:
        return State.DELIVERED, now
    if answer.outcome in (Outcome.REFUSED, Outcome.GONE) or attempts > len(PAUSES):
        return State.FAILED, now
    # A server that asks for patience gets it, within bounds: it must not put a message off for ever.
    asked = min(answer.wait or timedelta(), PAUSES[-1])
    return State.WAITING, now + max(PAUSES[attempts - 1], asked)


def check_mail(*, subject: str, text: str, attachments: tuple[Attachment, ...]) -> None:
    """Refuse a mail that no server would take as it is meant.

    Raises:
        Invalid: subject or a file's name holds what a header cannot.
        TooLarge: the text is longer than 256 KiB, or the files than 10 MiB.
    """
    if not subject.strip() or len(subject) > 200 or not subject.isprintable():
        raise Invalid(f"The subject {subject[:60]!r} cannot stand in a mail: one line of 1 to 200 characters can.")
    if len(text.encode()) > MOST_TEXT:
        raise TooLarge(f"The mail {subject[:60]!r} is longer than {MOST_TEXT} octets.")
    for file in attachments:
        if not _NAME.fullmatch(file.name) or not _MEDIA_TYPE.fullmatch(file.media_type):
            raise Invalid(f"The file {file.name[:60]!r} ({file.media_type[:60]!r}) cannot go with a mail.")
    if sum(len(file.octets) for file in attachments) > MOST_ATTACHED:
        raise TooLarge(f"The files of the mail {subject[:60]!r} are longer than {MOST_ATTACHED} octets.")


def post_fault(url: str, *, internal_hosts: frozenset[str]) -> str:
    """Return why no webhook may go to ``url``, or "" where one may, by the text of the address alone.

    ``internal_hosts`` are those that the operator calls their own: they may be private and speak plain HTTP.
    """
    if len(url) > MOST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "it holds characters, or has a length, that no address has"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "it is no address"
    internal = host in internal_hosts
    rules = (
        (bool(host), "it names no host"),
        (parts.scheme == "https" or (internal and parts.scheme == "http"), "it does not begin with https://"),
        (port != 0, "its port is 0"),
        ("@" not in parts.netloc, "it holds a login; the signature says who sends"),
        ("#" not in url, "it has a fragment"),
    )
    return next((why for kept, why in rules if not kept), "") or ("" if internal else host_fault(host))
