"""The real engine and matching in a simulated world: what must hold, in small. The whole is `headwater simulate`."""

from dataclasses import replace

import msgspec
import pytest
from typer.testing import CliRunner

from headwater.cli.main import build as command_line
from headwater.simulator import verdicts
from headwater.simulator.trial import Plan, Run, run
from headwater.tracebacks.states import Grade

SMALL = Plan(profile="M", seed=11, traces=120)


@pytest.fixture(scope="module")
def noisy() -> Run:
    return run(SMALL)


def value(runs: list[Run], name: str) -> float:
    return next(metric.value for metric in verdicts.metrics(runs) if metric.name == name)


def test_without_noise_and_liars_every_origin_is_confirmed() -> None:
    clean = run(replace(SMALL, noise="none", liars=0.0))
    assert all(verdicts.right(one) for one in clean.ended if not one.foreign)
    assert all(one.grade is Grade.ENTRY_CONFIRMED for one in clean.ended if one.foreign)
    assert value([clean], "path recall") == 100.0


@pytest.mark.parametrize("block", ["clocks", "formats", "rewriting"])
def test_each_noise_alone_leaves_the_origin_confirmed(block: str) -> None:
    assert value([run(replace(SMALL, noise=block, liars=0.0))], "origin confirmed, true") >= 98.0


def test_under_all_noise_nobody_is_falsely_confirmed(noisy: Run) -> None:
    assert value([noisy], "false attribution, confirmed") == 0.0
    assert value([noisy], "origin confirmed, true") >= 88.0
    assert value([noisy], "path precision") >= 99.0


def test_with_few_answering_the_walk_stops_short_and_claims_nothing_false() -> None:
    few = run(replace(SMALL, participation=0.1))
    assert value([few], "false attribution, confirmed") == 0.0
    assert value([few], "origin confirmed, true") < 30.0
    assert any(one.grade is Grade.FRONTIER for one in few.ended)


def test_beyond_several_silent_carriers_the_walk_goes_on_and_stays_under_its_bound() -> None:
    few = run(replace(SMALL, participation=0.1))
    for name, least in (("confirmed, stated or last named party true", 42.0), ("path recall", 75.0)):
        bound = {"confirmed, stated or last named party true": "bound: origin named"}.get(name, f"bound: {name}")
        assert least <= value([few], name) <= value([few], bound)
    assert value([few], "false attribution, any claim") <= 2.0


def test_nothing_beats_its_bound(noisy: Run) -> None:
    beyond = [
        one for one, limit in zip(noisy.ended, noisy.bounds, strict=True) if verdicts.right(one) > limit.confirmed
    ]
    assert len(beyond) <= 1, "but for a record of another call by the same way, whose origin is the same"
    assert value([noisy], "path recall") <= value([noisy], "bound: path recall")


def test_a_further_example_confirms_what_a_missing_record_kept_open(noisy: Run) -> None:
    alone = value([noisy], "origin confirmed, true")
    further = value([noisy], "same with further examples: origin confirmed, true")
    assert further > alone
    assert value([noisy], "same: false attribution, confirmed") == 0.0
    assert 1.0 <= value([noisy], "same: examples") <= 1.2


def test_exact_labels_are_right_on_clean_records_and_fail_on_real_ones(noisy: Run) -> None:
    clean = run(replace(SMALL, noise="none", liars=0.0))
    assert value([clean], "peer's exact labels: true origin named") >= 99.0
    assert value([noisy], "peer's exact labels: true origin named") <= 80.0
    assert value([noisy], "peer's exact labels: a wrong one named") >= 15.0
    assert value([noisy], "origin confirmed, true") >= 88.0, "of the very same records"


def test_leads_point_at_a_true_origin_where_everybody_answers(noisy: Run) -> None:
    assert value([noisy], "top lead of a campaign, true") == 100.0


def test_a_run_repeats_itself(noisy: Run) -> None:
    again = run(SMALL)
    assert [replace(one, compute_s=0.0) for one in again.ended] == [replace(one, compute_s=0.0) for one in noisy.ended]


def test_link_scores_are_calibrated(noisy: Run) -> None:
    assert value([noisy], "link scores, expected calibration error") <= 0.02


def test_the_command_prints_every_metric_and_writes_the_report(tmp_path: object) -> None:
    target = f"{tmp_path}/report.json"
    words = ["simulate", "trace", "--profile", "S", "--tracebacks", "20", "--worlds", "2", "--report", target]
    result = CliRunner().invoke(command_line(words), words)
    assert result.exit_code == 0, result.output
    assert "false attribution, confirmed" in result.output
    with open(target, "rb") as file:  # noqa: PTH123 - a path of the test
        document = msgspec.json.decode(file.read())
    assert len(document["worlds"]) == 2
    assert len(document["worlds"][0]["traces"]) == 20
    assert {metric["name"] for metric in document["metrics"]} >= {"path recall", "frontier right"}


def test_an_unknown_profile_or_noise_is_refused() -> None:
    for words in (["simulate", "trace", "--profile", "XL"], ["simulate", "trace", "--noise", "loud"]):
        result = CliRunner().invoke(command_line(words), words)
        assert result.exit_code != 0
        assert "There" in str(result.exception)
