"""The large simulated world: carriers, who is connected with whom, routes and campaigns. One seed, one world. Pure.

Shares marked *calibrated* come from the FCC's Robocall Mitigation Database and published traceback figures
(docs/reference/simulate.md); all else is an assumption and a knob.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Final

#: Carriers of each profile; L is the number of providers in the Robocall Mitigation Database (calibrated).
SIZES: Final = {"S": 60, "M": 700, "L": 7_346}
#: Carriers on the path of a robocall as they are drawn: mean, standard deviation, least, most. What comes out is 5.6
#: and 1.3 (calibrated: ITG 4.9 to 5.9): a path is never shorter than the links allow, which takes some of the spread.
ROBOCALL_HOPS: Final = (5.6, 1.4, 2, 10)
#: Routes that are used between two carriers on one day.
ROUTES: Final = 3
FOREIGN_SHARE: Final = 0.10
LIKES: Final = 1.5
"""How strongly routes prefer large carriers: exponent of the degree. Calibrated: the busiest carrier is on about half
of the traced paths (9,712 notices to one in 17,030 tracebacks)."""


class Tier(StrEnum):
    """Where a carrier stands in the market."""

    CORE = "core"
    WHOLESALE = "wholesale"
    EDGE = "edge"
    RESELLER = "reseller"
    FOREIGN = "foreign"


class Signing(StrEnum):
    """How much STIR/SHAKEN a carrier has (calibrated: 56, 20 and 24% of carriers)."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One carrier of the world."""

    index: int
    spc: str
    name: str
    country: str
    tier: Tier
    signing: Signing
    fitness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One campaign: who places its calls, through which originating carriers, hour by hour."""

    name: str
    entries: tuple[int, ...]
    foreign: bool
    callers: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class World:
    """Carriers and links. ``links[i]`` holds the neighbours of carrier i."""

    seed: int
    profile: str
    members: list[Member]
    links: list[tuple[int, ...]]
    terminating: tuple[int, ...]
    operations: tuple[Operation, ...] = ()
    _far: dict[int, list[int]] = field(default_factory=dict)
    _routes: dict[tuple[int, int, int], tuple[int, ...]] = field(default_factory=dict)

    def degree(self, index: int) -> int:
        """Return how many neighbours a carrier has."""
        return len(self.links[index])

    def far(self, goal: int) -> list[int]:
        """Return how many links each carrier is from ``goal``; foreign carriers carry nothing between others."""
        known = self._far.get(goal)
        if known is None:
            known = [len(self.members)] * len(self.members)
            known[goal] = 0
            queue = deque([goal])
            while queue:
                here = queue.popleft()
                if self.members[here].tier is Tier.FOREIGN and here != goal:
                    continue
                for there in self.links[here]:
                    if known[there] > known[here] + 1:
                        known[there] = known[here] + 1
                        queue.append(there)
            self._far[goal] = known
        return known

    def route(self, origin: int, goal: int, choice: int) -> tuple[int, ...]:
        """Return one of the day's routes from ``origin`` to ``goal``, both included."""
        key = origin, goal, choice % ROUTES
        known = self._routes.get(key)
        if known is None:
            chance = random.Random(f"{self.seed}/route/{key}")  # noqa: S311 - a world, not a secret
            known = self._routes[key] = self._walk(origin, goal, chance)
        return known

    def _walk(self, origin: int, goal: int, chance: random.Random) -> tuple[int, ...]:
        mean, deviation, least, most = ROBOCALL_HOPS
        far = self.far(goal)
        wanted = round(min(most, max(least, chance.gauss(mean, deviation))))
        for _attempt in range(40):
            steps = max(wanted, far[origin] + 1) - 1
            path = [origin]
            while path[-1] != goal and steps > 0:
                steps -= 1
                fit = [
                    there
                    for there in self.links[path[-1]]
                    if far[there] <= steps
                    and there not in path
                    and (there != goal or steps == 0)
                    and self.members[there].tier is not Tier.FOREIGN
                ]
                if not fit:
                    break
                weights = [self.degree(there) ** LIKES * chance.uniform(0.2, 1.0) for there in fit]
                path.append(chance.choices(fit, weights)[0])
            if path[-1] == goal:
                return tuple(path)
        return self._shortest(origin, goal)

    def _shortest(self, origin: int, goal: int) -> tuple[int, ...]:
        far = self.far(goal)
        path = [origin]
        while path[-1] != goal:
            path.append(min(self.links[path[-1]], key=lambda there: (far[there], -self.degree(there), there)))
        return tuple(path)


