"""What the labelled scripts say of a script: a score for each campaign's name and each family. Pure.

Kernel ridge regression on likeness: each labelled script votes for its label, by how like it is and by a weight that
takes out what several of them say alike. It has a closed form, so that it is learnt in a moment, gives the same figures
each time, and tells exactly what it would have said had a script (or a whole campaign) not been known.

Two things beside likeness: scripts of one family speak the same cues (``families``), which counts a little towards a
name; and a family is scored by its cues as well as by the votes, so that one of which no script is labelled is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components

from headwater.campaigns import families
from headwater.campaigns.likeness import Likeness, Rows
from headwater.campaigns.reference import Labelled, reference
from headwater.campaigns.script import Script

#: How much is added to the kernel's diagonal, and how much like cues count beside likeness. Chosen by cross-validation
#: within the known halves of grouped splits: without cues .926 of the names are right, with .15 of them .933.
_RIDGE = 0.1
_CUES = 0.15
#: How sharply scores become shares.
_SHARPNESS = 8.0
#: The score of being none of the campaigns.
_NONE = 0.3
#: Scripts nearer than this (words and pairs) are one script that was recorded or heard again.
_SAME_SCRIPT = 0.80


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Some scripts beside the known ones: a row a script."""

    likeness: Rows
    """To each known script."""
    cues: Rows
    """Of each of ``families.names()``."""

    def one(self, at: int) -> "Compared":
        """Return the row of one script."""
        return Compared(likeness=self.likeness[at : at + 1], cues=self.cues[at : at + 1])


class Labels:
    """The labelled scripts, ready to be asked."""

    def __init__(self, labelled: Sequence[Labelled]) -> None:
        # One of each script: a script that was traced often says no more about another.
        distinct = {(known.script.digest, known.campaign, known.family): known for known in labelled}
        self.known = tuple(distinct.values())
        self._likeness = Likeness([known.script for known in self.known])
        self._kernel = self._likeness.among_known()
        self._cues = families.directions(families.of_each([known.script for known in self.known]))
        self._name_kernel = self._kernel + _CUES * (self._cues @ self._cues.T)
        self.campaigns = sorted({known.campaign for known in self.known if known.campaign})
        labelled_families = {known.family for known in self.known if known.family}
        # Cues speak for the families that Headwater knows; who labels by families of his own is not spoken for.
        self._by_cues = labelled_families <= set(families.names())
        self.families = sorted(labelled_families | (set(families.names()) if self._by_cues else set()))
        self._named = np.array([bool(known.campaign) for known in self.known], dtype=bool)
        of_family = np.array([bool(known.family) for known in self.known], dtype=bool)
        names = self._truth([known.campaign for known in self.known], self.campaigns)
        kinds = self._truth([known.family for known in self.known], self.families)
        self._votes = self._learn(self._name_kernel, self._named, names)
        self._kind_votes = self._learn(self._kernel, of_family, kinds)

    @staticmethod
    def _truth(labels: Sequence[str], among: Sequence[str]) -> Rows:
        return np.array([[float(label == one) for one in among] for label in labels]).reshape(len(labels), len(among))

    @staticmethod
    def _learn(kernel: Rows, rows: npt.NDArray[np.bool_], truth: Rows) -> Rows:
        kernel = kernel[np.ix_(rows, rows)] + _RIDGE * np.eye(int(rows.sum()))
        votes = np.zeros_like(truth)
        if rows.any():
            votes[rows] = np.linalg.solve(kernel, truth[rows])
        return votes

    def compare(self, scripts: Sequence[Script]) -> Compared:
        """Compare scripts with the known ones, to be handed to the methods below."""
        return Compared(likeness=self._likeness.to_known(scripts), cues=families.of_each(scripts))

    def scores(self, compared: Compared) -> Rows:
        """Return a score for each of ``campaigns``: about 1 where it is certain, 0 where nothing speaks for it."""
        alike = compared.likeness + _CUES * (families.directions(compared.cues) @ self._cues.T)
        return np.asarray(alike @ self._votes)

    def family_scores(self, compared: Compared) -> Rows:
        """Return a score for each of ``families``: votes of the labelled scripts, and the share of its cues."""
        votes = np.asarray(compared.likeness @ self._kind_votes)
        return votes + families.shares(compared.cues) if self._by_cues else votes

    def shares(self, scores: Rows) -> Rows:
        """Return scores as shares of 1; what is missing to 1 is the share of "none of them"."""
        if not scores.shape[1]:
            return scores
        highest = np.maximum(scores.max(axis=1, keepdims=True), _NONE)
        powers = np.exp(_SHARPNESS * (scores - highest))
        return np.asarray(powers / (powers.sum(axis=1, keepdims=True) + np.exp(_SHARPNESS * (_NONE - highest))))

    @cached_property
    def named(self) -> tuple[Labelled, ...]:
        """The known scripts that bear a campaign's name."""
        return tuple(known for known in self.known if known.campaign)

    def scores_without_own_script(self) -> Rows:
        """Return for each of ``named`` what would be said of it, were its script not known."""
        words = self._likeness.by_words()[np.ix_(self._named, self._named)]
        _, script = connected_components(words > _SAME_SCRIPT, directed=False)
        kernel = self._name_kernel[np.ix_(self._named, self._named)]
        inverse = np.linalg.inv(kernel + _RIDGE * np.eye(len(self.named)))
        truth = self._truth([known.campaign for known in self.named], self.campaigns)
        votes = self._votes[self._named]
        left_out = np.zeros_like(truth)
        for one in set(script.tolist()):
            own = np.flatnonzero(script == one)
            left_out[own] = truth[own] - np.linalg.solve(inverse[np.ix_(own, own)], votes[own])
        return left_out


_shipped: list[Labels] = []


def shipped() -> Labels:
    """Return the labels of the shipped reference; learnt once a process."""
    if not _shipped:
        _shipped.append(Labels(reference()))
    return _shipped[0]
