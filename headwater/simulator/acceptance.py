"""The simulator held against its own calibration: what a world must look like before figures from it mean anything.

Each line is measured over several worlds: the clocks of hubs move a single one by ten points.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import mean, pstdev
from typing import Final

from headwater.simulator import graphs, participation
from headwater.simulator import noise as noises
from headwater.simulator.graphs import Tier
from headwater.simulator.knobs import DEFAULT, Graph, Knobs
from headwater.simulator.labels import Row, Verdict, judged, verdict
from headwater.simulator.ledger import Happened, Ledger, ordinary, place
from headwater.simulator.participation import By
from headwater.simulator.world import World, build

#: Carriers of the peer's accuracy test, and those of them that its calls are between: the last to join.
PEERS: Final = 7_000
SMALL: Final = 700
#: Profile -> share of true origins that the peer's labels name in the noise that they were measured in, percent, and
#: how far a mean over six worlds may lie from it: the spread between worlds.
PEER_NOISE: Final = {"peer-clocks": 76.0, "peer-formats": 44.0, "peer-rewriting": 84.0, "peer-all": 67.0}
SPREAD: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure and the bounds that it must lie in."""

    what: str
    measured: float
    least: float
    most: float

    @property
    def holds(self) -> bool:
        """Tell whether it lies in its bounds."""
        return self.least <= self.measured <= self.most


def lines(seeds: Sequence[int], calls: int) -> Iterator[Line]:
    """Measure every line of the acceptance, over a world of 700 carriers for each seed."""
    worlds = [build(seed, "M") for seed in seeds]
    yield from _campaigns(worlds, calls)
    yield from _signatures([_everyday(world, 3 * calls) for world in worlds])
    yield _near("carriers asked that do not respond, %", mean(_silent(world, calls) for world in worlds), 10.8, 1.0)
    clean = [_labels(world, "none", calls // 4) for world in (build(s, "M", knobs=_plain(Graph.MARKET)) for s in seeds)]
    yield _near("exact labels right: no noise, all take part, %", mean(clean), 100.0, 0.0)
    yield _near(
        "exact labels right: graph ba, largest 10% take part, %", mean(attached_only(s) for s in seeds), 57.0, 3.0
    )
    peers = [build(seed, "M", knobs=replace(DEFAULT, graph=Graph.JAGER)) for seed in seeds]
    for profile, wanted in PEER_NOISE.items():
        right = mean(_labels(world, profile, calls // 4, everyday=True) for world in peers)
        yield _near(f"exact labels right: noise {profile}, %", right, wanted, SPREAD)


def _near(what: str, measured: float, wanted: float, reach: float) -> Line:
    return Line(what=what, measured=measured, least=wanted - reach, most=wanted + reach)


def _robocalls(world: World, calls: int) -> list[Happened]:
    ledger = Ledger(world=world, noise=noises.PROFILES["all"])
    chance = random.Random(f"{world.seed}/acceptance")  # noqa: S311 - a world, not a secret
    return [place(ledger, chance, number % len(world.operations)) for number in range(calls)]


def _everyday(world: World, calls: int) -> list[Happened]:
    ledger = Ledger(world=world, noise=noises.PROFILES["all"])
    chance = random.Random(f"{world.seed}/ordinary")  # noqa: S311 - a world, not a secret
    return [ordinary(ledger, chance) for _ in range(calls)]


def _campaigns(worlds: Sequence[World], calls: int) -> Iterator[Line]:
    traced = [(world, one) for world in worlds for one in _robocalls(world, calls)]
    hops = [len(one.path) for _, one in traced]
    yield _near("carriers on a robocall's path, mean", mean(hops), 5.6, 0.28)
    yield _near("carriers on a robocall's path, standard deviation", pstdev(hops), 1.3, 0.065)
    signed = [one.signed_by_origin for world, one in traced if world.members[one.path[0]].tier is not Tier.FOREIGN]
    yield _near("domestic campaigns' calls that their originator signed, %", 100 * mean(signed), 65.0, 6.0)


def _signatures(of: list[list[Happened]]) -> Iterator[Line]:
    calls = [one for some in of for one in some]
    yield _near("carriers on an ordinary call's path, mean", mean(len(one.path) for one in calls), 4.0, 0.2)
    signed = [one for one in calls if one.signed_at_end]
    yield _near("ordinary calls signed at termination, %", 100 * len(signed) / len(calls), 37.0, 3.0)
    plain = [one for one in signed if not one.diverted]  # a div token explains another called number
    yield _near("of these, another called number than signed, %", _share(plain, 1), 4.2, 0.5)
    yield _near("of these, another calling number than signed, %", _share(plain, 0), 0.8, 0.5)


def _share(signed: list[Happened], side: int) -> float:
    return 100 * mean(one.token[side] != (one.calling, one.called)[side] for one in signed)


def _silent(world: World, calls: int) -> float:
    """Return the share of carriers on traced paths that do not respond, as the market does."""
    answering = participation.participants(world, participation.MARKET_SHARE, By.MARKET, world.seed)
    domestic = {one.index for one in world.members if one.tier is not Tier.FOREIGN}
    seen = {carrier for one in _robocalls(world, calls // 2) for carrier in one.path} & domestic
    return 100 * len(seen - answering) / len(seen)


def _plain(graph: Graph) -> Knobs:
    """Return the rules without what makes two calls alike, and without delays: no crowded numbers, no redials."""
    return replace(DEFAULT, graph=graph, crowded=0.0, redials=0.0, foreign_campaigns=0.0, setup_s=0.0)


def _labels(world: World, profile: str, calls: int, *, everyday: bool = False) -> float:
    """Return how often exact labels name the true origin; ``everyday``: of subscribers' calls."""
    ledger = Ledger(world=world, noise=noises.PROFILES[profile])
    chance = random.Random(f"{world.seed}/labels")  # noqa: S311 - a world, not a secret
    truths = [
        ordinary(ledger, chance) if everyday else place(ledger, chance, number % len(world.operations))
        for number in range(calls)
    ]
    everybody = frozenset(one.index for one in world.members)
    said = list(judged(ledger, everybody, truths))
    return 100 * said.count(Verdict.RIGHT) / len(said)


def attached_only(seed: int, *, share: float = 0.10, goals: int = 60, each: int = 20) -> float:
    """Return how often exact labels name the true origin where the largest ``share`` of a plain BA graph deposits.

    Calls go from small carriers to smaller ones, by fewest hops, without noise.
    """
    chance = random.Random(f"{seed}/attached")  # noqa: S311 - a world, not a secret
    near = graphs.attached(PEERS, chance).near
    size = sorted(range(PEERS), key=lambda one: (-len(near[one]), one))
    deposits = frozenset(size[: round(share * PEERS)])
    right = total = 0
    for goal in chance.sample(range(PEERS - SMALL + each, PEERS), goals):
        following = graphs.towards(near, {}, goal)
        for origin in chance.sample(range(PEERS - SMALL, goal), each):  # who joined earlier is larger
            path = [origin]
            while path[-1] != goal:
                path.append(following[path[-1]])
            total += 1
            right += verdict(_rows(path, deposits), origin) is Verdict.RIGHT
    return 100 * right / total


def _rows(path: list[int], deposits: frozenset[int]) -> set[Row]:
    ends = [-1, *path, -1]
    return {Row(here, ends[place], ends[place + 2]) for place, here in enumerate(path) if here in deposits}
