"""How much speaks for two calls being of one campaign: weights of evidence, and how they are learnt. Pure.

Each kind of evidence adds a weight, the natural logarithm of a likelihood ratio; their sum with the prior is the
log-odds that both calls belong to one campaign (design reference of campaign detection, section 5, "Fusion"). The
weights of what is said are learnt by logistic regression from labelled pairs, so that the odds are calibrated; each is
a curve of straight pieces that a person can read.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from headwater.campaigns.labels import Labels
from headwater.campaigns.likeness import Reader, Rows, words_alone, words_and_pairs
from headwater.campaigns.script import MIN_WORDS, Script
from headwater.campaigns.spoken import Spoken, heard

Column = npt.NDArray[np.float64]
#: Where the curves of the cosines bend.
WORDS_BEND = (0.0, 0.15, 0.3, 0.5)
VOCABULARY_BEND = (0.15, 0.3, 0.5)
#: What is spoken (``spoken.Spoken``), and whether speaking of another tells two calls apart.
SPOKEN = (("brands", True), ("callback", True), ("amounts", False))
#: What both speak of speaks for one campaign from this cosine of words on: anybody can speak a number or a brand, and
#: a warning of a campaign does; whoever says nothing else like it is no part of it.
SPOKEN_FROM = 0.20
_STRENGTH = 0.1
"""Inverse strength of the regularisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Learnt weights, with the version that every membership names."""

    version: str
    prior: float
    """Log-odds of two calls that have nothing in common."""
    words: tuple[float, ...]
    """Slope of the cosine of words and pairs beyond each of ``WORDS_BEND``."""
    vocabulary: tuple[float, ...]
    """Slope of the cosine of single words beyond each of ``VOCABULARY_BEND``."""
    label: float
    """Factor of the log-odds that the labelled scripts would name both alike."""
    spoken: tuple[tuple[float, float], ...]
    """For each of ``SPOKEN``: for what both speak of, and where each speaks of another."""

    def of_words(self, cosine: Column) -> Column:
        """Return the weight of the cosine of words and pairs."""
        return _curve(cosine, WORDS_BEND, self.words)

    def of_vocabulary(self, cosine: Column) -> Column:
        """Return the weight of the cosine of single words."""
        return _curve(cosine, VOCABULARY_BEND, self.vocabulary)

    def of_label(self, agreement: Column) -> Column:
        """Return the weight of the probability that the labelled scripts give both one name."""
        return np.asarray(self.label * _log_odds(agreement))

    def of_spoken(self, agreements: Rows) -> Rows:
        """Return the weight of what both speak of: a row for each of ``SPOKEN``."""
        same, other = np.array(self.spoken).T
        return np.asarray(same[:, None] * (agreements > 0) + other[:, None] * (agreements < 0))


def agreements(one: Spoken, others: Sequence[Spoken]) -> Rows:
    """Return a row for each of ``SPOKEN``: 1 where both speak of the same, -1 where each of another, else 0."""
    found = np.zeros((len(SPOKEN), len(others)))
    for row, (kind, told_apart) in enumerate(SPOKEN):
        own = getattr(one, kind)
        if own:
            for at, other in enumerate(others):
                theirs = getattr(other, kind)
                if theirs:
                    found[row, at] = 1.0 if own & theirs else -1.0 if told_apart else 0.0
    return found


def heeded(agreements: Rows, words: Column) -> Rows:
    """Return ``agreements`` with those left out that the cosine of words does not let speak for one campaign."""
    return np.where((agreements > 0) & (words < SPOKEN_FROM), 0.0, agreements)


def _all_agreements(spoken: Sequence[Spoken], one: Any, other: Any) -> Rows:
    """Return ``agreements`` of the pairs (one, other)."""
    found = []
    for kind, told_apart in SPOKEN:
        places: dict[str, int] = {}
        rows = [[places.setdefault(value, len(places)) for value in sorted(getattr(each, kind))] for each in spoken]
        having = np.zeros((len(spoken), len(places) + 1))
        for at, row in enumerate(rows):
            having[at, row] = 1.0
        shared = np.einsum("ij,ij->i", having[one], having[other]) > 0
        any_ = having.sum(axis=1) > 0
        apart = any_[one] & any_[other] & ~shared if told_apart else np.zeros_like(shared)
        found.append(shared.astype(float) - apart)
    return np.array(found)


def _curve(value: Column, bends: Sequence[float], slopes: Sequence[float]) -> Column:
    total = np.zeros_like(value)
    for bend, slope in zip(bends, slopes, strict=True):
        total = total + slope * np.clip(value - bend, 0.0, None)
    return total


def _log_odds(share: Column) -> Column:
    # Bounded at 1%: the labelled scripts never make certain of it, either way.
    return np.log((share + 0.01) / (1.01 - share))


def probability(log_odds: Column) -> Column:
    """Return log-odds as a probability."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -40.0, 40.0))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Two calls beyond those whose labels are known, and what a person decided of them."""

    one: Script
    other: Script
    same: bool


