"""Which campaign a call belongs to: online leader clustering on TF-IDF exemplars. Pure: no Django, no I/O, no clock.

A campaign is known by at most ``MAX_PER_CAMPAIGN`` exemplars, members that differ enough from each other. A call joins
the campaign of its nearest exemplar when their cosine reaches ``JOIN`` and the campaign as a whole supports it
(average over its exemplars); otherwise it founds a campaign. Method and figures: design reference of campaign
detection, sections 4.2 and 5.

Word weights are learnt from the exemplars alone, beside a fixed background: a campaign of a million calls weighs no
more than its exemplars, memory is bounded, and the state can be built again from the stored exemplars to the same
answers. They are renewed when a quarter more exemplars have come (an epoch), not with every call.
"""

import math
import uuid
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from headwater.campaigns.script import Script

RULE_VERSION = "tfidf-exemplar/1"

#: Cosine to the nearest exemplar from which a call may join; measured: no everyday call links at .35.
JOIN = 0.35
#: Least mean cosine to all exemplars of the campaign: one chance likeness does not chain campaigns together.
SUPPORT = 0.20
#: A member nearer than this to an exemplar adds nothing to compare with.
SAME = 0.80
MAX_PER_CAMPAIGN = 32
#: Likeness below this is not looked for: two scripts of one language reach it by chance.
FLOOR = 0.20
#: Commonest terms that together weigh less than this are added for candidates only, never looked up in the index.
_SKIPPED = 0.10
_CONSIDERED = 8
_REMEMBERED = 4_096
_FIRST_EPOCH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemplar:
    """A member that new calls are compared with. Clock values count placed calls."""

    record_id: uuid.UUID
    campaign_id: str
    script: Script
    added: int
    used: int
    """When it was last the nearest of a call."""
    retired: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerUp:
    """The best campaign that the call did not join."""

    campaign_id: str
    score: float
    nearest: uuid.UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a call belongs and why. ``campaign_id`` is ``None`` where it founds a campaign."""

    campaign_id: str | None
    score: float
    """Cosine to ``nearest``; 1.0 for a founder (itself) and for an exact duplicate."""
    support: float
    """Mean cosine to the campaign's exemplars."""
    nearest: uuid.UUID | None
    runner_up: RunnerUp | None
    exact: bool
    rule_version: str = RULE_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What keeping a call changed among the exemplars: the caller stores it."""

    added: Exemplar | None = None
    used: uuid.UUID | None = None
    retired: uuid.UUID | None = None
    clock: int
    epoch: int


class Frequencies:
    """In how many known scripts each term occurs: what makes a rare term weigh more than a common one."""

    def __init__(self, scripts: int, holding: Mapping[str, int]) -> None:
        self._holding = holding
        self._scripts = scripts

    def idf(self, term: str) -> float:
        """Return the smoothed inverse document frequency: ln((1 + n) / (1 + df)) + 1."""
        return math.log((1 + self._scripts) / (1 + self._holding.get(term, 0))) + 1.0

    def weigh(self, script: Script) -> dict[str, float]:
        """Return the script's terms as a vector of length 1, commonest term first."""
        idf = {term: self.idf(term) for term in script.terms}
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


@dataclass(slots=True)
class _Index:
    """Which exemplars hold a term, and how much it weighs there. Slots are numbered in the order of adding."""

    slots: "dict[str, array[int]]" = field(default_factory=lambda: defaultdict(lambda: array("I")))
    weights: "dict[str, array[float]]" = field(default_factory=lambda: defaultdict(lambda: array("d")))
    vectors: list[dict[str, float]] = field(default_factory=list)

    def add(self, vector: dict[str, float]) -> int:
        slot = len(self.vectors)
        self.vectors.append(vector)
        for term, weight in vector.items():
            self.slots[term].append(slot)
            self.weights[term].append(weight)
        return slot

    def partial(self, query: Iterable[tuple[str, float]]) -> npt.NDArray[np.float64]:
        """Return for each slot the sum of products over the query's terms."""
        found = [(term, weight) for term, weight in query if term in self.slots]
        if not found:
            return np.zeros(len(self.vectors))
        slots = np.concatenate([np.frombuffer(self.slots[term], dtype=np.uint32) for term, _ in found])
        products = np.concatenate([np.frombuffer(self.weights[term]) * weight for term, weight in found])
        sums: npt.NDArray[np.float64] = np.bincount(slots, products, len(self.vectors)).astype(np.float64, copy=False)
        return sums


