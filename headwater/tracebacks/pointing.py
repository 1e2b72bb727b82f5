"""Leads of a campaign as they are read: its tracebacks combined. Never a finding, a flag or part of a package."""

from collections import defaultdict
from dataclasses import dataclass

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.campaigns.models import Campaign
from headwater.errors import NotFound
from headwater.providers import queries as providers
from headwater.tracebacks import projection
from headwater.tracebacks.leads import Traced, leads, seen_elsewhere
from headwater.tracebacks.models import Hop, Traceback
from headwater.tracebacks.states import OPEN_STATES

#: Tracebacks of one campaign that are combined at most, newest first.
MOST_TRACES = 25
#: Less likely providers are not shown.
LEAST = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadView:
    """One provider that calls of the campaign may originate at."""

    provider_id: str
    spc: str
    name: str
    probability: float
    traces: int
    """Tracebacks that ended at it."""
    of: int
    """Tracebacks that were combined."""

    @property
    def sentence(self) -> str:
        """Return it in words that claim no more than it is."""
        return (
            f"Lead, not a finding: {self.traces} of {self.of} tracebacks of this campaign end at {self.name}; the "
            f"probability that its calls originate there is {self.probability:.0%}. Whom to ask next, no more."
        )


def leads_of(actor: Actor, campaign_id: str) -> list[LeadView]:
    """Return where the calls of a campaign may originate, the likeliest first.

    Raises:
        NotFound: there is no such campaign, or the actor may read no tracebacks.
    """
    if not actor.may(Permission.TRACEBACK_READ) or not Campaign.objects.filter(id=campaign_id).exists():
        raise NotFound(f"There is no campaign {campaign_id[:32]}.")
    rows = (
        Traceback.objects.filter(campaign_id=campaign_id)
        .exclude(state__in=[state.value for state in OPEN_STATES])
        .order_by("-opened_at")[:MOST_TRACES]
    )
    traced = [_traced(row) for row in rows]
    found = leads(traced, hands_to=_hands_to(), prior=seen_elsewhere(_history(), campaign_id))
    views = []
    for one in found:
        provider = providers.by_id(one.provider) if one.probability >= LEAST else None
        if provider is not None:
            views.append(
                LeadView(
                    provider_id=provider.id,
                    spc=provider.spc,
                    name=provider.name,
                    probability=one.probability,
                    traces=one.traces,
                    of=len(traced),
                )
            )
    return views


def _traced(row: Traceback) -> Traced:
    trace = projection.load(row).trace
    return Traced(grade=trace.grade, path=tuple(hop.respondent.provider_id for hop in trace.path))


def _history() -> dict[str, frozenset[str]]:
    """Return in which campaigns' tracebacks each provider stands."""
    seen: dict[str, set[str]] = defaultdict(set)
    rows = Hop.objects.filter(withdrawn_at=None).exclude(traceback__campaign_id=None)
    for provider_id, campaign_id in rows.values_list("provider_id", "traceback__campaign_id").distinct():
        seen[provider_id].add(campaign_id)
    return {provider: frozenset(campaigns) for provider, campaigns in seen.items()}


def _hands_to() -> dict[str, frozenset[str]]:
    """Return who has been named as handing calls to each provider."""
    known: dict[str, set[str]] = defaultdict(set)
    rows = Hop.objects.exclude(upstream_id=None).values_list("provider_id", "upstream_id").distinct()
    for provider_id, upstream_id in rows:
        known[provider_id].add(upstream_id)
    return {provider: frozenset(upstream) for provider, upstream in known.items()}
