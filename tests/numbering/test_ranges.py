"""Ranges of numbers by bisection, held to the plain search that they replace."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import Invalid
from headwater.numbering.numbers import canonical
from headwater.numbering.plan import VACANT, DnoKind, NumberPlan
from headwater.numbering.ranges import OPEN, BadIndex, RangeIndex, Span

BASE = 12_150_000_000
AT = datetime(2026, 11, 24, tzinfo=UTC)
NOW = int(AT.timestamp())

spans = st.lists(
    st.builds(
        lambda first, size, begins, lasts, word: Span(
            BASE + first, BASE + first + size, NOW + begins, OPEN if lasts is None else NOW + begins + lasts, word
        ),
        st.integers(0, 400),
        st.sampled_from([0, 0, 1, 9, 99, 150]),
        st.integers(-50, 50),
        st.none() | st.integers(0, 60),
        st.sampled_from(["709J", "003L", "unused"]),
    ),
    max_size=40,
)


@given(spans, st.integers(-5, 600))
def test_the_index_finds_what_a_plain_search_finds(given_spans: list[Span], offset: int) -> None:
    number = BASE + offset
    index = RangeIndex.from_bytes(RangeIndex(given_spans).to_bytes())
    expected = [span for span in given_spans if span.first <= number <= span.last]
    assert sorted(index.spans_of(number)) == sorted(expected)
    assert sorted(index.spans_at(number, AT)) == sorted(s for s in expected if s.begins <= NOW < s.ends)
    assert len(index) == len(given_spans)


def test_the_narrowest_range_comes_first() -> None:
    index = RangeIndex([Span(BASE, BASE + 9_999, 0, OPEN, "wide"), Span(BASE, BASE + 999, 0, OPEN, "narrow")])
    assert [span.word for span in index.spans_of(BASE + 5)] == ["narrow", "wide"]


@pytest.mark.parametrize("place", [0, 9, 40, -1, -40])
def test_a_damaged_index_is_noticed(place: int) -> None:
    octets = bytearray(RangeIndex([Span(BASE, BASE, 0, OPEN, "709J")]).to_bytes())
    octets[place] ^= 1
    with pytest.raises(BadIndex):
        RangeIndex.from_bytes(bytes(octets))


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(Invalid, match="ends before it begins"):
        RangeIndex([Span(2, 1, 0, OPEN, "")])


def test_the_standing_of_a_number_follows_from_block_lists_and_plan_as_of_a_moment() -> None:
    month = timedelta(days=30)
    before = int((AT - month).timestamp())
    blocks = RangeIndex(
        [
            Span(12_155_550_000, 12_155_550_999, 0, before, "003L"),
            Span(12_155_550_000, 12_155_550_999, before, OPEN, "709J"),
            Span(12_155_560_000, 12_155_569_999, 0, OPEN, VACANT),
        ]
    )
    dno = RangeIndex([Span(12_155_550_100, 12_155_550_100, before, OPEN, "subscriber")])
    plan = NumberPlan(blocks, dno, area_codes=["215"])
    now = plan.standing(canonical("2155550100"), AT)
    assert (now.ocn, now.unallocated, now.listed) == ("709J", False, (DnoKind.SUBSCRIBER,))
    then = plan.standing(canonical("2155550100"), AT - 2 * month)
    assert (then.ocn, then.listed) == ("003L", ())
    vacant = plan.standing(canonical("2155560100"), AT)
    assert (vacant.ocn, vacant.unallocated) == ("", True)
    assert DnoKind.UNALLOCATED in vacant.dno
    assert plan.standing(canonical("2157770100"), AT).unallocated is True
    assert plan.standing(canonical("3137770100"), AT).unallocated is None, "its area code is not loaded"
    assert DnoKind.INVALID in plan.standing(canonical("1115550100"), AT).dno
    assert plan.standing(canonical(""), AT).ocn == ""
