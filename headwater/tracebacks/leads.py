"""Many traces of one campaign combined: how likely each provider is among its origins. Leads, never findings. Pure.

The odds of o are prior(o) times the product of P(outcome | o) / P(outcome | not o). A trace that named o itself speaks
strongly for it; one that stopped at a provider speaks for it and, less, for those known to hand it calls. A token that
verified under the certificate of a provider that is not on the path of its call was made upstream of where the path
ends: calls of the campaign that ended there came from its signer. Traces are not independent (one route, one silent
provider gives the same answer each time), so traces that ended in the same way by the same route count by the square
root of their number. A campaign may have several origins, so the probabilities need not add up to one.
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
HIDDEN: Final = 0.22 / 0.78
"""Odds that somebody behind it is the origin where a provider was only ever named and never answered: more traces of
the same campaign do not tell these two apart, for a silent originator is silent for all its calls."""
UNSIGNED: Final = 0.88
"""By which these odds fall with each trace that ends there without a token from beyond: who hides there signed none."""
SIGNED: Final = {"A": 0.01, "B": 0.04}
"""Attestation -> odds that the signer only passed the call on. C says that it does not know whose call it is."""
PASSED: Final = 0.35
"""For a provider that stands on a path as one that passed the call on: it may originate other calls."""
ELSEWHERE: Final = 3
"""Power by which a provider's prior falls with the number of other campaigns in whose traces it stands: who carries
many campaigns mostly passes calls on."""
CARRIES: Final = 1 / ELSEWHERE
"""Power of the prior by which doubt falls: behind one that carries many campaigns, so many times more can hide."""
BEFORE: Final = -1.0
"""Log-odds of a provider of which one trace says something, before anything is said."""


class Bearing(Labelled):
    """What one trace says of one provider."""

    ENDED = "ended", "Ends at it"
    SIGNED = "signed", "Ends at a provider beyond which it signed calls of the campaign"
    BEHIND = "behind", "Ends at a provider that it is known to hand calls to"
    PASSED = "passed", "Passes through it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """One ended trace of the campaign."""

    id: str = ""
    grade: Grade
    path: tuple[str, ...]
    """Providers from the terminating one upstream, the last one named included."""
    signer: str = ""
    """Provider under whose certificate the call's token verified; "" where it bore none."""
    attest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """One provider with the probability that calls of the campaign originate there."""

    provider: str
    probability: float
    traces: int
    """How many traces ended at it."""


def signed_beyond(traced: Iterable[Traced]) -> dict[str, frozenset[str]]:
    """Return, for each provider at which traces stop short, who signed such a call upstream of it.

    The signer is on no part of the path, and the path is known up to that provider. A provider that signed as many of
    its calls itself, with A, is no such.
    """
    found: dict[str, Counter[str]] = defaultdict(Counter)
    own: Counter[str] = Counter()
    for one in traced:
        if one.path and one.attest in SIGNED:
            own[one.path[-1]] += one.signer == one.path[-1] and one.attest == "A"
            if one.grade is Grade.FRONTIER and one.signer not in one.path:
                found[one.path[-1]][one.signer] += 1
    return {
        last: frozenset(signer for signer, calls in signers.items() if calls > own[last])
        for last, signers in found.items()
    }


def bearings(
    one: Traced, hands_to: Mapping[str, frozenset[str]], beyond: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, Bearing]]:
    """Yield each provider that a trace says something of, and what; nothing of one that says nothing."""
    if not one.path or one.grade in {Grade.ENTRY_CONFIRMED, Grade.NONE}:
        return
    last = one.path[-1]
    yield last, Bearing.ENDED
    if one.grade is Grade.FRONTIER:
        signers = beyond.get(last, frozenset()) - set(one.path)
        for signer in sorted(signers):
            yield signer, Bearing.SIGNED
        for behind in sorted(hands_to.get(last, frozenset()) - signers - set(one.path)):
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
    of, before = list(traced), prior or {}
    beyond = signed_beyond(of)
    routes: dict[str, Counter[tuple[tuple[str, ...], float]]] = defaultdict(Counter)
    ended: Counter[str] = Counter()
    for one in of:
        for provider, bearing in bearings(one, hands_to or {}, beyond):
            ended[provider] += bearing is Bearing.ENDED
            routes[provider][one.path, _weight(one, bearing, beyond)] += 1
    sure = _signatures(of)
    found = []
    for provider, seen in routes.items():
        odds = BEFORE + log(before.get(provider, 1.0)) + sum(log(weight) * sqrt(n) for (_, weight), n in seen.items())
        told = any(weight >= STATED for _, weight in seen)
        doubt = sure.get(provider) or HIDDEN * UNSIGNED ** ended[provider]
        carries = before.get(provider, 1.0) ** -CARRIES
        most = 1.0 if told else 1.0 / (1.0 + doubt * carries)
        lead = Lead(provider=provider, probability=most / (1.0 + exp(-odds)), traces=ended[provider])
        found.append((lead, odds))
    found.sort(key=lambda pair: (-pair[0].probability, -pair[1], pair[0].provider))
    return [lead for lead, _ in found]


def seen_elsewhere(history: Mapping[str, frozenset[K]], campaign: K) -> dict[str, float]:
    """Return a relative prior of each provider by the other campaigns in whose traces it stands.

    Args:
        history: Provider -> the campaigns in whose traces it was found.
        campaign: The one that leads are wanted for: it does not count.
    """
    return {provider: (1.0 + len(seen - {campaign})) ** -ELSEWHERE for provider, seen in history.items()}


def _signatures(traced: Iterable[Traced]) -> dict[str, float]:
    """Return the odds against each signer that signed at the end of a path or beyond it, by its best attestation."""
    found: dict[str, float] = {}
    for one in traced:
        stops = one.grade in {Grade.FRONTIER, Grade.ORIGIN_NAMED} and one.attest in SIGNED
        # At the end of a path a B speaks for a carrier that signs what it passes on as much as for the origin.
        if stops and one.signer not in (one.path[:-1] if one.attest == "A" else one.path):
            found[one.signer] = min(found.get(one.signer, 1.0), SIGNED[one.attest])
    return found


def _weight(one: Traced, bearing: Bearing, beyond: Mapping[str, frozenset[str]]) -> float:
    if bearing is not Bearing.ENDED:
        return _ASIDE[bearing]
    match one.grade:
        case Grade.ORIGIN_CONFIRMED | Grade.ON_NET:
            return CONFIRMED
        case Grade.ORIGIN_STATED:
            return STATED
        case Grade.ORIGIN_NAMED:
            return NAMED if one.attest != "B" else LAST
        case _:
            return PASSED if beyond.get(one.path[-1], frozenset()) - set(one.path) else LAST


_ASIDE: Final = {Bearing.SIGNED: LAST, Bearing.BEHIND: BEHIND, Bearing.PASSED: PASSED}
