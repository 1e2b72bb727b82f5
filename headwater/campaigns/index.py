"""Scripts as vectors of weighted terms, and the index that finds which stored ones are near. Pure."""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt

from headwater.campaigns.script import Script

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

#: Rarities that are kept at hand: a stream of invented words must not fill the memory.
_REMEMBERED_TERMS = 500_000
_FIRST_ROOM = 1_024


class Frequencies:
    """In how many known scripts each term occurs: what makes a rare term weigh more than a common one."""

    def __init__(self, scripts: int, holding: Mapping[str, int]) -> None:
        self._holding = holding
        self._scripts = scripts
        self._known: dict[str, float] = {}

    def idf(self, term: str) -> float:
        """Return the smoothed inverse document frequency: ln((1 + n) / (1 + df)) + 1."""
        return math.log((1 + self._scripts) / (1 + self._holding.get(term, 0))) + 1.0

    @property
    def of_unknown(self) -> float:
        """What a term has that no script holds."""
        return math.log(1 + self._scripts) + 1.0

    def laid_out(self) -> tuple[dict[str, int], Numbers]:
        """Return a place for every term that is held, and the inverse document frequency at each place."""
        counts = np.fromiter(self._holding.values(), dtype=np.float64, count=len(self._holding))
        places = dict(zip(self._holding, range(len(counts)), strict=True))
        return places, np.log((1 + self._scripts) / (1 + counts)) + 1.0

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


@dataclass(frozen=True, slots=True)
class Row:
    """One script as places of its terms and their weights, of length 1 in all. Words stand before pairs."""

    places: Places
    """-1 for a term that the index has no place for."""
    weights: Numbers
    rarity: Numbers
    words: int
    """How many of the terms are single words."""

    @property
    def length_of_words(self) -> float:
        """Length of the part that is single words."""
        own = self.weights[: self.words]
        return float(np.sqrt(np.dot(own, own))) or 1.0


