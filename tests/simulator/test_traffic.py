"""Which calls ring, and what is reported of them."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import msgspec
import pytest

from headwater.numbering.numbers import canonical, is_possible, state
from headwater.simulator import scripts, traffic
from headwater.simulator.network import MAIN, STATES, build
from headwater.wire.events import FeedEvent

START = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def minutes(seed: int, count: float) -> list[traffic.Placed]:
    until = START + timedelta(minutes=count)
    return list(takewhile(lambda one: one.call.at < until, traffic.plan(build(seed), START)))


def test_calls_come_in_order_of_time_and_are_counted():
    calls = [one.call for one in minutes(1, 3)]
    assert [call.number for call in calls] == list(range(1, len(calls) + 1))
    assert calls == sorted(calls, key=lambda call: call.at)


@pytest.mark.parametrize("seed", range(6))
def test_the_main_campaign_rings_twenty_to_forty_times_a_minute_and_the_others_less(seed):
    main = next(stream.campaign for stream in traffic.streams(build(seed)) if stream.head == MAIN)
    counts = Counter(one.call.campaign for one in minutes(seed, 20))
    assert 20 <= counts[main] / 20 <= 40
    assert all(counts[main] > 2 * number for name, number in counts.items() if name not in (main, ""))


@pytest.mark.parametrize("seed", range(6))
def test_the_campaigns_of_one_network_are_of_different_families(seed):
    names = [stream.campaign for stream in traffic.streams(build(seed)) if stream.campaign]
    assert len({scripts.campaigns()[name][0].family for name in names}) == len(names) == 5


def test_every_number_is_one_that_the_plan_keeps_for_fiction():
    for one in minutes(2, 3):
        for number in (one.call.calling, one.call.called):
            assert number[4:9] == "55501"
            assert is_possible(canonical(number))


def test_called_numbers_lie_in_the_states_that_they_claim():
    for name, areas in traffic.AREAS.items():
        assert {state(canonical(f"1{area}5550100")) for area in areas} == {name}
    assert {one.call.state for one in minutes(2, 5)} == set(STATES)


def test_a_campaign_rotates_its_calling_numbers():
    seen = defaultdict(set)
    for one in minutes(1, 5):
        seen[one.call.campaign].add(one.call.calling)
    assert all(len(numbers) > 5 for numbers in seen.values())


def test_no_call_stays_inside_one_carrier():
    assert all(len(set(one.call.path)) == len(one.call.path) > 1 for one in minutes(3, 5))


def test_an_event_is_sent_after_the_call_and_obeys_the_contract():
    for one in minutes(1, 3):
        if one.report:
            again = msgspec.json.decode(msgspec.json.encode(one.report.event), type=FeedEvent)
            seen = datetime.fromisoformat(again.call_at)
            assert one.call.at < one.report.at < one.call.at + timedelta(minutes=3)
            assert abs((seen - one.call.at).total_seconds()) < 5
            assert again.terminating_spc == one.call.path[-1]


def test_no_event_says_which_campaign_it_belongs_to():
    labels = set(scripts.campaigns())
    for one in minutes(1, 3):
        if one.report:
            sent = msgspec.to_builtins(one.report.event) | {"transcript": ""}
            assert not any(label in str(sent) for label in labels)


def test_a_second_run_does_not_repeat_an_event_identifier():
    later = START + timedelta(minutes=7)
    first = {one.report.event.event_id for one in minutes(1, 2) if one.report}
    until = later + timedelta(minutes=2)
    second = takewhile(lambda one: one.call.at < until, traffic.plan(build(1), later))
    assert not first & {one.report.event.event_id for one in second if one.report}


def test_campaigns_say_what_was_really_recorded_and_ordinary_calls_do_not():
    real = {script.text for told in scripts.campaigns().values() for script in told}
    for one in minutes(1, 3):
        assert (one.call.transcript in real) is bool(one.call.campaign)


def test_everyday_messages_are_many_and_each_is_told_before_one_comes_again():
    import random

    deck = scripts.Everyday(random.Random(1))
    texts = [deck.draw().text for _ in range(40)]
    assert len({text[:15] for text in texts}) >= 35
    assert not any("{" in text for text in texts)
