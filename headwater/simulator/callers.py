"""Which number a campaign's call shows: any valid one, a neighbour of the called one, toll-free, its own, invalid.

A campaign places ten to thousands of calls a second and shows a new number after 1 to 50 of them: between a traced call
and the next to the same target it has changed.
"""

import random
from typing import Final

from headwater.simulator.knobs import Knobs
from headwater.simulator.world import number

TOLL_FREE: Final = ("800", "833", "844", "855", "866", "877", "888")
#: No area code begins with 0 or 1 (NANP).
INVALID: Final = ("0", "1")


def shown(owned: tuple[str, ...], called: str, knobs: Knobs, chance: random.Random) -> str:
    """Return the calling number of a call to ``called``; ``owned`` are the numbers that the caller holds."""
    kinds = ("neighbour", "toll_free", "owned", "invalid", "any")
    shares = [knobs.neighbour, knobs.toll_free, knobs.owned, knobs.invalid]
    match chance.choices(kinds, [*shares, max(0.0, 1.0 - sum(shares))])[0]:
        case "neighbour":
            return f"{called[:7]}{chance.randrange(10_000):04d}"
        case "toll_free":
            return f"1{chance.choice(TOLL_FREE)}{chance.randrange(2_000_000, 9_999_999)}"
        case "owned":
            return chance.choice(owned)
        case "invalid":
            return f"1{chance.choice(INVALID)}{chance.randrange(10**9):09d}"
        case _:
            return number(chance)
