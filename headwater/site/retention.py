"""Retention in the ``calls`` process: every hour, and when the operator asks, what is past its time is deleted.

The rules are the operator's file ``retention.toml`` in the data directory, read anew for each run. What is held is
asked of PostgreSQL for each run; where it does not answer, nothing is deleted.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final

import structlog
from django.db import DatabaseError, connection

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.api import bodies, feeds
from headwater.calls import keeping
from headwater.calls.facade import Readers
from headwater.calls.sweep import Expired, Sweeper
from headwater.errors import HeadwaterError, Unavailable
from headwater.retention import actions, queries

FILE: Final = "retention.toml"
PATH: Final = "/retain"
#: Seconds between runs, and from the start of the process to its first.
EVERY_S: Final = 3_600.0
FIRST_S: Final = 300.0
#: Octets of the operator's file.
LONGEST: Final = 1_048_576
#: Who may ask for a run: the operator's command line.
ASKER: Final = "admin"

log = structlog.get_logger(__name__)


class Keeper:
    """Runs the rules of one data directory over one store."""

    def __init__(self, sweeper: Sweeper, home: Path, *, actor: Actor | None = None) -> None:
        self._sweeper = sweeper
        self._file = home / FILE
        self._actor = actor or system("retention")
        self._lock = threading.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Go on running every hour."""
        self._task = asyncio.create_task(self._keep_running(), name="retention")

    async def close(self) -> None:
        """Stop. A step that the engine has begun is finished by the next run."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def run(self, *, now: datetime, dry: bool) -> list[Expired]:
        """Run once and return what was, or for ``dry`` would be, deleted.

        Raises:
            Invalid: the file of rules holds something that is no rule; nothing was deleted.
            Unavailable: PostgreSQL or the call store does not answer, or the list of holds is old.
        """
        with self._lock:
            policy, rule = self._rules()
            try:
                held = queries.held(now=now)
                tell = partial(self._tell, rule)
                return self._sweeper.run(policy, held, now=now, dry=dry, tell=tell)
            except DatabaseError as error:
                raise Unavailable("PostgreSQL does not answer: what is held is not known, so nothing goes") from error

    def _rules(self) -> tuple[keeping.Policy, str]:
        """Return the rules and how the audit names them: the file's SHA-256."""
        try:
            with self._file.open("rb") as file:
                octets = file.read(LONGEST + 1)
        except FileNotFoundError:
            return keeping.Policy(), "without a file"
        except OSError as error:
            raise Unavailable(f"{self._file} cannot be read: {error}") from error
        return keeping.read(octets[:LONGEST].decode("utf-8", "replace")), f"sha256:{sha256(octets).hexdigest()}"

    def _tell(self, rule: str, stage: str, expired: list[Expired]) -> None:
        actions.note_deletion(self._actor, stage, expired, rule=rule)
        log.info("calls past their time", stage=stage, what=expired[0].what, count=sum(one.count for one in expired))

    def run_and_hang_up(self, *, now: datetime, dry: bool) -> list[Expired]:
        """Run once in a thread of its own, as ``run``, and give the connection to PostgreSQL back."""
        try:
            return self.run(now=now, dry=dry)
        finally:
            connection.close()

    async def _keep_running(self) -> None:
        await asyncio.sleep(FIRST_S)
        while True:
            try:
                await asyncio.to_thread(self.run_and_hang_up, now=clock.now(), dry=False)
            except HeadwaterError as error:
                log.error("nothing was deleted", error=str(error))  # noqa: TRY400 - said in plain words
            except Exception:
                log.exception("retention failed")
            await asyncio.sleep(EVERY_S)


async def answer(
    scope: bodies.Scope, send: bodies.Send, *, readers: Readers, keeper: Keeper, now: Callable[[], datetime]
) -> None:
    """Answer a request to run: ``POST /retain``, with ``?dry`` to be told and delete nothing."""
    if readers.named(bodies.headers_of(scope)) != ASKER:
        await feeds.respond(send, *feeds.problem(403, "Only the operator's command line may ask for this."))
        return
    if scope["method"] != "POST":
        await feeds.respond(send, *feeds.problem(405, "Ask with POST."))
        return
    dry = scope["query_string"] == b"dry"
    try:
        expired = await asyncio.to_thread(keeper.run_and_hang_up, now=now(), dry=dry)
    except HeadwaterError as error:
        await feeds.respond(send, *feeds.problem_of(error))
        return
    said = [
        {
            "what": one.what,
            "source": one.source_id,
            "class": one.record_kind,
            "count": one.count,
            "first_received": one.first.isoformat(),
            "last_received": one.last.isoformat(),
        }
        for one in expired
    ]
    await feeds.respond(send, 200, {"dry": dry, "expired": said})
