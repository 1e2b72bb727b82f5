"""How the sources stand that Headwater asks by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from django.db.models import QuerySet

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.connectors import config
from headwater.connectors.config import Settings
from headwater.connectors.models import Connector, Pull
from headwater.errors import HeadwaterError


class Outcome(StrEnum):
    """What became of a pull."""

    DONE = "done"
    UNCHANGED = "unchanged"
    """The source has nothing new."""
    LATER = "later"
    """The source asked us to wait."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullView:
    """One pull."""

    id: str
    connector: str
    started_at: datetime
    ended_at: datetime
    outcome: Outcome
    pages: int
    read: int
    stored: int
    duplicates: int
    refused: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorView:
    """One source that is asked."""

    name: str
    settings: Settings | None
    """None where the operator's file does not hold; ``fault`` says why."""
    fault: str
    cursor: Mapping[str, Any]
    next_at: datetime | None
    failures: int
    last_success_at: datetime | None
    last_error: str
    stored: int
    duplicates: int
    refused: int

    @property
    def state(self) -> str:
        """One word: ``broken``, ``off``, ``failing``, ``waiting`` or ``working``."""
        if self.settings is None:
            return "broken"
        if not self.settings.enabled:
            return "off"
        if self.failures:
            return "failing"
        return "working" if self.last_success_at else "waiting"

    @property
    def place(self) -> str:
        """Where the next pull goes on, in words."""
        at = self.cursor.get("at") or {}
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in at.items()) or "the beginning"


def pull_view(row: Pull) -> PullView:
    """Return a pull as a value."""
    return PullView(
        id=row.id,
        connector=row.connector_id,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=Outcome(row.outcome),
        pages=row.pages,
        read=row.read,
        stored=row.stored,
        duplicates=row.duplicates,
        refused=row.refused,
        error=row.error,
    )


def visible_to(actor: Actor) -> QuerySet[Connector]:
    """Return the connectors that ``actor`` may see: those who may see what comes in."""
    return Connector.objects.all() if actor.may(Permission.CALL_READ) else Connector.objects.none()


def connectors(actor: Actor, home: Path) -> list[ConnectorView]:
    """Return every connector, configured or once pulled, by name."""
    actor.require(Permission.CALL_READ)
    rows = {row.name: row for row in visible_to(actor)}
    views = []
    for name in sorted({*rows, *config.names(home)}):
        row = rows.get(name, Connector(name=name))
        settings, fault = None, ""
        try:
            settings = config.load(home, name)
        except (HeadwaterError, OSError) as error:
            fault = str(error)
        views.append(
            ConnectorView(
                name=name,
                settings=settings,
                fault=fault,
                cursor=row.cursor,
                next_at=row.next_at,
                failures=row.failures,
                last_success_at=row.last_success_at,
                last_error=row.last_error,
                stored=row.stored,
                duplicates=row.duplicates,
                refused=row.refused,
            )
        )
    return views


def pulls(actor: Actor, name: str = "", *, limit: int = 50) -> list[PullView]:
    """Return the last pulls, of one connector or of all, the newest first."""
    rows = Pull.objects.filter(connector__in=visible_to(actor)).order_by("-started_at")
    if name:
        rows = rows.filter(connector_id=name)
    return [pull_view(row) for row in rows[:limit]]
