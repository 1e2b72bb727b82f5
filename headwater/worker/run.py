"""``headwater work``: one program for jobs, clock, detector and audit checkpoints; what falls is started again.

SIGTERM and SIGINT finish the jobs that run, then end. A worker that is killed loses nothing: its jobs are given to
another when its heartbeat stops (``tasks.rescue``).
"""

import asyncio
import contextlib
import importlib
import importlib.util
import signal
import threading
from collections.abc import Awaitable, Callable
from functools import cache

import structlog
from django.db import DatabaseError, close_old_connections
from procrastinate import App
from procrastinate.contrib.django.db_cleanup import with_db_cleanup
from procrastinate.contrib.django.utils import connector_params
from procrastinate.psycopg_connector import PsycopgConnector

from headwater import clock, jobs
from headwater.audit import actions as audit
from headwater.errors import Conflict, HeadwaterError
from headwater.outbox import actions as outbox
from headwater.tracebacks import actions as tracebacks
from headwater.worker import alerts, connectors, speech, trends, verifier
from headwater.worker.tasks import HEARTBEAT_S, STALLED_S, tasks

log = structlog.get_logger(__name__)

CONCURRENCY = 4
#: Jobs are notified of; this is for what a notification missed.
POLL_S = 0.5
#: How long running jobs may take to end at a stop.
GRACE_S = 12.0
TICK_S = 1.0
CHECKPOINT_S = 60.0
_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)


@cache
def application() -> App:
    """Return procrastinate's application of this process.

    It is not the one that rooms ask for jobs with (``jobs.defer``): that one stays on Django's own connection, so
    that a job asked for in a transaction exists only if the transaction does.
    """
    app = App(connector=PsycopgConnector(kwargs=connector_params()), worker_defaults=with_db_cleanup(None))
    app.add_tasks_from(tasks, namespace="")
    app.add_tasks_from(trends.tasks, namespace="")
    app.add_tasks_from(alerts.tasks, namespace="")
    return app


async def run_jobs(stop: asyncio.Event) -> None:
    """Run jobs until ``stop``, then let those that run end."""
    app = application()
    async with app.open_async():
        worker = asyncio.create_task(
            app.run_worker_async(
                concurrency=CONCURRENCY,
                fetch_job_polling_interval=POLL_S,
                update_heartbeat_interval=HEARTBEAT_S,
                stalled_worker_timeout=STALLED_S * 10,
                shutdown_graceful_timeout=GRACE_S,
                delete_jobs="successful",
                install_signal_handlers=False,
            )
        )
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({worker, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        # procrastinate's own way to a graceful end: it catches this, finishes its jobs and passes it on.
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker


async def run_clock(stop: asyncio.Event) -> None:
    """Ask for the tracebacks on which a clock ran out, every second until ``stop``."""
    while not stop.is_set():
        await asyncio.to_thread(tick)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), TICK_S)


def tick() -> int:
    """Ask for every traceback that has something to take in and for every message that is due.

    Returns how many tracebacks there were.
    """
    try:
        late = tracebacks.due(clock.now())
        for traceback_id in late:
            jobs.defer(jobs.Job.ADVANCE_TRACEBACK, once=f"advance {traceback_id}", traceback_id=traceback_id)
        for message_id in outbox.due(clock.now()):
            jobs.defer(jobs.Job.DELIVER_MESSAGE, once=f"deliver {message_id}", message_id=message_id)
        return len(late)
    finally:
        close_old_connections()


async def run_detector(stop: asyncio.Event) -> None:
    """Run the campaign detector in a thread of its own until ``stop``."""
    if importlib.util.find_spec("headwater.worker.detector") is None:
        log.warning("no detector in this installation: campaigns are not found")
        await stop.wait()
        return
    # Imported here: it loads the text models, which take their time while jobs can run already.
    detector = await asyncio.to_thread(importlib.import_module, "headwater.worker.detector")
    signals = await asyncio.to_thread(importlib.import_module, "headwater.worker.signals")
    await _thread(lambda halt: detector.run(halt, beside=signals.configured()), stop)


async def run_verifier(stop: asyncio.Event) -> None:
    """Run the verifier of signatures in a thread of its own until ``stop``."""
    await _thread(verifier.run, stop)


async def run_speech(stop: asyncio.Event) -> None:
    """Turn recordings into words in a thread of its own, which has a process for it, until ``stop``."""
    await _thread(speech.run, stop)


async def _thread(part: Callable[[threading.Event], None], stop: asyncio.Event) -> None:
    halt = threading.Event()
    following = asyncio.create_task(asyncio.to_thread(part, halt))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({following, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    halt.set()
    await following


async def run_checkpoints(stop: asyncio.Event) -> None:
    """Sign where the audit stands each minute, and once more at the stop."""
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), CHECKPOINT_S)
        await asyncio.to_thread(sign_audit)


def sign_audit() -> None:
    """Sign where the audit stands. A log that was rewritten is cried out, each minute, until somebody acts."""
    try:
        audit.checkpoint()
    except Conflict as error:
        log.critical("the audit was rewritten", error=str(error))
    finally:
        close_old_connections()


async def supervised(name: str, part: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event) -> None:
    """Run ``part`` until ``stop``; if it falls, say so and start it again after a growing pause."""
    falls = 0
    while not stop.is_set():
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            await part(stop)
        except (HeadwaterError, DatabaseError, OSError) as error:
            log.warning("part of the worker fell", part=name, error=str(error))
        except Exception:
            # Whatever it was: the other parts go on, and this one is started again.
            log.exception("part of the worker fell", part=name)
        if stop.is_set():
            return
        falls = 0 if loop.time() - started > 60 else falls + 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _PAUSES_S[min(falls, len(_PAUSES_S)) - 1])


async def work(stop: asyncio.Event) -> None:
    """Run every part of the worker until ``stop``."""
    parts = {
        "jobs": run_jobs,
        "clock": run_clock,
        "detector": run_detector,
        "verifier": run_verifier,
        "speech": run_speech,
        "checkpoints": run_checkpoints,
        "connectors": connectors.run,
    }
    await asyncio.gather(*(supervised(name, part, stop) for name, part in parts.items()))


def main() -> None:
    """Run until SIGTERM or SIGINT. Django must be ready; its settings say how to log."""

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        # The supervisor waits for this line of its own.
        print("ready", flush=True)  # noqa: T201 - see above
        await work(stop)

    asyncio.run(run())
