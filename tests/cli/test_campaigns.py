import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headwater.cli.main import build
from tests.campaigns.material import held_out

RUNNER = CliRunner()


def written(folder: Path, name: str, rows: list[dict]) -> Path:
    file = folder / name
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return file


def evaluated(*arguments: str) -> dict:
    result = RUNNER.invoke(build(["campaigns"]), ["campaigns", "evaluate", *arguments])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_it_prints_every_figure_beside_the_plain_baseline(tmp_path: Path):
    rows = held_out()
    known = written(tmp_path, "known.jsonl", rows[::2])
    tried = written(tmp_path, "tried.jsonl", rows[1:160:2])

    found = evaluated(str(tried), "--train", str(known))

    for part in ("batch", "baseline"):
        assert set(found[part]) >= {
            "pair_precision",
            "pair_recall",
            "pair_f1",
            "b_cubed_f1",
            "adjusted_rand",
            "v_measure",
        }
    assert found["scored"]["calls"] == 80
    one_pass, names = found["online"], found["names"]
    assert one_pass["calls_per_second"] > 0
    assert one_pass["declared"]["median_calls"] >= 3
    assert one_pass["agreement"]["pair_f1"] > 0.5
    assert 0.5 < names["seen_top1_right"] <= 1
    assert set(names) >= {"seen_called_new", "unseen_called_new", "family_right"}


def test_online_leaves_the_batch_out_and_the_table_is_for_reading(tmp_path: Path):
    tried = written(tmp_path, "tried.jsonl", held_out()[:40])
    assert evaluated(str(tried), "--online")["batch"] is None
    result = RUNNER.invoke(build(["campaigns"]), ["campaigns", "evaluate", str(tried), "--online", "--table"])
    assert "one pass, weighed evidence" in result.output
    assert "baseline: TF-IDF average link" in result.output


@pytest.mark.parametrize("line", [b"not json", b'{"transcript": 5}', b"[]"])
def test_a_bad_line_is_named_by_its_number(tmp_path: Path, line: bytes):
    file = tmp_path / "calls.jsonl"
    file.write_bytes(b'{"transcript": "a b c d e f", "campaign": "A", "family": "tax"}\n' + line + b"\n")
    result = RUNNER.invoke(build(["campaigns"]), ["campaigns", "evaluate", str(file)])
    assert result.exit_code != 0
    assert "line 2" in " ".join(result.output.split())


def test_empty_foreign_and_endless_calls_are_taken(tmp_path: Path):
    texts = [
        "",
        "   ",
        "🙂" * 50,
        "最后一次通知您您有一个快件已派送两次无人签收",
        "word " * 200_000,
        "\x00\ud800".encode("utf-8", "replace").decode(),
    ]
    tried = written(tmp_path, "odd.jsonl", [{"transcript": text, "campaign": "", "family": ""} for text in texts])
    found = evaluated(str(tried))
    assert found["scored"]["calls"] == len(texts)
    assert found["online"]["not_comparable"] >= 3
