"""What the labelled scripts say of a script: a score for each campaign's name and each family. Pure.

Kernel ridge regression on likeness: each labelled script votes for its label, by how like it is and by a weight that
takes out what several of them say alike. It has a closed form, so that it is learnt in a moment, gives the same figures
each time, and tells exactly what it would have said had a script (or a whole campaign) not been known.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components

from headwater.campaigns.likeness import Likeness, Rows
from headwater.campaigns.reference import Labelled, reference
from headwater.campaigns.script import Script

#: How much is added to the kernel's diagonal. Measured in grouped splits: .1, .3 and .6 name .916, .909, .909 right.
_RIDGE = 0.1
#: How sharply scores become shares.
_SHARPNESS = 8.0
#: The score of being none of the campaigns.
_NONE = 0.3
#: Scripts nearer than this (words and pairs) are one script that was recorded or heard again.
_SAME_SCRIPT = 0.80
#: How much a campaign's own score says of its family, beside the family's score.
_CAMPAIGN_IN_FAMILY = 0.6


class Labels:
    """The labelled scripts, ready to be asked."""

    def __init__(self, labelled: Sequence[Labelled]) -> None:
        # One of each script: a script that was traced often says no more about another.
        distinct = {(known.script.digest, known.campaign, known.family): known for known in labelled}
        self.known = tuple(distinct.values())
        self._likeness = Likeness([known.script for known in self.known])
        self._kernel = self._likeness.among_known()
        self.campaigns = sorted({known.campaign for known in self.known if known.campaign})
        self.families = sorted({known.family for known in self.known if known.family})
        self._named = np.array([bool(known.campaign) for known in self.known], dtype=bool)
        self._kind = np.array([bool(known.family) for known in self.known], dtype=bool)
        self._votes = self._learn(self._named, self._truth([k.campaign for k in self.known], self.campaigns))
        self._kind_votes = self._learn(self._kind, self._truth([k.family for k in self.known], self.families))
        family_of = {known.campaign: known.family for known in self.known}
        self._belongs = self._truth([family_of[name] for name in self.campaigns], self.families)

    @staticmethod
    def _truth(labels: Sequence[str], among: Sequence[str]) -> Rows:
        return np.array([[float(label == one) for one in among] for label in labels]).reshape(len(labels), len(among))

    def _learn(self, rows: npt.NDArray[np.bool_], truth: Rows) -> Rows:
        kernel = self._kernel[np.ix_(rows, rows)] + _RIDGE * np.eye(int(rows.sum()))
        votes = np.zeros_like(truth)
        if rows.any():
            votes[rows] = np.linalg.solve(kernel, truth[rows])
        return votes

    def likeness(self, scripts: Sequence[Script]) -> Rows:
        """Return the likeness of each script to each known one, to be handed to the methods below."""
        return self._likeness.to_known(scripts)

    def scores(self, likeness: Rows) -> Rows:
        """Return a score for each of ``campaigns``: about 1 where it is certain, 0 where nothing speaks for it."""
        return np.asarray(likeness @ self._votes)

    def family_scores(self, likeness: Rows) -> Rows:
        """Return a score for each of ``families``."""
        return np.asarray(likeness @ self._kind_votes + _CAMPAIGN_IN_FAMILY * (self.scores(likeness) @ self._belongs))

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
        inverse = np.linalg.inv(self._kernel[np.ix_(self._named, self._named)] + _RIDGE * np.eye(len(self.named)))
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
