"""What a campaign is called: ``Family-Lure[-Variant][-Pn]``, as the Industry Traceback Group names. Pure.

The labelled scripts vote (``labels``). Where the best name's score is high enough the campaign is one that was seen
before; otherwise it is said to be new, and is named by its family (or brand) and the words that mark it. Every such
name is a proposal until a person accepts it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headwater.campaigns import families
from headwater.campaigns.index import Frequencies, count_terms
from headwater.campaigns.labels import Compared, Labels
from headwater.campaigns.script import Script
from headwater.campaigns.spoken import BRANDS, brand_of

NAMING_VERSION = "labelled-votes/3"

#: Score from which a campaign counts as seen before. In 64 grouped splits 7% of the calls of known campaigns fall below
#: it, of those of unknown campaigns 77%.
SEEN = 0.38
#: Below this score not even the family is said.
FAMILY_SEEN = 0.30

_FILLERS = frozenset(
    """a about after again all also am an and any are as at back be because been before being but by call called calling
    can could day did do does dont for from get give going good had has have hello her here hi him his how i if im in
    into is it its just know let like made make may me message more most my name need new no not now number of off on
    one only or our out over please press re really right said say see she should so some speak than thank thanks that
    the their them then there these they this those time to today two under until up us very want was we well were what
    when where which while who will with would yes you your youre""".split()  # noqa: SIM905 - words read as a paragraph
)
_PHRASE_WORD = re.compile(r"[a-z][a-z]{2,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A name with what it rests on."""

    name: str
    family: str
    is_new: bool
    basis: dict[str, Any]


class Namer:
    """Names scripts after the labelled ones."""

    def __init__(self, labels: Labels) -> None:
        self._labels = labels
        self._frequencies = Frequencies(*count_terms(known.script for known in labels.known))

    def propose(self, scripts: Iterable[Script]) -> Proposal:
        """Name the campaign whose exemplars ``scripts`` are; at least one is needed."""
        read = list(scripts)
        return self._propose(read, self._labels.compare(read))

    def each(self, scripts: Sequence[Script]) -> list[Proposal]:
        """Name every script by itself."""
        compared = self._labels.compare(scripts)
        return [self._propose([script], compared.one(at)) for at, script in enumerate(scripts)]

    def _propose(self, read: list[Script], compared: Compared) -> Proposal:
        family, family_score = self._family(compared)
        scores = np.round(self._labels.scores(compared).mean(axis=0), 6)
        best = int(scores.argmax()) if len(scores) else -1
        name = self._labels.campaigns[best] if len(scores) else ""
        score = float(scores[best]) if len(scores) else 0.0
        like = compared.likeness.mean(axis=0)
        own = [at for at, known in enumerate(self._labels.known) if name and known.campaign == name]
        nearest = max(own, key=lambda at: (like[at], -at), default=None)
        basis: dict[str, Any] = {
            "rule": NAMING_VERSION,
            "nearest_campaign": name,
            "nearest_reference": None if nearest is None else self._labels.known[nearest].number,
            "cosine": 0.0 if nearest is None else round(float(like[nearest]), 6),
            "score": score,
            "seen_at": SEEN,
            "family_score": family_score,
            "family_rule": families.FAMILIES_VERSION,
        }
        if score >= SEEN and nearest is not None:
            return Proposal(name=name, family=self._labels.known[nearest].family, is_new=False, basis=basis)
        lure = self.lure(read)
        basis["lure"] = lure
        first = brand_of(read) or families.beginning(family) or "Unknown"
        made = f"{first}-{''.join(word.capitalize() for word in lure.split()) or 'Unworded'}"
        return Proposal(name=made, family=family, is_new=True, basis=basis)

    def _family(self, compared: Compared) -> tuple[str, float]:
        """Return the family with the best score, or "" where none speaks up."""
        scores = np.round(self._labels.family_scores(compared).mean(axis=0), 6)
        if not len(scores):
            return "", 0.0
        best = int(scores.argmax())
        score = float(scores[best])
        return (self._labels.families[best] if score >= FAMILY_SEEN else ""), score

    def lure(self, scripts: Sequence[Script]) -> str:
        """Return the pair of telling words that marks the scripts most, or the word, or ""."""
        weights: dict[str, float] = defaultdict(float)
        for script in scripts:
            for term, weight in self._frequencies.weigh(script).items():
                words = term.split()
                telling = all(_PHRASE_WORD.fullmatch(word) and word not in _FILLERS for word in words)
                if telling and not any(brand in (term, word) for brand in BRANDS for word in words):
                    weights[term] += weight * len(words)
        pairs = [term for term in weights if " " in term]
        return max(sorted(pairs or weights), key=lambda term: weights[term], default="")


def unique(name: str, taken: Iterable[str]) -> str:
    """Return ``name``, or ``name-P2``, ``-P3``... where it is taken: the ITG's way with a later script of a scheme."""
    used = set(taken)
    if name not in used:
        return name
    number = 2
    while f"{name}-P{number}" in used:
        number += 1
    return f"{name}-P{number}"
