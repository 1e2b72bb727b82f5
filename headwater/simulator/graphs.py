"""Who is connected with whom: the market's graph and the two of the peer. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from heapq import heappop, heappush
from itertools import combinations, pairwise
from random import Random

#: Upstreams of a newcomer in the peer's graphs.
NEWCOMERS_LINKS = 2
#: Members of the clique that the peer's own graph begins with.
CLIQUE = 5


class Tier(StrEnum):
    """Where a carrier stands in the market."""

    CORE = "core"
    WHOLESALE = "wholesale"
    EDGE = "edge"
    RESELLER = "reseller"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """``near[i]`` holds the neighbours of carrier i; ``costs`` what a link costs, where links differ."""

    near: list[tuple[int, ...]]
    costs: dict[tuple[int, int], int]
    gateways: frozenset[int] = frozenset()


def market(tiers: list[Tier], fitness: list[float], chance: Random, *, gateways: int) -> Links:
    """Connect: the core nearly fully, wholesale with much of it and among themselves, the rest by degree x fitness."""
    near: list[set[int]] = [set() for _ in tiers]
    of = {tier: [place for place, one in enumerate(tiers) if one is tier] for tier in Tier}

    def join(one: int, other: int) -> None:
        if one != other:
            near[one].add(other)
            near[other].add(one)

    _centre(of, join, chance)
    _rest(near, fitness, of, join, chance)
    through = of[Tier.WHOLESALE] + chance.sample(of[Tier.EDGE], max(2, gateways - len(of[Tier.WHOLESALE])))
    for one in of[Tier.FOREIGN]:
        for other in chance.sample(through, 2):
            join(one, other)
    return Links(near=[tuple(sorted(one)) for one in near], costs={}, gateways=frozenset(through))


def _centre(of: dict[Tier, list[int]], join: Callable[[int, int], None], chance: Random) -> None:
    for place, one in enumerate(of[Tier.CORE]):
        for other in of[Tier.CORE][place + 1 :]:
            if chance.random() < 0.9:
                join(one, other)
    for one, other in pairwise(of[Tier.CORE]):
        join(one, other)
    for one in of[Tier.WHOLESALE]:
        for other in chance.sample(of[Tier.CORE], max(2, len(of[Tier.CORE]) // 3)):
            join(one, other)
        for other in chance.sample(of[Tier.WHOLESALE], max(1, len(of[Tier.WHOLESALE]) // 4)):
            join(one, other)


def _rest(
    near: list[set[int]],
    fitness: list[float],
    of: dict[Tier, list[int]],
    join: Callable[[int, int], None],
    chance: Random,
) -> None:
    """Hang edge carriers on those above by degree and fitness, resellers on one wholesaler."""
    placed = of[Tier.CORE] + of[Tier.WHOLESALE]
    for one in of[Tier.EDGE]:
        weights = [len(near[there]) * fitness[there] for there in placed]
        for other in set(chance.choices(placed, weights, k=chance.choice((1, 2, 2, 3, 4)))):
            join(one, other)
        placed.append(one)
    for one in of[Tier.RESELLER]:
        join(one, chance.choice(of[Tier.WHOLESALE]))


def attached(size: int, chance: Random) -> Links:
    """Connect ``size`` carriers by plain preferential attachment (Barabasi and Albert), from a star of three."""
    near: list[set[int]] = [set() for _ in range(size)]
    ends: list[int] = []
    for one in range(1, size):
        chosen = set(range(one)) if one < NEWCOMERS_LINKS else set()
        if one == NEWCOMERS_LINKS:
            chosen = {0}
        while one > NEWCOMERS_LINKS and len(chosen) < NEWCOMERS_LINKS:
            chosen.add(chance.choice(ends))
        for other in sorted(chosen):
            near[one].add(other)
            near[other].add(one)
            ends += (one, other)
    return Links(near=[tuple(sorted(one)) for one in near], costs={})


def fitted(size: int, chance: Random) -> Links:
    """Connect as the peer's own network: a clique, attachment by degree x fitness, links that cost 1 to 10."""
    near: list[set[int]] = [set() for _ in range(size)]
    fitness = [chance.random() for _ in range(size)]
    weights = [0.0] * size
    costs: dict[tuple[int, int], int] = {}

    def join(one: int, other: int) -> None:
        near[one].add(other)
        near[other].add(one)
        costs[min(one, other), max(one, other)] = chance.randint(1, 10)
        for end in (one, other):
            weights[end] = len(near[end]) * fitness[end]

    for one, other in combinations(range(CLIQUE), 2):
        join(one, other)
    for one in range(CLIQUE, size):
        known, chosen = weights[:one], set[int]()
        while len(chosen) < NEWCOMERS_LINKS:
            chosen.update(chance.choices(range(one), known, k=NEWCOMERS_LINKS - len(chosen)))
        for other in sorted(chosen):
            join(one, other)
    return Links(near=[tuple(sorted(one)) for one in near], costs=costs)


def towards(near: Sequence[tuple[int, ...]], costs: Mapping[tuple[int, int], int], goal: int) -> list[int]:
    """Return, for each carrier, the next one on its cheapest route to ``goal``; a link without a cost costs 1."""
    following, cost = [goal] * len(near), [1 << 30] * len(near)
    cost[goal] = 0
    queue = [(0, goal)]
    while queue:
        spent, here = heappop(queue)
        if spent > cost[here]:
            continue
        for there in near[here]:
            total = spent + costs.get((min(here, there), max(here, there)), 1)
            if total < cost[there]:
                cost[there], following[there] = total, here
                heappush(queue, (total, there))
    return following
