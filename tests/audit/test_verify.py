"""The pure checks, over a chain made here by the book: no database."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.audit import checkpoints, merkle
from headwater.audit.statement import Head
from headwater.audit.verify import GENESIS, Outcome, Place, Report, Row, chain_hash, instant, verify
from headwater.wire.canonical import canonical_json

START = datetime(2026, 7, 30, tzinfo=UTC)


def chain(length: int) -> list[Row]:
    """Return a sound chain."""
    rows: list[Row] = []
    before = GENESIS
    for seq in range(1, length + 1):
        at = START + timedelta(seconds=seq)
        body: dict[str, Any] = {
            "actor": "user:dana", "at": instant(at), "detail": {"n": seq}, "organisation": "ORG-1", "process": "p",
            "subject": f"C-{seq}", "tag": "campaign:campaign:viewed",
        }  # fmt: skip
        entry = canonical_json(body).decode()
        own = chain_hash(prev_hash=before, seq=seq, entry=entry)
        rows.append(
            Row(
                seq=seq, at=at, actor=body["actor"], organisation="ORG-1", tag=body["tag"], subject=body["subject"],
                detail=body["detail"], entry=entry, prev_hash=before, hash=own,
            )
        )  # fmt: skip
        before = own
    return rows


def end(rows: list[Row]) -> Place:
    return Place(rows[-1].seq, rows[-1].hash)


def failed(report: Report) -> dict[str, tuple[str, ...]]:
    return {check.name: check.findings for check in report.checks if check.outcome is Outcome.FAILED}


def test_a_sound_chain_passes_and_says_which_check_was_not_done() -> None:
    rows = chain(5)
    report = verify(rows, head=end(rows))
    assert report.sound
    assert [c.outcome for c in report.checks] == [Outcome.PASSED] * 6 + [Outcome.NOT_DONE]
    assert report.checks[-1].name == "checkpoints"


def test_an_empty_log_is_sound() -> None:
    assert verify([], head=Place(0, GENESIS)).sound


def test_the_hash_is_the_one_that_the_documents_describe() -> None:
    # SHA-256 of 32 zero octets, 00 00 00 00 00 00 00 01, and "{}".
    assert chain_hash(prev_hash=GENESIS, seq=1, entry="{}") == (
        __import__("hashlib").sha256(bytes(32) + bytes(7) + b"\x01" + b"{}").hexdigest()
    )


def test_a_changed_entry_is_named() -> None:
    rows = chain(5)
    rows[2] = replace(rows[2], entry=rows[2].entry.replace("C-3", "C-9"), subject="C-9")
    assert failed(verify(rows, head=end(rows))) == {"hash": ("entry 3 was changed: its hash is not that of its text",)}


def test_a_changed_entry_with_a_fresh_hash_breaks_the_link_to_the_next() -> None:
    rows = chain(5)
    entry = rows[2].entry.replace("C-3", "C-9")
    own = chain_hash(prev_hash=rows[2].prev_hash, seq=3, entry=entry)
    rows[2] = replace(rows[2], entry=entry, subject="C-9", hash=own)
    assert failed(verify(rows, head=end(rows))) == {"chain": ("entry 4 is not chained to the entry before it (3)",)}


def test_a_column_that_differs_from_its_entry_is_named() -> None:
    rows = chain(3)
    rows[1] = replace(rows[1], actor="user:somebody", at=rows[1].at + timedelta(hours=1))
    assert failed(verify(rows, head=end(rows))) == {"columns": ("entry 2: actor, at differ from the entry",)}


def test_a_dropped_entry_is_named() -> None:
    rows = chain(5)
    del rows[2]
    found = failed(verify(rows, head=end(rows)))
    assert found["sequence"] == ("entry 3 is missing before entry 4",)
    assert "chain" in found


def test_a_dropped_first_entry_is_named() -> None:
    rows = chain(3)[1:]
    assert failed(verify(rows, head=end(rows)))["sequence"] == ("entry 1 is missing before entry 2",)


def test_a_dropped_tail_is_found_by_the_head() -> None:
    rows = chain(5)
    assert failed(verify(rows[:3], head=end(rows))) == {
        "head": ("the head is at entry 5, but the log ends with entry 3",)
    }


def test_exchanged_entries_are_named() -> None:
    rows = chain(5)
    rows[1], rows[2] = rows[2], rows[1]
    found = failed(verify(rows, head=end(rows)))
    assert found["sequence"][0] == "entry 2 is missing before entry 3"
    assert "entry 2 comes after entry 3: it is repeated or out of order" in found["sequence"]


def test_a_repeated_entry_is_named() -> None:
    rows = chain(3)
    rows.insert(2, rows[1])
    assert "repeated" in failed(verify(rows, head=end(rows)))["sequence"][0]


def test_an_entry_in_another_form_of_json_is_named() -> None:
    rows = chain(1)
    entry = json.dumps(json.loads(rows[0].entry))
    own = chain_hash(prev_hash=GENESIS, seq=1, entry=entry)
    rows[0] = replace(rows[0], entry=entry, hash=own)
    assert failed(verify(rows, head=end(rows))) == {"form": ("entry 1 is not in canonical form",)}


@pytest.mark.parametrize("entry", ["", "nonsense", "[]", "1", "NaN", '"\\ud800"', "[" * 5_000])
def test_an_entry_that_cannot_be_read_is_a_finding_not_a_crash(entry: str) -> None:
    rows = chain(1)
    own = chain_hash(prev_hash=GENESIS, seq=1, entry=entry)
    rows[0] = replace(rows[0], entry=entry, hash=own)
    assert "form" in failed(verify(rows, head=end(rows)))


def test_a_hash_that_is_none_is_a_finding_not_a_crash() -> None:
    rows = chain(1)
    rows[0] = replace(rows[0], prev_hash="zz")
    assert {"chain", "hash"} <= set(failed(verify(rows, head=end(rows))))


def test_many_findings_are_counted_and_the_first_listed() -> None:
    rows = [replace(row, actor="user:somebody") for row in chain(50)]
    findings = failed(verify(rows, head=end(rows)))["columns"]
    assert len(findings) == 21
    assert findings[-1] == "and 30 more"


def test_a_part_of_the_chain_is_checked_from_a_known_place() -> None:
    rows = chain(10)
    report = verify(rows[6:], head=end(rows), start=Place(6, rows[5].hash))
    assert report.sound
    assert (report.first, report.last, report.entries) == (7, 10, 4)
    assert not verify(rows[6:], head=end(rows), start=Place(6, "f" * 64)).sound


@settings(max_examples=60)
@given(data=st.data())
def test_any_single_change_to_any_entry_is_found(data: st.DataObject) -> None:
    rows = chain(6)
    head = end(rows)
    index = data.draw(st.integers(0, 5))
    name = data.draw(st.sampled_from(["actor", "organisation", "tag", "subject", "entry", "prev_hash", "hash"]))
    old = getattr(rows[index], name)
    place = data.draw(st.integers(0, len(old) - 1))
    letter = data.draw(st.characters(exclude_characters=old[place], exclude_categories=["Cs"]))
    rows[index] = replace(rows[index], **{name: old[:place] + letter + old[place + 1 :]})
    assert not verify(rows, head=head).sound


@settings(max_examples=40)
@given(st.permutations(range(5)))
def test_any_other_order_is_found(order: list[int]) -> None:
    rows = chain(5)
    assert verify([rows[i] for i in order], head=end(rows)).sound == (order == sorted(order))


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def signed(folder: Path, key: Ed25519PrivateKey, rows: list[Row], *seqs: int) -> checkpoints.Reading:
    for seq in seqs:
        tree = merkle.Frontier()
        for row in rows[:seq]:
            tree.append(merkle.leaf(row.hash))
        head = Head(seq=seq, hash=rows[seq - 1].hash, root=tree.root().hex())
        checkpoints.append(folder, key, head, at=instant(START))
    reading = checkpoints.read_file(folder / checkpoints.FILE, key.public_key())
    assert reading is not None
    return reading


def test_checkpoints_that_agree_pass(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    rows = chain(6)
    reading = signed(tmp_path, key, rows, 2, 5)
    report = verify(rows, head=end(rows), checkpoints=reading.checkpoints, checkpoint_faults=reading.faults)
    assert report.checks[-1].outcome is Outcome.PASSED


def test_a_chain_rewritten_from_the_middle_is_found_by_a_checkpoint(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    rows = chain(6)
    reading = signed(tmp_path, key, rows, 4)
    forged, before = rows[:3], rows[2].hash
    for row in rows[3:]:
        entry = row.entry.replace("user:dana", "user:eve")
        own = chain_hash(prev_hash=before, seq=row.seq, entry=entry)
        forged.append(replace(row, actor="user:eve", entry=entry, prev_hash=before, hash=own))
        before = own
    assert verify(forged, head=end(forged)).sound
    found = failed(verify(forged, head=end(forged), checkpoints=reading.checkpoints))
    assert found == {"checkpoints": (f"entry 4 is not the one that was signed at {instant(START)}",)}


def test_a_root_that_is_not_of_the_entries_before_it_is_found(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    rows = chain(6)
    head = Head(seq=4, hash=rows[3].hash, root=merkle.leaf(rows[3].hash).hex())
    found = checkpoints.append(tmp_path, key, head, at=instant(START))
    told = failed(verify(rows, head=end(rows), checkpoints=[found]))
    assert told == {"checkpoints": (f"the entries up to 4 are not those whose root was signed at {instant(START)}",)}


def test_a_tail_cut_off_together_with_the_head_is_found_by_a_checkpoint(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    rows = chain(6)
    reading = signed(tmp_path, key, rows, 6)
    assert verify(rows[:4], head=end(rows[:4])).sound
    found = failed(verify(rows[:4], head=end(rows[:4]), checkpoints=reading.checkpoints))
    assert "the log ends with entry 4, but entry 6 was signed" in found["checkpoints"][0]


def test_a_checkpoint_of_another_key_is_named(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    signed(tmp_path, key, chain(3), 1)
    reading = checkpoints.read_file(tmp_path / checkpoints.FILE, Ed25519PrivateKey.generate().public_key())
    assert reading is not None
    assert reading.faults == ("line 1 of the checkpoints is not signed by the given key",)


def test_a_changed_checkpoint_is_named(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    rows = chain(3)
    signed(tmp_path, key, rows, 1, 2)
    path = tmp_path / checkpoints.FILE
    path.write_bytes(path.read_bytes().replace(b'"seq":1', b'"seq":3'))
    reading = checkpoints.read_file(path, key.public_key())
    assert reading is not None
    assert "line 1 of the checkpoints is not signed by the given key" in reading.faults
    assert "line 2 of the checkpoints does not follow the line before it" in reading.faults


def test_a_checkpoint_taken_out_of_the_file_is_noticed(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    signed(tmp_path, key, chain(3), 1, 2, 3)
    path = tmp_path / checkpoints.FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    reading = checkpoints.read_file(path, key.public_key())
    assert reading is not None
    assert reading.faults == ("line 2 of the checkpoints does not follow the line before it",)


def test_a_line_half_written_at_a_crash_is_cut_off_by_the_next(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    rows = chain(3)
    signed(tmp_path, key, rows, 1)
    path = tmp_path / checkpoints.FILE
    with path.open("ab") as file:
        file.write(b'{"at":"2026')
    before = checkpoints.read_file(path, key.public_key())
    assert before is not None
    assert (len(before.checkpoints), before.faults) == (1, ())
    after = signed(tmp_path, key, rows, 2)
    assert ([c.seq for c in after.checkpoints], after.faults) == ([1, 2], ())


def test_checkpoints_without_a_key_are_not_taken_for_verified(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    signed(tmp_path, key, chain(1), 1)
    reading = checkpoints.read_file(tmp_path / checkpoints.FILE, None)
    assert reading is not None
    assert "were not checked" in reading.faults[0]


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=60)))
def test_rubbish_in_the_file_is_named_never_a_crash(lines: list[bytes]) -> None:
    octets = [line.replace(b"\n", b"") + b"\n" for line in lines]
    reading = checkpoints.read(octets, Ed25519PrivateKey.generate().public_key())
    assert reading.checkpoints == ()
    assert len(reading.faults) == len(octets)
