"""One hand-over, two records: the score, what is learned of the clocks, and the calibration."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.calls import matching
from headwater.calls.learning import (
    ENOUGH,
    PREFIX_ENOUGH,
    Learner,
    Lesson,
    expected_calibration_error,
    fit,
    lesson,
)
from headwater.calls.matching import Calibration, Edge, Side

ASKED = Side(start=1_000.0, calling="12025550123", called="15035550142", duration_s=9.0)


def sent(**more: object) -> Side:
    return Side(**{"start": 999.9, "calling": "12025550123", "called": "15035550142", "duration_s": 9.0, **more})  # type: ignore[arg-type]


def test_the_same_call_is_accepted_and_another_is_not() -> None:
    ranked = matching.rank(ASKED, [sent(), sent(start=1_020.0, calling="13125550199")], window_s=30)
    assert ranked.accepted
    assert ranked.order[0] == 0
    assert not matching.rank(ASKED, [sent(called="14045550111", calling="13125550199")], window_s=30).accepted


def test_two_alike_are_not_guessed_between() -> None:
    assert not matching.rank(ASKED, [sent(), sent(start=1_000.1)], window_s=30).accepted


def test_an_equal_identifier_settles_it() -> None:
    asked = Side(start=1_000.0, called="15035550142", call_id="a@x")
    assert matching.rank(asked, [sent(call_id="b@x"), sent(call_id="a@x")], window_s=30).order[0] == 1


def test_a_leg_to_another_carrier_loses_to_the_one_that_went_to_the_asker() -> None:
    legs = [sent(peer="X2"), sent(peer="X1", start=999.6)]
    ranked = matching.rank(ASKED, legs, window_s=30, asker="X1")
    assert ranked.order[0] == 1
    assert ranked.accepted


def test_a_learned_offset_brings_a_wrong_zone_home() -> None:
    edge = Edge(offset_s=-18_000.0, spread_s=0.3, pairs=40)
    far = sent(start=1_000.0 - 18_000.0)
    assert matching.rank(ASKED, [far], window_s=30, edges=edge).accepted
    assert matching.contradicts(ASKED, sent(start=1_000.0), edge)
    assert not matching.contradicts(ASKED, far, edge)


def test_no_candidate_is_no_record() -> None:
    assert matching.rank(ASKED, [], window_s=30).no_record == 1.0


@given(st.lists(st.floats(-60, 60), min_size=1, max_size=12))
def test_probabilities_and_no_record_sum_to_one(nats: list[float]) -> None:
    ranked = matching.normalised(nats)
    assert sum(ranked.probabilities) + ranked.no_record == pytest.approx(1.0)
    assert list(ranked.nats) == sorted(nats, reverse=True)


def taught(offsets: list[float], prefix: str = "") -> Learner:
    return Learner(Lesson(offset_s=offset, prefix=prefix) for offset in offsets)


def test_only_a_strong_identifier_teaches() -> None:
    assert lesson(ASKED, sent()) is None
    same = lesson(Side(start=10.0, call_id="a"), Side(start=7.5, call_id="a"))
    assert same == Lesson(offset_s=-2.5)


def test_offset_and_spread_are_robust() -> None:
    chance = random.Random(4)
    offsets = [chance.gauss(7.0, 0.5) for _ in range(40)]
    offsets[3] = 3_600.0
    edge = taught(offsets).edge()
    assert edge.offset_s == pytest.approx(7.0, abs=0.4)
    assert edge.spread_s < 1.0
    assert not taught([1.0] * (ENOUGH - 1)).edge().spread_s


def test_a_step_of_the_clock_begins_a_new_interval_and_an_unsteady_one_alarms() -> None:
    assert taught([0.0] * 30 + [60.0] * 6).edge().offset_s == pytest.approx(60.0)
    assert not taught([0.0] * 30 + [60.0] * 6).edge().drifts
    assert taught([0.0] * 30 + [60.0, 200.0, -90.0, 400.0, 30.0, 800.0]).edge().drifts


def test_a_prefix_enters_use_after_enough_calls_that_all_show_it() -> None:
    assert taught([0.0] * PREFIX_ENOUGH, "99").edge().prefix == "99"
    assert not taught([0.0] * (PREFIX_ENOUGH - 1), "99").edge().prefix


def test_platt_makes_overconfident_scores_honest() -> None:
    chance = random.Random(7)
    scored = []
    for _ in range(4_000):
        honest = chance.uniform(-4, 4)
        scored.append((3 * honest, chance.random() < matching.sigmoid(honest)))
    learned = fit(scored)
    assert learned.slope == pytest.approx(1 / 3, abs=0.05)
    raw = expected_calibration_error([(Calibration().probability(x), true) for x, true in scored])
    assert expected_calibration_error([(learned.probability(x), true) for x, true in scored]) < 0.02 < raw
