"""The report lays what was found beside what was true, and says what differs."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headwater.cli.demo import report
from headwater.cli.demo.memory import Memory
from headwater.cli.demo.report import Found
from headwater.identifiers import record_id
from headwater.simulator.truth import Truth

AT = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
SOURCES = {"app": "FP-APP", "honeypot": "FP-POT"}


def call(number: int, campaign: str = "Amazon-AuthorizeOrder", **changes) -> Truth:
    values = {
        "number": number,
        "at": (AT + timedelta(seconds=number)).isoformat(),
        "calling": "12155550123",
        "called": "13135550199",
        "path": ["X010", "X004", "X001"],
        "origin": "X010",
        "foreign": False,
        "campaign": campaign,
        "partner": "app",
        "event_id": f"app-{number}",
        "reported_at": (AT + timedelta(seconds=number + 5)).isoformat(),
        "transcript": True,
        **changes,
    }
    return Truth(**values)


TRUTHS = [call(number) for number in range(1, 11)] + [call(11, "SSA-KindlyPressOne")]


def all_found() -> Found:
    return Found(
        campaign_id="C-1",
        campaign_name="Amazon-AuthorizeOrder",
        members=[record_id("FP-APP", f"app-{number}") for number in range(1, 12)],
        traceback_id="TB-1",
        traced_record=record_id("FP-APP", "app-3"),
        hops=["X001", "X004", "X010"],
        origin="X010",
        package="package.zip",
        package_ok=True,
        liveness_at=AT + timedelta(seconds=10),
        liveness_window_s=60,
    )


def test_what_was_found_as_it_was_is_right():
    true, wrong = report.judge(all_found(), TRUTHS, SOURCES)
    assert wrong == []
    assert true["origin"] == "X010"
    assert true["path_from_terminating"] == ["X001", "X004", "X010"]
    assert true["campaign_label"] == "Amazon-AuthorizeOrder"
    assert true["campaign_label_share"] == pytest.approx(10 / 11, abs=1e-3)
    assert true["name_matches_label"] is True
    assert true["rang_per_minute"] == 10
    assert true["reported_with_transcript_per_minute"] == 5


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"origin": "X004"}, "The origin is named X004; in truth it is X010."),
        ({"hops": ["X001", "X010"]}, "The path is named"),
        ({"traced_record": record_id("FP-APP", "somebody-else's")}, "not one that the simulator reported"),
        ({"traceback_id": ""}, "No traceback ended"),
        ({"campaign_id": ""}, "No campaign was confirmed."),
        ({"package": ""}, "No package was sealed"),
        ({"package_ok": False}, "does not verify"),
    ],
)
def test_whatever_differs_from_the_truth_is_said(change, sentence):
    _, wrong = report.judge(replace(all_found(), **change), TRUTHS, SOURCES)
    assert len(wrong) == 1
    assert sentence in wrong[0]


def test_a_traceback_that_stops_early_is_right_and_one_that_names_a_stranger_is_not():
    def traces(*hops: str) -> list[dict]:
        record = str(record_id("FP-APP", "app-4"))
        return [{"tracebacks": [{"id": "TB-2", "record_id": record, "hops": list(hops)}]}]

    early = replace(all_found(), campaigns=traces("X001", "X004"))
    assert report.judge(early, TRUTHS, SOURCES)[1] == []
    assert early.campaigns[0]["tracebacks"][0]["true_path"] == ["X001", "X004", "X010"]
    strange = replace(all_found(), campaigns=traces("X001", "X099"))
    assert "TB-2 names the path" in report.judge(strange, TRUTHS, SOURCES)[1][0]


def test_a_record_of_one_partner_is_not_taken_for_the_same_event_of_another():
    found = replace(all_found(), traced_record=record_id("FP-POT", "app-3"))
    assert report.judge(found, TRUTHS, SOURCES)[1]


def test_the_report_is_json_with_both_sides(tmp_path):
    found, path = all_found(), tmp_path / "report.json"
    true, wrong = report.judge(found, TRUTHS, SOURCES)
    memory = Memory(roots=(1,), pidfile=Path("nowhere"))
    report.write(path, found=found, true=true, wrong=wrong, seed=7, carriers=12, memory=memory, simulator={"calls": 11})
    read = json.loads(path.read_text())
    assert read["ok"] is True
    assert read["found"]["members"] == 11
    assert read["found"]["origin"] == read["true"]["origin"] == "X010"
    assert read["seed"] == 7


def ending(**changes) -> report.Ending:
    return report.Ending(**{"notice_id": "RN-1", "provider": "X010", "acted_at": AT + timedelta(seconds=8), **changes})


def test_what_came_of_the_notice_is_added_beside_how_often_the_origin_truly_rang_after(tmp_path: Path):
    path = tmp_path / "report.json"
    path.write_text('{"ok": true}')
    other_origin = call(12, origin="X011")
    report.add_ending(path, ending(verdict="Stopped"), [*TRUTHS, other_origin], "Amazon-AuthorizeOrder")
    told = json.loads(path.read_text())
    assert told["ok"] is True
    assert told["relief"]["verdict"] == "Stopped"
    assert told["relief"]["true_calls_after"] == 2
    assert [one.name for one in tmp_path.iterdir()] == ["report.json"]


def test_of_a_provider_that_did_not_act_no_figure_after_is_given(tmp_path: Path):
    path = tmp_path / "report.json"
    path.write_text("{}")
    report.add_ending(path, ending(acted_at=None, not_done="No notice was sent."), TRUTHS, "Amazon-AuthorizeOrder")
    told = json.loads(path.read_text())["relief"]
    assert told["true_calls_after"] is None
    assert told["not_done"] == "No notice was sent."
