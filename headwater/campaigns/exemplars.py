"""What the matcher keeps of calls and says of them. Values only."""

import uuid
from dataclasses import dataclass

from headwater.campaigns.script import Script


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemplar:
    """A member that new calls are compared with. Clock values count placed calls."""

    record_id: uuid.UUID
    campaign_id: str
    script: Script
    added: int
    used: int
    """When it was last the nearest of a call."""
    retired: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One reason for two calls being of one campaign, with the weight that it has (natural log of a ratio)."""

    kind: str
    value: float
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerUp:
    """The best campaign that the call did not join."""

    campaign_id: str
    score: float
    """Cosine of words and pairs to ``nearest``."""
    support: float
    """Mean probability over its exemplars."""
    nearest: uuid.UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What keeping a call changed among the exemplars: the caller stores it."""

    added: Exemplar | None = None
    used: uuid.UUID | None = None
    retired: uuid.UUID | None = None
    clock: int
    epoch: int
