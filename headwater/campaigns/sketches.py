"""Which exemplars a script is probably near to, in microseconds and however many there are: MinHash. Pure.

A sketch is 64 minima of hashes over a script's words and pairs; exemplars whose sketches agree in one of 16 bands are
candidates. A candidate is compared by its cosine like any other: the sketch decides nothing, it only saves the search.
"""

import rensa

from headwater.campaigns.script import Script

_PERMUTATIONS = 64
_BANDS = 16
_SEED = 42
#: The library asks for one; what is found depends on the bands alone.
_THRESHOLD = 0.5


class Sketches:
    """Sketches of exemplars by their slots."""

    def __init__(self) -> None:
        self._near = rensa.RMinHashLSH(_THRESHOLD, _PERMUTATIONS, _BANDS)

    def add(self, slot: int, script: Script) -> None:
        """Take an exemplar."""
        self._near.insert(slot, _sketch(script))

    def remove(self, slot: int) -> None:
        """Forget an exemplar."""
        self._near.remove(slot)

    def like(self, script: Script) -> list[int]:
        """Return the slots of the candidates, in order."""
        found: list[int] = self._near.query(_sketch(script))
        return sorted(set(found))


def _sketch(script: Script) -> rensa.RMinHash:
    sketch = rensa.RMinHash(num_perm=_PERMUTATIONS, seed=_SEED)
    sketch.update(list(script.terms))
    return sketch
