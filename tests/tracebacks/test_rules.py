"""Which campaigns are traced by themselves, how many of their calls, and in which order."""

from datetime import timedelta

import pytest

from headwater.tracebacks import rules
from headwater.tracebacks.rules import MOST_EXAMPLES, PER_CAMPAIGN, Budget, Standing
from headwater.tracebacks.states import Grade, TracebackState
from tests.tracebacks.support import NOON

LOST = TracebackState.ENDED_RECORD_NOT_FOUND, Grade.FRONTIER
OPEN = TracebackState.IN_PROGRESS, Grade.NONE
CONFIRMED = TracebackState.COMPLETED_ORIGINATING, Grade.ORIGIN_CONFIRMED


@pytest.mark.parametrize(
    ("ended", "wanted"),
    [
        ([], PER_CAMPAIGN),
        ([OPEN] * 3, PER_CAMPAIGN),
        ([LOST, OPEN, OPEN], PER_CAMPAIGN + 1),
        ([(TracebackState.ENDED_NON_RESPONSIVE, Grade.FRONTIER)] * 3, PER_CAMPAIGN + 3),
        ([LOST] * 40, MOST_EXAMPLES),
        ([LOST, CONFIRMED], 0),
        ([(TracebackState.ENDED_FOREIGN, Grade.ENTRY_CONFIRMED)], 0),
    ],
)
def test_how_many_examples_a_campaign_should_have(ended: list[tuple[TracebackState, Grade]], wanted: int) -> None:
    assert rules.wanted(ended) == wanted


def test_another_example_is_wanted_where_a_record_is_missing_and_not_where_an_origin_is_confirmed() -> None:
    assert rules.wants_another(*LOST, traced=1)
    assert not rules.wants_another(*LOST, traced=PER_CAMPAIGN)
    assert not rules.wants_another(*CONFIRMED, traced=1)
    assert not rules.wants_another(TracebackState.ENDED_NON_RESPONSIVE, Grade.FRONTIER, traced=1)


def standing(name: str, calls: int, **more: object) -> Standing:
    return Standing(campaign_id=name, calls=calls, last_call_at=NOON, **more)  # type: ignore[arg-type]  # as named


def test_the_queue_is_by_value_lawful_senders_last_and_the_old_and_the_settled_not_at_all() -> None:
    old = Standing(campaign_id="old", calls=9, last_call_at=NOON - timedelta(days=11))
    found = rules.queue(
        [
            standing("small", 1),
            standing("lawful", 1_000, low=True),
            standing("big", 500),
            standing("traced", 500, ended=(LOST, OPEN)),
            standing("done", 900, ended=(CONFIRMED,)),
            standing("full", 900, ended=(OPEN, OPEN, OPEN)),
            old,
        ],
        now=NOON,
    )
    assert [one.campaign_id for one in found] == ["big", "traced", "small", "lawful"]


def test_people_are_asked_less_than_agents() -> None:
    budget = Budget(open_by_agent=10, open_by_person=2)
    assert rules.may_begin(by_agent=True, open_questions=9, budget=budget)
    assert not rules.may_begin(by_agent=True, open_questions=10, budget=budget)
    assert not rules.may_begin(by_agent=False, open_questions=2, budget=budget)
