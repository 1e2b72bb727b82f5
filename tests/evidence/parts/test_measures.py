"""Figures with their intervals: the textbook's values, and no figure where there is nothing to count."""

from dataclasses import replace
from datetime import timedelta

import pytest

from headwater.evidence.material import instant
from headwater.evidence.parts import measures, traceback_table
from tests.evidence import specimen


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (10, 4.7954, 18.3904)])
def test_a_counts_interval_is_that_of_garwoods_table(count: int, low: float, high: float):
    found = measures.poisson(count)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(("part", "whole", "low", "high"), [(0, 10, 0.0, 0.3085), (5, 10, 0.1871, 0.8129),
                                                            (10, 10, 0.6915, 1.0), (0, 0, 0.0, 1.0)])  # fmt: skip
def test_a_shares_interval_is_that_of_clopper_and_pearson(part: int, whole: int, low: float, high: float):
    found = measures.share(part, whole)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_reports_an_hour_count_the_time_from_the_first_to_the_last():
    good = specimen.material()
    campaign = replace(good.main, in_scope=replace(specimen.COUNTED, calls=11))
    rows = tuple(
        {"campaign": campaign.id, "call_at": instant(specimen.NOW + timedelta(minutes=6 * n))} for n in range(11)
    )
    # Another campaign's calls are none of this one's, however often they ring.
    others = tuple({"campaign": "C-OTHER", "call_at": instant(specimen.NOW + timedelta(hours=9))} for _ in range(5))
    found = measures.an_hour(replace(good, members=(*rows, *others)), campaign)
    assert found is not None
    assert found.value == 10
    assert found.low < 10 < found.high


def test_no_rate_is_stated_where_the_table_is_cut_or_no_time_passed():
    good = specimen.material()
    campaign = replace(good.main, in_scope=replace(specimen.COUNTED, calls=2))
    two = tuple({"campaign": campaign.id, "call_at": instant(specimen.NOW)} for _ in range(2))
    assert measures.an_hour(replace(good, members=two), campaign) is None
    assert measures.an_hour(replace(good, members=two[:1]), campaign) is None
    assert all("an hour" not in row["what"] for row in measures.table(good))


def test_every_figure_names_its_method_and_what_it_is_not():
    found = measures.table(specimen.material())
    assert {"further reports in 24 hours", "share of tracebacks that ended at Cedar VoIP (709C)"} <= {
        row["what"] for row in found
    }
    for row in found:
        assert row["method"], row
        assert row["it_is_not"], row
        assert row["low_95"] <= row["value"] <= row["high_95"], row


def test_what_a_provider_was_told_is_counted_by_how_it_answered():
    (told,) = measures.told(specimen.material())
    assert (told["notices"], told["in_time"], told["unanswered"], told["answers"]) == (1, 1, 0, {"ORIGINATED": 1})
    good = specimen.material()
    silent = {**good.notices[0], "notice_id": "Q-2", "answered_at": "", "answer": "", "in_time": ""}
    (told,) = measures.told(replace(good, notices=(*good.notices, silent)))
    assert (told["notices"], told["unanswered"], told["answers"]) == (2, 1, {"ORIGINATED": 1, "none": 1})


def test_the_traceback_table_has_every_hop_with_its_call_and_masks_the_called_number():
    (row,) = traceback_table.rows(specimen.material())
    assert set(row) == set(traceback_table.COLUMNS)
    assert (row["campaign"], row["called_masked"], row["grade"]) == (
        "Legal-Enforcement-Notice", "+1 313 *** ****", "Origin confirmed",
    )  # fmt: skip
