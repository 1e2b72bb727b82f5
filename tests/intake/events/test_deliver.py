"""Files go through the real feed door: acknowledged, counted, and harmless when sent again."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headwater.cli.main import build
from headwater.errors import Forbidden
from headwater.intake.events import deliver
from tests.api.test_feeds import open_door
from tests.intake.events.test_mappings import DATA

runner = CliRunner()


def headwater(*words: str) -> Any:
    return runner.invoke(build(["intake"]), ["intake", *words])


def test_a_file_goes_through_the_door_once_however_often_it_is_sent(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("good\n")
    file = tmp_path / "complaints.csv.gz"
    file.write_bytes((DATA / "ftc-dnc-numbers.csv.gz").read_bytes())
    with open_door(tmp_path / "calls") as door:
        words = ("events", str(file), "--token-file", str(token), "--to", f"http://127.0.0.1:{door.port}")
        first = headwater(*words)
        stored = door.reads.total()
        assert f"1400 records: {stored} stored, 0 there already, {1_400 - stored} refused" in first.output, first.output
        again = headwater(*words)
        assert f"0 stored, {stored} there already" in again.output
        assert door.reads.total() == stored
    rejects = [json.loads(line) for line in (tmp_path / "complaints.csv.gz.rejects.ndjson").read_text().splitlines()]
    assert len(rejects) == 1_400 - stored > 0
    assert {"position", "reason", "record"} == set(rejects[0])
    assert (tmp_path / "complaints.csv.gz.rejects.ndjson").stat().st_mode & 0o77 == 0


def test_what_the_door_refuses_is_told_with_the_place_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_text("batch,number\n2025-12-03,2155550101\n1999-12-03,2155550102\n2025-12-03,2155550103\n")
    (tmp_path / "token").write_text("good")
    with open_door(tmp_path / "calls") as door:
        result = headwater(
            "events", str(file), "--format", "number-list", "--token-file", str(tmp_path / "token"),
            "--to", f"http://127.0.0.1:{door.port}",
        )  # fmt: skip
    assert "2 stored" in result.output, result.output
    (reject,) = (tmp_path / "events.csv.rejects.ndjson").read_text().splitlines()
    assert json.loads(reject)["position"] == 3


def client_of(door: Any, token: str) -> Any:
    return closing(deliver.FeedDoor(f"http://127.0.0.1:{door.port}", token))


def test_a_wrong_token_stops_at_once(tmp_path: Path) -> None:
    refused = pytest.raises(Forbidden, match="refused the credential")
    with open_door(tmp_path / "calls") as door, client_of(door, "wrong") as client, refused:
        client.send([b"{}"])


def test_the_preview_shows_records_as_understood_and_sends_nothing() -> None:
    result = headwater("preview", str(DATA / "ftc-dnc-complaints.csv"))
    assert "read as ftc-dnc-csv" in result.output
    assert "refused: calling is missing" in result.output
    assert 'call_at: "2026-09-22T18:22:00"' in result.output
    assert "shows none of the known formats" in str(headwater("preview", str(DATA / "README.md")).exception)


def test_the_command_for_files_takes_these_too(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("good")
    file = tmp_path / "reports.csv"
    file.write_bytes((DATA / "ftc-dnc-complaints.csv").read_bytes())
    assert "read as ftc-dnc-csv" in headwater("file", str(file), "--preview").output
    with open_door(tmp_path / "calls") as door:
        words = ("file", str(file), "--token-file", str(tmp_path / "token"), "--to", f"http://127.0.0.1:{door.port}")
        assert "4 stored" in headwater(*words).output
        assert "4 there already" in headwater(*words, "--format", "ftc-dnc-csv").output


def test_the_formats_are_listed() -> None:
    output = headwater("formats").output
    assert all(name in output for name in ("ftc-dnc-csv", "fcc-complaints", "hiya-spammer-cache", "webhook"))
