"""What the traces of many worlds come to: every metric with its interval over worlds. Pure.

Traces of one world share clocks, liars and participants, so the interval is taken over worlds (Student's t); for
something that was never seen, the one-sided 95% bound over all traces is given too (the rule of three).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, median, stdev
from typing import Final

from headwater.calls.learning import expected_calibration_error
from headwater.calls.matching import Calibration
from headwater.simulator.campaign_leads import pointed
from headwater.simulator.labels import Verdict
from headwater.simulator.trial import Bound, Ended, Run
from headwater.tracebacks.states import Grade

#: Student's t, two-sided 95%, by degrees of freedom.
_T: Final = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26, 11: 2.20, 15: 2.13}
_CLAIMS: Final = {Grade.ORIGIN_CONFIRMED, Grade.ORIGIN_NAMED, Grade.ORIGIN_STATED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure over worlds. ``bar``: what it is held to, None where nothing is asked of it."""

    name: str
    value: float
    low: float
    high: float
    least: float
    most: float
    unit: str = "%"
    bar: float | None = None
    at_most: bool = False

    @property
    def holds(self) -> bool | None:
        """Tell whether the bar is met by the mean; None without a bar."""
        if self.bar is None:
            return None
        return self.value <= self.bar if self.at_most else self.value >= self.bar


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95% interval of the mean of one value a world."""
    middle = mean(values)
    if len(values) < 2:
        return middle, middle
    freedom = len(values) - 1
    t = _T.get(freedom) or min((v for k, v in _T.items() if k <= freedom), default=1.96)
    reach = t * stdev(values) / sqrt(len(values))
    return middle - reach, middle + reach


def right(one: Ended) -> bool:
    """Tell whether the origin is confirmed and true."""
    return one.grade is Grade.ORIGIN_CONFIRMED and one.claimed == one.truth[0]


def reached(one: Ended) -> bool:
    """Tell whether the true origin is the origin that is claimed, or the last party named with none claimed."""
    return one.claimed == one.truth[0] if one.grade in _CLAIMS else one.last == one.truth[0]


def _share(of: Sequence[Ended], test: Callable[[Ended], bool]) -> float:
    return 100 * sum(test(one) for one in of) / len(of) if of else 100.0


def _of_matters(runs: Sequence[Run], measure: Callable[[list[Ended]], float]) -> list[float]:
    return [measure([one for one in run.matters or run.ended if not one.apart]) for run in runs]


def _by_world(runs: Sequence[Run], measure: Callable[[list[Ended]], float]) -> list[float]:
    return [measure([one for one in run.ended if not one.apart]) for run in runs]


def _metric(
    name: str, values: Sequence[float], *, unit: str = "%", bar: float | None = None, at_most: bool = False
) -> Metric:
    low, high = interval(values)
    return Metric(
        name=name, value=mean(values), low=low, high=high, least=min(values), most=max(values),
        unit=unit, bar=bar, at_most=at_most,
    )  # fmt: skip


#: Bars of the whole at 100, 60, 30 and 10% of carriers by degree (traceback model, section 5).
_BOTH: Final = {1.0: 99.0, 0.6: 90.0, 0.3: 62.0, 0.1: 42.0}
_RECALL: Final = {1.0: 99.0, 0.6: 95.0, 0.3: 87.0, 0.1: 80.0}
_CONFIRMED: Final = {"none": 99.5, "clocks": 98.0, "formats": 98.0, "rewriting": 98.0, "records": 98.0, "answers": 98.0}


def metrics(runs: Sequence[Run]) -> list[Metric]:
    """Return every metric of the report. Foreign origins are scored apart."""
    plan = runs[0].plan
    full = plan.participation >= 1.0
    claims = [grade for grade in Grade if grade in _CLAIMS]
    by_degree = plan.by == "degree"

    def false(grades: Sequence[Grade]) -> Callable[[list[Ended]], float]:
        return lambda of: _share(of, lambda one: one.grade in grades and one.claimed != one.truth[0])

    def frontier(of: list[Ended]) -> float:
        open_ = [one for one in of if one.grade not in _CLAIMS and one.grade is not Grade.ENTRY_CONFIRMED]
        return _share(open_, lambda one: one.frontier in one.truth)

    found = [
        _metric(
            "origin confirmed, true",
            _by_world(runs, lambda of: _share(of, right)),
            bar=(_CONFIRMED.get(plan.noise, 95.0) if full else None),
        ),
        _metric(
            "confirmed, stated or last named party true",
            _by_world(runs, lambda of: _share(of, reached)),
            bar=_BOTH.get(plan.participation) if by_degree else None,
        ),
        _metric(
            "false attribution, confirmed",
            _by_world(runs, false([Grade.ORIGIN_CONFIRMED])),
            bar=0.1,
            at_most=True,
        ),
        _metric("false attribution, any claim", _by_world(runs, false(claims)), bar=0.5, at_most=True),
        _metric("frontier right", _by_world(runs, frontier), bar=99.5),
        _metric(
            "path recall",
            _by_world(runs, lambda of: 100 * mean(len(set(o.found) & set(o.truth)) / len(o.truth) for o in of)),
            bar=_RECALL.get(plan.participation) if by_degree else None,
        ),
        _metric(
            "path precision",
            _by_world(
                runs, lambda of: 100 * sum(len(set(o.found) & set(o.truth)) for o in of) / sum(len(o.found) for o in of)
            ),
            bar=99.5,
        ),
        _metric("questions a trace", _by_world(runs, lambda of: mean(o.questions for o in of)), unit=""),
        _metric("time to result, median", _by_world(runs, lambda of: median(o.seconds for o in of)), unit=" s"),
        _metric("time to result, 95th percentile", _by_world(runs, lambda of: _percentile(of, 0.95)), unit=" s"),
        _metric("answers that no person touched", _by_world(runs, _untouched)),
        _metric("carriers asked that answer nothing", [_unanswered(run) for run in runs]),
        _metric(
            "own compute a trace",
            [1_000 * mean(o.compute_s for o in run.ended) for run in runs],
            unit=" ms",
            bar=20.0,
            at_most=True,
        ),
    ]
    return [*found, *_matters(runs), *_bounds(runs), *_pointed(runs), *_links(runs), *_apart(runs)]


def _matters(runs: Sequence[Run]) -> list[Metric]:
    """Score the same with further examples of the campaign, as the rules ask for them."""
    plan = runs[0].plan
    return [
        _metric(
            "same with further examples: origin confirmed, true",
            _of_matters(runs, lambda of: _share(of, right)),
            bar=(_CONFIRMED.get(plan.noise, 95.0) if plan.participation >= 1.0 else None),
        ),
        _metric(
            "same: false attribution, confirmed",
            _of_matters(
                runs,
                lambda of: _share(of, lambda one: one.grade is Grade.ORIGIN_CONFIRMED and one.claimed != one.truth[0]),
            ),
            bar=0.1,
            at_most=True,
        ),
        _metric("same: examples", _of_matters(runs, lambda of: mean(one.examples for one in of)), unit=""),
    ]


def _bounds(runs: Sequence[Run]) -> list[Metric]:
    """Say what all records of honest carriers that answer could show at most."""

    def share(measure: Callable[[Bound], float]) -> list[float]:
        return [
            100 * mean(measure(b) for b, one in zip(run.bounds, run.ended, strict=True) if not one.apart)
            for run in runs
        ]

    if not all(run.bounds for run in runs):
        return []
    return [
        _metric("bound: origin confirmed", share(lambda one: one.confirmed)),
        _metric("bound: origin named", share(lambda one: one.named)),
        _metric("bound: path recall", share(lambda one: one.recall)),
        _metric("peer's exact labels: true origin named", _labels(runs, Verdict.RIGHT)),
        _metric("peer's exact labels: a wrong one named", _labels(runs, Verdict.WRONG)),
    ]


def _labels(runs: Sequence[Run], wanted: Verdict) -> list[float]:
    return [
        100 * mean(said is wanted for said, one in zip(run.labels, run.ended, strict=True) if not one.apart)
        for run in runs
    ]


def _pointed(runs: Sequence[Run]) -> list[Metric]:
    """Score the top lead of each campaign."""
    each = [list(pointed(run)) for run in runs]
    if not all(each):
        return []
    bar = 99.0 if runs[0].plan.participation == 0.3 else None
    stated = [(one.probability, one.right) for of in each for one in of]
    return [
        _metric("top lead of a campaign, true", [100 * mean(one.right for one in of) for of in each], bar=bar),
        _metric("an origin of the campaign in some record", [100 * mean(one.reachable for one in of) for of in each]),
        _metric("leads, expected calibration error", [expected_calibration_error(stated)], unit=""),
    ]


def _links(runs: Sequence[Run]) -> list[Metric]:
    calibration = runs[0].plan.calibration
    errors, sure = [], []
    for run in runs:
        scored = [(calibration.probability(score), true) for score, true in run.links]
        errors.append(expected_calibration_error(scored) if scored else 0.0)
        high = [true for probability, true in scored if probability >= 0.99]
        sure.append(100 * sum(high) / len(high) if high else 100.0)
    return [
        _metric("link scores, expected calibration error", errors, unit="", bar=0.02, at_most=True),
        _metric("links of score 0.99 or more that are true", sure, bar=99.9),
    ]


def _apart(runs: Sequence[Run]) -> list[Metric]:
    """Score calls from abroad, and those through SIM boxes: right is the carrier that they entered at."""

    def entered(name: str, kind: Callable[[Ended], bool], test: Callable[[Ended], bool]) -> list[Metric]:
        values = [_share(of, test) for run in runs if (of := [one for one in run.ended if kind(one)])]
        return [_metric(name, values)] if values else []

    return [
        *entered(
            "foreign origin: true gateway confirmed",
            lambda one: one.foreign,
            lambda one: one.grade is Grade.ENTRY_CONFIRMED and one.found[-1] == one.truth[1],
        ),
        *entered("SIM box: its mobile carrier confirmed", lambda one: one.boxed, right),
    ]


def _percentile(of: Sequence[Ended], share: float) -> float:
    times = sorted(one.seconds for one in of)
    return times[min(len(times) - 1, int(share * len(times)))]


def _untouched(of: Sequence[Ended]) -> float:
    return 100 * sum(one.by_agent for one in of) / max(1, sum(one.answered for one in of))


def _unanswered(run: Run) -> float:
    """Return the share of the carriers asked in any trace that never answer, as the ITG counts non-response."""
    asked = {carrier for one in run.ended for carrier in one.asked}
    return 100 * len(asked - run.answering) / max(1, len(asked))


def grades(runs: Sequence[Run]) -> dict[str, int]:
    """Count outcomes of all worlds by grade."""
    counted: dict[str, int] = defaultdict(int)
    for run in runs:
        for one in run.ended:
            counted[one.grade.label] += 1
    return dict(sorted(counted.items(), key=lambda item: -item[1]))


def text(runs: Sequence[Run], *, machine: str = "") -> str:
    """Return the report in words, in the format of docs/reference/simulate.md."""
    plan = runs[0].plan
    traces = sum(len(run.ended) for run in runs)
    lines = [
        f"participation {plan.participation:.0%} by {plan.by}, agents {min(plan.agents, plan.participation):.0%} · "
        f"noise {plan.noise} · liars {plan.liars:.1%} · "
        f"{len(runs)} worlds x {plan.traces} traces, profile {plan.profile}, seeds {runs[0].plan.seed} to "
        f"{runs[-1].plan.seed}" + (f" · {machine}" if machine else ""),
        f"{'metric':<56}{'mean':>9}  {'95% interval':<19}{'range over worlds':<21}bar",
    ]
    for one in metrics(runs):
        held = (
            "" if one.bar is None else f"{'<=' if one.at_most else '>='} {one.bar:g} {'met' if one.holds else 'MISSED'}"
        )
        digits = 3 if one.unit == "" and one.value < 1 else 2
        lines.append(
            f"{one.name:<56}{one.value:>9.{digits}f}  [{one.low:.{digits}f}, {one.high:.{digits}f}]".ljust(86)
            + f"{one.least:.{digits}f} to {one.most:.{digits}f}{one.unit}".ljust(21)
            + held
        )
    lines.append("outcomes: " + ", ".join(f"{label} {count}" for label, count in grades(runs).items()))
    if traces:
        lines.append(f"never seen in {traces:,} traces: at most {300 / traces:.2f}% (one-sided 95%)")
    return "\n".join(lines)


def scored(runs: Sequence[Run]) -> list[tuple[float, bool]]:
    """Return every link's score and truth, to learn a calibration from."""
    return [one for run in runs for one in run.links]


#: Learned on worlds 101 to 106 (M, all noise, everybody answering), never on those that are judged.
LEARNED: Final = Calibration()
