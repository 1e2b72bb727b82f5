"""The carrier's commitments: each minute sealed once, also an empty one, chained, proved, and none lost by a crash."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from headwater.agent import keys
from headwater.agent.commitments import Commitments, minute_of
from headwater.calls.commitments import is_under
from headwater.calls.records import CallRecord
from headwater.errors import Invalid
from headwater.providers.signatures import verified_payload
from headwater.tracebacks.roots import rebuild
from headwater.wire.commitments import Root, Roots
from tests.tracebacks.support import call

NOON = datetime(2026, 6, 9, 16, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def opened(folder: Path) -> Commitments:
    path = folder / "key.pem"
    key = keys.load(path) if path.exists() else keys.create(path)
    return Commitments(folder / "kept", spc="ALDER", key=key, depth=6)


def record(number: int) -> CallRecord:
    made = call("ALDER", at=NOON, event=str(number))
    return msgspec.structs.replace(made, received_at=NOON, raw_sha256=bytes([number]) * 32)


def roots(kept: Commitments) -> dict[str, Root]:
    """The published roots as the hub reads them."""
    sent = msgspec.msgpack.decode(msgspec.msgpack.encode(kept.roots()), type=Roots)
    return {root.minute: root for _, root in rebuild(sent)}


def proved(kept: Commitments, one: CallRecord) -> bool:
    proof = kept.proof(one.record_id, one.received_at)
    published = {minute: root.root for minute, root in roots(kept).items()}
    return proof is not None and is_under(proof, str(one.record_id), one.raw_sha256.hex(), published)


def test_a_record_is_proved_once_its_minute_is_sealed(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    kept.note([record(1), record(2)], now=NOON)
    assert kept.proof(record(1).record_id, NOON) is None
    kept.seal(now=NOON + MINUTE)
    assert proved(kept, record(1))
    assert proved(kept, record(2))
    assert not proved(kept, record(3))
    changed = msgspec.structs.replace(record(1), raw_sha256=b"x" * 32)
    assert not proved(kept, changed)


def test_every_minute_has_a_root_and_each_names_the_one_before(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    kept.note([record(1)], now=NOON)
    assert len(kept.seal(now=NOON + 5 * MINUTE)) == 5
    assert kept.seal(now=NOON + 5 * MINUTE) == []
    found = roots(kept)
    assert sorted(found) == [minute_of(NOON + n * MINUTE) for n in range(5)]
    assert len({one.root for one in found.values()}) == 5, "empty minutes cannot be told from each other"
    later = opened(tmp_path)
    assert len(later.seal(now=NOON + 7 * MINUTE)) == 2
    assert len(later.roots(after=minute_of(NOON + 4 * MINUTE)).roots) == 2
    assert len(later.roots(most=3).roots) == 3


def test_what_travels_is_rebuilt_to_the_very_octets_that_were_signed(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    signed = [*kept.seal(now=NOON), *kept.seal(now=NOON + 9 * MINUTE)]
    sent = kept.roots()
    assert [jws for jws, _ in rebuild(sent)] == signed
    key = keys.load(tmp_path / "key.pem").public_jwk
    assert all(verified_payload(jws.encode(), key) for jws, _ in rebuild(sent))
    assert len(msgspec.msgpack.encode(sent)) / len(sent.roots) < 129


def test_a_record_that_comes_while_its_minute_is_sealed_goes_into_the_next(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    kept.note([record(1)], now=NOON)
    kept.seal(now=NOON + MINUTE)
    kept.note([record(2)], now=NOON)
    kept.seal(now=NOON + 2 * MINUTE)
    assert proved(kept, record(2))
    assert proved(kept, record(1))


def test_a_minute_with_more_records_than_its_tree_holds_gets_a_deeper_one(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    many = [record(number) for number in range(1, 100)]
    kept.note(many, now=NOON)
    kept.seal(now=NOON + MINUTE)
    assert roots(kept)[minute_of(NOON)].depth == 7
    assert all(proved(kept, one) for one in (many[0], many[63], many[98]))


def test_what_a_crash_tore_is_cut_off_and_the_rest_stands(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    kept.note([record(1)], now=NOON)
    kept.seal(now=NOON + MINUTE)
    with (tmp_path / "kept" / "roots.jsonl").open("ab") as file:
        file.write(b'{"minute":"2026')
    again = opened(tmp_path)
    again.note([record(2)], now=NOON + MINUTE)
    again.seal(now=NOON + 2 * MINUTE)
    assert proved(opened(tmp_path), record(1))
    assert proved(opened(tmp_path), record(2))


def test_records_noted_before_a_crash_are_sealed_by_the_next_start(tmp_path: Path) -> None:
    opened(tmp_path).note([record(1)], now=NOON)
    again = opened(tmp_path)
    again.seal(now=NOON + 3 * MINUTE)
    assert proved(again, record(1))


def test_a_line_that_was_changed_dropped_or_moved_is_noticed(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    kept.seal(now=NOON)
    kept.seal(now=NOON + 4 * MINUTE)
    path = tmp_path / "kept" / "roots.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    with pytest.raises(Invalid, match="does not follow"):
        opened(tmp_path)
    path.write_bytes(b"no json\n")
    with pytest.raises(Invalid, match="line 1"):
        opened(tmp_path)


def test_the_secret_is_for_the_operator_alone_and_never_cut(tmp_path: Path) -> None:
    opened(tmp_path)
    secret = tmp_path / "kept" / "secret"
    assert secret.stat().st_mode & 0o077 == 0
    secret.write_bytes(b"short")
    with pytest.raises(Invalid, match="32 octets"):
        opened(tmp_path)
