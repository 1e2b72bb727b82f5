"""Scripts as vectors of weighted terms, and the index that finds which stored ones are near. Pure."""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater.campaigns.script import Script

Numbers = npt.NDArray[np.float64]
#: Places of the terms, their weights, and the length of the part that is single words.
Row = tuple[npt.NDArray[np.int64], Numbers, float]

#: Rarities that are kept at hand: a stream of invented words must not fill the memory.
_REMEMBERED_TERMS = 500_000


class Frequencies:
    """In how many known scripts each term occurs: what makes a rare term weigh more than a common one."""

    def __init__(self, scripts: int, holding: Mapping[str, int]) -> None:
        self._holding = holding
        self._scripts = scripts
        self._known: dict[str, float] = {}

    def idf(self, term: str) -> float:
        """Return the smoothed inverse document frequency: ln((1 + n) / (1 + df)) + 1."""
        return math.log((1 + self._scripts) / (1 + self._holding.get(term, 0))) + 1.0

    def weigh(self, script: Script) -> dict[str, float]:
        """Return the script's terms as a vector of length 1, commonest term first."""
        known = self._known
        for term in script.terms:
            if term not in known:
                if len(known) >= _REMEMBERED_TERMS:
                    known.clear()
                known[term] = self.idf(term)
        idf = {term: known.get(term) or self.idf(term) for term in script.terms}
        ordered = sorted(script.terms, key=lambda term: (idf[term], term))
        weights = [script.terms[term] * idf[term] for term in ordered]
        length = math.sqrt(math.fsum(weight * weight for weight in weights)) or 1.0
        return {term: weight / length for term, weight in zip(ordered, weights, strict=True)}


def count_terms(scripts: Iterable[Script]) -> tuple[int, Counter[str]]:
    """Return how many different scripts there are, and in how many each term occurs."""
    distinct = {script.digest: script for script in scripts}
    holding: Counter[str] = Counter()
    for script in distinct.values():
        holding.update(script.terms.keys())
    return len(distinct), holding


class Index:
    """Which exemplars hold a term, and how much it weighs there. Slots are numbered in the order of adding."""

    def __init__(self) -> None:
        self._place: dict[str, int] = {}
        self._is_word: list[float] = []
        self._slots: list[array[int]] = []
        self._weights: list[array[float]] = []
        self._rows: list[Row] = []
        # Written over for each query and wiped after it: a fresh one a call would cost more than the comparison.
        self._dense = np.zeros((2, 1_024))

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, vector: Mapping[str, float]) -> int:
        """Take one exemplar's vector; return its slot."""
        slot = len(self._rows)
        places = []
        for term, weight in vector.items():
            place = self._place.setdefault(term, len(self._slots))
            if place == len(self._slots):
                self._slots.append(array("I"))
                self._weights.append(array("d"))
                self._is_word.append(0.0 if " " in term else 1.0)
            self._slots[place].append(slot)
            self._weights[place].append(weight)
            places.append(place)
        weights = np.fromiter(vector.values(), dtype=np.float64, count=len(vector))
        words = np.array([self._is_word[place] for place in places])
        length = float(np.sqrt(np.dot(weights * words, weights))) or 1.0
        self._rows.append((np.array(places, dtype=np.int64), weights, length))
        return slot

    def partial(self, query: Iterable[tuple[str, float]]) -> Numbers:
        """Return for each slot the sum of products over the query's terms."""
        found = [(self._place[term], weight) for term, weight in query if term in self._place]
        if not found:
            return np.zeros(len(self._rows))
        slots = np.concatenate([np.frombuffer(self._slots[place], dtype=np.uint32) for place, _ in found])
        products = np.concatenate([np.frombuffer(self._weights[place]) * weight for place, weight in found])
        sums: Numbers = np.bincount(slots, products, len(self._rows)).astype(np.float64, copy=False)
        return sums

    @contextmanager
    def asked(self, query: Mapping[str, float]) -> Iterator["Asked"]:
        """Lay the query out, so that it can be compared with any slot."""
        if self._dense.shape[1] < len(self._slots):
            self._dense = np.zeros((2, 2 * len(self._slots)))
        dense = self._dense
        length = math.sqrt(math.fsum(weight * weight for term, weight in query.items() if " " not in term)) or 1.0
        used = [(place, weight) for term, weight in query.items() if (place := self._place.get(term)) is not None]
        places = np.array([place for place, _ in used], dtype=np.int64)
        weights = np.array([weight for _, weight in used])
        dense[0, places] = weights
        dense[1, places] = weights * np.array([self._is_word[place] for place, _ in used]) / length
        try:
            yield Asked(dense=dense, rows=self._rows)
        finally:
            dense[:, places] = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One query, laid out over the terms of the index."""

    dense: Numbers
    rows: list[Row]

    def cosines(self, slots: list[int]) -> tuple[Numbers, Numbers]:
        """Return the cosine to each slot by words and pairs, and by single words alone."""
        places = np.concatenate([self.rows[slot][0] for slot in slots])
        weights = np.concatenate([self.rows[slot][1] for slot in slots])
        sizes = np.array([len(self.rows[slot][0]) for slot in slots])
        lengths = np.array([self.rows[slot][2] for slot in slots])
        of = np.repeat(np.arange(len(slots)), sizes)
        both = np.bincount(of, self.dense[0, places] * weights, len(slots))
        words = np.bincount(of, self.dense[1, places] * weights, len(slots)) / lengths
        # Six decimals: the same answer whatever the order of the floating-point sums was.
        return np.minimum(np.round(both, 6), 1.0), np.minimum(np.round(words, 6), 1.0)
