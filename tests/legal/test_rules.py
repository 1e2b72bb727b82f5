from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.legal.rules import (
    ACCEPTED,
    DECISION_STEP,
    ENDED,
    REVIEW_TARGET,
    STATE_WORDS,
    TRANSITIONS,
    BadRequest,
    Grant,
    ProcessState,
    Step,
    WrongStep,
    after,
    check_grant,
    check_reason,
    check_request,
    waiting,
)
from tests.evidence.conftest import asked

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def request(**changes):
    values = {"covers_from": NOW - timedelta(days=1), "return_date": NOW.date() + timedelta(days=14)}
    return asked(**{**values, **changes})


def test_every_step_that_is_not_in_the_table_is_refused_by_name():
    for state, step in product(ProcessState, Step):
        if (state, step) in TRANSITIONS:
            assert after(state, step) is TRANSITIONS[state, step]
        else:
            with pytest.raises(WrongStep, match="load the page again"):
                after(state, step)


def test_every_state_can_be_reached_from_a_draft_and_has_words():
    reached, waiting_for = set(), [ProcessState.DRAFT]
    while waiting_for:
        state = waiting_for.pop()
        if state not in reached:
            reached.add(state)
            waiting_for += [to for (at, _), to in TRANSITIONS.items() if at is state]
    assert reached == set(ProcessState) == set(STATE_WORDS)


def test_what_is_closed_or_withdrawn_ends():
    for ended in ENDED:
        assert not [step for (at, step) in TRANSITIONS if at is ended]


def test_an_accepted_process_is_withdrawn_or_closed_but_not_decided_again():
    for state in ACCEPTED:
        for step in DECISION_STEP.values():
            assert (state, step) not in TRANSITIONS
        assert TRANSITIONS[state, Step.WITHDRAW] is ProcessState.WITHDRAWN
        assert TRANSITIONS[state, Step.CLOSE] is ProcessState.CLOSED


@given(st.lists(st.sampled_from(list(Step)), max_size=12))
def test_nothing_is_produced_that_was_not_served_reviewed_and_accepted(steps: list[Step]):
    state, seen = ProcessState.DRAFT, [ProcessState.DRAFT]
    for step in steps:
        try:
            state = after(state, step)
        except WrongStep:
            continue
        seen.append(state)
    if ProcessState.PRODUCED in seen:
        before = seen[: seen.index(ProcessState.PRODUCED)]
        for needed in (ProcessState.SERVED, ProcessState.UNDER_REVIEW, ProcessState.ACCEPTED, ProcessState.PRODUCING):
            assert needed in before


def test_a_request_in_order_passes():
    check_request(request(), NOW)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("authority", " "),
        ("statute", ""),
        ("case_number", "x" * 201),
        ("signer", "two\nlines"),
        ("signer", "right\u202eto left"),
        ("scope", "  "),
        ("scope", "x" * 10_001),
        ("covers_from", NOW + timedelta(seconds=1)),
        ("covers_from", NOW - timedelta(days=3_000)),
        ("covers_to", NOW - timedelta(days=1)),
        ("return_date", NOW.date() - timedelta(days=1)),
        ("return_date", NOW.date() + timedelta(days=400)),
    ],
)
def test_what_is_missing_or_impossible_is_named_by_its_field(field: str, value: object):
    with pytest.raises(BadRequest) as refused:
        check_request(replace(request(), **{field: value}), NOW)
    assert list(refused.value.problems) == [field]


def test_all_problems_are_named_at_once():
    with pytest.raises(BadRequest) as refused:
        check_request(request(authority="", scope="", return_date=NOW.date() - timedelta(days=1)), NOW)
    assert set(refused.value.problems) == {"authority", "scope", "return_date"}


def test_an_acceptance_opens_no_more_than_was_asked_for():
    narrow = request(called_numbers=False, customer_identity=False)
    check_grant(narrow, Grant(called_numbers=False, customer_identity=False))
    for grant in (
        Grant(called_numbers=True, customer_identity=False),
        Grant(called_numbers=False, customer_identity=True),
    ):
        with pytest.raises(BadRequest):
            check_grant(narrow, grant)


def test_a_decision_needs_a_reason():
    assert check_reason(" In order. ") == "In order."
    for empty in ("", " \n", "x" * 10_001):
        with pytest.raises(BadRequest):
            check_reason(empty)


def test_the_review_clock_runs_from_service():
    clock = waiting(NOW, NOW + timedelta(minutes=20))
    assert (clock.waited, clock.left, clock.late) == (timedelta(minutes=20), timedelta(minutes=40), False)
    assert waiting(NOW, NOW + REVIEW_TARGET + timedelta(seconds=1)).late
