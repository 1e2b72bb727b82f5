"""Calls are found as people name them: in any form of number, by another clock or zone, one or thousands at once."""

from datetime import timedelta

import pytest

from headwater.calls.lookups import Key, Rule, TooManyAsked, Wanted, confidence
from headwater.calls.queries import CallQueries
from headwater.calls.store import CallStore
from headwater.errors import Invalid
from tests.calls.samples import NOON, invite, report


@pytest.fixture
def reads(store: CallStore) -> CallQueries:
    store.insert([report(n) for n in range(2_000)])
    store.insert([report(3_000, called="3105550007", calling="2155550100", call_at=NOON + timedelta(seconds=19))])
    store.insert([report(3_001, called="13105550008", call_at=NOON + timedelta(hours=5, seconds=10))])
    store.insert([invite(1, origid="o-1", terminating_spc="709J", headers={"trunk_in": "TG7", "x": "TG8"})])
    return CallQueries(store.engine, store.database)


def wanted(number: int, **changes: object) -> Wanted:
    fields = {
        "called": f"+1 (310) 555-{number:04d}",
        "calling": "215-555-0100",
        "call_at": NOON + timedelta(seconds=number % 1_000 + 5),
    }
    return Wanted(**fields | changes)  # type: ignore[arg-type]  # the test's own fields


def test_a_call_is_found_by_numbers_in_another_form_and_a_clock_that_is_off(reads: CallQueries) -> None:
    (found,) = reads.find_calls([wanted(7)], window_s=30)
    assert {one.record.event_id for one in found} == {"event-7", "event-3000"}
    assert found[0].rule is Rule.BOTH_NUMBERS
    assert "310" not in found[0].sentence


def test_without_the_caller_the_match_is_less_sure(reads: CallQueries) -> None:
    (both,), (alone,) = (reads.find_calls([wanted(5, calling=c)], window_s=30) for c in ("2155550100", ""))
    assert (both[0].record, alone[0].rule) == (alone[0].record, Rule.CALLED_ALONE)
    assert alone[0].confidence < both[0].confidence < 1


def test_another_caller_and_another_time_are_no_answer(reads: CallQueries) -> None:
    assert reads.find_calls([wanted(5, calling="2155550199")], window_s=30) == [[]]
    assert reads.find_calls([wanted(5, call_at=NOON + timedelta(minutes=9))], window_s=30) == [[]]


def test_a_wrong_zone_is_found_where_it_is_asked_for_and_said(reads: CallQueries) -> None:
    asked = wanted(8, call_at=NOON + timedelta(seconds=12))
    assert [one.zone_hours for one in reads.find_calls([asked], window_s=30)[0]] == [0]
    found = reads.find_calls([asked], window_s=30, zones=True)[0]
    assert [(one.record.event_id, one.zone_hours) for one in found] == [("event-8", 0), ("event-3001", 5)]
    assert found[1].rule is Rule.ANOTHER_ZONE
    assert found[1].confidence < found[0].confidence
    assert "+5 h" in found[1].sentence


def test_thousands_at_once_are_answered_in_their_order(reads: CallQueries) -> None:
    found = reads.find_calls([wanted(n) for n in reversed(range(2_000))] + [wanted(9_999)], window_s=6)
    for number, answers in zip(reversed(range(2_000)), found, strict=False):
        assert f"event-{number}" in {one.record.event_id for one in answers}
    assert found[-1] == []


def test_copies_of_one_record_are_one_answer(store: CallStore) -> None:
    store._write([report(1)])
    store._write([report(1, received_at=NOON + timedelta(hours=1))])
    reads = CallQueries(store.engine, store.database)
    (found,) = reads.find_calls([wanted(1)], window_s=30)
    assert [one.record.received_at for one in found] == [report(1).received_at]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (Key.CALL_ID, "call-1@example"),
        (Key.IDENTITY, invite(1).identity_digest.upper()),
        (Key.ORIGID, "o-1"),
        (Key.SPC, "709J"),
        (Key.TRUNK, "TG7"),
    ],
)
def test_a_record_is_found_by_each_identifier(reads: CallQueries, key: Key, value: str) -> None:
    assert [one.record_id for one in reads.by_key(key, value, start=NOON, end=NOON + timedelta(hours=1))] == [
        invite(1).record_id
    ]
    assert reads.by_key(key, "TG8", start=NOON, end=NOON + timedelta(hours=1)) == []


def test_calls_of_the_same_caller_nearby_are_similar_ones(reads: CallQueries) -> None:
    near = reads.similar(report(100), window_s=3)
    assert near
    assert report(100).record_id not in {one.record_id for one in near}
    assert all(abs((one.call_at - report(100).call_at).total_seconds()) <= 3 for one in near)
    assert reads.similar(report(1, calling="")) == []


def test_what_cannot_be_looked_up_is_refused(reads: CallQueries) -> None:
    with pytest.raises(Invalid):
        reads.find_calls([wanted(1, called="nobody")], window_s=30)
    with pytest.raises(Invalid):
        reads.find_calls([wanted(1)], window_s=0)
    with pytest.raises(TooManyAsked):
        reads.find_calls([wanted(1)] * 10_001, window_s=1)
    with pytest.raises(Invalid):
        reads.by_key(Key.CALL_ID, " ", start=NOON, end=NOON)


def test_a_wider_window_is_never_surer() -> None:
    for rule in Rule:
        assert confidence(rule, 10) > confidence(rule, 60) > confidence(rule, 600) > 0
