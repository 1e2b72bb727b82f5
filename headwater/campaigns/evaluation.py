"""Tries the matcher, the namer and the batch grouping on labelled calls. Pure: texts in, figures out."""

import statistics
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headwater.campaigns.engine import JOIN, Matcher
from headwater.campaigns.labels import Labels
from headwater.campaigns.likeness import Reader, words_alone, words_and_pairs
from headwater.campaigns.links import Weights, agreements, heeded, probability
from headwater.campaigns.measures import Agreement, agreement
from headwater.campaigns.naming import Namer
from headwater.campaigns.rules import CONFIRM_AT
from headwater.campaigns.script import Script, read
from headwater.campaigns.spoken import heard

#: Where the plain batch baseline cuts its tree: cosine .35.
BASELINE_CUT = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One labelled call. ``campaign`` is "" where no campaign's name is known: it is grouped but not scored."""

    text: str
    campaign: str
    family: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """How soon campaigns are found: calls of the campaign, itself included, until a group of ``CONFIRM_AT`` is its."""

    campaigns: int
    """True campaigns with at least ``CONFIRM_AT`` calls in the set."""
    declared: int
    median_calls: float | None
    highest_calls: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """How names and families of single calls fare against a reference. Shares are of ``calls`` each."""

    seen_calls: int
    """Calls of campaigns that the reference knows."""
    seen_top1_right: float | None
    """The best name is the true one, whether or not it was high enough to be given."""
    seen_named_right: float | None
    """The name given is the true one; a call marked new counts as wrong."""
    seen_called_new: float | None
    unseen_calls: int
    unseen_called_new: float | None
    family_calls: int
    family_right: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Online:
    """One pass over the calls in their order."""

    calls: int
    """Calls of any label that were given."""
    not_comparable: int
    campaigns_found: int
    agreement: Agreement
    declared: Declared
    calls_per_second: float
    """Reading the words, placing and keeping; one core, no database."""


def online(calls: Sequence[Call], labels: Labels, weights: Weights) -> Online:
    """Group the calls in one pass and score those with a campaign's name."""
    matcher = Matcher((known.script for known in labels.known), labels=labels, weights=weights)
    placed: list[str] = []
    skipped = 0
    started = time.perf_counter()
    for number, call in enumerate(calls):
        script = read(call.text)
        if not script.is_comparable:
            skipped += 1
            # In no campaign: a group of its own, so that it costs recall as it should.
            placed.append(f"none-{number}")
            continue
        placement = matcher.place(script)
        campaign_id = placement.campaign_id or f"C-{number}"
        matcher.keep(uuid.UUID(int=number), campaign_id, script, placement)
        placed.append(campaign_id)
    took = time.perf_counter() - started
    return Online(
        calls=len(calls),
        not_comparable=skipped,
        campaigns_found=sum(size >= CONFIRM_AT for size in Counter(placed).values()),
        agreement=scored(calls, placed),
        declared=declared(calls, placed),
        calls_per_second=len(calls) / took if took else 0.0,
    )


def scored(calls: Sequence[Call], placed: Sequence[Any]) -> Agreement:
    """Compare a grouping with the campaigns' names, over the calls that have one."""
    told = [(call.campaign, group) for call, group in zip(calls, placed, strict=True) if call.campaign]
    return agreement([truth for truth, _ in told], [found for _, found in told])


def declared(calls: Sequence[Call], placed: Sequence[str]) -> Declared:
    """Return after how many of its calls each true campaign first had a group of ``CONFIRM_AT`` calls of its own."""
    totals = Counter(call.campaign for call in calls if call.campaign)
    wanted = {campaign for campaign, count in totals.items() if count >= CONFIRM_AT}
    heard: Counter[str] = Counter()
    own: dict[str, Counter[str]] = defaultdict(Counter)
    first: dict[str, int] = {}
    for call, group in zip(calls, placed, strict=True):
        if call.campaign not in wanted:
            continue
        heard[call.campaign] += 1
        own[call.campaign][group] += 1
        if own[call.campaign][group] == CONFIRM_AT:
            first.setdefault(call.campaign, heard[call.campaign])
    return Declared(
        campaigns=len(wanted),
        declared=len(first),
        median_calls=statistics.median(first.values()) if first else None,
        highest_calls=max(first.values(), default=None),
    )


