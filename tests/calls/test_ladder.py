"""The whole view: hops from records, calls from hops, each join with its reason, and no false one."""

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headwater.calls.hops import hops
from headwater.calls.ladder import CONFIDENCE, SURE, Rule, calls_of
from headwater.calls.legs import IN_DIALOG
from headwater.calls.records import RecordKind
from headwater.intake import hep
from headwater.intake.records import sip_record
from tests.calls.invites import invite
from tests.intake import lab

CUSTOMER, A, B, C, PHONE = "10.0.0.1", "10.0.1.1", "10.0.2.1", "10.0.3.1", "10.0.4.1"
PATH = (CUSTOMER, A, B, C, PHONE)


def sip_call(*, at=0.0, name="c", digest="", tag="t", lags=(0.01, 0.1, 0.02), path=PATH, **members):
    """A call through two proxies with a back-to-back user agent (the third address) between them."""
    records = []
    for number, (source, destination) in enumerate(pairwise(path)):
        records.append(
            invite(
                source,
                destination,
                at=at + sum(lags[:number]),
                call_id=name if number < 2 else f"{name}-b2b",
                identity_digest=digest if number else "",
                headers={"from-tag": tag if number < 2 else f"{tag}-b2b"},
                **members,
            )
        )
    return records


def rules(call):
    return Counter(join.rule for join in call.joins)


def recorded(**changes):
    now = datetime(2026, 11, 24, tzinfo=UTC)
    records = [sip_record(hep.decode(octets), peer, now) for peer, octets in lab.frames()]
    return [replace(record, **changes) for record in records]


def test_every_recorded_call_is_found_whole_and_none_is_joined_with_another():
    calls = calls_of(recorded())
    truth = lab.truth()
    assert len(calls) == len(truth) == 30
    for call, true in zip(calls, sorted(truth, key=lambda one: one["start_utc_epoch"]), strict=True):
        assert {hop.call_id for hop in call.hops} == {
            true["call_id_customer_to_carrierA_and_A_to_B"],
            true["call_id_carrierB_to_C_to_called_party"],
        }
        addresses = [place.rpartition(" ")[2] for place in true["true_path"]]
        assert [call.hops[0].source_ip, *(hop.destination_ip for hop in call.hops)] == addresses[: len(call.hops) + 1]
        assert len(call.hops) == (4 if true["final_status"] == 200 else 3)
        assert call.status == true["final_status"]
        assert {hop.attest for hop in call.hops[1:]} == {true["attest"]}
        assert call.confidence == CONFIDENCE[Rule.IDENTITY]
        assert not call.possible


def test_the_recorded_calls_are_found_also_where_their_identity_was_stripped():
    calls = calls_of(recorded(identity_digest=""))
    assert len(calls) == 30
    assert all(rules(call)[Rule.NUMBERS] == 1 for call in calls)


