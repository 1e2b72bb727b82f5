"""How far a count may lie from what is expected. Pure.

Calls come in bursts: their counts scatter more than Poisson's. The scatter is measured as variance over mean (the
dispersion), and an interval is that of a negative binomial count with the same mean and variance.
"""

from collections.abc import Iterable
from math import ceil
from typing import Final

from scipy.stats import nbinom, poisson

#: Central share of an interval that is shown, and of one beyond which something happened.
SHOWN: Final = 0.90
BEYOND: Final = 0.99

#: Before anything was measured, a count scatters like this, worth so many observations.
PRIOR_DISPERSION: Final = 2.0
PRIOR_WEIGHT: Final = 4


def dispersion(pairs: Iterable[tuple[float, float]]) -> float:
    """Return the dispersion of (expected, came) pairs: the mean of squared error over expected, at least 1."""
    total, number = PRIOR_DISPERSION * PRIOR_WEIGHT, PRIOR_WEIGHT
    for expected, came in pairs:
        total += (came - expected) ** 2 / max(expected, 0.5)
        number += 1
    return max(1.0, total / number)


def interval(mean: float, spread: float, share: float = SHOWN) -> tuple[int, int]:
    """Return the counts between which a count of this mean and dispersion lies with probability ``share`` at least."""
    if mean <= 0:
        return 0, 0
    tail = (1 - share) / 2
    if spread <= 1.0001:
        low, high = poisson.ppf(tail, mean), poisson.ppf(1 - tail, mean)
    else:
        p = 1 / spread
        shape = mean * p / (1 - p)
        low, high = nbinom.ppf(tail, shape, p), nbinom.ppf(1 - tail, shape, p)
    # Of a count that scatters widely the mean itself may lie beyond a quantile; an interval holds what is expected.
    return max(0, min(int(low), int(mean))), max(ceil(high), ceil(mean))
