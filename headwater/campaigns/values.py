"""What the queries hand out: frozen values, with every called number masked. Pure."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headwater.campaigns.rules import Liveness
from headwater.campaigns.states import CampaignState, NameStatus
from headwater.numbering.numbers import E164


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRow:
    """One campaign in a list."""

    id: str
    name: str
    name_status: NameStatus
    name_is_new: bool
    family: str
    state: CampaignState
    calls: int
    first_call_at: datetime
    last_call_at: datetime
    confirmed_at: datetime | None
    states_hit: tuple[tuple[str, int], ...]
    """(state, calls), most calls first; unknown areas left out."""
    spark: tuple[int, ...]
    """Calls in each two minutes of the last hour, oldest first."""

    @property
    def calls_last_hour(self) -> int:
        """Calls seen here in the last hour."""
        return sum(self.spark)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPage:
    """One page of a list."""

    rows: tuple[CampaignRow, ...]
    total: int
    page: int
    pages: int
    by_state: Mapping[CampaignState, int]
    """How many campaigns stand in each state, whatever the filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where the words of a call come from, when they are not the sender's."""

    recording: str
    language: str
    language_probability: float
    confidence: float
    model: str
    version: str

    @property
    def sentence(self) -> str:
        """The provenance in words."""
        return (
            f"Words by speech to text ({self.model}, {self.version}) from the recording {self.recording[:12]}: "
            f"language {self.language} ({self.language_probability:.2f}), mean confidence {self.confidence:.2f}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why one call belongs to its campaign."""

    score: float
    support: float
    nearest: uuid.UUID | None
    exact_duplicate: bool
    join_at: float
    runner_up_campaign: str
    runner_up_score: float | None
    rule_version: str
    exemplars: int = 0
    """How many exemplars the support is the mean of; 0 where an older rule did not say."""
    evidence: tuple[tuple[str, float, float], ...] = ()
    """(kind, value, weight) for the nearest exemplar, the prior first; none where the words alone decided."""
    words_from: str = ""
    """Where the words come from, when they are not the sender's: by which model, and how sure."""
    founded_as: str = ""
    """Campaign that it was placed into; another than today's where a person merged or split since."""

    @property
    def sentence(self) -> str:
        """The reason in words."""
        if self.nearest is None:
            return "Founded the campaign: no known script was near enough."
        if self.exact_duplicate:
            return "Says the same words as the nearest exemplar."
        if not self.evidence:
            return f"One script with the nearest exemplar: cosine {self.score:.3f}."
        return (
            f"Probability {self.support:.3f} on average over {self.exemplars} "
            f"exemplar{'' if self.exemplars == 1 else 's'} (joins at {self.join_at:.2f}); "
            f"cosine {self.score:.3f} to the nearest."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One call of a campaign. The called number is masked."""

    record_id: uuid.UUID
    call_at: datetime
    joined_at: datetime
    source_id: str
    calling: E164
    called_masked: str
    called_state: str
    terminating_spc: str
    is_exemplar: bool
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPage:
    """One page of a campaign's calls, newest first."""

    rows: tuple[Member, ...]
    page: int
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """One change of state with its evidence."""

    at: datetime
    from_state: str
    to_state: CampaignState
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One call in full: what was said."""

    member: Member
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar:
    """Another campaign that calls of this one were also near to."""

    id: str
    name: str
    state: CampaignState
    calls: int
    """How many of the latest thousand calls had it as runner-up."""
    best_score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignView:
    """One campaign in full."""

    row: CampaignRow
    name_basis: Mapping[str, Any]
    detected_at: datetime
    rule_version: str
    liveness: Liveness
    sample: Sample | None
    history: tuple[StateChange, ...]
    sources: tuple[tuple[str, int], ...]
    """(source, calls) of the latest thousand calls, most first."""
    terminating: tuple[tuple[str, int], ...]
    """(Service Provider Code, calls) of the latest thousand calls, most first."""
    calling_numbers: int
    """Different calling numbers among the latest thousand calls."""
    sampled_calls: int
    """How many of the latest calls the three figures above were taken from."""
    similar: tuple[Similar, ...]
    merged_into: str = ""
    split_from: str = ""
    allowed_because: str = ""
    """Why a person holds it for a lawful sender's; it is shown last."""
    told_by: tuple[tuple[str, int], ...] = ()
    """(sender, calls), most first: one sender alone confirms nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorView:
    """How far the detector has come."""

    read_to: datetime | None
    placed: int
    without_text: int
    too_short: int
    set_aside: int
