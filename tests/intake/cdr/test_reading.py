"""Files as they come: broken rows, other encodings, endless lines, bombs; and that nothing is lost or doubled."""

import bz2
import csv
import gzip
import io
import itertools
import random
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import Invalid
from headwater.intake.cdr import files, mapping, rows
from headwater.intake.cdr.blocks import BLOCK_OCTETS, ROW_OCTETS, Block, blocks
from headwater.intake.cdr.deliver import Progress
from headwater.intake.cdr.reading import FileReader, batches
from headwater.intake.cdr.rows import BadFile
from headwater.intake.cdr.runs import Choice, Run, _Checkpoint
from headwater.intake.provenance import Provenance, file_name
from tests.intake.cdr.keepers import Killed, Store

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OWN = """
name = "mine"
title = "My switch"
zone = "UTC"
[input]
header = true
[[row]]
links = ["x:{key}"]
[row.times.start]
column = "start"
[row.fields]
calling = { column = "from" }
called = { column = "to" }
duration = { column = "secs", form = "seconds" }
call_id = { column = "key" }
"""
HEADER = b"start,from,to,secs,key,note\n"


def line(number: int, note: str = "") -> bytes:
    at = f"2026-11-20 14:{number // 60 % 60:02}:{number % 60:02}"
    return f"{at},2155550100,310555{number % 10_000:04},{number % 600},k{number},{note}\n".encode()


def choice(**members: object) -> Choice:
    return Choice(mapping=mapping.read(OWN), **members)  # type: ignore[arg-type]  # fields of it


def reader() -> FileReader:
    return FileReader(mapping.read(OWN), Provenance(source_id="709J"))


def everything(octets: bytes) -> tuple[list[object], list[object]]:
    found, refused = [], []
    for batch in batches(io.BytesIO(octets), reader(), NOW):
        found += batch.records
        refused += batch.refused
    return found, refused


@pytest.mark.parametrize(("spoiled", "reason"), [
    (b"2026-11-20 14:00:00,1,2\n", "3 columns, not 6"),
    (b"yesterday,2155550100,3105550111,1,k,\n", "is no time"),
    (b"2026-11-20 14:00:00,2155550100,3105550111,long,k,\n", "is no duration"),
    (b"2026-11-20 14:00:00,2155550100,3105550111,-4,k,\n", "negative"),
    (b"2066-11-20 14:00:00,2155550100,3105550111,1,k,\n", "ahead of our clock"),
    (b"1970-11-20 14:00:00,2155550100,3105550111,1,k,\n", "before 2000"),
    (b"2026-11-20 14:00:00,anonymous,,1,,\n", "names no telephone number"),
    (b'2026-11-20 14:00:00,2155550100,3105550111,1,k,"open\n', "quoted value does not end"),
    (b"x" * (ROW_OCTETS + 10) + b"\n", "more than"),
])  # fmt: skip
def test_a_row_that_cannot_be_read_is_kept_with_its_reason_and_costs_no_other(spoiled: bytes, reason: str) -> None:
    found, refused = everything(HEADER + line(1) + spoiled + line(2) + line(3))
    assert [record.call_id for record in found] == ["k1", "k2", "k3"]  # type: ignore[attr-defined]
    (one,) = refused
    assert reason in one.reason  # type: ignore[attr-defined]
    assert one.row == 2  # type: ignore[attr-defined]
    assert spoiled.startswith(one.raw[:100] or b"nothing was kept")  # type: ignore[attr-defined]


def test_mixed_line_ends_a_mark_at_the_start_nul_and_wrong_octets_are_borne() -> None:
    octets = b"\xef\xbb\xbf" + HEADER + line(1).replace(b"\n", b"\r\n") + line(2, "a\x00b") + b"\r\n\n"
    octets += line(3, "caf").replace(b"caf", b"caf\xe9")
    found, refused = everything(octets)
    assert ([record.call_id for record in found], refused) == (["k1", "k2", "k3"], [])  # type: ignore[attr-defined]
    assert all(octets[int(one.headers["file-offset"]) :].startswith(one.raw) for one in found)  # type: ignore[attr-defined]
    assert found[2].raw.endswith(b"caf\xe9")  # type: ignore[attr-defined]


