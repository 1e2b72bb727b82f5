"""A demo as it is run: unattended from start to end, and beside another on the same folder."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.demo import Demo, free_base
from tests.product import ROOT

pytestmark = [pytest.mark.journey, pytest.mark.timeout(480)]


def run(home: Path, base: int, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HEADWATER_", "DJANGO_"))}
    words = ["demo", "--home", str(home), "--port-base", str(base), *options]
    return subprocess.run(
        [sys.executable, "-m", "headwater", *words],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def processes_with(text: str) -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            try:
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if text in line:
                found.append(line)
    return found


def test_unattended_it_ends_by_itself_with_exit_code_0_and_leaves_nothing_running():
    folder = Path(tempfile.mkdtemp(prefix="hw-demo-"))
    folder.chmod(0o711)
    try:
        report = folder / "report.json"
        # Another network than that of the shared demo: the origin, the names and the campaigns are others.
        done = run(folder / "var", free_base(), "--seed", "2", "--exit-when-sealed", "--report", str(report))
        assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-4_000:]
        told = json.loads(report.read_text())
        assert told["ok"] is True
        assert told["found"]["origin"] == told["true"]["origin"] != ""
        assert told["found"]["hops"] == told["true"]["path_from_terminating"]
        assert told["found"]["package_ok"] is True
        assert "relief" not in told
        assert "Notice RN-" not in done.stdout
        assert "Stopped." in done.stdout
        assert processes_with(str(folder)) == []
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_sealed_package_is_reached_in_under_three_minutes(demo: Demo) -> None:
    assert 0 < demo.report["found"]["sealed_s"] < 180


def test_all_processes_together_stay_under_six_gigabytes(demo: Demo) -> None:
    memory = demo.report["memory_mib"]
    assert memory["samples"] > 5
    assert 500 < memory["peak_pss"] < 6 * 1024
    seen = " ".join(memory["pss_by_program_at_peak"])
    assert all(part in seen for part in ("serve calls", "serve desk", "headwater work", "agent", "postgres"))


def test_every_traceback_names_only_providers_that_the_call_touched(demo: Demo) -> None:
    traces = [trace for campaign in demo.report["found"]["campaigns"] for trace in campaign["tracebacks"]]
    assert traces
    assert all(trace["true_path"] and trace["on_true_path"] for trace in traces)


def test_the_events_reached_the_hub_and_none_was_rejected(demo: Demo) -> None:
    sent = demo.report["simulator"]
    assert sent["events"] > 0
    assert sent["frames"] > 0
    assert (sent["events_rejected"], sent["frames_dropped"]) == (0, 0)


def test_truth_keys_and_logins_are_for_their_owner_alone(demo: Demo) -> None:
    own = demo.home / "simulator"
    assert stat.S_IMODE(own.stat().st_mode) == 0o700
    for file in (own / "truth.jsonl", own / "demo.json", own / "setup.json", *(own / "keys").iterdir()):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_the_origin_is_told_ends_its_customer_and_the_calls_are_shown_to_have_stopped(demo: Demo) -> None:
    deadline = time.monotonic() + 420
    while "relief" not in demo.report and time.monotonic() < deadline:
        time.sleep(1)
    told = demo.report["relief"]
    assert told["not_done"] == "", told
    assert (told["provider"], told["accounts_ended"]) == (demo.report["true"]["origin"], 1)
    assert told["true_calls_after"] == 0
    assert told["verdict"] == "Stopped", demo.output()[-3_000:]
    assert "once in 1,000" in told["sentence"]


def test_a_second_demo_on_the_same_folder_is_refused(demo: Demo) -> None:
    second = run(demo.home, free_base())
    assert second.returncode == 1
    assert "already runs" in second.stderr