def baseline(calls: Sequence[Call]) -> Agreement:
    """Score the plain batch peer: scikit-learn TF-IDF of words and pairs, average linkage cut at cosine .35."""
    # Imported here: only the command needs it.
    from sklearn.feature_extraction.text import TfidfVectorizer

    if len(calls) < 2 or not any(read(call.text).words for call in calls):
        return scored(calls, range(len(calls)))
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit_transform([call.text for call in calls])
    distances = 1.0 - (vectors @ vectors.T).toarray()
    return scored(calls, average_link(distances, 1.0 - BASELINE_CUT))


def batch(calls: Sequence[Call], labels: Labels, weights: Weights) -> Agreement:
    """Group all calls at once by the same weighed evidence, average linkage on probabilities, cut at ``JOIN``."""
    scripts = [read(call.text) for call in calls]
    found: list[Any] = [f"none-{number}" for number in range(len(calls))]
    use = [at for at, script in enumerate(scripts) if script.is_comparable]
    if len(use) > 1:
        odds = _odds([scripts[at] for at in use], [calls[at].text for at in use], labels, weights)
        for at, group in zip(use, average_link(1.0 - probability(odds), 1.0 - JOIN), strict=True):
            found[at] = group
    return scored(calls, found)


def _odds(scripts: Sequence[Script], texts: Sequence[str], labels: Labels, weights: Weights) -> Any:
    known = [labelled.script for labelled in labels.known]
    cosines = []
    for reading in (words_and_pairs, words_alone):
        rows = Reader(known, reading, further=scripts).rows(scripts)
        cosines.append(np.asarray((rows @ rows.T).toarray()))
    shares = labels.shares(labels.scores(labels.compare(scripts)))
    spoken = [heard(text) for text in texts]
    told = np.array(
        [
            weights.of_spoken(heeded(agreements(one, spoken), near)).sum(axis=0)
            for one, near in zip(spoken, cosines[0], strict=True)
        ]
    )
    odds = weights.prior + weights.of_words(cosines[0]) + weights.of_vocabulary(cosines[1])
    return odds + weights.of_label(np.clip(shares @ shares.T, 0.0, 1.0)) + told


def average_link(distances: Any, cut: float) -> list[int]:
    """Return the group of each call by average linkage, cut at a distance."""
    # Imported here: the command needs scikit-learn's clustering, the detector does not.
    from sklearn.cluster import AgglomerativeClustering

    tree = AgglomerativeClustering(n_clusters=None, metric="precomputed", linkage="average", distance_threshold=cut)
    groups: list[int] = tree.fit_predict(distances).tolist()
    return groups


def named(calls: Sequence[Call], labels: Labels) -> Named:
    """Name every comparable call by itself, as at a campaign's first call, and compare with its label."""
    known = set(labels.campaigns)
    pairs = [(call, script) for call in calls if (script := read(call.text)).is_comparable]
    seen, unseen, family = [], [], []
    for (call, _), proposal in zip(pairs, Namer(labels).each([script for _, script in pairs]), strict=True):
        if call.family:
            family.append(proposal.family == call.family)
        if call.campaign in known:
            nearest = proposal.basis["nearest_campaign"] == call.campaign
            seen.append((nearest, proposal.name == call.campaign, proposal.is_new))
        elif call.campaign:
            unseen.append(proposal.is_new)
    return Named(
        seen_calls=len(seen),
        seen_top1_right=_share([nearest for nearest, _, _ in seen]),
        seen_named_right=_share([right for _, right, _ in seen]),
        seen_called_new=_share([new for _, _, new in seen]),
        unseen_calls=len(unseen),
        unseen_called_new=_share(unseen),
        family_calls=len(family),
        family_right=_share(family),
    )


def _share(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None
