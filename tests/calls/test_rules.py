from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.calls.legs import Link
from headwater.calls.rules import VERSION, match_call
from headwater.numbering.numbers import E164
from headwater.wire.agents import AnswerCode
from tests.calls.invites import (
    ABROAD,
    CALLER,
    CARRIER,
    DOWN,
    OTHER,
    OURS,
    PROFILE,
    RESELLER,
    SHOP,
    TARGET,
    ask,
    invite,
    through,
    wanted,
)


@pytest.mark.parametrize(
    ("source", "code", "spc"),
    [
        (CARRIER, AnswerCode.UPSTREAM_US, "111A"),
        (ABROAD, AnswerCode.UPSTREAM_FOREIGN, ""),
        (SHOP, AnswerCode.ORIGINATED, ""),
        (RESELLER, AnswerCode.ORIGINATED_RESELLER, "555E"),
    ],
)
def test_the_owner_of_the_leg_in_decides_the_answer(source, code, spc):
    match = ask(through(source))
    assert match.code is code
    assert match.upstream is not None
    assert match.upstream.spc == spc


def test_the_answer_says_why_with_weights_and_its_version_and_without_digits():
    match = ask(through(), call_id="c1")
    text = "\n".join(match.basis)
    assert VERSION in text
    assert "Call-ID of the leg out agrees (+13.8)" in match.basis
    assert "legs in and out have the same Call-ID" in match.basis
    assert match.score_millinats > 20_000
    assert str(CALLER)[-7:] not in text
    assert str(TARGET)[-7:] not in text


def test_a_back_to_back_agent_that_changed_everything_but_the_numbers_is_followed():
    match = ask(through(out_id="other"))
    assert match.code is AnswerCode.UPSTREAM_US
    assert match.best is not None
    assert match.best.passage.link is Link.NUMBERS


def test_without_any_record_nothing_is_found():
    match = ask([])
    assert (match.code, match.compared, match.no_record) == (AnswerCode.RECORD_NOT_FOUND, 0, 1.0)


def test_calls_of_others_in_the_window_are_not_taken_for_the_missing_one():
    records = [
        call
        for n in range(20)
        for call in through(
            at=n * 3.0, call_id=f"c{n}", called=E164(f"1212555{1000 + n}"), calling=E164(f"1312555{n:04}")
        )
    ]
    assert ask(records).code is AnswerCode.RECORD_NOT_FOUND


def test_another_callers_call_to_the_same_number_is_not_taken_for_the_missing_one():
    match = ask(through(at=25, calling=E164("14045550111")))
    assert match.code is AnswerCode.RECORD_NOT_FOUND
    assert match.upstream is None


def test_a_crowded_number_proves_little_and_the_caller_decides():
    crowd = [
        call for n in range(30) for call in through(OTHER, at=n * 1.7, call_id=f"c{n}", calling=E164(f"1404555{n:04}"))
    ]
    match = ask([*crowd, *through(at=20, call_id="mine")], at=20.1)
    assert match.code is AnswerCode.UPSTREAM_US
    assert match.upstream is not None
    assert match.upstream.spc == "111A"
    assert any("30 other calls" in sentence for sentence in match.basis)


def test_in_a_crowd_the_missing_call_is_not_replaced_by_a_neighbour():
    crowd = [
        call for n in range(30) for call in through(OTHER, at=n * 1.7, call_id=f"c{n}", calling=E164(f"1404555{n:04}"))
    ]
    assert ask(crowd, at=20.1).code is AnswerCode.RECORD_NOT_FOUND


def test_close_redials_are_not_guessed_between():
    redials = [*through(at=0, call_id="a"), *through(OTHER, at=1.0, call_id="b")]
    match = ask(redials, at=0.6)
    assert match.code is AnswerCode.NEED_INFO
    assert match.best is None
    assert match.upstream is None
    assert match.note.startswith("2 calls fit")


@pytest.mark.parametrize("identifier", ["call_id", "identity_digest"])
def test_an_identifier_tells_redials_apart(identifier):
    redials = [
        *through(at=0, call_id="a", identity_digest="one"),
        *through(OTHER, at=1.0, call_id="b", identity_digest="two"),
    ]
    match = ask(redials, at=0.6, **{identifier: "b" if identifier == "call_id" else "two"})
    assert match.upstream is not None
    assert match.upstream.spc == "222B"


@pytest.mark.parametrize("offset", [-6, -3, 0.5, 3, 6])
def test_a_clock_that_is_some_seconds_off_is_no_hindrance(offset):
    assert ask(through(at=10), at=10.1 + offset).code is AnswerCode.UPSTREAM_US


def test_a_call_outside_the_window_counts_only_by_its_identifier():
    assert ask(through(at=200), at=0).code is AnswerCode.RECORD_NOT_FOUND
    assert ask(through(at=200), at=0, call_id="c1").code is AnswerCode.UPSTREAM_US


def test_digits_rewritten_inside_the_carrier_cost_nothing():
    records = [
        invite(CARRIER, OURS, called=E164("18005550199"), identity_digest="d"),
        invite(OURS, DOWN, at=0.1, call_id="c2", identity_digest="d"),
    ]
    assert ask(records).code is AnswerCode.UPSTREAM_US


