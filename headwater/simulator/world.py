"""The large simulated world: carriers, who is connected with whom, routes and campaigns. One seed, one world. Pure.

Shares marked *calibrated* come from the FCC's Robocall Mitigation Database and published traceback figures
(docs/reference/simulate.md); all else is an assumption and a knob.
"""

import random
from collections import deque
from dataclasses import dataclass, field
from enum import Flag, StrEnum
from typing import Final

from headwater.simulator import graphs
from headwater.simulator.graphs import Tier
from headwater.simulator.knobs import DEFAULT, Graph, Knobs

#: Carriers of each profile; L is the number of providers in the Robocall Mitigation Database (calibrated).
SIZES: Final = {"S": 60, "M": 700, "L": 7_346}
#: Fewest and most carriers on a path.
LEAST, MOST = 2, 10
#: Routes that are used between two carriers on one day.
ROUTES: Final = 3


class Role(Flag):
    """What a carrier says it is in the Robocall Mitigation Database."""

    NONE = 0
    VOICE = 1
    INTERMEDIATE = 2
    GATEWAY = 4


#: Shares of domestic carriers by role (calibrated: Robocall Mitigation Database).
ROLES: Final = {
    Role.VOICE: 0.845,
    Role.INTERMEDIATE: 0.055,
    Role.VOICE | Role.GATEWAY: 0.035,
    Role.VOICE | Role.INTERMEDIATE: 0.027,
    Role.NONE: 0.016,
    Role.GATEWAY: 0.011,
    Role.VOICE | Role.INTERMEDIATE | Role.GATEWAY: 0.008,
    Role.INTERMEDIATE | Role.GATEWAY: 0.003,
}


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
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One campaign: who places its calls, through which originating carriers, hour by hour."""

    name: str
    entries: tuple[int, ...]
    foreign: bool
    owned: tuple[str, ...]
    """Numbers that the caller holds and may show."""
    boxed: bool = False
    """Its calls enter through SIM boxes: ``entries`` are mobile carriers, whose subscribers seem to call."""


@dataclass(slots=True, kw_only=True)
class World:
    """Carriers and links. ``links[i]`` holds the neighbours of carrier i."""

    seed: int
    profile: str
    knobs: Knobs
    members: list[Member]
    links: list[tuple[int, ...]]
    terminating: tuple[int, ...]
    costs: dict[tuple[int, int], int] = field(default_factory=dict)
    """(Smaller, larger) -> what a link costs; empty where all cost the same."""
    operations: tuple[Operation, ...] = ()
    _far: dict[int, list[int]] = field(default_factory=dict)
    _cheapest: dict[int, list[int]] = field(default_factory=dict)
    _routes: dict[tuple[int, int, int, int, bool], tuple[int, ...]] = field(default_factory=dict)

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

    def route(self, origin: int, goal: int, choice: int, *, day: int = 0, ordinary: bool = False) -> tuple[int, ...]:
        """Return one of the day's routes from ``origin`` to ``goal``, both included."""
        if self.knobs.graph is not Graph.MARKET:
            return self._least(origin, goal)
        key = origin, goal, choice % ROUTES, day, ordinary
        known = self._routes.get(key)
        if known is None:
            chance = random.Random(f"{self.seed}/route/{key}")  # noqa: S311 - a world, not a secret
            known = self._routes[key] = self._walk(origin, goal, chance, ordinary=ordinary)
        return known

    def _walk(self, origin: int, goal: int, chance: random.Random, *, ordinary: bool) -> tuple[int, ...]:
        knobs = self.knobs
        mean, spread = (
            (knobs.ordinary_hops, knobs.ordinary_spread) if ordinary else (knobs.robocall_hops, knobs.robocall_spread)
        )
        far = self.far(goal)
        wanted = round(min(MOST, max(LEAST, chance.gauss(mean, spread))))
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
                weights = [self.degree(there) ** knobs.likes * chance.uniform(0.2, 1.0) for there in fit]
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

    def _least(self, origin: int, goal: int) -> tuple[int, ...]:
        """Return the route of least cost, of fewest hops where links cost the same."""
        following = self._cheapest.get(goal)
        if following is None:
            following = self._cheapest[goal] = graphs.towards(self.links, self.costs, goal)
        path = [origin]
        while path[-1] != goal:
            path.append(following[path[-1]])
        return tuple(path)


