"""Roll-ups count each call once, in its hour, under each key."""

from datetime import timedelta
from typing import Any

import pytest

from headwater.calls.queries import CallQueries
from headwater.calls.records import RecordKind
from headwater.calls.store import CallStore
from headwater.calls.trends import Dimension, Trend, by_vantage, called_in, called_totals
from headwater.errors import Invalid
from tests.calls.samples import NOON, invite, report

START, END = NOON - timedelta(hours=2), NOON + timedelta(hours=3)


@pytest.fixture
def reads(store: CallStore) -> CallQueries:
    store.insert([report(n, terminating_spc="709J" if n % 2 else "505K") for n in range(10)])
    store.insert([report(n) for n in range(3)])  # sent again: nothing is new
    store.insert([report(20, calling="13105550101", call_at=NOON + timedelta(hours=1), terminating_spc="709J")])
    store.insert([report(21, record_kind=RecordKind.REPUTATION)])
    store.insert([invite(1, sip_status=200), invite(2, calling="442071838750")])
    return CallQueries(store.engine, store.database)


def counts(found: list[Trend]) -> dict[str, int]:
    return {one.key: one.calls for one in found}


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [
        (Dimension.NUMBER, {"12155550100": 10, "13105550101": 1, "442071838750": 1}),
        (Dimension.BLOCK, {"2155550": 10, "3105550": 1, "": 1}),
        (Dimension.NPA_NXX, {"215555": 10, "310555": 1, "": 1}),
        (Dimension.STATE, {"PA": 10, "CA": 1, "": 1}),
        (Dimension.PROVIDER, {"709J": 6, "505K": 5, "": 1}),
        (Dimension.SOURCE, {"ORG-APP": 11, "ORG-CARRIER": 1}),
        (Dimension.ATTESTATION, {"": 11, "A": 1}),
    ],
)
def test_calls_are_counted_once_under_each_key(
    reads: CallQueries, dimension: Dimension, expected: dict[str, int]
) -> None:
    assert counts(reads.trends(dimension, start=START, end=END)) == expected


def test_the_hours_of_a_number_are_those_of_its_calls(reads: CallQueries) -> None:
    (one,) = reads.trends(Dimension.NUMBER, key="12155550100", start=START, end=END)
    assert dict(one.hours) == {NOON: 10}
    assert one.called_about == 10


def test_the_rarest_are_cut_off_and_a_span_without_calls_is_empty(reads: CallQueries) -> None:
    assert counts(reads.trends(Dimension.NUMBER, limit=1, start=START, end=END)) == {"12155550100": 10}
    before = NOON - timedelta(days=9)
    assert reads.trends(Dimension.STATE, start=before, end=before + timedelta(hours=1)) == []


@pytest.mark.parametrize("span", [0, -1, 24 * 93])
def test_a_span_out_of_bounds_is_refused(reads: CallQueries, span: int) -> None:
    with pytest.raises(Invalid):
        reads.trends(Dimension.NUMBER, start=NOON, end=NOON + timedelta(hours=span))


def test_minutes_of_receipt_count_every_record_once(reads: CallQueries) -> None:
    assert sum(one.records for one in reads.per_minute(NOON - timedelta(hours=1))) == reads.total()


def test_vantage_points_stand_side_by_side_and_are_never_summed(reads: CallQueries) -> None:
    kinds = by_vantage(reads, start=START, end=END)
    assert kinds == {"app": {NOON: 10, NOON + timedelta(hours=1): 1}, "carrier": {NOON: 1}}
    of_one = by_vantage(reads, start=START, end=END, dimension=Dimension.PROVIDER, key="505K")
    assert of_one == {"app": {NOON: 5}}


def test_calls_are_counted_by_the_state_that_was_called(reads: CallQueries) -> None:
    totals = called_totals(reads, start=START, end=END)
    assert sum(sum(kinds.values()) for kinds in totals.values()) == 12
    (where,) = [one for one in totals if one]
    assert called_in(reads, where, start=START, end=END)["app"][NOON] == totals[where]["app"] - 1
    assert called_in(reads, "AK", start=START, end=END) == {}


@pytest.mark.parametrize("ask", [by_vantage, called_totals])
def test_a_span_that_is_too_long_is_refused_here_too(reads: CallQueries, ask: Any) -> None:
    with pytest.raises(Invalid):
        ask(reads, start=NOON, end=NOON + timedelta(days=200))