def learn(labels: Labels, *, decided: Sequence[Judged] = (), version: str = "links/learnt") -> Weights:
    """Learn the weights from pairs of labelled scripts, and from what people decided where ``decided`` is given.

    What a labelled script is held to be named by the others is taken as if its own script were not known.
    """
    # Imported here: only learning needs it, the detector does not.
    from sklearn.linear_model import LogisticRegression

    use = [at for at, known in enumerate(labels.named) if known.script.words >= MIN_WORDS]
    shares = labels.shares(labels.scores_without_own_script())[use]
    scripts = [labels.named[at].script for at in use]
    names = np.array([labels.named[at].campaign for at in use])
    one, other = np.triu_indices(len(use), 1)
    columns = _columns(scripts, [known.script for known in labels.known], one, other)
    columns.append(np.einsum("ij,ij->i", shares[one], shares[other]))
    spoken = _all_agreements([heard(labels.named[at].text) for at in use], one, other)
    rows, truth = _features(columns, spoken), names[one] == names[other]
    if decided:
        more, also = _of_decisions(labels, decided)
        # A person's decision on one pair speaks for the many calls behind it.
        rows, truth = np.vstack([rows, *[more] * 10]), np.concatenate([truth, *[also] * 10])
    if truth.all() or not truth.any():
        return shipped()
    spread = rows.std(axis=0)
    spread[spread == 0] = 1.0
    fitted = LogisticRegression(C=_STRENGTH, max_iter=1_000).fit(rows / spread, truth)
    found = [float(value) for value in np.round(fitted.coef_[0] / spread, 4)]
    split = len(WORDS_BEND), len(WORDS_BEND) + len(VOCABULARY_BEND)
    return Weights(
        version=version,
        prior=round(float(fitted.intercept_[0]), 4),
        words=tuple(found[: split[0]]),
        vocabulary=tuple(found[split[0] : split[1]]),
        label=found[split[1]],
        spoken=tuple(zip(found[split[1] + 1 :: 2], found[split[1] + 2 :: 2], strict=True)),
    )


def _columns(scripts: Sequence[Script], background: Sequence[Script], one: Any, other: Any) -> list[Column]:
    """Return for each pair the cosines of words and pairs, and of single words."""
    found = []
    for reading in (words_and_pairs, words_alone):
        rows = Reader(background, reading).rows(scripts)
        found.append(np.asarray((rows @ rows.T).toarray())[one, other])
    return found


def _features(columns: Sequence[Column], spoken: Rows) -> Rows:
    words, vocabulary, agreement = columns
    bent = [np.clip(words - bend, 0.0, None) for bend in WORDS_BEND]
    bent += [np.clip(vocabulary - bend, 0.0, None) for bend in VOCABULARY_BEND]
    told = [column for row in spoken for column in (row > 0, row < 0)]
    return np.stack([*bent, _log_odds(agreement), *told], axis=1)


def _of_decisions(labels: Labels, decided: Sequence[Judged]) -> tuple[Rows, Any]:
    scripts = [script for pair in decided for script in (pair.one, pair.other)]
    one, other = np.arange(0, len(scripts), 2), np.arange(1, len(scripts), 2)
    columns = _columns(scripts, [known.script for known in labels.known], one, other)
    shares = labels.shares(labels.scores(labels.compare(scripts)))
    columns.append(np.einsum("ij,ij->i", shares[one], shares[other]))
    spoken = _all_agreements([heard(script.text) for script in scripts], one, other)
    return _features(columns, spoken), np.array([pair.same for pair in decided])


def judged_right(weights: Weights, labels: Labels, decided: Sequence[Judged]) -> int:
    """Return how many of the decided pairs ``weights`` hold to be one campaign, or not, as people decided."""
    rows, truth = _of_decisions(labels, decided)
    spoken = [value for pair in weights.spoken for value in pair]
    coefficients = np.array([*weights.words, *weights.vocabulary, weights.label, *spoken])
    return int(((rows @ coefficients + weights.prior > 0) == truth).sum())


def from_json(text: str) -> Weights:
    """Return weights that ``to_json`` wrote."""
    row = json.loads(text)
    spoken = tuple((same, other) for same, other in row["spoken"])
    return Weights(**{**row, "words": tuple(row["words"]), "vocabulary": tuple(row["vocabulary"]), "spoken": spoken})


def to_json(weights: Weights) -> str:
    """Return ``weights`` as they are shipped."""
    return json.dumps(asdict(weights), indent=2) + "\n"


@cache
def shipped() -> Weights:
    """Return the weights that ship with Headwater, learnt from the shipped reference (``python -m bench.learn``)."""
    return from_json(files("headwater.campaigns").joinpath("data/weights.json").read_text("utf-8"))
