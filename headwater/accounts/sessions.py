"""Sessions: Django's engine over one table an application, and a person's own list of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.models import ApplicationSession, CarrierSession, DeskSession, PortalSession
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import NotFound

MODELS: dict[str, type[ApplicationSession]] = {
    "desk": DeskSession,
    "portal": PortalSession,
    "carrier": CarrierSession,
}
#: How exact ``seen_at`` is, and with it the end of an idle session: a page costs a write at most this often.
SEEN_EVERY: Final = timedelta(minutes=1)


class SessionStore(DatabaseSessionStore):
    """Keeps the sessions of the application that this process serves."""

    @classmethod
    def get_model_class(cls) -> type[ApplicationSession]:
        """Return the session model of this application."""
        return MODELS[settings.WEB_APPLICATION]

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """Return the row, with whose session it is: people list their own."""
        row: Any = super().create_model_instance(data)
        row.user_id = str(data.get(SESSION_KEY, ""))
        row.created_at = clock.now()
        kept = ("created_at", "seen_at", "address", "agent")
        for stood in self.get_model_class().objects.filter(session_key=row.session_key).values(*kept):
            for name, value in stood.items():
                setattr(row, name, value)
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """One session of a person in this application."""

    handle: str
    """Names it in a form. The key itself is a secret and goes nowhere."""
    created_at: datetime
    seen_at: datetime | None
    address: str
    agent: str
    current: bool


def handle(session_key: str) -> str:
    """Return the name under which a page may speak of a session."""
    return sha256(b"session " + session_key.encode()).hexdigest()[:32]


def use(session_key: str, *, address: str, agent: str, by_person: bool = True) -> bool:
    """Tell whether a session still stands, and note from where and when it was used, at most every minute.

    Args:
        session_key: Of a signed-in browser.
        address: Where the request comes from.
        agent: What the browser calls itself.
        by_person: False for what a page asks for by itself: nobody need be there.

    Returns:
        False where no person did anything for ``HEADWATER_IDLE_MINUTES`` (NIST SP 800-63B-4 section 2.2.3: one hour at
        most at this level of assurance). Nothing is noted then.
    """
    now, rows = clock.now(), SessionStore.get_model_class().objects.filter(session_key=session_key)
    stood = rows.values_list("seen_at", "created_at", "address").first()
    if stood is None:
        return True
    seen_at, created_at, known = stood
    if now - (seen_at or created_at) >= idle_after():
        return False
    if by_person and (seen_at is None or now - seen_at >= SEEN_EVERY or known != address[:45]):
        rows.update(seen_at=now, address=address[:45], agent=agent[:200])
    return True


def idle_after() -> timedelta:
    """Return how long a session stands without a person's act."""
    return timedelta(minutes=settings.HEADWATER.idle_minutes)


def of_person(person_id: str, *, current_key: str) -> list[SessionView]:
    """Return a person's standing sessions in this application, the present one first."""
    rows = SessionStore.get_model_class().objects.filter(user_id=person_id, expire_date__gt=clock.now())
    views = [
        SessionView(
            handle=handle(row.session_key),
            created_at=row.created_at,
            seen_at=row.seen_at,
            address=row.address,
            agent=row.agent,
            current=row.session_key == current_key,
        )
        for row in rows
    ]
    return sorted(views, key=lambda view: (not view.current, -(view.seen_at or view.created_at).timestamp()))


@transaction.atomic
def end(actor: Actor, person_id: str, *, session: str) -> None:
    """End one of the person's own sessions.

    Raises:
        NotFound: They have no such session, or it ended by itself.
    """
    for row in SessionStore.get_model_class().objects.filter(user_id=person_id):
        if handle(row.session_key) == session:
            row.delete()
            record(actor, Tag.ACCOUNT_SESSIONS_ENDED, person_id, {"sessions": 1})
            return
    raise NotFound("This session has ended already.")


@transaction.atomic
def end_others(actor: Actor, person_id: str, *, current_key: str) -> int:
    """End all of the person's sessions in this application but the present one; return how many."""
    others = SessionStore.get_model_class().objects.filter(user_id=person_id).exclude(session_key=current_key)
    ended = int(others.delete()[0])
    record(actor, Tag.ACCOUNT_SESSIONS_ENDED, person_id, {"sessions": ended, "all_others": True})
    return ended
