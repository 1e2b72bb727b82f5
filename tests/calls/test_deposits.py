"""Sealed batches: found by label, opened for one call by the approver alone, bound to one signature."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from headwater.calls import deposits
from headwater.calls.deposits import BadDeposit, Keys, Row
from headwater.errors import Invalid
from headwater.wire.deposits import Deposit, Sealed, Wrapped

NOW = datetime(2026, 6, 9, 16, 0, tzinfo=UTC)
APPROVER = X25519PrivateKey.generate()
LABEL_KEY = b"k" * 32
KEYS = Keys(
    spc="ALDER",
    epoch="2026-06",
    label_key=LABEL_KEY,
    label_key_wrapped=deposits.wrap(LABEL_KEY, APPROVER.public_key()),
    approver=APPROVER.public_key(),
    sign=lambda head: head.hex(),
)


def row(number: int) -> Row:
    return Row(
        called=15035550000 + number, calling=12025550123, start_ms=1_781_010_000_000 + 1_000 * number,
        duration_ms=9_000, kind=0, upstream="BIRCH", downstream="CEDAR", lag_ms=120, call_id=deposits.short("1@x"),
        identity=deposits.short("ab" * 32), record_id=bytes(16), record_sha256=bytes([number % 256]) * 32,
    )  # fmt: skip


def batch(count: int = 5) -> Deposit:
    return deposits.seal([row(number) for number in range(count)], KEYS, now=NOW)


def opened(made: Deposit, wanted: Row, *, window_s: float = 30.0, off_s: float = 0.0, **more: Any) -> list[Row]:
    at = datetime.fromtimestamp(wanted.start_ms / 1_000 + off_s, UTC)
    approver, label_key = more.get("approver", APPROVER), more.get("label_key", LABEL_KEY)
    buckets = deposits.buckets(at, window_s)
    found = deposits.open_records(made, approver, label_key, called=wanted.called, wanted=buckets)
    return [one.row for one in found]


@given(st.integers(1, 40), st.data())
def test_each_record_opens_for_its_own_number_and_time_and_no_other_does(count: int, data: st.DataObject) -> None:
    made = deposits.decode(deposits.encode(batch(count)))
    wanted = row(data.draw(st.integers(0, count - 1)))
    assert opened(made, wanted) == [wanted]
    assert opened(made, wanted, off_s=3_600) == []
    assert opened(made, replace_called(wanted, 19995550000)) == []


def replace_called(one: Row, called: int) -> Row:
    return msgspec.structs.replace(one, called=called)


def test_a_clock_that_is_off_within_the_window_is_still_found() -> None:
    for off in (-290, 290):
        assert opened(batch(1), row(0), off_s=off, window_s=300.0) == [row(0)]


def test_nobody_but_the_approver_opens_a_record() -> None:
    with pytest.raises(BadDeposit, match="another approver"):
        opened(batch(1), row(0), approver=X25519PrivateKey.generate())
    assert opened(batch(1), row(0), label_key=b"x" * 32) == []


def test_the_batch_key_alone_opens_nothing_without_the_number_and_time() -> None:
    made, wanted = batch(2), row(1)
    key = deposits.unwrap(made.batch_key, APPROVER)
    bucket = deposits.bucket_of(wanted.start_ms)
    right = deposits.record_key(key, wanted.called, bucket, 1)
    assert deposits.open_record(made.records[1], right) == wanted
    for other in (
        key,
        deposits.record_key(key, wanted.called + 1, bucket, 1),
        deposits.record_key(key, wanted.called, bucket + 1, 1),
        deposits.record_key(key, wanted.called, bucket, 0),
    ):
        with pytest.raises(BadDeposit):
            deposits.open_record(made.records[1], other)


@pytest.mark.parametrize("how", ["changed", "dropped", "moved", "added", "relabelled"])
def test_records_that_are_not_those_that_were_signed_are_refused(how: str) -> None:
    made = batch()
    first = made.records[0]
    records = {
        "changed": [Sealed(first.label, bytes([first.octets[0] ^ 1]) + first.octets[1:]), *made.records[1:]],
        "dropped": made.records[1:],
        "moved": [made.records[1], first, *made.records[2:]],
        "added": [*made.records, first],
        "relabelled": [Sealed(bytes(8), first.octets), *made.records[1:]],
    }[how]
    with pytest.raises(BadDeposit, match="not those"):
        deposits.decode(deposits.encode(msgspec.structs.replace(made, records=records)))


def test_a_record_of_another_batch_does_not_open_in_this_one() -> None:
    made, other = batch(), batch()
    mixed = msgspec.structs.replace(made, records=[other.records[0], *made.records[1:]])
    with pytest.raises(BadDeposit):
        opened(mixed, row(0))


def test_the_signature_covers_all_but_the_sealed_records_and_those_by_their_root() -> None:
    made = batch()
    assert bytes.fromhex(made.jws) == deposits.signed_part(made)
    wrapped = Wrapped(bytes(32), bytes(48))
    for change in (
        {"spc": "BIRCH"}, {"epoch": "2026-07"}, {"root": bytes(32)}, {"batch_key": wrapped}, {"label_key": wrapped},
        {"records": made.records[1:]}, {"deposited_at": NOW.replace(hour=3).isoformat()},
    ):  # fmt: skip
        assert deposits.signed_part(msgspec.structs.replace(made, **change)) != deposits.signed_part(made)


@given(st.integers(1, 33), st.data())
def test_the_path_of_each_record_leads_to_the_root_and_of_no_other(count: int, data: st.DataObject) -> None:
    made = batch(count)
    place = data.draw(st.integers(0, count - 1))
    siblings = deposits.path(made, place)
    assert deposits.leads_to(made.records[place], place, siblings, made.root)
    other = Sealed(made.records[place].label, b"x" + made.records[place].octets)
    assert not deposits.leads_to(other, place, siblings, made.root)


@given(st.binary(max_size=300))
def test_any_other_octets_are_refused_in_words(octets: bytes) -> None:
    with pytest.raises(BadDeposit):
        deposits.decode(octets)


@given(st.data())
def test_a_damaged_batch_is_refused_or_is_signed_over_something_else(data: st.DataObject) -> None:
    made = batch(3)
    octets = bytearray(deposits.encode(made))
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] ^= data.draw(st.integers(1, 255))
    try:
        read = deposits.decode(bytes(octets))
    except BadDeposit:
        return
    assert deposits.signed_part(read) != deposits.signed_part(made) or read.jws != made.jws


def test_a_batch_is_neither_empty_nor_boundless() -> None:
    for rows in ([], [row(0)] * 1_001):
        with pytest.raises(Invalid, match="1 to 1000"):
            deposits.seal(rows, replace(KEYS), now=NOW)


def test_every_bucket_that_a_window_touches_is_looked_into() -> None:
    at = NOW + timedelta(seconds=299)
    assert len(deposits.buckets(at, 2.0)) == 2
    assert deposits.bucket_of(round(NOW.timestamp() * 1_000)) in deposits.buckets(at, 2.0)