def build(seed: int, profile: str, *, campaigns: int = 24, knobs: Knobs = DEFAULT) -> World:
    """Build a world; the same arguments give the same world."""
    chance = random.Random(f"{seed}/world/{profile}")  # noqa: S311 - a world, not a secret
    size = SIZES[profile]
    tiers = _tiers(size, knobs)
    fitness = [chance.lognormvariate(0.0, 0.6) for _ in tiers]
    match knobs.graph:
        case Graph.MARKET:
            gateways = sum(share for role, share in ROLES.items() if Role.GATEWAY in role)
            wanted = round(gateways * (size - tiers.count(Tier.FOREIGN)))
            links = graphs.market(tiers, fitness, chance, gateways=wanted)
        case Graph.BA:
            links = graphs.attached(size, chance)
        case Graph.JAGER:
            links = graphs.fitted(size, chance)
    roles = _roles(tiers, links, chance)
    members = [
        _member(index, tier, role, chance, knobs) for index, (tier, role) in enumerate(zip(tiers, roles, strict=True))
    ]
    edges = [m.index for m in members if Role.VOICE in m.role and m.tier in {Tier.CORE, Tier.WHOLESALE, Tier.EDGE}]
    weights = [len(links.near[index]) for index in edges]
    served = sorted(set(chance.choices(edges, weights, k=min(60, size // 4))))
    world = World(
        seed=seed, profile=profile, knobs=knobs, members=members, links=links.near, costs=links.costs,
        terminating=tuple(served),
    )  # fmt: skip
    world.operations = tuple(_operation(world, number, chance) for number in range(campaigns))
    return world


def _tiers(size: int, knobs: Knobs) -> list[Tier]:
    if knobs.graph is not Graph.MARKET:
        return [Tier.EDGE] * size
    tiers = [Tier.CORE] * max(8, min(15, size // 60)) + [Tier.WHOLESALE] * max(4, round(size * knobs.wholesale))
    foreign, resellers = round(size * knobs.foreign), round(size * knobs.resellers)
    tiers += [Tier.EDGE] * (size - len(tiers) - foreign - resellers)
    return tiers + [Tier.RESELLER] * resellers + [Tier.FOREIGN] * foreign


def _roles(tiers: list[Tier], links: graphs.Links, chance: random.Random) -> list[Role]:
    """Give each role to its share of domestic carriers: those first that do what it says, then the best connected."""
    domestic = [place for place, tier in enumerate(tiers) if tier is not Tier.FOREIGN]
    draw = {place: chance.random() for place in domestic}
    roles = [Role.VOICE] * len(tiers)
    left = set(domestic)

    def give(role: Role, order: list[int]) -> None:
        for place in order[: max(1, round(ROLES[role] * len(domestic)))]:
            roles[place] = role
            left.discard(place)

    def best(of: frozenset[int] | set[int], *, wholesale: bool) -> list[int]:
        carry = (Tier.WHOLESALE, Tier.CORE) if wholesale else (Tier.CORE,)
        return sorted(of & left, key=lambda one: (tiers[one] not in carry, -len(links.near[one]), draw[one]))

    gateways = links.gateways or frozenset(sorted(left, key=lambda one: -len(links.near[one]))[: len(left) // 18])
    give(Role.VOICE | Role.INTERMEDIATE | Role.GATEWAY, best(gateways, wholesale=True))
    give(Role.INTERMEDIATE | Role.GATEWAY, best(gateways, wholesale=True))
    give(Role.VOICE | Role.INTERMEDIATE, best(left - gateways, wholesale=False))
    give(Role.GATEWAY, best(gateways, wholesale=True))
    give(Role.VOICE | Role.GATEWAY, best(gateways, wholesale=False) + best(left - gateways, wholesale=False))
    give(Role.INTERMEDIATE, best(left - gateways, wholesale=True))
    give(Role.NONE, sorted(left - gateways, key=lambda one: draw[one]))
    for place, tier in enumerate(tiers):
        if tier is Tier.FOREIGN:
            roles[place] = Role.NONE
    return roles


def _member(index: int, tier: Tier, role: Role, chance: random.Random, knobs: Knobs) -> Member:
    none = 1.0 - knobs.full - knobs.partial
    big = {Tier.CORE: (0.95, 0.05, 0.0), Tier.WHOLESALE: (0.85, 0.10, 0.05)}
    shares = big.get(tier, (knobs.full - 0.015, knobs.partial + 0.003, none + 0.012))
    signing = (
        Signing.NONE if tier is Tier.FOREIGN else chance.choices(list(Signing), [max(0.0, one) for one in shares])[0]
    )
    return Member(
        index=index,
        spc=f"W{index:04d}",
        name=f"Carrier {index}",
        country=chance.choice(("PH", "IN", "PK", "CO", "MX")) if tier is Tier.FOREIGN else "US",
        tier=tier,
        signing=signing,
        role=role,
    )


def _operation(world: World, number: int, chance: random.Random) -> Operation:
    market = world.knobs.graph is Graph.MARKET
    drawn = chance.random()
    foreign = market and drawn < world.knobs.foreign_campaigns
    boxed = not foreign and drawn >= 1.0 - world.knobs.sim_boxes
    if boxed:
        placing = sorted(world.terminating, key=lambda one: -world.degree(one))[:12]
    else:
        placing = [m.index for m in world.members if m.index not in world.terminating and _places(m, foreign=foreign)]
    many = chance.choices((1, 2, 3, 5, 8), (40, 25, 15, 12, 8))[0]
    return Operation(
        name=f"Operation-{number}",
        entries=tuple(chance.sample(placing, min(many, len(placing)))),
        foreign=foreign,
        boxed=boxed,
        owned=tuple(_number(chance) for _ in range(40)),
    )


def _places(member: Member, *, foreign: bool) -> bool:
    """Tell whether calls of a campaign could enter at a carrier."""
    if foreign:
        return member.tier is Tier.FOREIGN
    return member.tier in {Tier.EDGE, Tier.RESELLER} and Role.VOICE in member.role


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
