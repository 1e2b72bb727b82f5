"""One process under the supervisor: started, found ready, logged, stopped."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headwater.clock import now
from headwater.errors import Unavailable
from headwater.site import lifeline, locks
from headwater.site.logfile import LogFile

READY_LINE = b"ready\n"
"""What a process without an HTTP port prints, on a line of its own, once it does its work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one process is run."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    """Holds this process's own secrets and no other's."""
    address: tuple[str, int] | None
    """Where it answers ``GET /healthz``; None where a line of its output says that it is ready."""
    stop_s: float
    """How long it may take to stop, in seconds, before it is killed."""


class Child:
    """A running process and what its supervisor holds of it: its standard input, its output, its lock."""

    def __init__(self, plan: Plan, *, logs: Path, run: Path) -> None:
        self.plan = plan
        self.log_path = logs / f"{plan.name}.log"
        self.started_at = 0.0
        self._lock_path = run / f"{plan.name}.lock"
        self._process: asyncio.subprocess.Process | None = None
        self._pump: asyncio.Task[None] | None = None
        self._said_ready = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the process, once no orphan of an earlier run is left of it.

        Raises:
            Unavailable: an orphan cannot be ended, or the program cannot be started.
        """
        patience = lifeline.GRACE_S + 2
        lock = await asyncio.to_thread(locks.take_from_orphan, self._lock_path, patience_s=patience)
        self._said_ready.clear()
        log = LogFile(self.log_path)
        log.write(f"--- {now():%Y-%m-%dT%H:%M:%SZ} started\n".encode())
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.plan.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=dict(self.plan.environment),
                # Ctrl-C reaches the supervisor alone, which stops the processes in their order.
                start_new_session=True,
                # The child holds the lock from here on: it is free again when the child is gone, not before.
                pass_fds=(lock.descriptor,),
            )
        except OSError as error:
            log.close()
            raise Unavailable(f"{self.plan.name} cannot be started: {error}") from error
        finally:
            if self._process is not None:
                lock.name_holder(self._process.pid)
            lock.release()
        self.started_at = time.monotonic()
        self._pump = asyncio.create_task(self._copy_output(self._process, log))

    async def ready(self, *, patience_s: float, give_up: Callable[[], bool]) -> bool:
        """Wait until the process does its work; False if it ended, the time did, or ``give_up`` says so."""
        deadline = time.monotonic() + patience_s
        while self.pid is not None and time.monotonic() < deadline and not give_up():
            if self._said_ready.is_set() if self.plan.address is None else await healthy(*self.plan.address):
                return self.pid is not None
            await asyncio.sleep(0.1)
        return False

    async def ended(self) -> int:
        """Wait for the end of the process and of its output; return its exit code (negative: the signal)."""
        if self._process is None:
            return 0
        code = await self._process.wait()
        if self._pump is not None:
            # A grandchild may hold the pipe open: the log is not worth waiting for it.
            await asyncio.wait({self._pump}, timeout=1)
            self._pump.cancel()
        return code

    async def stop(self) -> bool:
        """Ask the process to stop, and kill it when its time is over; True if it stopped by itself."""
        if self.pid is None:
            return True
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.ended(), self.plan.stop_s)
        except TimeoutError:
            self.kill()
            await self.ended()
            return False
        return True

    def kill(self) -> None:
        """End the process, and what it started, at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        pid = self.pid
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            if number is signal.SIGKILL:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)

    async def _copy_output(self, process: asyncio.subprocess.Process, log: LogFile) -> None:
        """Copy what the process prints into its log, and notice its ready line."""
        stream = process.stdout
        line_end = b"\n"
        try:
            while stream is not None and (octets := await stream.read(65_536)):
                log.write(octets)
                if b"\n" + READY_LINE in line_end + octets:
                    self._said_ready.set()
                line_end = (line_end + octets)[-len(READY_LINE) :]
        finally:
            log.close()


async def healthy(host: str, port: int) -> bool:
    """Tell whether ``GET /healthz`` is answered with 200 within two seconds."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(host.strip("[]"), port)
            try:
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return (await reader.readline()).split(b" ")[1:2] == [b"200"]
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
