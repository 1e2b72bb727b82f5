"""Many traces of one campaign combined: how likely each provider is among its origins. Leads, never findings. Pure.

P(o | outcomes) is proportional to prior(o) times the product of P(outcome | o). A trace that named o itself speaks
strongly for it; one that stopped at a provider speaks for it and, by the share of calls that pass on there, for those
known to hand it calls. Traces are not independent (one route, one silent provider gives the same answer each time), so
traces that ended in the same way by the same route count by the square root of their number.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Final, TypeVar

from headwater.labels import Labelled
from headwater.tracebacks.states import Grade

K = TypeVar("K", bound=Hashable)

#: P(what was seen | the provider is the call's origin) over P(the same | it is not), by grade.
CONFIRMED: Final = 2_000.0
STATED: Final = 400.0
NAMED: Final = 60.0
LAST: Final = 8.0
"""The last party named is the origin in about half of the traces that stop short, at 30% participation."""
BEHIND: Final = 1.5
"""For a provider that is known to hand calls to the last party named."""
HIDDEN: Final = 0.22
"""How often somebody behind it is the origin where a provider was only ever named and never answered: more traces of
the same campaign do not tell these two apart, for a silent originator is silent for all its calls."""
PASSED: Final = 0.35
"""For a provider that stands on a path as one that passed the call on: it may originate other calls."""
ELSEWHERE: Final = 3
"""Power by which a provider's prior falls with the number of other campaigns in whose traces it stands: who carries
many campaigns mostly passes calls on."""


class Bearing(Labelled):
    """What one trace says of one provider."""

    ENDED = "ended", "Ends at it"
    BEHIND = "behind", "Ends at a provider that it is known to hand calls to"
    PASSED = "passed", "Passes through it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """One ended trace of the campaign."""

    id: str = ""
    grade: Grade
    path: tuple[str, ...]
    """Providers from the terminating one upstream, the last one named included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """One provider with the probability that calls of the campaign originate there."""

    provider: str
    probability: float
    traces: int
    """How many traces ended at it."""


def bearings(one: Traced, hands_to: Mapping[str, frozenset[str]]) -> Iterator[tuple[str, Bearing]]:
    """Yield each provider that a trace says something of, and what; nothing of one that says nothing."""
    if not one.path or one.grade in {Grade.ENTRY_CONFIRMED, Grade.NONE}:
        return
    last = one.path[-1]
    yield last, Bearing.ENDED
    if one.grade is Grade.FRONTIER:
        for behind in sorted(hands_to.get(last, frozenset()) - set(one.path)):
            yield behind, Bearing.BEHIND
    for passing in one.path[:-1]:
        yield passing, Bearing.PASSED


def leads(
    traced: Iterable[Traced],
    *,
    hands_to: Mapping[str, frozenset[str]] | None = None,
    prior: Mapping[str, float] | None = None,
) -> list[Lead]:
    """Return the providers by the probability of being an origin of the campaign, the likeliest first.

    Args:
        traced: Ended traces of one campaign.
        hands_to: Provider -> those known to hand calls to it, from earlier traces.
        prior: Relative prior of a provider; 1 where none is given.
    """
    known, before = hands_to or {}, prior or {}
    routes: dict[str, Counter[tuple[tuple[str, ...], float]]] = defaultdict(Counter)
    ended: Counter[str] = Counter()
    for one in traced:
        for provider, bearing in bearings(one, known):
            ended[provider] += bearing is Bearing.ENDED
            routes[provider][one.path, _weight(one, bearing)] += 1
    scores = {
        provider: log(before.get(provider, 1.0)) + sum(log(weight) * sqrt(n) for (_, weight), n in seen.items())
        for provider, seen in routes.items()
    }
    if not scores:
        return []
    top = max(scores.values())
    full = {provider: exp(score - top) for provider, score in scores.items()}
    total = sum(full.values()) + exp(-top)  # and that none of them is
    parts = {
        provider: part * (1.0 if any(weight >= NAMED for _, weight in routes[provider]) else 1.0 - HIDDEN)
        for provider, part in full.items()
    }
    found = [
        Lead(provider=provider, probability=part / total, traces=ended[provider]) for provider, part in parts.items()
    ]
    return sorted(found, key=lambda lead: (-lead.probability, lead.provider))


def seen_elsewhere(history: Mapping[str, frozenset[K]], campaign: K) -> dict[str, float]:
    """Return a relative prior of each provider by the other campaigns in whose traces it stands.

    Args:
        history: Provider -> the campaigns in whose traces it was found.
        campaign: The one that leads are wanted for: it does not count.
    """
    return {provider: (1.0 + len(seen - {campaign})) ** -ELSEWHERE for provider, seen in history.items()}


def _weight(one: Traced, bearing: Bearing) -> float:
    if bearing is not Bearing.ENDED:
        return BEHIND if bearing is Bearing.BEHIND else PASSED
    match one.grade:
        case Grade.ORIGIN_CONFIRMED | Grade.ON_NET:
            return CONFIRMED
        case Grade.ORIGIN_STATED:
            return STATED
        case Grade.ORIGIN_NAMED:
            return NAMED
        case _:
            return LAST
