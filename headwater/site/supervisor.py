"""``headwater up``: starts every process in order, starts again what dies, stops all of them in order.

Order of a start: lock the data directory; PostgreSQL; roles, migrations, grants; ``calls``; the others.
Order of a stop: what reads calls (the doors and ``work``); ``calls``, which writes what it has taken; PostgreSQL.
If the supervisor is killed, its children end by themselves (``headwater.site.lifeline``), PostgreSQL keeps
running, and the next start finds it.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from headwater.clock import now
from headwater.errors import HeadwaterError, Unavailable
from headwater.site import database, lifeline, locks, postgres, preflight, secret_files
from headwater.site.child import Child, Plan
from headwater.site.config import Config, Process
from headwater.site.logfile import LogFile, tail

T = TypeVar("T")

DOORS = (Process.DESK, Process.PORTAL, Process.CARRIER, Process.PUBLIC)
READY_S = 60.0
"""How long a process may take until it is ready, in seconds."""
SETTLED_S = 60.0
"""A process that lived this long starts counting anew."""
LOOP = 5
"""Deaths in a row that are called a crash loop."""
STATE_FILE = "state.json"
"""In ``run``: how each process stands while ``headwater up`` runs; not there while it does not."""
STOP_S = {Process.CALLS: 20.0, Process.WORK: 15.0}


class Stopped(Exception):
    """A signal came while something was still being started."""


@dataclass(slots=True)
class Standing:
    """How one process stands, as the state file says it."""

    state: str = "starting"
    pid: int | None = None
    restarts: int = 0


class Supervisor:
    """Runs the processes of one data directory."""

    backoff_s = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
    """Pause before each further start of a process that keeps dying; the last one repeats."""

    def __init__(self, config: Config, *, say: Callable[[str], None]) -> None:
        """``config`` is that of the ``admin`` process; ``say`` shows one message to the operator."""
        self.config = config
        self._show = say
        self._log: LogFile | None = None
        self._stop = asyncio.Event()
        self._standing: dict[Process, Standing] = {
            process: Standing() for process in Process if process is not Process.ADMIN
        }
        self._children: dict[Process, Child] = {}
        self._own_database = os.environ.get("HEADWATER_DATABASE_URL", "")
        self._ready = False

    async def run(self) -> int:
        """Run until a signal, or until something cannot be started; return the exit code.

        Raises:
            HeadwaterError: it could not be started; the message says why and what to do.
        """
        preflight.python()
        preflight.folder(self.config)
        home_lock = locks.take_home(self.config.run / "up.lock", self.config.home)
        self._log = LogFile(self.config.logs / "up.log")
        self._listen_for_signals()
        try:
            with contextlib.suppress(Stopped):
                await self._start()
                await self._watch()
            return 0
        finally:
            await self._stop_everything()
            (self.config.run / STATE_FILE).unlink(missing_ok=True)
            self._log.close()
            home_lock.release()

    # -- start ---------------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        config = self.config
        preflight.ports(config)
        secret_files.ensure(config, calls_url=os.environ.get("HEADWATER_CALLS_URL", ""))
        self._write_state()
        if not self._own_database:
            self._say("Starting PostgreSQL ...")
            await self._unless_stopped(asyncio.to_thread(postgres.start, config))
        self._say("Preparing the database ...")
        server = await self._unless_stopped(asyncio.to_thread(database.server, config, self._own_database))
        urls = await self._unless_stopped(asyncio.to_thread(database.prepare, config, server))
        calls_urls = secret_files.read_json(config.secrets / secret_files.CALLS_URLS)
        for process in self._standing:
            plan = self._plan(process, urls[process.value], calls_urls.get(process.value, ""))
            self._children[process] = Child(plan, logs=config.logs, run=config.run)
        self._say("Starting calls, desk, portal, carrier, public and work ...")
        await self._first_start(Process.CALLS)
        starts = [asyncio.create_task(self._first_start(process)) for process in (*DOORS, Process.WORK)]
        try:
            # One that fails ends the wait: the others need not come up first.
            await asyncio.wait(starts, return_when=asyncio.FIRST_EXCEPTION)
            for start in starts:
                if start.done():
                    start.result()
        finally:
            for start in starts:
                start.cancel()
            await asyncio.gather(*starts, return_exceptions=True)
        self._ready = True
        self._write_state()
        self._say(self._welcome())

    async def _first_start(self, process: Process) -> None:
        """Start a process; if it does not come up the first time, starting it again would not help."""
        child = self._children[process]
        started = time.monotonic()
        await self._unless_stopped(child.start())
        self._stand(process, "starting")
        if await child.ready(patience_s=READY_S, give_up=self._stop.is_set):
            self._stand(process, "ready")
            return
        if self._stop.is_set():
            raise Stopped
        what = "ended" if child.pid is None else f"was not ready after {time.monotonic() - started:.0f} s"
        raise Unavailable(
            f"{process.value} {what} while Headwater was being started. Its log, {child.log_path}, ends:\n"
            f"{tail(child.log_path)}"
        )

    def _plan(self, process: Process, database_url: str, calls_url: str) -> Plan:
        """Return how to run a process: with its own secrets in its environment and no other's."""
        config = self.config
        mine = ("HEADWATER_DATABASE_URL", "HEADWATER_CALLS_URL", "PGPASSWORD", "PGPASSFILE", "PGSERVICE")
        environment = {name: value for name, value in os.environ.items() if name not in mine} | {
            "HEADWATER_HOME": str(config.home),
            "HEADWATER_PROCESS": process.value,
            "HEADWATER_DATABASE_URL": database_url,
            "HEADWATER_CALLS_URL": calls_url,
            lifeline.SUPERVISED: "1",
            "PYTHONUNBUFFERED": "1",
            # chdb reports the process's zone as the server's.
            "TZ": "UTC",
        }
        if process is not Process.WORK:
            # It may hold a password, and the worker alone sends mail.
            environment.pop("HEADWATER_SMTP_URL", None)
        if process is not Process.WORK:
            # It may hold a password, and the worker alone sends mail.
            environment.pop("HEADWATER_SMTP_URL", None)
        if public := os.environ.get(process.url_setting, ""):
            environment["HEADWATER_PUBLIC_URL"] = public
        words = ("work",) if process is Process.WORK else ("serve", process.value)
        return Plan(
            name=process.value,
            # -P: the folder in which the operator happens to stand must not be searched for modules.
            command=(sys.executable, "-P", "-m", "headwater", *words),
            environment=environment,
            address=(config.host, config.port(process)) if config.port(process) else None,
            stop_s=STOP_S.get(process, 10.0),
        )

    # -- keep ----------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Keep every process alive until a signal comes."""
        keepers = [asyncio.create_task(self._keep(process)) for process in self._children]
        if not self._own_database:
            keepers.append(asyncio.create_task(self._keep_postgres()))
        stop = asyncio.create_task(self._stop.wait())
        try:
            done, _pending = await asyncio.wait([*keepers, stop], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (*keepers, stop):
                task.cancel()
            await asyncio.gather(*keepers, stop, return_exceptions=True)

    async def _keep(self, process: Process) -> None:
        """Start the process again each time it ends."""
        child = self._children[process]
        deaths = 0
        while True:
            code = await child.ended()
            if self._stop.is_set():
                return
            deaths = 1 if time.monotonic() - child.started_at > SETTLED_S else deaths + 1
            self._standing[process].restarts += 1
            pause = self.backoff_s[min(deaths, len(self.backoff_s)) - 1]
            self._say(f"{process.value} ended ({_how(code)}). Starting it again in {pause:g} s.")
            if deaths == LOOP:
                self._say(
                    f"{process.value} has now ended {LOOP} times in a row: something is wrong with it. Headwater keeps "
                    f"trying, every {self.backoff_s[-1]:g} s at most. Its log, {child.log_path}, ends:\n"
                    f"{tail(child.log_path)}"
                )
            self._stand(process, "down")
            await asyncio.sleep(pause)
            await self._start_again(process)

    async def _start_again(self, process: Process) -> None:
        child = self._children[process]
        try:
            await child.start()
        except Unavailable as error:
            self._say(str(error))
            return
        self._stand(process, "starting")
        if await child.ready(patience_s=READY_S, give_up=self._stop.is_set):
            self._stand(process, "ready")
            self._say(f"{process.value} is back.")
        elif child.pid is not None:
            self._say(f"{process.value} was started again but is not ready after {READY_S:g} s. See {child.log_path}.")

    async def _keep_postgres(self) -> None:
        """Start PostgreSQL again if it dies; the processes find it by themselves."""
        pauses = iter(self.backoff_s)
        while True:
            await asyncio.sleep(1)
            if await asyncio.to_thread(postgres.running, self.config) is not None:
                pauses = iter(self.backoff_s)
                continue
            self._say("PostgreSQL ended. Starting it again.")
            try:
                await asyncio.to_thread(postgres.start, self.config)
                self._say("PostgreSQL is back.")
            except HeadwaterError as error:
                self._say(str(error))
                await asyncio.sleep(next(pauses, self.backoff_s[-1]))

    # -- stop ----------------------------------------------------------------------------------------------------

    async def _stop_everything(self) -> None:
        if self._children:
            self._say("Stopping ...")
        await asyncio.gather(*(self._stop_child(process) for process in (*DOORS, Process.WORK)))
        await self._stop_child(Process.CALLS)
        if not self._own_database:
            try:
                await asyncio.to_thread(postgres.stop, self.config)
            except HeadwaterError as error:
                self._say(str(error))
        if self._children:
            self._say("Stopped.")

    async def _stop_child(self, process: Process) -> None:
        child = self._children.get(process)
        if child is not None and not await child.stop():
            self._say(f"{process.value} did not stop in {child.plan.stop_s:g} s and was killed.")

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        """Stop in order at the first signal; at the second, without patience."""
        if self._stop.is_set():
            for child in self._children.values():
                child.kill()
        self._stop.set()

    async def _unless_stopped(self, step: Awaitable[T]) -> T:
        """Await one step of the start; a signal ends the start after it."""
        if self._stop.is_set():
            raise Stopped
        task = asyncio.ensure_future(step)
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        # A step in a thread cannot be interrupted half-way; each is bounded.
        result = await task
        if self._stop.is_set():
            raise Stopped
        return result

    # -- say -----------------------------------------------------------------------------------------------------

    def _say(self, message: str) -> None:
        """Show a message on the screen and keep it in the log; a closed screen stops nothing."""
        if self._log is not None:
            self._log.write(f"{now():%Y-%m-%dT%H:%M:%SZ} {message}\n".encode())
        with contextlib.suppress(OSError):
            self._show(message)

    def _welcome(self) -> str:
        config = self.config
        bind = config.host
        return "\n".join(
            [
                f"Headwater is ready. Its data is in {config.home}.",
                f"  Desk      http://{bind}:{config.desk_port}/  for analysts, reviewers and custodians",
                f"  Portal    http://{bind}:{config.portal_port}/  for agencies",
                f"  Carriers  http://{bind}:{config.carrier_port}/  for carriers and their agents",
                f"  Public    http://{bind}:{config.public_port}/  for everybody: totals, no sign-in",
                f"  Feeds     http://{bind}:{config.calls_port}/api/feeds/v1/events  for blocking apps and honeypots",
                f"  HEP       {bind}:{config.hep_port}  TCP and UDP, for capture agents",
                "Ctrl-C stops it.",
            ]
        )

    def _stand(self, process: Process, state: str) -> None:
        standing = self._standing[process]
        standing.state = state
        standing.pid = self._children[process].pid
        self._write_state()

    def _write_state(self) -> None:
        """Write how everything stands, for ``headwater doctor`` and for tests."""
        processes = {
            process.value: {"state": standing.state, "pid": standing.pid, "restarts": standing.restarts}
            for process, standing in self._standing.items()
        }
        state = {"pid": os.getpid(), "ready": self._ready, "processes": processes}
        secret_files.write(self.config.run / STATE_FILE, json.dumps(state, indent=2) + "\n")


def _how(code: int) -> str:
    """Say how a process ended."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
