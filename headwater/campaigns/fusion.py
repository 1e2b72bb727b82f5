"""The evidence graph: what calls of a campaign share beside their words, and how much each shared thing proves. Pure.

A node is a thing that calls have: a callback number, an address, a block of numbers, an origid, a carrier, a tag. What
two campaigns share speaks for their being one. A weight is the natural logarithm of a likelihood ratio, taken from 668
traced calls whose campaigns are known: a link whose pairs are of one campaign with precision p, against 8.5% of all
pairs, weighs ln(p / (1 - p)) - ln(.085 / .915) (design reference of campaign detection, sections 4.5 and 5).

What many campaigns share proves little: a weight is divided by 1 + ln(how many have it). Evidence of one kind is
correlated: each kind counts once, by its strongest node. No kind alone proposes anything: at least two must speak, so
that one shared number, which anybody can speak or spoof, joins nothing and frames nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

from headwater.calls.records import CallRecord
from headwater.campaigns.spoken import heard
from headwater.numbering.numbers import npa_nxx

FUSION_VERSION = "fusion/1"

#: Kind of node -> weight of sharing it. Callback numbers: 101 pairs, all of one campaign, capped at 7.
WEIGHTS = {
    "recording": 9.0,
    "callback": 7.0,
    "address": 6.0,
    "origid": 5.0,
    "block": 4.0,
    "amount": 1.5,
    "tag": 1.0,
    "brand": 1.0,
    "provider": 0.8,
    "signer": 0.8,
    "key": 0.3,
}
LABELS = {
    "recording": "same recording",
    "callback": "callback number spoken",
    "address": "internet address spoken",
    "origid": "origid of the signer",
    "block": "calling office code",
    "amount": "amount spoken",
    "tag": "sender's tag",
    "brand": "brand spoken",
    "provider": "delivering carrier",
    "signer": "signer, verified",
    "key": "key to press",
}
#: Log-odds of two campaigns being one before anything is known of them.
PRIOR = log(0.085 / 0.915)
#: Least probability from which a merge is proposed to a person. Nothing is merged without one.
PROPOSE_AT = 0.90
_KINDS_AT_LEAST = 2
#: Where a record says the SHA-256 of its sound, and which known recording that is.
AUDIO, RECORDING = "audio_sha256", "recording"
#: Where it says that its words are those of its recording, with what heard them.
TRANSCRIBED = "transcribed"
_LONGEST = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One thing that calls of a campaign have."""

    kind: str
    value: str
    calls: int
    campaigns: int
    """How many campaigns have it, this one included."""

    @property
    def label(self) -> str:
        """The kind in words."""
        return LABELS.get(self.kind, self.kind)

    @property
    def weight(self) -> float:
        """What sharing it proves."""
        return round(WEIGHTS.get(self.kind, 0.0) / (1 + log(max(self.campaigns, 1))), 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Two campaigns that share enough for a person to look."""

    nodes: tuple[Node, ...]
    probability: float

    @property
    def proposed(self) -> bool:
        """Tell whether to show it to a person."""
        return len(self.nodes) >= _KINDS_AT_LEAST and self.probability >= PROPOSE_AT


def nodes_of(record: CallRecord, text: str) -> set[tuple[str, str]]:
    """Return (kind, value) of everything that one call has."""
    spoken = heard(text)
    found: set[tuple[str, str]] = {("callback", number) for number in spoken.callback}
    found |= {("address", address) for address in spoken.addresses}
    found |= {("amount", amount) for amount in spoken.amounts}
    found |= {("brand", brand) for brand in spoken.brands}
    found |= {("key", key) for key in spoken.keys}
    found |= {("tag", tag) for tag in record.labels}
    found |= {
        (kind, value)
        for kind, value in (
            ("recording", record.headers.get(RECORDING) or record.headers.get(AUDIO, "")),
            ("block", npa_nxx(record.calling)),
            ("origid", record.origid),
            ("provider", record.terminating_spc),
        )
        if value
    }
    return {(kind, value[:_LONGEST]) for kind, value in found}


def weigh(shared: Sequence[Node]) -> Proposal:
    """Return what the nodes that two campaigns share say: each kind by its strongest, the strongest kind first."""
    best: dict[str, Node] = {}
    for node in shared:
        if node.kind not in best or node.weight > best[node.kind].weight:
            best[node.kind] = node
    nodes = tuple(sorted(best.values(), key=lambda node: (-node.weight, node.kind)))
    odds = PRIOR + sum(node.weight for node in nodes)
    return Proposal(nodes=nodes, probability=round(1 / (1 + exp(-odds)), 4))
