"""How a child of ``headwater up`` ends when its supervisor does, however that one died.

The supervisor holds the write end of a pipe that is the child's standard input. When it is closed, also by a
kill -9, the child reads the end of the file, and stops as for SIGTERM; if that takes too long, at once.
"""

import os
import signal
import sys
import threading
import time

SUPERVISED = "HEADWATER_SUPERVISED"
GRACE_S = 15.0
"""How long an orphan may take to stop cleanly, in seconds."""


def watch() -> None:
    """Tie this process to its supervisor; does nothing where it was not started by one."""
    if os.environ.get(SUPERVISED) != "1":
        return
    threading.Thread(target=_wait_for_end, name="lifeline", daemon=True).start()


def _wait_for_end() -> None:
    while os.read(sys.stdin.fileno(), 4_096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)
