"""How carriers' records differ from what happened: clocks, zones, formats, rewriting, losses, wrong answers. Pure.

Every block can be on or off; with all of them off a record says what happened.
"""

import random
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from headwater.errors import Invalid

HOUR: Final = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """The knobs; 0 removes an effect."""

    clocks: bool = False
    """Offsets, drift, zones, clock steps and rounded durations by the shares below."""
    formats: bool = False
    called_rewritten: float = 0.0
    """A transit: LRN, toll-free to POTS, prefix (calibrated: 4.2% of signed calls at termination)."""
    calling_rewritten: float = 0.0
    forwarded: float = 0.0
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


_CLOCKS = Noise(clocks=True)
_ALL = Noise(
    clocks=True,
    formats=True,
    called_rewritten=0.014,
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
    "all": _ALL,
    "stress": replace(_ALL, called_rewritten=0.03, calling_rewritten=0.03),
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
def switch(seed: int, carrier: int, place: int, clocks: bool) -> Switch:  # noqa: FBT001 - a cache key
    """Return one switch of a carrier."""
    if not clocks:
        return Switch()
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


@lru_cache(maxsize=100_000)
def number_form(seed: int, carrier: int, formats: bool) -> str:  # noqa: FBT001 - a cache key
    """Return how a carrier's records write numbers."""
    if not formats:
        return "+{0}"
    chance = random.Random(f"{seed}/form/{carrier}")  # noqa: S311 - a world, not a secret
    forms = ("+{0}", "{0}", "{1}", "011{0}", "{2}#{0}", "sip:+{0}@198.18.0.1;user=phone")
    chosen = chance.choices(forms, (45, 25, 20, 3, 5, 2))[0]
    return chosen.replace("{2}", str(chance.randrange(1000, 9999)))