def test_a_message_that_both_carriers_saw_is_one_hop_with_two_witnesses():
    seen = [*sip_call(), *sip_call()]
    seen = [replace(record, capture_agent=str(number // 4)) for number, record in enumerate(seen)]
    assert len(hops(seen)) == 4
    assert all(len(hop.witnesses) == 2 for hop in hops(seen))


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ({"digest": "d"}, Rule.IDENTITY),
        ({}, Rule.NUMBERS),
    ],
)
def test_a_back_to_back_agent_is_crossed_by_what_it_passes_on(members, rule):
    (call,) = calls_of(sip_call(**members))
    assert rules(call) == {Rule.DIALOG: 2, rule: 1}
    assert call.confidence == CONFIDENCE[rule]
    assert [hop.destination_ip for hop in call.hops] == list(PATH[1:])


def with_headers(records, **headers):
    return [replace(one, headers={**one.headers, **headers}) for one in records]


@pytest.mark.parametrize(
    "header",
    [{"session-id": "abc1;remote=00"}, {"icid": "x-1"}, {"hep-correlation": "77"}],
    ids=lambda one: next(iter(one)),
)
def test_identifiers_that_survive_a_switch_join_its_legs(header):
    # The switch renumbers the caller, so that numbers alone would say that these are two calls.
    records = with_headers(sip_call(lags=(0.01, 9.0, 0.02)), **header)
    (call,) = calls_of(records)
    assert rules(call) == {Rule.DIALOG: 2, Rule.SESSION: 1}


def test_a_session_id_of_zeros_joins_nothing():
    records = with_headers(sip_call(lags=(0.01, 9.0, 0.02)), **{"session-id": "0" * 32})
    assert len(calls_of(records)) == 2


def cdr(call_id, **headers):
    return invite(B, C, call_id=call_id, record_kind=RecordKind.CDR, sip_method="", headers=headers)


@pytest.mark.parametrize(
    "rows",
    [
        [cdr("c", **{"call-id-out": "c-b2b"})],
        [cdr("c", links="u-1 u-2"), cdr("c-b2b", links="u-2")],
    ],
    ids=["one row names both", "two rows share a key"],
)
def test_a_switchs_own_records_join_what_nothing_else_does(rows):
    records = sip_call(lags=(0.01, 9.0, 0.02))
    assert len(calls_of(records)) == 2
    (call,) = calls_of([*records, *rows])
    assert rules(call)[Rule.CDR] == 1


def test_another_switchs_key_or_another_day_joins_nothing():
    records = sip_call(lags=(0.01, 9.0, 0.02))
    stranger = replace(cdr("c-b2b", links="u-2"), source_id="them")
    assert len(calls_of([*records, cdr("c", links="u-2"), stranger])) == 2
    late = sip_call(lags=(0.01, 9_000.0, 0.02))
    assert len(calls_of([*late, cdr("c", links="u-2"), cdr("c-b2b", links="u-2")])) == 2


def test_a_switch_that_keeps_the_call_id_and_changes_the_tag_is_crossed():
    records = [invite(A, B, headers={"from-tag": "1"}), invite(B, C, at=0.2, headers={"from-tag": "2"})]
    (call,) = calls_of([replace(one, called="") for one in records])
    assert rules(call) == {Rule.CALL_ID: 1}


def test_a_call_id_that_is_used_again_is_another_call():
    first, again = sip_call(digest="x"), sip_call(at=40, tag="other", digest="y")
    assert [len(call.hops) for call in calls_of([*first, *again])] == [4, 4]


def test_redials_seconds_apart_stay_apart_and_whole():
    for digest in ("d", ""):
        records = [record for n in range(8) for record in sip_call(at=2.0 * n, name=f"c{n}", digest=digest and f"d{n}")]
        calls = calls_of(records)
        assert [{hop.call_id for hop in call.hops} for call in calls] == [{f"c{n}", f"c{n}-b2b"} for n in range(8)]


def test_calls_that_only_their_numbers_could_tell_apart_are_possible_and_not_joined():
    records = [*sip_call(name="a"), *sip_call(at=0.3, name="b")]
    calls = calls_of(records)
    assert len(calls) == 4
    assert all(call.possible for call in calls)
    assert all(join.confidence < SURE for call in calls for join in call.possible)


def test_a_token_that_is_played_again_for_the_next_call_merges_nothing():
    records = [*sip_call(name="a", digest="d"), *sip_call(at=8, name="b", digest="d")]
    assert [{hop.call_id for hop in call.hops} for call in calls_of(records)] == [{"a", "a-b2b"}, {"b", "b-b2b"}]


def test_a_token_that_is_played_again_for_another_number_merges_nothing():
    records = [*sip_call(name="a", digest="d"), *sip_call(at=1, name="b", digest="d", called="16165550123")]
    assert len(calls_of(records)) == 2


def test_a_forked_call_is_one_call_with_a_hop_to_each_phone():
    records = [*sip_call(digest="d"), invite(C, "10.0.4.2", at=0.14, call_id="c-b2b", headers={"from-tag": "t-b2b"})]
    (call,) = calls_of(records)
    assert [hop.destination_ip for hop in call.hops][-2:] == [PHONE, "10.0.4.2"]


def test_a_route_that_failed_and_the_next_one_are_one_call_also_without_identity():
    records = sip_call()[:3]
    refusal = invite(C, B, at=0.5, call_id="c-b2b", sip_status=503)
    second = invite(B, "10.0.9.9", at=1.5, call_id="c-second", headers={"from-tag": "x"})
    (call,) = calls_of([*records, refusal, second])
    assert [hop.destination_ip for hop in call.hops] == [A, B, C, "10.0.9.9"]
    assert len(calls_of([*records, second])) == 2, "a route that has not failed is not tried again"


def test_a_transferred_call_is_a_call_of_its_own():
    referred = sip_call(at=20, name="r", called="14045550101", tag="r")
    assert len(calls_of([*sip_call(digest="d"), *referred])) == 2


def test_a_request_for_credentials_is_not_how_the_call_ended():
    (hop,) = hops(
        [
            invite(CUSTOMER, A, headers={"from-tag": "t"}),
            invite(A, CUSTOMER, at=0.01, sip_status=407),
            invite(CUSTOMER, A, at=0.02, headers={"from-tag": "t"}),
            invite(A, CUSTOMER, at=0.5, sip_status=486),
            invite(CUSTOMER, A, at=0.6, labels=[IN_DIALOG]),
        ]
    )
    assert (hop.status, len(hop.views)) == (486, 2)


def test_a_clock_that_runs_behind_does_not_turn_the_path_round():
    records = sip_call(digest="d")
    slow = [replace(records[0], call_at=records[2].call_at), *records[1:]]
    (call,) = calls_of(slow)
    assert [hop.destination_ip for hop in call.hops] == list(PATH[1:])


drawn_calls = st.lists(
    st.tuples(st.floats(0, 20), st.floats(0.005, 0.8), st.booleans(), st.sampled_from(["12125550150", "16165550123"])),
    min_size=1,
    max_size=10,
)


@given(drawn_calls, st.randoms(use_true_random=False))
def test_whatever_the_calls_are_none_is_joined_with_another(drawn, chance: Random):
    records = []
    for number, (at, lag, signed, called) in enumerate(drawn):
        name = f"n{number}"
        records += sip_call(
            at=round(at, 3), name=name, digest=name if signed else "", lags=(0.004, lag, 0.004), called=called, tag=name
        )
    chance.shuffle(records)
    calls = calls_of(records)
    for call in calls:
        assert len({hop.call_id.removesuffix("-b2b") for hop in call.hops}) == 1
    assert sum(len(call.hops) for call in calls) == 4 * len(drawn)
    assert calls == calls_of(sorted(records, key=lambda record: record.event_id))
    assert sum(len(call.hops) == 4 for call in calls) >= sum(signed for _, _, signed, _ in drawn)
