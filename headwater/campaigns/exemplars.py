"""What the matcher keeps of calls and says of them. Values only."""

import uuid
from dataclasses import dataclass

from headwater.campaigns.index import Numbers
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a call belongs and why. ``campaign_id`` is ``None`` where it founds a campaign."""

    campaign_id: str | None
    score: float
    """Cosine of words and pairs to ``nearest``; 1.0 for a founder (itself) and for an exact duplicate."""
    support: float
    """Mean probability over the campaign's exemplars; 1.0 where the call is a duplicate, or the same recording."""
    nearest: uuid.UUID | None
    runner_up: RunnerUp | None
    exact: bool
    evidence: tuple[Evidence, ...] = ()
    """What speaks for the nearest exemplar, the prior first."""
    exemplars: int = 0
    """How many exemplars the support is the mean of."""
    clock: int = 0
    epoch: int = 0
    rule_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """What speaks for one campaign: mean probability, and the exemplar for which most speaks."""

    support: float
    slot: int
    added: int
    values: Numbers
    """Cosine of words and pairs, of single words, probability of one label; then 1, -1 or 0 for what is spoken."""
    weights: Numbers

    @property
    def cosine(self) -> float:
        """Cosine of words and pairs to that exemplar."""
        return float(self.values[0])

    def evidence(self, prior: float) -> tuple[Evidence, ...]:
        """Return each reason with its weight, the prior first."""
        kinds = ("words", "vocabulary", "label", "brand", "callback", "amount")
        parts = zip(kinds, self.values.tolist(), self.weights.tolist(), strict=True)
        return (
            Evidence(kind="prior", value=0.0, weight=prior),
            *(
                Evidence(kind=kind, value=value, weight=round(weight, 4))
                for kind, value, weight in parts
                # What neither speaks of is no evidence.
                if value or kind in kinds[:3]
            ),
        )
