"""Scripts as rows of weighted terms, and the cosine of one to many. Pure: no Django, no I/O, no clock.

Three readings of a script are compared beside each other: words and pairs of neighbours; the same with every word cut
to its first five letters (an ending that was heard differently changes nothing); and four-letter pieces of words (a
name that was misheard keeps most of them).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise, repeat
from math import log
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from headwater.campaigns.script import Script

Rows = npt.NDArray[np.float64]
Reading = Callable[[Script], Iterable[str]]

_STEM = 5
#: Cells: 32 MB. The shipped reference has a quarter of that.
_LARGEST_LAID_OUT = 4_000_000
_PIECE = 4


def words_alone(script: Script) -> tuple[str, ...]:
    """Return the words."""
    return script.tokens


def words_and_pairs(script: Script) -> list[str]:
    """Return single words and pairs of neighbours, each as often as it occurs."""
    return [*script.tokens, *map(" ".join, pairwise(script.tokens))]


def stems_and_pairs(script: Script) -> list[str]:
    """Return words cut to five letters, and pairs of those."""
    stems = [word[:_STEM] for word in script.tokens]
    return [*stems, *map(" ".join, pairwise(stems))]


def pieces(script: Script) -> list[str]:
    """Return every run of four letters of a word, its borders counted as letters."""
    found = []
    for word in script.tokens:
        bordered = f" {word} "
        found += [bordered[at : at + _PIECE] for at in range(max(1, len(bordered) - _PIECE + 1))]
    return found


class Reader:
    """Terms of one reading, weighed by how rare they are in the scripts that it was made from."""

    def __init__(self, scripts: Sequence[Script], reading: Reading, *, further: Sequence[Script] = ()) -> None:
        """Learn the terms of ``scripts`` (and ``further``); terms that come later have no place and are passed over."""
        self._reading = reading
        scripts = [*scripts, *further]
        counted = [Counter(reading(script)) for script in scripts]
        holding: Counter[str] = Counter()
        for counts in counted:
            holding.update(counts.keys())
        self._place = {term: place for place, term in enumerate(sorted(holding))}
        rarity = [log((1 + len(scripts)) / (1 + holding[term])) + 1.0 for term in sorted(holding)]
        self._rarity = np.array(rarity, dtype=np.float64)
        self.known = self._rows(counted)
        self._turned = self.known.T.tocsr()
        # Laid out in full where that is small: one script is then compared at a tenth of the cost.
        self._laid_out = self._turned.toarray() if np.prod(self._turned.shape) <= _LARGEST_LAID_OUT else None

    def rows(self, scripts: Iterable[Script]) -> Any:
        """Return one row of length 1 a script."""
        return self._rows([Counter(self._reading(script)) for script in scripts])

    def _rows(self, counted: Sequence[Counter[str]]) -> Any:
        places, weights, starts = [], [], [0]
        for counts in counted:
            at, weight = self._weighed(counts)
            places.append(at)
            weights.append(weight)
            starts.append(starts[-1] + len(at))
        shape = (len(counted), len(self._place))
        if not counted:
            return sparse.csr_matrix(shape)
        return sparse.csr_matrix((np.concatenate(weights), np.concatenate(places), starts), shape=shape)

    def cosines(self, scripts: Iterable[Script]) -> Rows:
        """Return the cosine of each script to each known one: a row a script."""
        if self._laid_out is not None:
            each = [self._one(self._laid_out, script) for script in scripts]
            return np.array(each).reshape(-1, self._laid_out.shape[1])
        found: Rows = (self.rows(scripts) @ self._turned).toarray()
        return found

    def _one(self, laid_out: Rows, script: Script) -> Rows:
        at, weights = self._weighed(Counter(self._reading(script)))
        return np.asarray(weights @ laid_out[at])

    def _weighed(self, counts: Counter[str]) -> tuple[npt.NDArray[np.int64], Rows]:
        places = np.fromiter(map(self._place.get, counts, repeat(-1)), dtype=np.int64, count=len(counts))
        times = np.fromiter(counts.values(), dtype=np.float64, count=len(counts))
        known = places >= 0
        at = places[known]
        weight = (1.0 + np.log(times[known])) * self._rarity[at]
        return at, weight / (float(np.sqrt(np.dot(weight, weight))) or 1.0)


class Likeness:
    """The mean cosine over the three readings, to a fixed set of known scripts."""

    def __init__(self, known: Sequence[Script]) -> None:
        self._readers = [Reader(known, reading) for reading in (words_and_pairs, stems_and_pairs, pieces)]

    def among_known(self) -> Rows:
        """Return the likeness of the known scripts to each other."""
        parts = [(reader.known @ reader.known.T).toarray() for reader in self._readers]
        return np.asarray(sum(parts) / len(parts))

    def by_words(self) -> Rows:
        """Return the cosine of words and pairs alone of the known scripts to each other."""
        return np.asarray((self._readers[0].known @ self._readers[0].known.T).toarray())

    def to_known(self, scripts: Sequence[Script]) -> Rows:
        """Return the likeness of each script to each known one."""
        return np.asarray(sum(reader.cosines(scripts) for reader in self._readers) / len(self._readers))
