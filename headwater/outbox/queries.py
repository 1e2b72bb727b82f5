"""What was sent, to whom, and the proof that it was taken."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet

from headwater.outbox.models import Message
from headwater.outbox.rules import NO_SERVER, State, Way

#: Columns that every process which shows messages may read; the text is the worker's alone.
_SHOWN = ("id", "way", "about", "organisation_id", "state", "attempts", "created_at", "settled_at", "receipt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message, without its text."""

    id: str
    way: Way
    address: str
    """"" for those who may not read addresses."""
    subject: str
    """Subject of a mail, type of a webhook's event."""
    about: str
    organisation_id: str
    state: State
    attempts: int
    created_at: datetime
    settled_at: datetime | None
    receipt: str

    @property
    def status(self) -> str:
        """The state as the table of statuses knows it."""
        return f"message_{self.state.value}"


def about(subject: str, *, addresses: bool = True) -> tuple[Outgoing, ...]:
    """Return what was sent about ``subject``, oldest first. The caller has seen to it that the actor may know.

    ``addresses`` is False in the portal and the carrier pages, whose roles read neither addresses nor subjects.
    """
    return _views(Message.objects.filter(about=subject).order_by("created_at", "id"), addresses=addresses)


def messages(*, state: State | None = None, limit: int = 200) -> tuple[Outgoing, ...]:
    """Return the newest messages, of one state where it is given, for the desk."""
    rows = Message.objects.order_by("-created_at", "-id")
    return _views(rows.filter(state=state.value) if state else rows, addresses=True, limit=limit)


def to_endpoint(endpoint_id: str, *, limit: int) -> tuple[Outgoing, ...]:
    """Return what was sent to a webhook endpoint, newest first, for the organisation whose it is."""
    rows = Message.objects.filter(endpoint=endpoint_id).order_by("-created_at", "-id")
    return _views(rows, addresses=False, limit=limit)


def mails_wait_for_a_server() -> bool:
    """Tell whether mails wait because the worker knows no mail server."""
    return Message.objects.filter(state=State.WAITING.value, receipt=NO_SERVER).exists()


def counts() -> dict[State, int]:
    """Return how many messages stand in each state."""
    found = dict(Message.objects.values_list("state").annotate(Count("id")))
    return {state: found.get(state.value, 0) for state in State}


def _views(rows: QuerySet[Message], *, addresses: bool, limit: int = 1_000) -> tuple[Outgoing, ...]:
    columns = (*_SHOWN, "address", "subject", "kind") if addresses else _SHOWN
    return tuple(
        Outgoing(
            id=row["id"],
            way=Way(row["way"]),
            address=row.get("address", ""),
            subject=row.get("subject", "") or row.get("kind", ""),
            about=row["about"],
            organisation_id=row["organisation_id"],
            state=State(row["state"]),
            attempts=row["attempts"],
            created_at=row["created_at"],
            settled_at=row["settled_at"],
            receipt=row["receipt"],
        )
        for row in rows.values(*columns)[:limit]
    )
