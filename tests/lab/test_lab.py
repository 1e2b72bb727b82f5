"""The live lab's own parts, and the lab itself where ``HEADWATER_LAB=1`` asks for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from headwater.calls.ladder import calls_of
from lab import judge, network, plan
from tests.calls.test_ladder import recorded
from tests.intake import lab as recording

ROOT = Path(__file__).parents[2]


def of_the_recording() -> tuple[list[plan.PlannedCall], list]:
    """The recorded calls as if this lab had made them."""
    truth = sorted(recording.truth(), key=lambda one: one["start_utc_epoch"])
    ends = {200: plan.End.ANSWERED, 603: plan.End.NETWORK_BLOCKED, 608: plan.End.REJECTED, 404: plan.End.NOT_FOUND}
    planned, name_of = [], {}
    for number, one in enumerate(truth):
        calling, called = one["calling"][2:], one["called"][2:]
        call = plan.PlannedCall(
            name=str(number), calling=calling, called=called, agent="", end=ends[one["final_status"]]
        )
        planned.append(call)
        name_of[one["call_id_customer_to_carrierA_and_A_to_B"]] = call.name
        name_of[one["call_id_carrierB_to_C_to_called_party"]] = call.name
    records = [replace(one, headers={**one.headers, judge.NAME: name_of[one.call_id]}) for one in recorded()]
    return planned, records


def judged(planned, records):
    report = judge.Report()
    judge._joining(report, planned, calls_of(records), signed=True)
    return report


def test_the_judge_finds_nothing_wrong_with_the_recording():
    report = judged(*of_the_recording())
    assert report.wrong == []
    assert (report.counts["calls found whole"], report.counts["false joins"]) == (30, 0)


def test_the_judge_sees_a_call_that_was_lost_one_in_pieces_and_a_false_join():
    planned, records = of_the_recording()
    lost = {record.call_id for record in records if record.headers[judge.NAME] == "7"}
    assert any("7 was not found" in one for one in judged(planned, [r for r in records if r.call_id not in lost]).wrong)
    stripped = [
        replace(one, identity_digest="", calling="1" + one.calling[1:-1] + str(number % 7))
        if one.headers[judge.NAME] == "5"
        else one
        for number, one in enumerate(records)
    ]
    assert any("5 is in" in one for one in judged(planned, stripped).wrong)
    swapped = [
        replace(one, headers={judge.NAME: "2"})
        if one.headers[judge.NAME] == "1" and one.source_ip == "10.77.0.23"
        else one
        for one in records
    ]
    assert any("false join" in one for one in judged(planned, swapped).wrong)


def test_a_plan_is_the_same_for_the_same_seed_and_holds_redials_and_every_end():
    planned = plan.plan(60, 3)
    assert planned == plan.plan(60, 3)
    assert {call.end for call in planned} == set(plan.End)
    assert len({(call.calling, call.called) for call in planned}) < len(planned) == len({call.name for call in planned})
    assert all(call.called[3:8] == "55501" for call in planned), "fictitious numbers only"


def test_where_it_cannot_run_the_lab_says_what_is_missing_and_ends_well():
    ran = subprocess.run(
        [sys.executable, "-m", "lab", "--calls", "1"],
        cwd=ROOT,
        env={"PATH": "/nowhere", "HOME": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    if network.missing() == "" and not ran.stdout.startswith("The live lab cannot run here"):
        pytest.fail(f"the lab ran without its programs: {ran.stdout}")
    assert ran.returncode == 0, ran.stderr
    assert "not installed" in ran.stdout
    assert "apt-get install" in ran.stdout


@pytest.mark.skipif(
    os.environ.get("HEADWATER_LAB") != "1", reason="the live lab is opt-in: HEADWATER_LAB=1, or make lab"
)
@pytest.mark.timeout(600)
def test_the_live_lab_is_as_it_was_made():
    ran = subprocess.run(
        [sys.executable, "-m", "lab", "--must-run"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
