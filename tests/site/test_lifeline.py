import os
import signal
import subprocess
import sys
import time

PROGRAM = """
import signal, sys, time
from headwater.site import lifeline
{extra}
lifeline.watch()
print("ready", flush=True)
time.sleep(60)
"""


def start(extra: str = "", supervised: str = "1") -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(extra=extra)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "HEADWATER_SUPERVISED": supervised},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def close(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()


def test_a_child_ends_when_the_other_end_of_its_input_is_gone() -> None:
    process = start()
    close(process)
    assert process.wait(10) == -signal.SIGTERM


def test_a_child_that_does_not_hear_the_signal_ends_all_the_same() -> None:
    process = start("lifeline.GRACE_S = 0.5; signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    close(process)
    assert process.wait(10) == 1


def test_a_process_that_nobody_supervises_lives_on_without_input() -> None:
    process = start(supervised="")
    close(process)
    time.sleep(0.5)
    assert process.poll() is None
    process.kill()
    process.wait(10)
