"""A cut between agent and hub, in a network namespace: no question is lost, no answer doubled."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.product import ROOT

CAN = shutil.which("unshare") and shutil.which("ip")


def _may_make_a_namespace() -> bool:
    return bool(CAN) and subprocess.run(["unshare", "-rn", "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.timeout(400)
@pytest.mark.skipif(not _may_make_a_namespace(), reason="this system lets no user make a network namespace")
def test_a_cut_network_delays_a_question_and_loses_and_doubles_none(tmp_path: Path) -> None:
    command = ["unshare", "-rn", sys.executable, "-m", "tests.faults.cut_network", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=360)
    assert done.returncode == 0, done.stderr[-4_000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["during"] == ["Q-1"], "the link was cut: nothing can have come through"
    assert found["accepted"] == found["answers"] == ["Q-1", "Q-2", "Q-3"]
    assert found["different"] == 3, "each question was answered by one set of octets"
    assert found["problems"] == []
