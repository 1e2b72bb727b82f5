from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from headwater.calls.legs import IN_DIALOG, Direction, Link, legs, passages
from tests.calls.invites import CARRIER, DOWN, OTHER, OURS, OURS_TOO, PROFILE, START, invite, through


def only(records):
    found = passages(records, PROFILE)
    assert len(found) == 1, found
    return found[0]


def test_two_views_of_one_message_are_one_leg_from_its_first_record():
    seen = [
        invite(CARRIER, OURS, at=0.004),
        invite(CARRIER, OURS, at=0.0, identity_digest=""),
        invite(CARRIER, OURS, at=0.5),
    ]
    (leg,) = legs(seen, PROFILE)
    assert leg.started == START
    assert leg.record == seen[1]


def test_a_view_that_lacks_the_identity_does_not_hide_it():
    (leg,) = legs([invite(CARRIER, OURS, at=0), invite(CARRIER, OURS, at=1, identity_digest="d", attest="A")], PROFILE)
    assert (leg.started, leg.identity_digest, leg.attest) == (START, "d", "A")


def test_answers_requests_inside_a_call_and_other_methods_are_no_legs():
    assert not legs(
        [
            invite(CARRIER, OURS, sip_status=200),
            invite(CARRIER, OURS, labels=[IN_DIALOG]),
            invite(CARRIER, OURS, sip_method="BYE"),
        ],
        PROFILE,
    )


def test_a_call_between_strangers_on_a_shared_wire_is_not_ours():
    assert not legs([invite(CARRIER, DOWN)], PROFILE)


def test_a_proxy_keeps_the_call_id():
    passage = only(through())
    assert passage.link is Link.CALL_ID
    assert passage.ingress is not None
    assert (passage.ingress.peer.spc, passage.egress[0].peer.spc) == ("111A", "999D")


def test_a_back_to_back_agent_is_joined_by_the_identity_token():
    assert only(through(out_id="c2", identity_digest="d")).link is Link.IDENTITY


def test_a_back_to_back_agent_without_identity_is_joined_by_numbers_and_time():
    assert only(through(out_id="c2")).link is Link.NUMBERS


def test_a_carrier_that_signs_is_joined_though_only_its_leg_out_has_a_token():
    records = [invite(CARRIER, OURS), invite(OURS, DOWN, at=0.1, call_id="c2", identity_digest="d")]
    assert only(records).link is Link.NUMBERS


def test_different_tokens_are_different_calls():
    records = [
        invite(CARRIER, OURS, identity_digest="x"),
        invite(OURS, DOWN, at=0.1, call_id="c2", identity_digest="d"),
    ]
    assert len(passages(records, PROFILE)) == 2


def test_legs_out_that_are_too_late_or_before_the_leg_in_are_not_joined_by_numbers():
    for lag in (-0.5, 5.0):
        assert len(passages([invite(CARRIER, OURS), invite(OURS, DOWN, at=lag, call_id="c2")], PROFILE)) == 2


def test_a_route_that_failed_over_is_one_call_with_two_legs_out():
    records = [*through(CARRIER, OTHER, out_id="c2"), invite(OURS, DOWN, at=3.0, call_id="c3")]
    passage = only(records)
    assert {leg.peer.spc for leg in passage.egress if leg.peer} == {"222B", "999D"}


def test_a_leg_inside_the_carrier_joins_a_proxy_with_a_back_to_back_agent():
    records = [
        invite(CARRIER, OURS, call_id="c1"),
        invite(OURS, OURS_TOO, at=0.01, call_id="c1"),
        invite(OURS_TOO, DOWN, at=0.1, call_id="c2", identity_digest="d"),
        invite(OURS, OURS_TOO, at=0.02, call_id="c1", identity_digest="d"),
    ]
    passage = only(records)
    assert passage.ingress is not None
    assert [leg.direction for leg in passage.inside] == [Direction.INTERNAL]


def test_redials_are_paired_each_with_its_own_leg():
    records = [call for n in range(5) for call in through(at=2.0 * n, call_id=f"in{n}", out_id=f"out{n}")]
    found = passages(records, PROFILE)
    assert [(p.ingress.call_id[-1], p.egress[0].call_id[-1]) for p in found if p.ingress] == [
        (str(n),) * 2 for n in range(5)
    ]


def test_a_token_that_is_replayed_for_another_call_does_not_merge_the_two():
    records = [*through(call_id="a", identity_digest="d"), *through(OTHER, at=20, call_id="b", identity_digest="d")]
    found = passages(records, PROFILE)
    assert [(p.ingress.peer.spc, len(p.egress)) for p in found if p.ingress and p.ingress.peer] == [
        ("111A", 1),
        ("222B", 1),
    ]


def test_a_call_that_comes_by_twice_is_two_passages():
    records = [
        *through(CARRIER, OTHER, at=0),
        *through(OTHER, DOWN, at=1.0),
    ]
    found = passages(records, PROFILE)
    assert [(p.ingress.peer.spc, p.egress[0].peer.spc) for p in found] == [("111A", "222B"), ("222B", "999D")]


def test_two_legs_in_that_fit_one_leg_out_are_rivals():
    records = [
        invite(CARRIER, OURS, call_id="a"),
        invite(OTHER, OURS, at=0.02, call_id="b"),
        invite(OURS, DOWN, at=0.1, call_id="x"),
    ]
    rivals = [leg.peer.spc for passage in passages(records, PROFILE) for leg in passage.rivals if leg.peer]
    assert rivals


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("dx"), st.floats(0, 8)), max_size=8), st.integers())
def test_the_calls_do_not_depend_on_the_order_of_the_records(drawn, seed):
    records = []
    for number, (name, digest, at) in enumerate(drawn):
        records += through(
            CARRIER if number % 2 else OTHER,
            at=round(at, 3),
            call_id=name,
            out_id=f"{name}{number}",
            identity_digest=digest * (number % 3),
        )
    shuffled = list(records)
    Random(seed).shuffle(shuffled)
    assert passages(records, PROFILE) == passages(shuffled, PROFILE)


def test_the_start_of_a_passage_orders_them():
    found = passages([*through(at=9, call_id="late"), *through(at=1, call_id="early")], PROFILE)
    assert [passage.legs[0].call_id for passage in found] == ["early", "late"]
    assert found[0].egress[0].started - START == timedelta(seconds=1.1)


def test_a_leg_in_that_comes_after_the_leg_out_is_not_its_source_though_it_is_nearer():
    records = [
        invite(CARRIER, OURS, at=9.0, call_id="a", identity_digest="d"),
        invite(OURS, DOWN, at=10.1, call_id="x", identity_digest="d"),
        invite(OTHER, OURS, at=10.5, call_id="b", identity_digest="d"),
    ]
    joined = [passage for passage in passages(records, PROFILE) if passage.egress]
    assert [passage.ingress.peer.spc for passage in joined if passage.ingress and passage.ingress.peer] == ["111A"]