class Index:
    """Which exemplars hold a term, and how much it weighs there. Slots are numbered in the order of adding."""

    def __init__(self, frequencies: Frequencies) -> None:
        self._place, held = frequencies.laid_out()
        # The last element is that of a term without a place: -1 finds it.
        self._rarity = np.full(2 * len(held) + _FIRST_ROOM, frequencies.of_unknown)
        self._rarity[: len(held)] = held
        # Slot and weight in turn: one buffer a term is read with one copy.
        self._postings: list[array[float] | None] = [None] * len(held)
        self._rows: list[tuple[Places, Numbers]] = []
        self._lengths = np.zeros(_FIRST_ROOM)
        # Written over for each query and wiped after it: a fresh one a call would cost more than the comparison.
        self._dense = np.zeros((2, len(self._rarity)))

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, script: Script) -> Row:
        """Return the script as this index weighs it."""
        terms = script.terms
        places = np.fromiter(map(self._place.get, terms, repeat(-1)), dtype=np.int64, count=len(terms))
        rarity = self._rarity[places]
        weights = np.fromiter(terms.values(), dtype=np.float64, count=len(terms)) * rarity
        weights /= float(np.sqrt(np.dot(weights, weights))) or 1.0
        return Row(places=places, weights=weights, rarity=rarity, words=len(set(script.tokens)))

    def add(self, script: Script) -> int:
        """Take one exemplar; return its slot."""
        for term in script.terms:
            if term not in self._place:
                self._place[term] = len(self._postings)
                self._postings.append(None)
        if len(self._postings) >= len(self._rarity):
            self._widen()
        row, slot = self.row(script), len(self._rows)
        for place, weight in zip(row.places.tolist(), row.weights.tolist(), strict=True):
            held = self._postings[place]
            if held is None:
                held = self._postings[place] = array("d")
            held.extend((slot, weight))
        if slot == len(self._lengths):
            self._lengths = np.concatenate([self._lengths, np.zeros(slot)])
        self._lengths[slot] = row.length_of_words
        self._rows.append((row.places, row.weights))
        return slot

    def _widen(self) -> None:
        room = 2 * len(self._postings)
        self._rarity = np.concatenate([self._rarity, np.full(room - len(self._rarity), self._rarity[-1])])
        self._dense = np.zeros((2, room))

    @contextmanager
    def asked(self, script: Script) -> Iterator["Asked"]:
        """Lay the script out over the terms of the index, so that it can be compared with any slot."""
        row = self.row(script)
        known = row.places >= 0
        words = known[: row.words]
        self._dense[0, row.places[known]] = row.weights[known]
        of_words = row.places[: row.words][words]
        self._dense[1, of_words] = row.weights[: row.words][words] / row.length_of_words
        try:
            yield Asked(row=row, dense=self._dense, index=self)
        finally:
            self._dense[:, row.places[known]] = 0.0

    def partial(self, places: Places, weights: Numbers) -> Numbers:
        """Return for each slot the sum of products over the given terms."""
        found = [self._postings[place] for place in places.tolist()]
        held = [each for each in found if each is not None]
        if not held:
            return np.zeros(len(self._rows))
        mine = np.array([each is not None for each in found])
        sizes = np.fromiter(map(len, held), dtype=np.int64, count=len(held)) // 2
        both = np.frombuffer(b"".join(held)).reshape(-1, 2)
        products = both[:, 1] * np.repeat(weights[mine], sizes)
        return _sums(both[:, 0].astype(np.int64), products, len(self._rows))

    def gathered(self, slots: Sequence[int]) -> tuple[Places, Numbers, Places]:
        """Return the places and weights of these slots one after the other, and which of the slots each is of."""
        rows = [self._rows[slot] for slot in slots]
        sizes = np.fromiter((len(row[0]) for row in rows), dtype=np.int64, count=len(rows))
        places = np.concatenate([row[0] for row in rows])
        return places, np.concatenate([row[1] for row in rows]), np.repeat(np.arange(len(rows)), sizes)

    def lengths(self, slots: Sequence[int]) -> Numbers:
        """Return the length of the part of each slot that is single words."""
        return np.asarray(self._lengths[list(slots)])


@dataclass(frozen=True, slots=True)
class Asked:
    """One script, laid out over the terms of the index."""

    row: Row
    dense: Numbers
    index: Index

    def partial(self, skipped: float) -> Numbers:
        """Return the sum of products with each slot without the commonest terms, ``skipped`` long together."""
        order = np.argsort(self.row.rarity, kind="stable")
        squares = np.cumsum(self.row.weights[order] ** 2)
        telling = order[int(np.searchsorted(squares, skipped**2, side="right")) :]
        telling = telling[self.row.places[telling] >= 0]
        return self.index.partial(self.row.places[telling], self.row.weights[telling])

    def cosine(self, slots: Sequence[int]) -> Numbers:
        """Return the cosine to each slot by words and pairs."""
        places, weights, of = self.index.gathered(slots)
        return _rounded(_sums(of, self.dense[0, places] * weights, len(slots)))

    def cosines(self, slots: Sequence[int]) -> tuple[Numbers, Numbers]:
        """Return the cosine to each slot by words and pairs, and by single words alone."""
        places, weights, of = self.index.gathered(slots)
        both = _sums(of, self.dense[0, places] * weights, len(slots))
        words = _sums(of, self.dense[1, places] * weights, len(slots)) / self.index.lengths(slots)
        return _rounded(both), _rounded(words)


def _sums(of: Places, products: Numbers, size: int) -> Numbers:
    return np.asarray(np.bincount(of, products, size), dtype=np.float64)


def _rounded(cosines: Numbers) -> Numbers:
    # Six decimals: the same answer whatever the order of the floating-point sums was.
    return np.minimum(np.round(cosines, 6), 1.0)
