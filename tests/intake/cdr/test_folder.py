"""A folder where files arrive: each is taken whole, once, and nothing outside the folder is touched."""

import json
import os
from pathlib import Path

import pytest

from headwater.errors import Invalid, Unavailable
from headwater.intake.cdr.exchange import Answer, Part
from headwater.intake.cdr.folder import Folder
from tests.intake.cdr.keepers import Killed, Store
from tests.intake.cdr.test_reading import HEADER, choice, line


def watched(folder: Path, keeper: object, settle_s: float = 10.0) -> Folder:
    return Folder(folder, choice(), keeper, settle_s=settle_s)  # type: ignore[arg-type]  # a twin


def put(folder: Path, name: str, *numbers: int) -> Path:
    path = folder / name
    path.write_bytes(HEADER + b"".join(line(number) for number in numbers))
    return path


def test_a_file_is_taken_when_its_size_has_rested_and_not_before(tmp_path: Path) -> None:
    keeper = Store()
    one = watched(tmp_path, keeper)
    path = put(tmp_path, "a.csv", 1)
    assert one.turn(100.0) == 0
    with path.open("ab") as file:
        file.write(line(2))
    assert one.turn(111.0) == 0  # it grew
    assert one.turn(120.0) == 0
    assert one.turn(121.5) == 1
    assert len(keeper.known) == 2
    report = json.loads((tmp_path / "done" / "a.csv.report.json").read_text())
    assert (report["rows"], report["stored"], report["refused"]) == (2, 2, 0)
    assert sorted(path.name for path in (tmp_path).iterdir()) == ["done", "failed"]


def test_a_mark_beside_it_says_at_once_that_a_file_is_complete(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", 1)
    (tmp_path / "a.csv.done").touch()
    assert watched(tmp_path, Store()).turn(1.0) == 1
    assert not (tmp_path / "a.csv.done").exists()


@pytest.mark.parametrize("name", [".a.csv", "a.csv.part", "a.csv.tmp", "a.csv.filepart"])
def test_what_is_still_being_written_is_left_alone(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, 1)
    one = watched(tmp_path, Store(), settle_s=0)
    assert (one.turn(1.0), one.turn(1_000.0)) == (0, 0)


def test_a_link_is_never_followed_nor_a_pipe_waited_for(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    put(outside, "secret.csv", 1)
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "a.csv").symlink_to(outside / "secret.csv")
    (folder / "b").symlink_to(outside)
    os.mkfifo(folder / "pipe.csv")
    keeper = Store()
    one = watched(folder, keeper, settle_s=0)
    assert (one.turn(1.0), one.turn(2.0), len(keeper.known)) == (0, 0, 0)
    assert (outside / "secret.csv").exists()
    (folder / "done").rmdir()
    (folder / "done").symlink_to(outside)
    with pytest.raises(Invalid, match="is a link"):
        watched(folder, keeper)


def test_a_file_that_is_none_of_the_format_goes_to_failed_and_the_next_one_in(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe" + "x".encode("utf-16-le"))
    put(tmp_path, "b.csv", 1)
    keeper = Store()
    assert watched(tmp_path, keeper, settle_s=0).turn(1.0) == 2
    assert "UTF-16" in (tmp_path / "failed" / "a.csv.report.json").read_text()
    assert (tmp_path / "done" / "b.csv").exists()
    assert len(keeper.known) == 1


def test_a_door_that_is_away_leaves_the_files_where_they_are(tmp_path: Path) -> None:
    class Away:
        def take(self, _part: Part, _octets: bytes, /) -> Answer:
            raise Unavailable("away")

    path = put(tmp_path, "a.csv", 1)
    assert watched(tmp_path, Away(), settle_s=0).turn(1.0) == 0
    assert path.exists()


@pytest.mark.parametrize("stored_first", [True, False])
def test_a_watcher_that_is_killed_again_and_again_loses_and_doubles_nothing(
    tmp_path: Path, *, stored_first: bool
) -> None:
    for number in range(40):
        put(tmp_path, f"{number:03}.csv", number, number + 100)
    keeper = Store(stored_first=stored_first)
    for turn in range(60):
        keeper.dies_after = len(keeper.parts) + turn % 4
        try:
            if not watched(tmp_path, keeper, settle_s=0).turn(float(turn)):
                break
        except Killed:
            continue
    assert len(keeper.known) == 80
    assert len(list((tmp_path / "done").glob("*.csv"))) == 40
    assert sorted(path.name for path in (tmp_path).iterdir()) == ["done", "failed"]


def test_two_files_of_one_name_are_both_kept(tmp_path: Path) -> None:
    one = watched(tmp_path, Store(), settle_s=0)
    put(tmp_path, "a.csv", 1)
    one.turn(1.0)
    put(tmp_path, "a.csv", 2)
    one.turn(2.0)
    assert {"a.csv", "2-a.csv"} <= {path.name for path in (tmp_path / "done").iterdir()}


def test_thousands_of_files_are_looked_at_in_one_turn(tmp_path: Path) -> None:
    for number in range(2_000):
        (tmp_path / f"{number}.csv").touch()
    one = watched(tmp_path, Store(), settle_s=1.0)
    assert one.complete(0.0) == []
    assert len(one.complete(2.0)) == 2_000