class Matcher:
    """The detector's memory: exemplars, an index over their terms, the word weights of the present epoch."""

    def __init__(
        self, background: Iterable[Script], exemplars: Iterable[Exemplar] = (), *, clock: int = 0, epoch: int = 0
    ) -> None:
        """Start empty, or go on from stored exemplars, the clock and the epoch that were stored with them.

        ``exemplars`` must hold every one that lives, and those that were retired after ``epoch`` began.
        """
        self._background = count_terms(background)
        self.clock = clock
        self.epoch = epoch
        stored = sorted(exemplars, key=lambda exemplar: exemplar.added)
        in_epoch = [e for e in stored if e.added <= epoch and (e.retired is None or e.retired > epoch)]
        self._weigh_anew(in_epoch)
        self._grown = sum(exemplar.added > epoch for exemplar in stored)
        self._build([exemplar for exemplar in stored if exemplar.retired is None])

    def _weigh_anew(self, exemplars: list[Exemplar]) -> None:
        scripts, holding = self._background
        more, found = count_terms(exemplar.script for exemplar in exemplars)
        self.frequencies = Frequencies(scripts + more, holding + found)
        self._epoch_size = len(exemplars)

    def _build(self, living: list[Exemplar]) -> None:
        self._index = _Index()
        self._at: dict[int, Exemplar] = {}
        self._campaigns: dict[str, list[int]] = defaultdict(list)
        self._digests: dict[str, int] = {}
        self._remembered: dict[str, Placement] = {}
        for exemplar in living:
            self._insert(exemplar)

    def _insert(self, exemplar: Exemplar) -> None:
        slot = self._index.add(self.frequencies.weigh(exemplar.script))
        self._at[slot] = exemplar
        self._campaigns[exemplar.campaign_id].append(slot)
        self._digests[exemplar.script.digest] = slot
        self._remembered.clear()

    @property
    def living(self) -> list[Exemplar]:
        """Every exemplar that calls are compared with, oldest first."""
        return list(self._at.values())

    def __len__(self) -> int:
        return len(self._at)

    def exemplars_of(self, campaign_id: str) -> list[Exemplar]:
        """Return the living exemplars of one campaign, oldest first."""
        return [self._at[slot] for slot in self._campaigns.get(campaign_id, ())]

    def place(self, script: Script) -> Placement:
        """Decide where a call belongs. Changes nothing that a later answer depends on."""
        slot = self._digests.get(script.digest)
        if slot is not None:
            own = self._at[slot]
            return Placement(
                campaign_id=own.campaign_id,
                score=1.0,
                support=1.0,
                nearest=own.record_id,
                runner_up=None,
                exact=True,
            )
        known = self._remembered.get(script.digest)
        if known is None:
            known = self._search(script)
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[script.digest] = known
        return known

    def _search(self, script: Script) -> Placement:
        query = list(self.frequencies.weigh(script).items())
        skipped, squares = 0, 0.0
        while skipped < len(query) and squares + query[skipped][1] ** 2 <= _SKIPPED**2:
            squares += query[skipped][1] ** 2
            skipped += 1
        # By Cauchy and Schwarz the skipped terms add at most _SKIPPED to any cosine, so nothing at FLOOR is lost.
        partial = self._index.partial(query[skipped:])
        exact = _Exact(partial=partial, rest=query[:skipped], vectors=self._index.vectors)
        ranked = self._ranked(np.flatnonzero(partial >= FLOOR - _SKIPPED).tolist(), exact)
        chosen: tuple[float, int, float] | None = None
        for score, slot in ranked[:_CONSIDERED]:
            if score < JOIN:
                break
            slots = self._campaigns[self._at[slot].campaign_id]
            support = round(math.fsum(exact.cosine(s) for s in slots) / len(slots), 6)
            if support >= SUPPORT:
                chosen = (score, slot, support)
                break
        others = [(s, slot) for s, slot in ranked if chosen is None or slot != chosen[1]]
        runner_up = self._runner_up(others[0]) if others else None
        if chosen is None:
            return Placement(campaign_id=None, score=1.0, support=1.0, nearest=None, runner_up=runner_up, exact=False)
        score, slot, support = chosen
        own = self._at[slot]
        return Placement(
            campaign_id=own.campaign_id,
            score=score,
            support=support,
            nearest=own.record_id,
            runner_up=runner_up,
            exact=False,
        )

    def _ranked(self, candidates: list[int], exact: "_Exact") -> list[tuple[float, int]]:
        """Return the best score and slot of each campaign, best first; ties go to the older exemplar."""
        best: dict[str, tuple[float, int]] = {}
        for slot in candidates:
            exemplar = self._at.get(slot)
            score = exact.cosine(slot)
            if exemplar is None or score < FLOOR:
                continue
            if exemplar.campaign_id not in best or score > best[exemplar.campaign_id][0]:
                best[exemplar.campaign_id] = (score, slot)
        return sorted(best.values(), key=lambda found: (-found[0], self._at[found[1]].added))

    def _runner_up(self, found: tuple[float, int]) -> RunnerUp:
        exemplar = self._at[found[1]]
        return RunnerUp(campaign_id=exemplar.campaign_id, score=found[0], nearest=exemplar.record_id)

    def keep(self, record_id: uuid.UUID, campaign_id: str, script: Script, placement: Placement) -> Learnt:
        """Take the placed call into the memory: it becomes an exemplar where it differs enough from the others."""
        self.clock += 1
        if placement.nearest is not None:
            slot = next(s for s in self._campaigns[campaign_id] if self._at[s].record_id == placement.nearest)
            self._at[slot] = replace(self._at[slot], used=self.clock)
            if placement.score >= SAME:
                return Learnt(used=placement.nearest, clock=self.clock, epoch=self.epoch)
        retired = None
        if len(self._campaigns[campaign_id]) >= MAX_PER_CAMPAIGN:
            # The founder stays: it is what the campaign was first seen as. Of the others, the one longest unused goes.
            slot = min(self._campaigns[campaign_id][1:], key=lambda s: (self._at[s].used, s))
            retired = self._remove(slot).record_id
        exemplar = Exemplar(
            record_id=record_id, campaign_id=campaign_id, script=script, added=self.clock, used=self.clock
        )
        self._insert(exemplar)
        self._grown += 1
        if self._grown >= max(_FIRST_EPOCH, self._epoch_size // 4):
            self._begin_epoch()
        return Learnt(added=exemplar, used=placement.nearest, retired=retired, clock=self.clock, epoch=self.epoch)

    def forget(self, campaign_id: str) -> list[uuid.UUID]:
        """Compare no call with this campaign any more; return the exemplars retired, at the clock's new value."""
        self.clock += 1
        return [self._remove(slot).record_id for slot in list(self._campaigns.get(campaign_id, ()))]

    def _remove(self, slot: int) -> Exemplar:
        exemplar = self._at.pop(slot)
        slots = self._campaigns[exemplar.campaign_id]
        slots.remove(slot)
        if not slots:
            del self._campaigns[exemplar.campaign_id]
        del self._digests[exemplar.script.digest]
        self._remembered.clear()
        return exemplar

    def _begin_epoch(self) -> None:
        self.epoch = self.clock
        living = self.living
        self._weigh_anew(living)
        self._grown = 0
        self._build(living)


@dataclass(slots=True)
class _Exact:
    """The cosine of one query to a slot: what the index summed, and the skipped common terms."""

    partial: npt.NDArray[np.float64]
    rest: list[tuple[str, float]]
    vectors: list[dict[str, float]]
    known: dict[int, float] = field(default_factory=dict)

    def cosine(self, slot: int) -> float:
        found = self.known.get(slot)
        if found is None:
            vector = self.vectors[slot]
            rest = math.fsum(weight * vector.get(term, 0.0) for term, weight in self.rest)
            # Six decimals: the same answer whatever the order of the floating-point sums was.
            found = min(round(float(self.partial[slot]) + rest, 6), 1.0)
            self.known[slot] = found
        return found


def reasons(placement: Placement) -> dict[str, Any]:
    """Return why, as it is stored with the membership and shown to people."""
    runner_up = placement.runner_up
    return {
        "rule": placement.rule_version,
        "score": placement.score,
        "support": placement.support,
        "nearest": str(placement.nearest) if placement.nearest else None,
        "exact_duplicate": placement.exact,
        "join_at": JOIN,
        "support_at": SUPPORT,
        "runner_up": (
            {"campaign": runner_up.campaign_id, "score": runner_up.score, "nearest": str(runner_up.nearest)}
            if runner_up
            else None
        ),
    }