def test_a_call_handed_to_another_known_carrier_is_not_ours():
    match = ask(through(CARRIER, OTHER))
    assert match.code is AnswerCode.NOT_OURS
    assert match.upstream is None
    assert any("others than the carrier that names us" in sentence for sentence in match.basis)


def test_a_call_handed_to_an_unlisted_address_is_answered_and_said_so():
    match = ask(through(CARRIER, "198.51.100.7"))
    assert match.code is AnswerCode.UPSTREAM_US
    assert any("no list names" in sentence for sentence in match.basis)


def test_the_terminating_provider_answers_from_its_leg_in_where_none_goes_out():
    match = ask([invite(CARRIER, OURS)], downstream_spc="")
    assert match.code is AnswerCode.UPSTREAM_US


def test_a_call_that_left_without_a_trace_of_its_coming_names_nobody():
    match = ask([invite(OURS, DOWN)])
    assert match.code is AnswerCode.RECORD_NOT_FOUND
    assert match.best is not None
    assert "no record shows where it came from" in match.note


def test_an_address_that_no_list_names_is_nobodys_guess():
    match = ask(through("203.0.113.5"))
    assert match.code is AnswerCode.NEED_INFO
    assert match.upstream is None


def test_two_legs_in_from_different_neighbours_are_not_guessed_between():
    records = [
        invite(CARRIER, OURS, call_id="a"),
        invite(OTHER, OURS, at=0.02, call_id="b"),
        invite(OURS, DOWN, at=0.1, call_id="x"),
    ]
    assert ask(records, call_id="x").code is AnswerCode.NEED_INFO


def test_failed_routes_do_not_hide_the_one_that_reached_the_asker():
    records = [*through(CARRIER, OTHER), invite(OURS, DOWN, at=2.0)]
    match = ask(records, at=2.0)
    assert match.code is AnswerCode.UPSTREAM_US
    assert match.best is not None
    assert match.best.leg.destination_ip == DOWN


def test_an_anonymous_caller_neither_helps_nor_hinders():
    match = ask(through(calling=E164("")), calling=CALLER)
    assert match.code is AnswerCode.UPSTREAM_US
    assert not any("calling" in sentence for sentence in match.basis)


def test_a_call_id_that_contradicts_everything_else_is_not_believed_alone():
    records = through(OTHER, at=50, called=E164("13475550123"), calling=E164("14045550111"))
    assert ask(records, call_id="c1").code is not AnswerCode.UPSTREAM_US


def test_probabilities_of_all_candidates_and_of_no_record_add_up_to_one():
    match = ask([*through(at=0, call_id="a"), *through(at=2, call_id="b")], call_id="a")
    assert match.best is not None
    assert 0 <= match.no_record <= 1
    assert match.best.probability + match.no_record <= 1.0 + 1e-9


CALLS = st.lists(
    st.tuples(
        st.sampled_from([CARRIER, OTHER, SHOP, ABROAD]),
        st.sampled_from([DOWN, OTHER, "198.51.100.7"]),
        st.floats(-70, 70),
        st.sampled_from(["a", "b", "c", "d"]),
        st.sampled_from(["", "z"]),
        st.sampled_from([CALLER, E164("14045550111"), E164("")]),
        st.sampled_from([TARGET, E164("13475550150"), E164("")]),
    ),
    max_size=10,
)


def drawn(calls):
    return [
        record
        for source, to, at, call_id, out, calling, called in calls
        for record in through(
            source, to, at=round(at, 3), call_id=call_id, out_id=call_id + out, calling=calling, called=called
        )
    ]


@given(CALLS, st.integers(), st.sampled_from(["", "a", "bz"]))
def test_the_answer_does_not_depend_on_the_order_of_the_records(calls, seed, call_id):
    records = drawn(calls)
    shuffled = list(records)
    Random(seed).shuffle(shuffled)
    assert ask(records, call_id=call_id) == ask(shuffled, call_id=call_id)


@given(CALLS, st.sampled_from(["", "a", "bz"]))
def test_an_upstream_is_named_only_by_an_accepted_call_that_came_from_it(calls, call_id):
    match = ask(drawn(calls), call_id=call_id)
    if match.upstream is None:
        assert match.code in {AnswerCode.RECORD_NOT_FOUND, AnswerCode.NEED_INFO, AnswerCode.NOT_OURS}
        return
    assert match.best is not None
    assert match.best.probability >= 0.99
    assert match.best.passage.ingress is not None
    assert match.best.passage.ingress.peer == match.upstream


@given(CALLS)
def test_records_of_other_numbers_change_no_answer(calls):
    records = drawn(calls)
    noise = [replace_number(record) for record in records]
    assert ask(records).code is ask(records + noise).code


def replace_number(record):
    return invite(
        record.source_ip,
        record.destination_ip,
        at=1.0,
        call_id="noise" + record.call_id,
        called=E164("16465559999"),
        calling=E164("16465558888"),
    )


def test_the_window_of_the_question_is_kept():
    question = replace(wanted(), window_s=5)
    assert match_call(question, through(at=30), PROFILE).code is AnswerCode.RECORD_NOT_FOUND
