"""The words of alerts and subscriptions, and the values that rules decide on. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from headwater.labels import Labelled


class Why(Labelled):
    """Why a version of an alert was made."""

    FIRST = "first", "First alert"
    ORIGIN = "origin", "Origin or point of entry found"
    RETURNED = "returned", "Rings again"
    QUIET = "quiet", "Fell silent"
    GREW = "grew", "Calls have doubled"
    RENAMED = "renamed", "Named by a person"


class Cadence(Labelled):
    """How often a subscription is written to."""

    AT_ONCE = "at_once", "At once"
    HOURLY = "hourly", "One mail an hour at most"
    DAILY = "daily", "One mail a day, at 12:00 UTC"


#: How long a digest gathers.
PERIOD = {Cadence.AT_ONCE: timedelta(hours=1), Cadence.HOURLY: timedelta(hours=1), Cadence.DAILY: timedelta(days=1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """How far a campaign's calls were traced."""

    tracebacks: int = 0
    running: int = 0
    grade: str = ""
    """The best grade reached; "" for none."""
    grade_words: str = ""
    name: str = ""
    """The confirmed origin that most tracebacks found."""
    confirmed: int = 0
    """Tracebacks that ended at it."""
    signers: tuple[tuple[str, str, int], ...] = ()
    """(code, attestation, calls) of who signed the calls that were looked at: a hypothesis about the origin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A recording of a sample call."""

    sha256: str
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What facts are made of beside the campaign itself."""

    origin: Origin = field(default_factory=Origin)
    vantages: Mapping[str, int] = field(default_factory=dict)
    """Vantage point -> calls, side by side."""
    recordings: Mapping[str, Recorded] = field(default_factory=dict)
    """Record -> its recording."""
    recordings_note: str = ""
    """Why no recording could be looked up; "" where it could."""
    senders: int = 0
    support: float | None = None
    """Mean support of the latest memberships; ``None`` where none says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A subscription as rules see it."""

    id: str
    organisation_id: str
    states: frozenset[str]
    families: frozenset[str]
    calls_an_hour: int
    cadence: Cadence
    email: str
    webhook: bool
    gathered_at: datetime
    sent_lately: int = 0
    """Single mails within the last hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One version of an alert as rules see it."""

    alert_id: str
    version_id: int
    number: int
    why: Why
    made_at: datetime
    state: str
    """State of the agency; "" for a federal one."""
    facts: Mapping[str, Any]
    hour_by_state: Mapping[str, int]
    """State -> calls in the last hour, at the vantage point that saw most."""
