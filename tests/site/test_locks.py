import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headwater.errors import Conflict, Unavailable
from headwater.site import locks

HOLD = """
import sys, time
from pathlib import Path
from headwater.site import locks
import os
lock = locks.take(Path(sys.argv[1]))
lock.name_holder(os.getpid())
print("held", flush=True)
time.sleep(60)
"""


def hold(path: Path) -> subprocess.Popen[str]:
    """Start another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()


def test_a_second_holder_is_refused_with_the_first_ones_number(tmp_path: Path) -> None:
    path = tmp_path / "up.lock"
    other = hold(path)
    try:
        with pytest.raises(Conflict, match=f"process {other.pid}"):
            locks.take_home(path, tmp_path)
        assert locks.held(path)
    finally:
        end(other)


def test_a_killed_holder_leaves_the_lock_free(tmp_path: Path) -> None:
    path = tmp_path / "up.lock"
    end(hold(path))
    assert not locks.held(path)
    lock = locks.take_home(path, tmp_path)
    assert locks.holder(path) == os.getpid()
    lock.release()


def test_a_lock_that_a_child_was_handed_is_held_until_the_child_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "calls.lock"
    lock = locks.take(path)
    assert lock is not None
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=(lock.descriptor,))
    lock.release()
    try:
        assert locks.held(path)
    finally:
        child.kill()
        child.wait(10)
    assert not locks.held(path)


def test_an_orphan_is_given_time_and_then_ended(tmp_path: Path) -> None:
    path = tmp_path / "calls.lock"
    orphan = hold(path)
    started = time.monotonic()
    lock = locks.take_from_orphan(path, patience_s=0.5)
    assert time.monotonic() - started >= 0.5
    assert orphan.wait(10) == -signal.SIGKILL
    lock.release()
    end(orphan)


def test_an_orphan_that_ends_by_itself_is_not_killed(tmp_path: Path) -> None:
    path = tmp_path / "calls.lock"
    orphan = hold(path)
    orphan.terminate()
    locks.take_from_orphan(path, patience_s=10).release()
    assert orphan.wait(10) == -signal.SIGTERM
    end(orphan)


def test_a_holder_that_is_not_known_is_reported_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "calls.lock"
    orphan = hold(path)
    path.write_text("")
    try:
        with pytest.raises(Unavailable, match=r"calls\.lock"):
            locks.take_from_orphan(path, patience_s=0.2, kill_s=0.2)
        assert orphan.poll() is None
    finally:
        end(orphan)
