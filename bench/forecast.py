"""Forecasts of the next day: their error beside last week's count, the bound, and how many days lie inside 90%.

Series are drawn from a known world: weekdays that differ, levels that drift, counts that scatter three times as
Poisson's. The bound forecasts the true mean of each day: nobody can do better. No public series of real calls by day is
long enough to score.
"""

from datetime import date

import numpy as np

from bench.report import Claim, Figure
from headwater.trends import forecast

MONDAY = date(2026, 9, 7)
SHAPE = np.array((1.2, 1.3, 1.2, 1.1, 1.0, 0.3, 0.2))
WEEKS = 9
SERIES = 60
SCATTER = 3.0


def _series(seed: int, mean: float) -> tuple[list[int], np.ndarray]:
    rng = np.random.default_rng(seed)
    level = mean * np.exp(np.cumsum(rng.normal(0, 0.03, 7 * WEEKS)))
    means = level * np.tile(SHAPE, WEEKS)
    return [int(count) for count in rng.negative_binomial(means / (SCATTER - 1), 1 / SCATTER)], means


def run() -> Claim:
    errors: dict[str, list[float]] = {"ours": [], "naive": [], "bound": []}
    inside, young = [], []
    for mean in (3, 30, 300):
        for seed in range(SERIES // 3):
            days, means = _series(seed, mean)
            for said, came in forecast.walk_forward(days, first=MONDAY):
                scale = float(np.mean(means))
                true = float(means[(said.day - MONDAY).days])
                errors["ours"].append(abs(said.expected - came) / scale)
                errors["naive"].append(abs(said.naive - came) / scale)
                errors["bound"].append(abs(true - came) / scale)
                inside.append(said.low <= came <= said.high)
            young += [one.low <= came <= one.high for one, came in forecast.walk_forward(days[:14], first=MONDAY)]
    mean_error = {name: 1000 * float(np.mean(values)) for name, values in errors.items()}
    return Claim(
        title="Error of the next day's forecast, per mille of the mean day (lower is better)",
        figures=[
            Figure(what="ours", rate=mean_error["ours"], unit="per mille"),
            Figure(what="peer: the same weekday a week before", rate=mean_error["naive"], unit="per mille"),
            Figure(what="bound: the true mean of the day", rate=mean_error["bound"], unit="per mille"),
        ],
        notes=[
            f"days inside the 90% interval: {np.mean(inside):.3f} of {len(inside):,}",
            f"in the first two weeks of a series: {np.mean(young):.3f} of {len(young):,}",
        ],
    )