def test_a_row_that_goes_on_in_the_next_line_is_one_row_with_its_octets() -> None:
    octets = HEADER + line(1, '"two\nlines"') + line(2)
    found, refused = everything(octets)
    assert (len(found), refused) == (2, [])
    assert found[0].raw == line(1, '"two\nlines"').rstrip()  # type: ignore[attr-defined]


def test_utf_16_is_named_and_not_guessed_at() -> None:
    with pytest.raises(BadFile, match="UTF-16"):
        everything((HEADER + line(1)).decode().encode("utf-16"))


def test_an_endless_line_is_passed_over_in_bounded_memory() -> None:
    octets = HEADER + line(1) + b"9" * (6 << 20) + b"\n" + line(2)
    found, refused = everything(octets)
    assert [record.call_id for record in found] == ["k1", "k2"]  # type: ignore[attr-defined]
    assert len(refused) == 1
    assert max(len(block.octets) for block in blocks(io.BytesIO(octets))) <= BLOCK_OCTETS + 2 * ROW_OCTETS


def test_rows_that_are_the_same_octet_by_octet_are_two_calls_and_the_file_again_is_none(tmp_path: Path) -> None:
    keeper = Store()
    path = tmp_path / "x.csv"
    path.write_bytes(HEADER + line(1) * 3 + line(2))
    assert Run(path, choice()).deliver(keeper, on_part=lambda *_: None).stored == 4
    again = Run(path, choice()).deliver(keeper, on_part=lambda *_: None)
    assert (again.stored, again.duplicates) == (0, 4)


def test_a_file_that_has_grown_stores_its_new_rows_alone(tmp_path: Path) -> None:
    keeper, path = Store(), tmp_path / "Master.csv"
    path.write_bytes(HEADER + line(1) + line(2))
    Run(path, choice()).deliver(keeper, on_part=lambda *_: None)
    path.write_bytes(HEADER + line(1) + line(2) + line(3))
    done = Run(path, choice()).deliver(keeper, on_part=lambda *_: None)
    assert (done.stored, done.duplicates, done.refused) == (1, 2, 0)


def test_a_row_that_was_read_wrongly_before_is_a_conflict_until_the_edition_is_raised(tmp_path: Path) -> None:
    keeper, path = Store(), tmp_path / "x.csv"
    path.write_bytes(HEADER + line(1))
    Run(path, choice()).deliver(keeper, on_part=lambda *_: None)
    east = mapping.read(OWN.replace('"UTC"', '"America/New_York"'))
    done = Run(path, Choice(mapping=east)).deliver(keeper, on_part=lambda *_: None)
    assert (done.stored, done.refused) == (0, 1)
    assert "edition" in (tmp_path / "x.csv.rejects.jsonl").read_text()
    second = mapping.read(OWN.replace('"UTC"', '"America/New_York"\nedition = 2'))
    assert Run(path, Choice(mapping=second)).deliver(keeper, on_part=lambda *_: None).stored == 1


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "zstd", "plain"])
def test_compressed_files_are_read_as_what_they_hold(tmp_path: Path, kind: str) -> None:
    octets = HEADER + b"".join(line(number) for number in range(500))
    packed = {
        "gzip": gzip.compress, "bzip2": bz2.compress, "plain": bytes,
        "zstd": lambda plain: pa.compress(plain, codec="zstd", asbytes=True),
    }[kind](octets)  # fmt: skip
    path = tmp_path / "file.whatever"
    path.write_bytes(packed)
    assert Run(path, choice()).deliver(Store(), on_part=lambda *_: None).stored == 500


def unfold(octets: bytes) -> None:
    """Read a compressed file to its end."""
    with files.unfolded(io.BytesIO(octets)) as opened:
        while opened.read(1 << 20):
            pass


def test_a_bomb_and_a_cut_file_end_with_a_plain_error() -> None:
    bomb, cut = gzip.compress(b"\n" * (256 << 20), 9), gzip.compress(HEADER + line(1) * 1_000)[:-20]
    with pytest.raises(files.Bomb):
        unfold(bomb)
    with pytest.raises(files.Damaged):
        unfold(cut)


def big(path: Path) -> int:
    """Write a file of several parts with broken rows, quoted line feeds and repeats; return how many rows are good."""
    chance = random.Random(5)
    good = 0
    with path.open("wb") as file:
        file.write(HEADER)
        for number in range(45_000):
            kind = chance.random()
            if kind < 0.01:
                file.write(b"broken," + str(number).encode() + b"\n")
                continue
            note = '"two\nlines, of ""one"""' if kind < 0.05 else "n" * 40
            file.write(line(number, note))
            good += 1
    return good


