"""A world as files: the real readers read every record, and the truth lies elsewhere."""

import io
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from typer.testing import CliRunner

from headwater.cli.main import build as command_line
from headwater.errors import Invalid
from headwater.intake.cdr import mapping
from headwater.intake.cdr.reading import FileReader, batches
from headwater.intake.provenance import Provenance
from headwater.simulator import noise, outputs
from headwater.wire.events import FeedEvent

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def written(folder: Path, **more: object) -> tuple[Path, Path, outputs.Written]:
    kind = {"seed": 3, "profile": "S", "calls": 60, "noise": noise.profile("all"), **more}
    found = outputs.write(folder / "world", folder / "truth.jsonl", **kind)  # type: ignore[arg-type]
    return folder / "world", folder / "truth.jsonl", found


def test_the_real_readers_read_every_record_of_each_of_four_vendors(tmp_path: Path) -> None:
    world, _, found = written(tmp_path)
    read, formats = 0, set()
    for path in sorted((world / "cdr").rglob("*.csv")):
        preset = mapping.preset(path.stem)
        reader = FileReader(preset, Provenance(source_id="W0001"), zone=None if preset.zone else ZoneInfo("UTC"))
        for batch in batches(io.BytesIO(path.read_bytes()), reader, NOW):
            assert [one.reason for one in batch.refused] == [], path
            read += len(batch.records)
            assert all(len(record.called) >= 10 for record in batch.records), path
        formats.add(path.stem)
    assert read == found.records
    assert len(formats) == 4


def test_one_seed_writes_one_world_octet_for_octet_and_another_seed_another(tmp_path: Path) -> None:
    def octets(name: str, seed: int) -> dict[str, bytes]:
        (tmp_path / name).mkdir()
        folder, truth, _ = written(tmp_path / name, seed=seed)
        files = [*(path for path in folder.rglob("*") if path.is_file()), truth]
        return {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files}

    assert octets("one", 3) == octets("again", 3)
    assert octets("other", 4) != octets("third", 3)


def test_the_truth_is_its_owners_alone_and_in_no_file_of_the_world(tmp_path: Path) -> None:
    world, truth, found = written(tmp_path)
    assert truth.stat().st_mode & 0o777 == 0o600
    lines = [msgspec.json.decode(line) for line in truth.read_bytes().splitlines()]
    assert len(lines) == found.calls == 120
    assert any(one["customer"] for one in lines)
    assert not any(b"Operation-" in path.read_bytes() for path in world.rglob("*") if path.is_file())
    decode = msgspec.json.Decoder(FeedEvent).decode
    events = [
        decode(line) for name in ("app", "honeypot") for line in (world / f"{name}.jsonl").read_bytes().splitlines()
    ]
    assert len(events) == found.reports > 20


def test_the_truth_is_refused_beside_the_records_and_nothing_is_overwritten(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="may not lie in"):
        outputs.write(tmp_path / "w", tmp_path / "w" / "t", seed=1, profile="S", calls=1, noise=noise.profile("none"))
    words = ["simulate", "write", str(tmp_path / "w"), "--truth", str(tmp_path / "t"), "--calls", "5"]
    assert CliRunner().invoke(command_line(words), words).exit_code == 0
    assert "exists" in str(CliRunner().invoke(command_line(words), words).exception)
