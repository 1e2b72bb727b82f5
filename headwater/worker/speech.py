"""Gives recordings to a listener, one at a time, and keeps what it heard. The listener is a process of its own.

Its environment holds no secret, its priority is low, its memory is bounded, and a recording that takes it longer than
four times its own length and a minute costs it its life: another is started for the next. What fell is tried again
twice, then given up with the reason. Nothing else of Headwater waits for it.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from headwater import clock
from headwater.campaigns import hearing, transcripts
from headwater.campaigns.transcripts import Heard
from headwater.errors import HeadwaterError, Unavailable
from headwater.intake.recordings import Recordings
from headwater.worker import listener

log = structlog.get_logger(__name__)

POLL_S = 1.0
#: A listener that has nothing to do for this long is ended: its memory is worth more than its start.
IDLE_S = 300.0
_START_S = 120.0
_LEAST_S = 60.0
_TIMES_ITS_LENGTH = 4.0
_OCTETS_A_SECOND = 8_000


class Listens(Protocol):
    """What turns one recording into an answer (``listener.Listener.heard``)."""

    def heard(self, octets: bytes) -> Mapping[str, Any]:
        """Return the answer.

        Raises:
            Unavailable: the listener fell, or took too long.
        """

    def end(self) -> None:
        """End it; it may be asked again."""


class Process:
    """A listener in a process of its own, started when it is needed."""

    def __init__(
        self,
        command: tuple[str, ...] = (sys.executable, "-m", "headwater.worker.listener"),
        *,
        least_s: float = _LEAST_S,
    ) -> None:
        """Run ``command``; a recording may take ``least_s`` and four times its own length."""
        self._command = command
        self._least_s = least_s
        self._running: subprocess.Popen[bytes] | None = None

    def heard(self, octets: bytes) -> Mapping[str, Any]:
        """Return what the process answers about a WAV file.

        Raises:
            Unavailable: it fell, or took longer than it may.
        """
        running = self._started()
        return self._asked(running, octets, self._least_s + _TIMES_ITS_LENGTH * len(octets) / _OCTETS_A_SECOND)

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._running is None or self._running.poll() is not None:
            self._running = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.defpath, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
            )
            self._asked(self._running, None, _START_S)
        return self._running

    def _asked(self, running: "subprocess.Popen[bytes]", octets: bytes | None, limit: float) -> Mapping[str, Any]:
        killer = threading.Timer(limit, running.kill)
        killer.start()
        try:
            if octets is not None and running.stdin is not None:
                listener.write_part(running.stdin, octets)
            answer = listener.read_part(running.stdout) if running.stdout is not None else None
            if answer is None:
                raise ValueError("it ended")
            found: dict[str, Any] = json.loads(answer)
        except (OSError, ValueError) as error:
            took_too_long = not killer.is_alive()
            self.end()
            reason = f"it took longer than {limit:.0f} s" if took_too_long else str(error)
            raise Unavailable(f"The listener gave no answer: {reason}.") from error
        finally:
            killer.cancel()
        return found

    def end(self) -> None:
        """End the process, if one runs."""
        if self._running is None:
            return
        self._running.kill()
        self._running.wait()
        for pipe in (self._running.stdin, self._running.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._running = None


def turn(recordings: Recordings, listens: Listens) -> bool:
    """Listen to the next recording; tell whether there was one."""
    name = transcripts.take(now=clock.now())
    if not name:
        return False
    try:
        answer = listens.heard(recordings.get(name))
    except Unavailable as error:
        transcripts.fail(name, str(error), now=clock.now(), for_good=False)
        log.warning("a recording was not heard", recording=name, error=str(error))
        return True
    except HeadwaterError as error:
        transcripts.fail(name, str(error), now=clock.now(), for_good=True)
        log.warning("a recording cannot be heard", recording=name, error=str(error))
        return True
    if "error" in answer:
        transcripts.fail(name, str(answer["error"]), now=clock.now(), for_good=True)
        log.warning("a recording cannot be heard", recording=name, error=str(answer["error"]))
        return True
    heard = Heard(**answer)
    transcripts.keep(name, heard, now=clock.now())
    log.info("recording heard", recording=name, language=heard.language, confidence=heard.confidence)
    return True


def run(
    stop: threading.Event,
    listens: Callable[[], Listens] = Process,
    *,
    home: Path | None = None,
    packages: Sequence[str] = hearing.PACKAGES,
) -> None:
    """Listen to what waits until ``stop``. Where the packages are missing it says so once and waits."""
    if missing := hearing.missing(packages):
        log.warning("no speech to text: recordings without words group no call", missing=missing, extra="speech")
        stop.wait()
        return
    recordings, ears, idle = Recordings(home or settings.HEADWATER.home), listens(), 0.0
    try:
        while not stop.is_set():
            try:
                worked = turn(recordings, ears)
            except DatabaseError as error:
                log.warning("the listener waits", error=str(error))
                connection.close()
                worked = False
            if worked:
                idle = 0.0
                continue
            idle += POLL_S
            if idle >= IDLE_S:
                ears.end()
            stop.wait(POLL_S)
    finally:
        ears.end()
        connection.close()
