import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.campaigns.bursts import Bursts, Table
from headwater.campaigns.keys import Heard, KeyKind, keys_of, name_of
from headwater.campaigns.metadata import LATE_S, Metadata, Signal
from headwater.campaigns.patterns import LEAST_CALLS, patterns

START = 1_790_000_000.0


def heard(number: int, at: float, **other) -> Heard:
    fields = {
        "record_id": number.to_bytes(16, "big"),
        "at": at,
        "calling": f"1313555{number % 10_000:04d}",
        "called": f"1248{200 + number % 700}{number * 7919 % 10_000:04d}",
        "provider": "709J",
    }
    return Heard(**{**fields, **other})


def quiet(seconds: int, *, calling: str = "12155550100", every: int = 40, first: int = 0) -> list[Heard]:
    return [heard(first + i, START + i * every, calling=calling) for i in range(seconds // every)]


def follow(metadata: Metadata, calls: list[Heard], step: int = 50) -> list[Signal]:
    found = []
    for at in range(0, len(calls), step):
        found += metadata.take(calls[at : at + step])
    return found


def test_a_number_that_rings_ten_times_its_past_is_caught_and_told_of_once():
    metadata = Metadata()
    assert [s for s in follow(metadata, quiet(7_200)) if s.kind is KeyKind.NUMBER] == []
    storm = [heard(10_000 + i, START + 7_200 + i * 0.8, calling="12155550100") for i in range(60)]

    told = [s for s in follow(metadata, storm, step=1) if s.kind is KeyKind.NUMBER]

    assert len(told) == 1
    assert told[0].at - (START + 7_200) <= 10
    assert told[0].name == "+1 215 555 0100"
    assert told[0].calls > 2 * told[0].expected
    assert told[0].burst is not None


def test_a_restart_goes_on_without_alarming_again():
    calls = quiet(7_200) + [heard(10_000 + i, START + 7_200 + i * 0.8, calling="12155550100") for i in range(60)]
    whole, first = Metadata(), Metadata()
    expected = follow(whole, calls)
    for cut in (len(calls) - 45, len(calls) - 20):
        first = Metadata()
        before = follow(first, calls[:cut])
        rebuilt = Metadata.load(first.dump())
        after = follow(rebuilt, calls[cut:])
        told = [s for s in before + after if s.kind is KeyKind.NUMBER]
        assert len(told) == len([s for s in expected if s.kind is KeyKind.NUMBER]) == 1


@pytest.mark.parametrize("octets", [b"", b"PK\x03\x04", b"\x00" * 300, Metadata().dump()[:200]])
def test_a_broken_checkpoint_says_so(octets: bytes):
    with pytest.raises(ValueError, match=r"no checkpoint|zip|pickle|Cannot|File"):
        Metadata.load(octets)


def test_yesterdays_file_is_no_burst():
    metadata = Metadata()
    metadata.take([heard(1, START + 90_000)])
    old = [heard(10 + i, START + i * 0.01) for i in range(500)]
    assert metadata.take(old) == []
    assert metadata.late == 500
    assert metadata.take([heard(900, START + 90_000 - LATE_S + 20)]) == []
    assert metadata.late == 500


def test_a_snowshoe_is_seen_in_its_block_though_no_number_repeats():
    metadata = Metadata()
    follow(metadata, quiet(3_600))
    calls = [heard(i, START + 3_600 + i, calling=f"1917861{2000 + i:04d}") for i in range(24)]
    told = [s for s in follow(metadata, calls, step=1) if s.kind is KeyKind.BLOCK]
    told += metadata.tick(START + 3_700)
    assert told
    assert told[0].name == "917-861-2"
    assert "snowshoe" in [p.name for s in told if s.kind is KeyKind.BLOCK for p in s.patterns] or told[0].burst


@pytest.mark.parametrize(
    ("name", "kind", "change"),
    [
        ("snowshoe", KeyKind.BLOCK, lambda i: {"calling": f"1917861{2000 + i}"}),
        ("sweep", KeyKind.NUMBER, lambda i: {"called": f"1248555{1000 + i * 3}"}),
        ("wangiri", KeyKind.NUMBER, lambda _: {"ring_ms": 900, "answered": False}),
        ("equal-durations", KeyKind.NUMBER, lambda i: {"duration_ms": 31_000 + i % 3 * 200}),
        ("regular", KeyKind.NUMBER, lambda i: {"at": START + i * 2.0}),
        ("impossible-numbers", KeyKind.PROVIDER, lambda i: {"calling": f"1000555{i:04d}"}),
        (
            "neighbour",
            KeyKind.ORIGID,
            lambda i: {"calling": f"1{(313, 248)[i % 2]}5551{i:03d}", "called": f"1{(313, 248)[i % 2]}5552{i:03d}"},
        ),
    ],
)
def test_each_pattern_is_seen_and_its_absence_too(name: str, kind: KeyKind, change):
    chance = random.Random(4)
    at = START
    plain, marked = [], []
    for i in range(30):
        at += chance.expovariate(0.5)
        ordinary = {
            "at": at,
            "calling": "12155550100",
            "called": f"1{chance.choice((248, 313, 517))}{chance.randint(2_000_000, 9_999_999)}",
            "duration_ms": chance.randint(3_000, 400_000),
            "ring_ms": 9_000,
            "answered": True,
        }
        plain.append(heard(i, **ordinary))
        marked.append(heard(i, **{**ordinary, **change(i)}))
    assert name in [p.name for p in patterns(kind, marked)]
    assert name not in [p.name for p in patterns(kind, plain)]
    assert patterns(kind, marked[: LEAST_CALLS - 1]) == []


def test_a_pattern_names_what_the_registry_says_of_a_number():
    calls = [heard(i, START + i) for i in range(10)]
    found = patterns(KeyKind.PROVIDER, calls, lambda _: "on the do-not-originate list")
    assert "do-not-originate" in next(p.sentence for p in found if p.name == "impossible-numbers")


def test_no_signal_names_a_called_number():
    metadata = Metadata()
    follow(metadata, quiet(3_600))
    calls = [heard(i, START + 3_600 + i * 0.2, called=f"12485551{i % 1000:03d}") for i in range(100)]
    for signal in follow(metadata, calls):
        shown = signal.name + " ".join(signal.reasons)
        assert not any(call.called[4:] in shown for call in calls)


@settings(max_examples=20)
@given(st.lists(st.integers(1, 2**62), min_size=1, max_size=400, unique=True), st.integers(1, 5))
def test_the_table_finds_every_key_again_also_when_it_grew(keys: list[int], rounds: int):
    table = Table(slots=16, most=1 << 12)
    all_keys = np.array(keys, dtype=np.uint64)
    for _ in range(rounds):
        for part in np.array_split(all_keys, 7):
            if len(part):
                slots = table.slots(part, 5)
                assert (table.columns["key"][slots] == part).all()
    assert len(set(table.slots(all_keys, 5).tolist())) == len(keys) == table.used


def test_a_full_table_gives_up_the_keys_unheard_longest():
    bursts = Bursts(Table(slots=64, most=64))
    for bin_ in range(30):
        keys = np.arange(1, 11, dtype=np.uint64) + np.uint64(bin_ * 10)
        bursts.close(100 + bin_, keys, np.ones(10, dtype=np.int64))
    held = set(bursts.table.columns["key"].tolist())
    assert set(range(291, 301)) <= held
    assert bursts.table.used <= 0.6 * 64 + 10


def test_idle_bins_taken_at_once_are_the_same_as_taken_one_by_one():
    key = np.array([7], dtype=np.uint64)
    one, many = Bursts(), Bursts()
    for bursts in (one, many):
        for bin_ in range(200):
            bursts.close(bin_, key, np.array([1 + bin_ % 3]))
    for bin_ in range(200, 260):
        many.close(bin_, key, np.array([0]))
    assert one.expected(key, 260) == pytest.approx(many.expected(key, 260), rel=0.02)


@given(st.text(max_size=20), st.text(max_size=20))
def test_strange_senders_make_keys_without_falling(signer: str, provider: str):
    call = heard(1, START, calling="", called="", signer=signer, provider=provider)
    row = keys_of([call])[0]
    assert (row[:3] == 0).all()
    assert name_of(KeyKind.PROVIDER, call) == provider


def _followed(bins: int, calls_a_bin: int) -> Bursts:
    bursts, key = Bursts(), np.array([7], dtype=np.uint64)
    for at in range(1_000, 1_000 + bins):
        bursts.close(at, key, np.array([calls_a_bin]))
    bursts.table.columns["muted"][:] = 0
    return bursts


def test_a_strong_burst_is_told_of_before_its_bin_is_over():
    key = np.array([7], dtype=np.uint64)
    early = _followed(400, 1).look(1_400, key, np.array([9]), over=0.4)
    assert [burst.key for burst in early] == [7]
    # As many calls in the whole bin say less than in two fifths of it, and what follows is muted for five minutes.
    whole = _followed(400, 1).look(1_400, key, np.array([9]), over=1.0)
    assert early[0].quick > (whole[0].quick if whole else 0.0)


def test_what_is_usual_for_this_minute_is_no_burst():
    key = np.array([7], dtype=np.uint64)
    rare, busy = _followed(400, 1), _followed(400, 1)
    for at in range(1_400, 1_424):
        busy.close(at, key, np.array([2]))
    busy.table.columns["muted"][:] = 0
    at_once = rare.look(1_424, key, np.array([7]))
    within = busy.look(1_424, key, np.array([7]))
    assert at_once, "seven calls where one is usual"
    assert not within, "the same seven after two minutes of twice the rate"


def test_a_million_keys_take_less_than_two_hundred_megabytes_and_come_back_from_a_checkpoint():
    bursts, chance = Bursts(), np.random.default_rng(4)
    keys = np.unique(chance.integers(1, np.iinfo(np.int64).max, 1_000_000).astype(np.uint64))
    for at in range(0, len(keys), 100_000):
        part = keys[at : at + 100_000]
        bursts.close(1_000, part, np.ones(len(part), dtype=np.int64))
    assert bursts.table.used == len(keys)
    assert bursts.table.octets <= 200_000_000
    again = Bursts(Table.load(bursts.table.dump()))
    assert again.table.used == len(keys)
    some = keys[::1_000]
    assert again.expected(some, 1_001) == pytest.approx(bursts.expected(some, 1_001))