def build(seed: int, profile: str, *, campaigns: int = 24) -> World:
    """Build a world; the same arguments give the same world."""
    chance = random.Random(f"{seed}/world/{profile}")  # noqa: S311 - a world, not a secret
    size = SIZES[profile]
    core = max(4, min(15, size // 60))
    wholesale = max(4, round(size * 0.03))
    foreign = round(size * FOREIGN_SHARE)
    tiers = [Tier.CORE] * core + [Tier.WHOLESALE] * wholesale
    resellers = round(size * 0.06)
    tiers += [Tier.EDGE] * (size - len(tiers) - foreign - resellers)
    tiers += [Tier.RESELLER] * resellers + [Tier.FOREIGN] * foreign
    members = [_member(index, tier, chance) for index, tier in enumerate(tiers)]
    links = _links(members, chance)
    edges = [m.index for m in members if m.tier in {Tier.CORE, Tier.WHOLESALE, Tier.EDGE}]
    weights = [len(links[index]) for index in edges]
    served = sorted(set(chance.choices(edges, weights, k=min(60, size // 4))))
    world = World(seed=seed, profile=profile, members=members, links=links, terminating=tuple(served))
    world.operations = tuple(_operation(world, number, chance) for number in range(campaigns))
    return world


def _member(index: int, tier: Tier, chance: random.Random) -> Member:
    big = {Tier.CORE: (0.95, 0.05, 0.0), Tier.WHOLESALE: (0.85, 0.10, 0.05)}.get(tier, (0.545, 0.203, 0.252))
    signing = Signing.NONE if tier is Tier.FOREIGN else chance.choices(list(Signing), big)[0]
    return Member(
        index=index,
        spc=f"W{index:04d}",
        name=f"Carrier {index}",
        country=chance.choice(("PH", "IN", "PK", "CO", "MX")) if tier is Tier.FOREIGN else "US",
        tier=tier,
        signing=signing,
        fitness=chance.lognormvariate(0.0, 0.6),
    )


def _links(members: list[Member], chance: random.Random) -> list[tuple[int, ...]]:
    """Connect: the core nearly fully, wholesale with much of it and among themselves, the rest by degree x fitness."""
    links: list[set[int]] = [set() for _ in members]
    of = {tier: [m.index for m in members if m.tier is tier] for tier in Tier}

    def join(one: int, other: int) -> None:
        if one != other:
            links[one].add(other)
            links[other].add(one)

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
    _join_the_rest(members, links, of, join, chance)
    return [tuple(sorted(one)) for one in links]


def _join_the_rest(
    members: list[Member],
    links: list[set[int]],
    of: dict[Tier, list[int]],
    join: Callable[[int, int], None],
    chance: random.Random,
) -> None:
    """Hang edge carriers on those above by degree and fitness, resellers on one wholesaler, foreigners on gateways."""
    placed = of[Tier.CORE] + of[Tier.WHOLESALE]
    for one in of[Tier.EDGE]:
        weights = [len(links[there]) * members[there].fitness for there in placed]
        for other in set(chance.choices(placed, weights, k=chance.choice((1, 2, 2, 3, 4)))):
            join(one, other)
        placed.append(one)
    for one in of[Tier.RESELLER]:
        join(one, chance.choice(of[Tier.WHOLESALE]))
    gateways = of[Tier.WHOLESALE] + chance.sample(of[Tier.EDGE], max(2, len(of[Tier.EDGE]) // 20))
    for one in of[Tier.FOREIGN]:
        for other in chance.sample(gateways, 2):
            join(one, other)


def _operation(world: World, number: int, chance: random.Random) -> Operation:
    foreign = chance.random() < 0.08
    tiers = {Tier.FOREIGN} if foreign else {Tier.EDGE, Tier.RESELLER}
    placing = [m.index for m in world.members if m.tier in tiers and m.index not in world.terminating]
    many = chance.choices((1, 2, 3, 5, 8), (40, 25, 15, 12, 8))[0]
    return Operation(
        name=f"Operation-{number}",
        entries=tuple(chance.sample(placing, many)),
        foreign=foreign,
        callers=tuple(_number(chance) for _ in range(40)),
    )


def _number(chance: random.Random) -> str:
    area = chance.choice(("202", "215", "312", "404", "503", "617", "702", "713", "805", "916", "972"))
    return (
        f"1{area}555{chance.randrange(10_000):04d}"
        if chance.random() < 0.1
        else (f"1{area}{chance.randrange(200, 999)}{chance.randrange(10_000):04d}")
    )


def number(chance: random.Random) -> str:
    """Return a North American number."""
    return _number(chance)
