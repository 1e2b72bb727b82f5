"""Every default of the large simulated world, and where it is taken from. Pure.

What is *calibrated* names its source; all else is an assumption, to be swept and never quoted as a fact
(docs/reference/simulate.md). How records and answers differ from what happened is in ``simulator.noise``.
"""

from collections.abc import Iterable
from dataclasses import Field, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Final

from headwater.errors import Invalid


class Graph(StrEnum):
    """Who is connected with whom."""

    MARKET = "market"
    """Core, wholesale, edge, resellers, and foreign carriers behind gateways."""
    BA = "ba"
    """Plain preferential attachment, two links a newcomer, routes of fewest hops: the graph of the peer's accuracy."""
    JAGER = "jager"
    """The peer's own: a clique of five, attachment by degree and fitness, links that cost 1 to 10, least cost."""


def _says(says: str, source: str = "assumption") -> dict[str, str]:
    return {"says": says, "source": source}


_RMD: Final = "Robocall Mitigation Database of 21 January 2025"
_ITG: Final = "traceback figures that the ITG publishes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """One world's rules. Shares are between 0 and 1; 0 removes an effect."""

    graph: Graph = field(default=Graph.MARKET, metadata=_says("who is connected with whom: market, ba, jager"))
    wholesale: float = field(default=0.03, metadata=_says("share of carriers that sell transit"))
    resellers: float = field(default=0.06, metadata=_says("share of carriers that hang on one wholesaler"))
    foreign: float = field(default=0.10, metadata=_says("share of nodes that are abroad, behind gateways", _ITG))
    likes: float = field(
        default=1.5, metadata=_says("exponent of the degree by which routes prefer large carriers", _ITG)
    )
    robocall_hops: float = field(default=5.5, metadata=_says("carriers on the path of a robocall, mean as drawn", _ITG))
    robocall_spread: float = field(
        default=1.45, metadata=_says("their standard deviation as drawn; 1.3 comes out", _ITG)
    )
    ordinary_hops: float = field(
        default=3.6, metadata=_says("carriers on the path of an ordinary call, mean as drawn; 4 comes out")
    )
    ordinary_spread: float = field(default=1.0, metadata=_says("their standard deviation as drawn"))
    full: float = field(default=0.56, metadata=_says("share of domestic carriers with full STIR/SHAKEN", _RMD))
    partial: float = field(default=0.20, metadata=_says("share with partial", _RMD))
    signs_full: float = field(default=0.95, metadata=_says("how often a carrier with full STIR/SHAKEN signs"))
    signs_partial: float = field(default=0.60, metadata=_says("how often one with partial does"))
    signs_downstream: float = field(
        default=0.20, metadata=_says("how often a carrier signs, B or C, what nobody signed before it")
    )
    signs_downstream_a: float = field(default=0.02, metadata=_says("how often it does so with A, wrongly"))
    not_ip: float = field(default=0.35, metadata=_says("share of links on a robocall's path that carry no Identity"))
    ordinary_not_ip: float = field(default=0.28, metadata=_says("the same of an ordinary call's"))
    out_of_band: float = field(default=0.10, metadata=_says("share of tokens that come round such a link out of band"))
    setup_s: float = field(
        default=0.12, metadata=_says("set-up delay a hop, median seconds; 0.8 at the 95th percentile")
    )
    tdm: float = field(default=2.0, metadata=_says("factor of the set-up delay over such a link"))
    foreign_campaigns: float = field(default=0.08, metadata=_says("share of campaigns from abroad", _ITG))
    sim_boxes: float = field(
        default=0.03, metadata=_says("share of campaigns whose calls enter through SIM boxes: a mobile subscriber's")
    )
    redials: float = field(default=1.5, metadata=_says("further calls to the same number that day, mean (Poisson)"))
    crowded: float = field(
        default=0.01, metadata=_says("share of called numbers that get twenty other calls within ten minutes")
    )
    neighbour: float = field(
        default=0.25, metadata=_says("share of campaign calls that show a number of the called one's exchange")
    )
    toll_free: float = field(default=0.10, metadata=_says("share that show a toll-free number"))
    owned: float = field(default=0.20, metadata=_says("share that show a number that the caller owns"))
    invalid: float = field(default=0.05, metadata=_says("share that show no valid number; the rest show any valid one"))
    answered: float = field(default=0.75, metadata=_says("share of calls that are answered"))
    short: float = field(
        default=0.90,
        metadata=_says("share of campaign calls that last under 15 seconds", "honeypot operators: over 90%"),
    )


DEFAULT: Final = Knobs()


def shown() -> tuple[Field[Any], ...]:
    """Return every knob with what it says and its source, in order."""
    return fields(Knobs)


def turned(settings: Iterable[str], base: Knobs = DEFAULT) -> Knobs:
    """Return ``base`` with ``NAME=VALUE`` settings.

    Raises:
        Invalid: there is no such knob, or the value does not fit it.
    """
    known = {one.name: one for one in fields(Knobs)}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in known:
            raise Invalid(f"There is no knob {name!r}. There are: {', '.join(known)}.")
        read: Any = _read(name, value, known[name].default)
        base = replace(base, **{name: read})
    return base


def _read(name: str, value: str, default: Any) -> object:
    try:
        read = type(default)(value)
    except ValueError:
        raise Invalid(f"{name} cannot be {value!r}: it is now {default}; give another of that kind.") from None
    if isinstance(read, float) and not 0.0 <= read <= 100.0:
        raise Invalid(f"{name} cannot be {value}: give a number between 0 and 100.")
    return read