@pytest.mark.parametrize("stored_first", [True, False])
def test_a_run_that_dies_anywhere_is_gone_on_with_and_every_row_is_there_once(
    tmp_path: Path, *, stored_first: bool
) -> None:
    path = tmp_path / "big.csv"
    good = big(path)
    keeper = Store(stored_first=stored_first)
    for _ in range(20):
        keeper.dies_after = len(keeper.parts) + 1
        try:
            done = Run(path, choice()).deliver(keeper, on_part=lambda *_: None)
            break
        except Killed:
            continue
    else:
        pytest.fail("it never came to its end")
    assert len(keeper.parts) >= 4
    assert len(keeper.known) == good
    assert done.refused == 45_000 - good
    refused = (tmp_path / "big.csv.rejects.jsonl").read_text().splitlines()
    assert len(refused) == len(set(refused)) == 45_000 - good
    assert done.rows == 45_000


def test_a_checkpoint_of_another_file_or_reading_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(HEADER + line(1))
    run = Run(path, choice())
    run.checkpoint.write_bytes(
        msgspec.json.encode(
            _Checkpoint(sha256="0" * 64, reading="other", rejects=0, progress=Progress(offset=9_999, rows=7))
        )
    )
    assert run.deliver(Store(), on_part=lambda *_: None).stored == 1
    run.checkpoint.write_bytes(b"\x00rubbish")
    assert Run(path, choice()).deliver(Store(), on_part=lambda *_: None).stored == 1


def test_links_and_folders_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(HEADER)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(OSError, match="symbolic"):
        Run(tmp_path / "link", choice())
    with pytest.raises(Invalid):
        Run(tmp_path, choice())


@pytest.mark.parametrize(("name", "plain"), [
    ("../../etc/passwd", "passwd"), ("C:\\x\\y.csv", "y.csv"), ("a\x00b\n.csv", "a_b_.csv"), ("", "unnamed"),
    ("..", "unnamed"), ("<script>", "_script_"),
])  # fmt: skip
def test_a_files_name_is_only_a_name(name: str, plain: str) -> None:
    assert file_name(name) == plain


def in_pieces(octets: bytes, cuts: list[int]) -> tuple[list[object], list[object]]:
    """Read a file in blocks that end after the lines of ``cuts``."""
    lines = octets.splitlines(keepends=True)
    ends = sorted({0, len(lines), *(cut for cut in cuts if cut < len(lines))})
    one, offset = reader(), 0
    found, refused = [], []
    for start, end in itertools.pairwise(ends):
        block = Block(offset, b"".join(lines[start:end]))
        batch = one.read(block, NOW, last=end == len(lines))
        offset += len(block.octets)
        found += batch.records
        refused += batch.refused
    return found, refused


@settings(max_examples=60)
@given(
    notes=st.lists(
        st.text(
            st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"),
            max_size=30,
        ),
        max_size=30,
    ),
    cuts=st.lists(st.integers(0, 60), max_size=6),
)
def test_rows_come_back_as_they_were_written_wherever_the_octets_are_cut(notes: list[str], cuts: list[int]) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER.decode().strip().split(","))
    for number, note in enumerate(notes):
        writer.writerow(["2026-11-20 14:00:00", "2155550100", "3105550111", number, f"k{number}", note])
    octets = out.getvalue().encode()
    found, refused = in_pieces(octets, cuts)
    long = sum(1 for note in notes if note.count("\n") >= rows.ROW_LINES - 1)
    assert len(found) >= len(notes) - long
    if not long:
        assert ([record.call_id for record in found], refused) == ([f"k{n}" for n in range(len(notes))], [])  # type: ignore[attr-defined]


@settings(max_examples=150)
@given(octets=st.binary(max_size=2_000), name=st.sampled_from(sorted(mapping.presets())))
def test_no_octets_break_a_reader(octets: bytes, name: str) -> None:
    one = FileReader(mapping.preset(name).with_zone("UTC"), Provenance(source_id="709J"))
    try:
        for batch in batches(io.BytesIO(octets), one, NOW):
            assert batch.after.number == batch.number_of_rows
    except BadFile:
        pass
