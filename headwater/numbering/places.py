"""The states and territories of the United States: names, residents, and where each stands in a map of tiles. Pure.

Residents are those of the 2020 census (resident population; for the island areas the 2020 Island Areas Censuses).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Place:
    """One state or territory."""

    code: str
    name: str
    residents: int
    column: int
    row: int
    """Its tile: neighbours are near each other as far as a grid allows."""


_LINES = """
AK Alaska 733391 0 0
ME Maine 1362359 10 0
VT Vermont 643077 9 1
NH New_Hampshire 1377529 10 1
WA Washington 7705281 0 2
ID Idaho 1839106 1 2
MT Montana 1084225 2 2
ND North_Dakota 779094 3 2
MN Minnesota 5706494 4 2
IL Illinois 12812508 5 2
WI Wisconsin 5893718 6 2
MI Michigan 10077331 7 2
NY New_York 20201249 8 2
RI Rhode_Island 1097379 9 2
MA Massachusetts 7029917 10 2
OR Oregon 4237256 0 3
NV Nevada 3104614 1 3
WY Wyoming 576851 2 3
SD South_Dakota 886667 3 3
IA Iowa 3190369 4 3
IN Indiana 6785528 5 3
OH Ohio 11799448 6 3
PA Pennsylvania 13002700 7 3
NJ New_Jersey 9288994 8 3
CT Connecticut 3605944 9 3
CA California 39538223 0 4
UT Utah 3271616 1 4
CO Colorado 5773714 2 4
NE Nebraska 1961504 3 4
MO Missouri 6154913 4 4
KY Kentucky 4505836 5 4
WV West_Virginia 1793716 6 4
VA Virginia 8631393 7 4
MD Maryland 6177224 8 4
DE Delaware 989948 9 4
AZ Arizona 7151502 1 5
NM New_Mexico 2117522 2 5
KS Kansas 2937880 3 5
AR Arkansas 3011524 4 5
TN Tennessee 6910840 5 5
NC North_Carolina 10439388 6 5
SC South_Carolina 5118425 7 5
DC District_of_Columbia 689545 8 5
OK Oklahoma 3959353 3 6
LA Louisiana 4657757 4 6
MS Mississippi 2961279 5 6
AL Alabama 5024279 6 6
GA Georgia 10711908 7 6
HI Hawaii 1455271 0 7
TX Texas 29145505 3 7
FL Florida 21538187 8 7
AS American_Samoa 49710 0 8
GU Guam 153836 1 8
MP Northern_Mariana_Islands 47329 2 8
PR Puerto_Rico 3285874 9 8
VI U.S._Virgin_Islands 87146 10 8
"""

PLACES: Final[Mapping[str, Place]] = {
    code: Place(code, name.replace("_", " "), int(residents), int(column), int(row))
    for code, name, residents, column, row in (line.split() for line in _LINES.split("\n") if line)
}


def name_of(code: str) -> str:
    """Return the name of a state or territory; the code itself where it is none of them."""
    return PLACES[code].name if code in PLACES else code
