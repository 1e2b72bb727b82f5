"""How well a grouping agrees with the truth: pairs, B-cubed, adjusted Rand index, V-measure. Pure."""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The figures of one grouping over one set of calls. Always read beside the size of the set."""

    calls: int
    pair_precision: float
    pair_recall: float
    pair_f1: float
    b_cubed_f1: float
    adjusted_rand: float
    v_measure: float


def agreement(truth: Sequence[Hashable], found: Sequence[Hashable]) -> Agreement:
    """Compare two groupings of the same calls, given as one label a call.

    A measure without a denominator (no pair at all, one group only) counts as 1 where both groupings agree on that.
    """
    if len(truth) != len(found):
        message = f"{len(truth)} true labels but {len(found)} found ones: one of each a call is needed."
        raise ValueError(message)
    cells = Counter(zip(truth, found, strict=True))
    true_sizes, found_sizes = Counter(truth), Counter(found)
    both, in_truth, in_found = (_pairs(sizes.values()) for sizes in (cells, true_sizes, found_sizes))
    precision = both / in_found if in_found else 1.0
    recall = both / in_truth if in_truth else 1.0
    return Agreement(
        calls=len(truth),
        pair_precision=precision,
        pair_recall=recall,
        pair_f1=_harmonic(precision, recall),
        b_cubed_f1=_b_cubed(cells, true_sizes, found_sizes),
        adjusted_rand=_adjusted_rand(both, in_truth, in_found, _pairs([len(truth)])),
        v_measure=_v_measure(cells, true_sizes, found_sizes),
    )


def _pairs(sizes: Iterable[int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes)


def _harmonic(one: float, other: float) -> float:
    return 2 * one * other / (one + other) if one + other else 0.0


def _b_cubed(cells: Counter[tuple[Hashable, Hashable]], truth: Counter[Hashable], found: Counter[Hashable]) -> float:
    calls = sum(truth.values())
    if not calls:
        return 1.0
    precision = sum(n * n / found[f] for (_, f), n in cells.items()) / calls
    recall = sum(n * n / truth[t] for (t, _), n in cells.items()) / calls
    return _harmonic(precision, recall)


def _adjusted_rand(both: int, in_truth: int, in_found: int, pairs: int) -> float:
    expected = in_truth * in_found / pairs if pairs else 0.0
    highest = (in_truth + in_found) / 2
    return (both - expected) / (highest - expected) if highest != expected else 1.0


def _v_measure(cells: Counter[tuple[Hashable, Hashable]], truth: Counter[Hashable], found: Counter[Hashable]) -> float:
    calls = sum(truth.values())

    def entropy(sizes: Counter[Hashable]) -> float:
        return -sum(n / calls * math.log(n / calls) for n in sizes.values())

    shared = sum(n / calls * math.log(n * calls / (truth[t] * found[f])) for (t, f), n in cells.items())
    of_truth, of_found = entropy(truth), entropy(found)
    homogeneity = shared / of_truth if of_truth > 1e-12 else 1.0
    completeness = shared / of_found if of_found > 1e-12 else 1.0
    return _harmonic(homogeneity, completeness)
