"""What a campaign is called: ``Family-Lure[-Variant][-Pn]``, as the Industry Traceback Group names. Pure.

The nearest labelled script gives the name where it is near enough; otherwise the campaign is said to be new, and is
named by its family (or brand) and the words that mark it. Every such name is a proposal until a person accepts it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.campaigns.engine import Frequencies, count_terms
from headwater.campaigns.reference import Labelled
from headwater.campaigns.script import Script

NAMING_VERSION = "nearest-reference/1"

#: Cosine to a labelled script from which its campaign's name is taken. Chosen on the reference alone, in splits by
#: script: of the calls of known campaigns 9% fall below it, of those of unknown campaigns 82%.
SEEN = 0.20
#: Below this likeness not even the family is said.
FAMILY_SEEN = 0.12
_VOTES = 3

#: How the ITG begins the names of each family.
_FAMILY_WORD = {
    "auto-warranty": "AutoWarranty",
    "cbp-impersonation": "CBP",
    "chinese-language": "Chinese",
    "covid-relief": "CovidRelief",
    "credit-card-debt": "CCIRR",
    "financial-impersonation": "Financial",
    "health-insurance": "Health",
    "legal-threat": "Legal",
    "order-impersonation": "Order",
    "relative": "Relative",
    "ssa-impersonation": "SSA",
    "student-loan": "StudentLoan",
    "tax": "Tax",
    "tech-account-impersonation": "TechSupport",
    "telecom-discount": "Discount",
    "test-call": "TestCall",
    "travel": "Travel",
    "utility-energy": "Utility",
}
#: Brands and programmes that come first in a name when the script speaks them.
_BRANDS = {
    "amazon": "Amazon",
    "apple": "Apple",
    "cash app": "CashApp",
    "comcast": "Comcast",
    "costco": "Costco",
    "directv": "DirecTV",
    "direct tv": "DirecTV",
    "fedex": "FedEx",
    "hilton": "Hilton",
    "internal revenue": "IRS",
    "irs": "IRS",
    "marriott": "Marriott",
    "medicare": "Medicare",
    "microsoft": "Microsoft",
    "netflix": "Netflix",
    "paypal": "PayPal",
    "social security": "SSA",
    "spectrum": "Spectrum",
    "verizon": "Verizon",
    "walmart": "Walmart",
    "xfinity": "Xfinity",
    "zelle": "Zelle",
}
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

    def __init__(self, labelled: Sequence[Labelled]) -> None:
        scripts, holding = count_terms(known.script for known in labelled)
        self._frequencies = Frequencies(scripts, holding)
        # One of each script: a script that was traced often says no more about another.
        distinct = {(known.script.digest, known.campaign, known.family): known for known in labelled}
        self._known = [(known, self._frequencies.weigh(known.script)) for known in distinct.values()]

    def propose(self, scripts: Iterable[Script]) -> Proposal:
        """Name the campaign whose exemplars ``scripts`` are; at least one is needed."""
        read = list(scripts)
        vectors = [self._frequencies.weigh(script) for script in read]
        scores = [(self._nearness(vectors, vector), known) for known, vector in self._known]
        family, family_score = self._family(scores)
        named = [(score, -known.number, known) for score, known in scores if known.campaign]
        score, _, nearest = max(named, key=lambda found: found[:2])
        basis: dict[str, Any] = {
            "rule": NAMING_VERSION,
            "nearest_campaign": nearest.campaign,
            "nearest_reference": nearest.number,
            "cosine": score,
            "seen_at": SEEN,
            "family_cosine": family_score,
        }
        if score >= SEEN:
            return Proposal(name=nearest.campaign, family=nearest.family, is_new=False, basis=basis)
        lure = self.lure(read)
        basis["lure"] = lure
        first = _brand(read) or _FAMILY_WORD.get(family, "Unknown")
        name = f"{first}-{''.join(word.capitalize() for word in lure.split()) or 'Unworded'}"
        return Proposal(name=name, family=family, is_new=True, basis=basis)

    @staticmethod
    def _nearness(vectors: list[dict[str, float]], known: dict[str, float]) -> float:
        """Return the mean cosine of the exemplars to one labelled script."""
        total = sum(weight * known.get(term, 0.0) for vector in vectors for term, weight in vector.items())
        return min(round(total / max(len(vectors), 1), 6), 1.0)

    @staticmethod
    def _family(scores: list[tuple[float, Labelled]]) -> tuple[str, float]:
        """Return the family whose three nearest scripts are nearest, or "" where none is near."""
        by_family: dict[str, list[float]] = defaultdict(list)
        for score, known in scores:
            by_family[known.family].append(score)
        votes = {family: sum(sorted(found)[-_VOTES:]) for family, found in by_family.items()}
        family = max(sorted(votes), key=lambda name: votes[name])
        nearest = max(by_family[family])
        return (family if nearest >= FAMILY_SEEN else ""), nearest

    def lure(self, scripts: Sequence[Script]) -> str:
        """Return the pair of telling words that marks the scripts most, or the word, or ""."""
        weights: dict[str, float] = defaultdict(float)
        for script in scripts:
            for term, weight in self._frequencies.weigh(script).items():
                words = term.split()
                telling = all(_PHRASE_WORD.fullmatch(word) and word not in _FILLERS for word in words)
                if telling and not any(brand in (term, word) for brand in _BRANDS for word in words):
                    weights[term] += weight * len(words)
        pairs = [term for term in weights if " " in term]
        return max(sorted(pairs or weights), key=lambda term: weights[term], default="")


def _brand(scripts: Sequence[Script]) -> str:
    """Return the brand that most of the scripts speak, or ""."""
    spoken = {brand: sum(brand in script.terms for script in scripts) for brand in _BRANDS}
    brand = max(sorted(spoken), key=lambda name: spoken[name])
    return _BRANDS[brand] if spoken[brand] * 2 > len(scripts) else ""


def unique(name: str, taken: Iterable[str]) -> str:
    """Return ``name``, or ``name-P2``, ``-P3``... where it is taken: the ITG's way with a later script of a scheme."""
    used = set(taken)
    if name not in used:
        return name
    number = 2
    while f"{name}-P{number}" in used:
        number += 1
    return f"{name}-P{number}"
