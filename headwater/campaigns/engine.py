"""Which campaign a call belongs to: one pass, exemplars, weighed evidence. Pure: no Django, no I/O, no clock.

A campaign is known by at most ``MAX_PER_CAMPAIGN`` exemplars, members that differ enough from each other. Cheapest
first: the same words as an exemplar; nearly the same (``NEARLY``), found by a sketch; words so near (``SAME``) that it
is one script heard again, found by a search over all; and for the rest the weighed evidence of ``links`` against every
exemplar of the campaigns that come into question. A call joins the campaign that most speaks for, where the mean
probability over its exemplars reaches ``JOIN``: average support, never one chain. Otherwise it founds a campaign.
Method and figures: docs/explanation/campaigns.md.

Word weights are learnt from the exemplars alone, beside a fixed background: a campaign of a million calls weighs no
more than its exemplars, memory is bounded, and the state can be built again from the stored exemplars to the same
answers. They are renewed when a quarter more exemplars have come (an epoch), not with every call.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from headwater.campaigns import labels as known_labels
from headwater.campaigns import links
from headwater.campaigns.exemplars import Exemplar, Learnt, Placement, RunnerUp, Support
from headwater.campaigns.index import Asked, Frequencies, Index, Numbers, count_terms
from headwater.campaigns.labels import Labels
from headwater.campaigns.links import Weights, probability
from headwater.campaigns.script import Script
from headwater.campaigns.sketches import Sketches
from headwater.campaigns.spoken import Spoken, heard

#: What placed a call, beside the version of the weights.
RULE_VERSION = "exemplar-support/3"

#: Least mean probability over a campaign's exemplars to join it. Measured in grouped splits: .5 finds 1 point more of
#: the pairs, .6 has 2 points fewer false ones.
JOIN = 0.60
#: Least cosine to the nearest exemplar: what the labelled scripts say of two texts never joins them without the words.
LEAST = 0.05
#: A member nearer than this to an exemplar is one script with it: it belongs where that one does, nothing else is
#: weighed, and it adds nothing to compare with. Measured: .6 groups as well as .8 and is kept a third cheaper.
SAME = 0.60
#: A candidate of the sketches nearer than this is taken without a search. Measured on 3,700 real and noisy calls: the
#: search finds the same exemplar each time; three in five need no search.
NEARLY = 0.70
MAX_PER_CAMPAIGN = 32
#: Likeness below this is not looked for: two scripts of one language reach it by chance.
FLOOR = 0.20
#: Commonest terms that together weigh less than this are left out of the search, never of the comparison.
_SKIPPED = 0.10
#: Exemplars whose cosine is taken exactly, the likeliest by the search.
_COMPARED = 48
#: Campaigns compared in full, by words and by the name that the labelled scripts would give.
_CONSIDERED = 8
_CONSIDERED_BY_NAME = 16
#: Least share of the best name for campaigns of that name to be considered.
_NAMED = 0.05
_REMEMBERED = 4_096
_FIRST_EPOCH = 16


class Matcher:
    """The detector's memory: exemplars, an index over their terms, the word weights of the present epoch."""

    def __init__(  # noqa: PLR0913 - what it goes on from, and what it knows: each has a default
        self,
        background: Iterable[Script],
        exemplars: Iterable[Exemplar] = (),
        *,
        clock: int = 0,
        epoch: int = 0,
        labels: Labels | None = None,
        weights: Weights | None = None,
    ) -> None:
        """Start empty, or go on from stored exemplars, the clock and the epoch that were stored with them.

        ``exemplars`` must hold every one that lives, and those that were retired after ``epoch`` began. ``labels`` and
        ``weights`` are the shipped ones unless others are given.
        """
        self._background = count_terms(background)
        self._labels = labels or known_labels.shipped()
        self._weights = weights or links.shipped()
        self.clock = clock
        self.epoch = epoch
        stored = sorted(exemplars, key=lambda exemplar: exemplar.added)
        in_epoch = [e for e in stored if e.added <= epoch and (e.retired is None or e.retired > epoch)]
        self._shares: dict[str, Numbers] = {}
        self._spoken: dict[int, Spoken] = {}
        self._latest: tuple[str, Numbers] = ("", np.zeros(0))
        self._weigh_anew(in_epoch)
        self._grown = sum(exemplar.added > epoch for exemplar in stored)
        self._build([exemplar for exemplar in stored if exemplar.retired is None])

    @property
    def weights_version(self) -> str:
        """The version of the weights that calls are placed by."""
        return self._weights.version

    @property
    def rule_version(self) -> str:
        """What placed the calls: the rule and the weights."""
        return f"{RULE_VERSION} {self._weights.version}"

    def _weigh_anew(self, exemplars: list[Exemplar]) -> None:
        scripts, holding = self._background
        more, found = count_terms(exemplar.script for exemplar in exemplars)
        self.frequencies = Frequencies(scripts + more, holding + found)
        self._epoch_size = len(exemplars)

    def _build(self, living: list[Exemplar]) -> None:
        # What exemplars speak of stays the same from epoch to epoch.
        before = {self._at[slot].script.digest: told for slot, told in self._spoken.items()}
        self._index = Index(self.frequencies)
        self._sketches = Sketches()
        self._spoken = {}
        self._of_slots = np.zeros((1_024, len(self._labels.campaigns)))
        self._at: dict[int, Exemplar] = {}
        self._campaigns: dict[str, list[int]] = defaultdict(list)
        self._by_name: dict[int, dict[str, None]] = defaultdict(dict)
        self._digests: dict[str, int] = {}
        self._remembered: dict[str, Placement] = {}
        self._learn_shares([exemplar.script for exemplar in living])
        for exemplar in living:
            self._insert(exemplar, before)

    def _learn_shares(self, scripts: list[Script]) -> None:
        for script in scripts:
            if script.digest == self._latest[0]:
                self._shares[script.digest] = self._latest[1]
        unknown = {script.digest: script for script in scripts if script.digest not in self._shares}
        told = list(unknown.values())
        for start in range(0, len(told), 1_000):
            part = told[start : start + 1_000]
            found = self._labels.shares(self._labels.scores(self._labels.compare(part)))
            self._shares.update((script.digest, row) for script, row in zip(part, found, strict=True))

    def _insert(self, exemplar: Exemplar, spoken: Mapping[str, Spoken] = MappingProxyType({})) -> None:
        if exemplar.script.digest not in self._shares:
            self._learn_shares([exemplar.script])
        slot = self._index.add(exemplar.script)
        self._sketches.add(slot, exemplar.script)
        digest = exemplar.script.digest
        self._spoken[slot] = spoken[digest] if digest in spoken else heard(exemplar.script.text)
        self._at[slot] = exemplar
        if slot == len(self._of_slots):
            self._of_slots = np.concatenate([self._of_slots, np.zeros_like(self._of_slots)])
        self._of_slots[slot] = self._shares[exemplar.script.digest]
        if not self._campaigns.get(exemplar.campaign_id):
            self._by_name[self._name_of(exemplar.script)][exemplar.campaign_id] = None
        self._campaigns[exemplar.campaign_id].append(slot)
        self._digests[exemplar.script.digest] = slot
        self._remembered.clear()

    def _name_of(self, script: Script) -> int:
        """Return which name the labelled scripts would give, as its place among the names; -1 where there is none."""
        shares = self._shares[script.digest]
        return int(shares.argmax()) if len(shares) else -1

    @property
    def living(self) -> list[Exemplar]:
        """Every exemplar that calls are compared with, oldest first."""
        return list(self._at.values())

    def __len__(self) -> int:
        return len(self._at)

    def exemplars_of(self, campaign_id: str) -> list[Exemplar]:
        """Return the exemplars of one campaign, oldest first."""
        return [self._at[slot] for slot in self._campaigns.get(campaign_id, ())]

    def place(self, script: Script) -> Placement:
        """Decide where a call belongs. Changes nothing that a later answer depends on."""
        slot = self._digests.get(script.digest)
        if slot is not None:
            return self._placed(slot, score=1.0, support=1.0, exact=True)
        known = self._remembered.get(script.digest)
        if known is None:
            known = self._search(script)
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[script.digest] = known
        return replace(known, clock=self.clock, epoch=self.epoch)

    def _placed(self, slot: int, *, score: float, support: float, exact: bool, **more: Any) -> Placement:
        own = self._at[slot]
        return Placement(
            campaign_id=own.campaign_id,
            score=score,
            support=support,
            nearest=own.record_id,
            runner_up=more.pop("runner_up", None),
            exact=exact,
            exemplars=len(self._campaigns[own.campaign_id]),
            clock=self.clock,
            epoch=self.epoch,
            rule_version=self.rule_version,
            **more,
        )

    def _search(self, script: Script) -> Placement:
        alike = self._sketches.like(script)[:_COMPARED]
        with self._index.asked(script) as asked:
            if alike:
                cosines = asked.cosine(alike)
                best = int(cosines.argmax())
                if cosines[best] >= NEARLY:
                    return self._placed(alike[best], score=float(cosines[best]), support=1.0, exact=False)
            near = self._nearest(asked)
            if near and near[0][0] >= SAME:
                score, slot = near[0]
                return self._placed(slot, score=score, support=1.0, exact=False, runner_up=self._second(near))
            return self._weighed(script, near, asked)

    def _nearest(self, asked: Asked) -> list[tuple[float, int]]:
        """Return the best cosine and slot of each campaign that comes near by words, best first."""
        # By Cauchy and Schwarz the skipped terms add at most _SKIPPED to any cosine, so nothing at FLOOR is lost.
        partial = asked.partial(_SKIPPED)
        likely = np.flatnonzero(partial >= FLOOR - _SKIPPED)
        if len(likely) > _COMPARED:
            likely = np.sort(likely[np.argsort(-partial[likely], kind="stable")[:_COMPARED]])
        slots = [slot for slot in likely.tolist() if slot in self._at]
        if not slots:
            return []
        best: dict[str, tuple[float, int]] = {}
        for score, slot in zip(asked.cosine(slots).tolist(), slots, strict=True):
            campaign = self._at[slot].campaign_id
            if score >= FLOOR and (campaign not in best or score > best[campaign][0]):
                best[campaign] = (score, slot)
        return sorted(best.values(), key=lambda found: (-found[0], self._at[found[1]].added))

    def _second(self, near: list[tuple[float, int]]) -> RunnerUp | None:
        if len(near) < 2:
            return None
        score, slot = near[1]
        own = self._at[slot]
        return RunnerUp(campaign_id=own.campaign_id, score=score, support=0.0, nearest=own.record_id)

    def _weighed(self, script: Script, near: list[tuple[float, int]], asked: Asked) -> Placement:
        self._learn_shares([script])
        shares = self._shares.pop(script.digest)
        # Asked again where the call is kept as an exemplar.
        self._latest = script.digest, shares
        campaigns = dict.fromkeys(self._at[slot].campaign_id for _, slot in near[:_CONSIDERED])
        if len(shares) and shares.max() >= _NAMED:
            alike = list(self._by_name.get(int(shares.argmax()), ()))
            campaigns.update(dict.fromkeys(alike[-_CONSIDERED_BY_NAME:]))
        found = self._supports(list(campaigns), script, shares, asked)
        found.sort(key=lambda one: (-one.support, one.added))
        chosen = next((one for one in found if one.support >= JOIN and one.cosine >= LEAST), None)
        if chosen is not None:
            return self._placed(
                chosen.slot,
                score=chosen.cosine,
                support=chosen.support,
                exact=False,
                evidence=chosen.evidence(self._weights.prior),
                runner_up=self._runner_up([one for one in found if one is not chosen]),
            )
        return Placement(
            campaign_id=None,
            score=1.0,
            support=1.0,
            nearest=None,
            runner_up=self._runner_up(found),
            exact=False,
            clock=self.clock,
            epoch=self.epoch,
            rule_version=self.rule_version,
        )

    def _supports(self, campaigns: list[str], script: Script, shares: Numbers, asked: Asked) -> list[Support]:
        """Weigh the evidence against every exemplar of these campaigns at once; return what speaks for each."""
        if not campaigns:
            return []
        members = [self._campaigns[campaign] for campaign in campaigns]
        slots = [slot for own in members for slot in own]
        starts = np.cumsum([0, *(len(own) for own in members)])
        words, vocabulary = asked.cosines(slots)
        agreement = np.round(self._of_slots[slots] @ shares, 6)
        spoken = links.agreements(heard(script.text), [self._spoken[slot] for slot in slots])
        values = np.stack([words, vocabulary, agreement, *spoken])
        of = self._weights
        told = of.of_words(words), of.of_vocabulary(vocabulary), of.of_label(agreement)
        weights = np.stack([*told, *of.of_spoken(links.heeded(spoken, words))])
        odds = of.prior + weights.sum(axis=0)
        means = np.add.reduceat(probability(odds), starts[:-1]) / np.diff(starts)
        found = []
        for mean, start, end in zip(means.tolist(), starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            at = start + int(odds[start:end].argmax())
            slot = slots[at]
            found.append(
                Support(
                    support=round(mean, 6),
                    slot=slot,
                    added=self._at[slot].added,
                    values=values[:, at],
                    weights=weights[:, at],
                )
            )
        return found

    def _runner_up(self, found: list[Support]) -> RunnerUp | None:
        if not found:
            return None
        own = self._at[found[0].slot]
        return RunnerUp(
            campaign_id=own.campaign_id, score=found[0].cosine, support=found[0].support, nearest=own.record_id
        )

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
        self._sketches.remove(slot)
        del self._spoken[slot]
        slots = self._campaigns[exemplar.campaign_id]
        slots.remove(slot)
        if not slots:
            del self._campaigns[exemplar.campaign_id]
            for alike in self._by_name.values():
                alike.pop(exemplar.campaign_id, None)
        del self._digests[exemplar.script.digest]
        self._remembered.clear()
        return exemplar

    def _begin_epoch(self) -> None:
        self.epoch = self.clock
        living = self.living
        self._weigh_anew(living)
        self._grown = 0
        self._build(living)


def reasons(placement: Placement) -> dict[str, Any]:
    """Return why, as it is stored with the membership and shown to people."""
    runner_up = placement.runner_up
    return {
        "rule": placement.rule_version,
        "score": placement.score,
        "support": placement.support,
        "exemplars": placement.exemplars,
        "nearest": str(placement.nearest) if placement.nearest else None,
        "exact_duplicate": placement.exact,
        "campaign": placement.campaign_id,
        "clock": placement.clock,
        "epoch": placement.epoch,
        "join_at": JOIN,
        "same_at": SAME,
        "evidence": [{"kind": e.kind, "value": e.value, "weight": e.weight} for e in placement.evidence],
        "runner_up": (
            {
                "campaign": runner_up.campaign_id,
                "score": runner_up.score,
                "support": runner_up.support,
                "nearest": str(runner_up.nearest),
            }
            if runner_up
            else None
        ),
    }
