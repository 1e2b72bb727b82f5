"""Who answers in a simulated world, who by an agent and who by hand, and who lies. Pure."""

import random
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from headwater.simulator.answering import Lie
from headwater.simulator.graphs import Tier
from headwater.simulator.world import World

#: Share of carriers that respond so that 10.8% of those asked in traces do not (calibrated: 77 of 714, ITG 2024).
MARKET_SHARE: Final = 0.877


class By(StrEnum):
    """How those that answer are chosen."""

    DEGREE = "degree"
    """By chance, in proportion to their connections."""
    TOP = "top"
    """The best connected."""
    RANDOM = "random"
    MARKET = "market"
    """All but those that do not respond: small carriers and new filers twice as likely."""


def participants(world: World, share: float, by: str, seed: int) -> frozenset[int]:
    """Return the carriers that answer: a share of all domestic ones."""
    domestic = _domestic(world)
    wanted = round(share * len(domestic))
    if wanted >= len(domestic):
        return frozenset(domestic)
    chance = random.Random(f"{seed}/participation/{by}")  # noqa: S311 - a world, not a secret
    match By(by):
        case By.TOP:
            return frozenset(sorted(domestic, key=lambda one: (-world.degree(one), one))[:wanted])
        case By.RANDOM:
            return frozenset(chance.sample(domestic, wanted))
        case By.MARKET:
            newest = domestic[-len(domestic) // 4]
            often = {one: 2.0 if world.degree(one) <= 2 or one >= newest else 1.0 for one in domestic}
            silent = _drawn(domestic, often, len(domestic) - wanted, chance)
            return frozenset(domestic) - silent
        case By.DEGREE:
            return _drawn(domestic, {one: max(1, world.degree(one)) for one in domestic}, wanted, chance)


def by_hand(world: World, answering: frozenset[int], agents: float, seed: int) -> frozenset[int]:
    """Return those that answer by hand; ``agents`` is the share of domestic carriers that run one, by degree."""
    wanted = round(agents * len(_domestic(world)))
    if wanted >= len(answering):
        return frozenset()
    chance = random.Random(f"{seed}/agents")  # noqa: S311 - a world, not a secret
    likely = {one: max(1, world.degree(one)) for one in answering}
    return answering - _drawn(sorted(answering), likely, wanted, chance)


def liars(world: World, share: float, seed: int) -> dict[int, Lie]:
    """Return who lies, and how."""
    chance = random.Random(f"{seed}/liars")  # noqa: S311 - a world, not a secret
    domestic = _domestic(world)
    return {one: chance.choice(list(Lie)) for one in chance.sample(domestic, round(share * len(domestic)))}


def _domestic(world: World) -> list[int]:
    return [m.index for m in world.members if m.tier is not Tier.FOREIGN]


def _drawn(
    of: Iterable[int], weights: dict[int, float] | dict[int, int], wanted: int, chance: random.Random
) -> frozenset[int]:
    """Draw without replacement, weighted (Efraimidis and Spirakis): the largest keys u^(1/weight)."""
    keyed = sorted(of, key=lambda one: chance.random() ** (1 / weights[one]), reverse=True)
    return frozenset(keyed[:wanted])
