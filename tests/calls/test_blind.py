"""Blind searches: who carried the call proves it, and nobody else learns its number."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.calls import blind
from headwater.calls.blind import BadSearch
from headwater.wire.searches import Hit, Search

AT = datetime(2026, 6, 9, 16, 0, tzinfo=UTC)
CALLED = "15035550142"
KEY = bytes(range(32))
NUMBERS = st.from_regex(r"1[2-9][0-9]{9}", fullmatch=True)


def search(called: str = CALLED, key: bytes = KEY, **change: object) -> Search:
    made = Search(
        search_id="SR-1",
        key=key,
        prefix=blind.label(key, called)[: blind.PREFIX],
        begin=(AT - blind.REACH).isoformat(),
        end=(AT + blind.REACH).isoformat(),
        closes_at=AT.isoformat(),
    )
    return msgspec.structs.replace(made, **change)


@given(NUMBERS, st.binary(min_size=32, max_size=32), st.integers(-900, 900))
def test_whoever_carried_the_call_proves_it_whatever_its_prefix_and_clock(called: str, key: bytes, off: int) -> None:
    at = AT + timedelta(seconds=off)
    for form in (called, called[1:], "0111" + called[1:]):
        found = blind.hit(search(called, key), [(form, "999D", at)])
        assert found is not None
        assert blind.shows(found, search(called, key), called=called)
        assert blind.shows(found, search(called, key), called=called, receiver="999d")
        assert not blind.shows(found, search(called, key), called=called, receiver="111A")


@given(st.lists(NUMBERS.filter(lambda one: one != CALLED), max_size=200))
def test_who_has_other_calls_says_nothing(numbers: list[str]) -> None:
    found = blind.hit(search(), [(one, "999D", AT) for one in numbers])
    assert found is None or not blind.shows(found, search(), called=CALLED)


def test_a_call_of_another_time_is_none() -> None:
    assert blind.hit(search(), [(CALLED, "999D", AT + timedelta(seconds=901))]) is None


def test_a_number_whose_label_begins_alike_proves_nothing() -> None:
    """Forced here by a short beginning: the proof is of the whole number."""
    short = search(prefix=b"")
    with pytest.raises(BadSearch):
        blind.span(short)
    proofs = Hit(search_id="SR-1", carried=[blind.carried(KEY, "15035550143")])
    assert not blind.shows(proofs, search(), called=CALLED)


@pytest.mark.parametrize(
    "change",
    [
        {"prefix": b"\x01"},
        {"prefix": b""},
        {"key": b"k"},
        {"begin": "yesterday"},
        {"begin": "2026-06-09T15:45:00"},
        {"end": (AT + timedelta(days=1)).isoformat()},
        {"end": (AT - timedelta(days=1)).isoformat()},
    ],
)
def test_a_search_that_would_tell_more_than_one_call_is_not_answered(change: dict[str, object]) -> None:
    with pytest.raises(BadSearch):
        blind.hit(search(**change), [(CALLED, "999D", AT)])


def test_a_member_cannot_try_out_the_numbers_that_share_a_beginning() -> None:
    many = [blind.carried(KEY, f"1503555{number:04}") for number in range(142, 142 - blind.MOST_PROOFS - 1, -1)]
    assert not blind.shows(Hit(search_id="SR-1", carried=many[::-1]), search(), called=CALLED)


def test_the_beginning_of_a_label_leaves_hundreds_of_numbers() -> None:
    assignable = 800 * 800 * 10_000
    assert assignable / 256**blind.PREFIX > 300
