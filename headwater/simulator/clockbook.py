"""What carriers and hub have learned of each other's clocks from ordinary traffic, by the real learner.

A pair of neighbouring switches learns from ordinary calls with an equal Call-ID; every switch also from the agent's own
synchronised clock on live capture. Both see yesterday's traffic, never the traced calls.
"""

import random
from functools import cached_property
from math import hypot

from headwater.calls.learning import Learner, lesson
from headwater.calls.matching import Edge, Side
from headwater.simulator import noise as noises
from headwater.simulator.ledger import DAWN, DAY, SETUP_MEDIAN_S, SETUP_SIGMA
from headwater.simulator.noise import Noise

#: Ordinary calls that a pair has seen the day before.
ORDINARY = 40
#: Trunk of a report of an app or a honeypot, whose clock is synchronised.
REFERENCE = "utc"


class Clockbook:
    """Learned edges by trunk. Nothing of a traced call goes in."""

    def __init__(self, seed: int, noise: Noise) -> None:
        """Begin with nothing learned; each pair is learned when it is first asked for."""
        self._seed = seed
        self._noise = noise
        self._known: dict[tuple[str, str], Edge] = {}

    @cached_property
    def learned(self) -> bool:
        """Tell whether there is anything to learn: exact clocks need no offsets, only the spread of the set-up."""
        return bool(self._noise.clocks)

    def edge(self, sender: str, receiver: str, *, neighbours: bool = True) -> Edge:
        """Return what is known of a pair of trunks; of two that never meet, by way of the synchronised clock."""
        if neighbours or REFERENCE in {sender, receiver}:
            return self._pair(sender, receiver)
        one, other = self._pair(sender, REFERENCE), self._pair(receiver, REFERENCE)
        spread = hypot(one.spread_s, other.spread_s)
        return Edge(offset_s=one.offset_s - other.offset_s, spread_s=spread, pairs=min(one.pairs, other.pairs))

    def _pair(self, sender: str, receiver: str) -> Edge:
        key = sender, receiver
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._learn(sender, receiver)
        return known

    def _learn(self, sender: str, receiver: str) -> Edge:
        chance = random.Random(f"{self._seed}/ordinary/{sender}/{receiver}")  # noqa: S311 - a world, not a secret
        learner = Learner()
        for place in range(ORDINARY):
            at = DAWN - DAY + (place + chance.random()) * DAY / ORDINARY
            delay = min(4.0, chance.lognormvariate(0, SETUP_SIGMA) * SETUP_MEDIAN_S)
            same = f"ordinary-{place}"
            sent = Side(start=self._stamp(sender, at), call_id=same)
            received = Side(start=self._stamp(receiver, at + delay), call_id=same)
            taught = lesson(received, sent)
            if taught is not None:
                learner.learn(taught)
        return learner.edge()

    def _stamp(self, trunk: str, at: float) -> float:
        if trunk == REFERENCE:
            return at
        carrier, _, place = trunk.partition(":")
        return noises.switch(self._seed, int(carrier), int(place), self._noise.clocks).stamp(at)
