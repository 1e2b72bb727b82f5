"""How carriers' records differ from what happened: clocks, zones, formats, rewriting, losses, wrong answers. Pure.

Every block can be on or off; with all of them off a record says what happened.
"""

import random
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Final

from headwater.errors import Invalid

HOUR: Final = 3_600.0


class Clocks(StrEnum):
    """How switches keep and write time."""

    EXACT = ""
    SYNCED = "synced"
    """All within 0.3 s."""
    PEER = "peer"
    """As in the noise that the peer's labels were measured in: 85, 10 and 4% of carriers, 1% in a wrong zone."""
    SWITCHES = "switches"
    """Offsets, drift, zones, clock steps and rounded durations by the shares below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """The knobs; 0 removes an effect."""

    clocks: Clocks = Clocks.EXACT
    formats: bool = False
    raw_labels: bool = False
    """The peer's labels are made of the digits as they are written, not as they are read."""
    called_rewritten: float = 0.0
    """A transit: LRN, toll-free to POTS, prefix (calibrated: 4.2% of signed calls at termination)."""
    calling_rewritten: float = 0.0
    forwarded: float = 0.0
    forwarding_told: float = 0.4
    """Share of forwarded calls that say so (div, Diversion or History-Info)."""
    missing: float = 0.0
    duplicated: float = 0.0
    identifiers: float = 1.0
    """How often the identifiers that a record could have are in it, as a factor."""
    failover: float = 0.0
    looped: float = 0.0
    neighbour_record: float = 0.0
    wrong_upstream: float = 0.0
    overlooked: float = 0.0
    """"Not found" though present."""
    outage: float = 0.0


_CLOCKS = Noise(clocks=Clocks.SWITCHES)
_ALL = Noise(
    clocks=Clocks.SWITCHES,
    formats=True,
    called_rewritten=0.0125,
    calling_rewritten=0.003,
    forwarded=0.03,
    missing=0.02,
    duplicated=0.01,
    failover=0.06,
    looped=0.01,
    neighbour_record=0.02,
    wrong_upstream=0.01,
    overlooked=0.03,
    outage=0.005,
)
PROFILES: Final = {
    "none": Noise(),
    "clocks": _CLOCKS,
    "formats": Noise(formats=True),
    "rewriting": Noise(called_rewritten=0.03, calling_rewritten=0.03, forwarded=0.03),
    "records": Noise(missing=0.02, duplicated=0.01, failover=0.06, looped=0.01),
    "answers": Noise(neighbour_record=0.02, wrong_upstream=0.01, overlooked=0.03, outage=0.005),
    "matching": replace(_CLOCKS, formats=True, called_rewritten=0.03, calling_rewritten=0.03, forwarded=0.03),
    "all": _ALL,
    "stress": replace(_ALL, called_rewritten=0.03, calling_rewritten=0.03),
    "peer-clocks": Noise(clocks=Clocks.PEER),
    "peer-formats": Noise(clocks=Clocks.SYNCED, raw_labels=True),
    "peer-rewriting": Noise(clocks=Clocks.SYNCED, called_rewritten=0.03, calling_rewritten=0.03),
    "peer-all": Noise(clocks=Clocks.PEER, called_rewritten=0.03, calling_rewritten=0.03),
}


def profile(name: str) -> Noise:
    """Return a profile by name.

    Raises:
        Invalid: there is none of that name.
    """
    if name not in PROFILES:
        raise Invalid(f"There is no noise profile {name!r}. There are: {', '.join(PROFILES)}.")
    return PROFILES[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One switch's clock and its way of writing records."""

    offset_s: float = 0.0
    drift_s_day: float = 0.0
    reset_s: float = 0.0
    """Second of the day at which a drifting clock is set right."""
    resolution_s: float = 0.001
    rounding_s: float = 1.0

    def stamp(self, at: float) -> float:
        """Return the start that this switch writes for an instant (seconds since 1970)."""
        drift = self.drift_s_day * (((at - self.reset_s) % 86_400.0) / 86_400.0) if self.drift_s_day else 0.0
        seen = at + self.offset_s + drift
        return seen // self.resolution_s * self.resolution_s if self.resolution_s > 0.001 else seen


@lru_cache(maxsize=100_000)
def switch(seed: int, carrier: int, place: int, clocks: Clocks) -> Switch:
    """Return one switch of a carrier."""
    if clocks is Clocks.EXACT:
        return Switch()
    if clocks is not Clocks.SWITCHES:
        return _peers_clock(seed, carrier, clocks)
    chance = random.Random(f"{seed}/switch/{carrier}/{place}")  # noqa: S311 - a world, not a secret
    whole = random.Random(f"{seed}/carrier/{carrier}")  # noqa: S311 - a world, not a secret
    kind = chance.random()
    drift = 0.0
    if kind < 0.85:
        offset = chance.gauss(0, 0.3)
    elif kind < 0.95:
        offset = chance.uniform(-30, 30)
    elif kind < 0.99:
        offset = chance.uniform(-600, 600)
    else:
        offset, drift = chance.gauss(0, 0.3), 2.0
    zone = whole.random()  # a carrier writes all its records in one way
    if zone < 0.12:
        offset -= whole.choice((4, 5, 6, 7)) * HOUR
    elif zone < 0.13:
        offset += whole.choice((-3, -2, -1, 1, 2, 3)) * HOUR
    elif zone < 0.135:
        offset += HOUR
    return Switch(
        offset_s=offset,
        drift_s_day=drift,
        reset_s=chance.uniform(0, 86_400),
        resolution_s=chance.choices((1.0, 0.001, 60.0), (70, 25, 5))[0],
        rounding_s=whole.choices((1.0, 6.0, 60.0), (80, 15, 5))[0],
    )


def _peers_clock(seed: int, carrier: int, clocks: Clocks) -> Switch:
    """Return a carrier's one clock in the peer's noise."""
    chance = random.Random(f"{seed}/clock/{carrier}")  # noqa: S311 - a world, not a secret
    kind = chance.random() if clocks is Clocks.PEER else 0.0
    if kind < 0.85:
        offset = chance.gauss(0, 0.3)
    elif kind < 0.95:
        offset = chance.uniform(-30, 30)
    elif kind < 0.99:
        offset = chance.uniform(-600, 600)
    else:
        offset = chance.choice((-3, -2, -1, 1, 2, 3)) * HOUR
    return Switch(offset_s=offset)


@lru_cache(maxsize=100_000)
def number_form(seed: int, carrier: int, formats: bool) -> str:  # noqa: FBT001 - a cache key
    """Return how a carrier's records write numbers."""
    if not formats:
        return "+{0}"
    chance = random.Random(f"{seed}/form/{carrier}")  # noqa: S311 - a world, not a secret
    forms = ("+{0}", "{0}", "{1}", "011{0}", "{2}#{0}", "sip:+{0}@198.18.0.1;user=phone")
    chosen = chance.choices(forms, (45, 25, 20, 3, 5, 2))[0]
    return chosen.replace("{2}", str(chance.randrange(1000, 9999)))


@lru_cache(maxsize=100_000)
def usual_form(seed: int, carrier: int) -> str:
    """Return which of the three usual forms a carrier's labels are made of where nobody normalises them."""
    chance = random.Random(f"{seed}/usual/{carrier}")  # noqa: S311 - a world, not a secret
    return chance.choices(("+{0}", "{0}", "{1}"), (45, 25, 20))[0]
