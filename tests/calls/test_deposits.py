"""Sealed batches: found by label, opened by the approver alone, and bound record by record to one signature."""

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from headwater.calls import deposits
from headwater.calls.deposits import BadDeposit, Keys, Row
from headwater.errors import Invalid
from headwater.wire.deposits import Deposit, Sealed

NOW = datetime(2026, 6, 9, 16, 0, tzinfo=UTC)
APPROVER = X25519PrivateKey.generate()
KEYS = Keys(
    spc="ALDER", epoch="2026-06", label_key=b"k" * 32, approver=APPROVER.public_key(), sign=lambda head: head.hex()
)


def row(number: int) -> Row:
    return Row(
        called=15035550000 + number, calling=12025550123, start_ms=1_781_010_000_000 + 1_000 * number,
        duration_ms=9_000, upstream="BIRCH", downstream="CEDAR", record_sha256=bytes([number % 256]) * 32,
    )  # fmt: skip


def batch(count: int = 5) -> Deposit:
    return deposits.seal([row(number) for number in range(count)], KEYS, now=NOW)


@given(st.integers(1, 40), st.data())
def test_each_record_is_found_by_its_labels_and_opened_by_the_approver(count: int, data: st.DataObject) -> None:
    made = deposits.decode(deposits.encode(batch(count)))
    place = data.draw(st.integers(0, count - 1))
    wanted = row(place)
    labels = {deposits.label(KEYS.label_key, wanted.called, bucket) for bucket in deposits.buckets(wanted.start_ms)}
    found = [at for at, one in enumerate(made.records) if one.labels[:16] in labels]
    assert found == [place]
    assert deposits.open_record(made, place, APPROVER) == wanted


def test_the_label_of_the_receiver_needs_the_receiver() -> None:
    bucket = row(0).start_ms // 1_000 // deposits.BUCKET_S
    second = batch(1).records[0].labels[16:]
    assert second == deposits.label(KEYS.label_key, row(0).called, bucket, "CEDAR")
    assert second != deposits.label(KEYS.label_key, row(0).called, bucket, "BIRCH")


def test_a_clock_that_is_off_by_less_than_a_bucket_is_still_found() -> None:
    here = row(0).start_ms
    assert here // 1_000 // deposits.BUCKET_S in deposits.buckets(here + 299_000)
    assert here // 1_000 // deposits.BUCKET_S in deposits.buckets(here - 299_000)


def test_nobody_but_the_approver_opens_a_record() -> None:
    with pytest.raises(BadDeposit):
        deposits.open_record(batch(), 0, X25519PrivateKey.generate())
    with pytest.raises(BadDeposit):
        deposits.open_record(batch(), 9, APPROVER)


def test_nothing_of_a_record_shows() -> None:
    octets = deposits.encode(batch())
    for secret in (b"15035550000", b"12025550123", b"BIRCH", b"CEDAR", (15035550000).to_bytes(8)):
        assert secret not in octets


@pytest.mark.parametrize("how", ["changed", "dropped", "moved", "added", "relabelled"])
def test_a_record_that_was_changed_dropped_moved_or_added_is_noticed(how: str) -> None:
    made = batch()
    records = {
        "changed": [Sealed(made.records[0].labels, made.records[0].octets[:-1] + b"x"), *made.records[1:]],
        "dropped": made.records[1:],
        "moved": [made.records[1], made.records[0], *made.records[2:]],
        "added": [*made.records, made.records[0]],
        "relabelled": [Sealed(bytes(32), made.records[0].octets), *made.records[1:]],
    }[how]
    with pytest.raises(BadDeposit, match="not those"):
        deposits.decode(deposits.encode(msgspec.structs.replace(made, records=records)))


def test_a_record_of_another_batch_does_not_open_in_this_one() -> None:
    made, other = batch(), batch()
    mixed = msgspec.structs.replace(made, records=[other.records[0], *made.records[1:]])
    with pytest.raises(BadDeposit):
        deposits.open_record(mixed, 0, APPROVER)


def test_the_signature_covers_all_but_the_sealed_records_and_those_by_their_root() -> None:
    made = batch()
    assert bytes.fromhex(made.jws) == deposits.signed_part(made)
    for change in ({"spc": "BIRCH"}, {"epoch": "2026-07"}, {"root": bytes(32)}, {"wrapped": bytes(48)}):
        assert deposits.signed_part(msgspec.structs.replace(made, **change)) != deposits.signed_part(made)


@given(st.binary(max_size=300))
def test_any_other_octets_are_refused_in_words(octets: bytes) -> None:
    with pytest.raises(BadDeposit):
        deposits.decode(octets)


def test_a_batch_is_neither_empty_nor_boundless() -> None:
    for rows in ([], [row(0)] * 1_001):
        with pytest.raises(Invalid, match="1 to 1000"):
            deposits.seal(rows, replace(KEYS), now=NOW)
