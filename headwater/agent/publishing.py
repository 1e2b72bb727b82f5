"""Publishing a carrier's roots: what becomes durable is noted, each minute is sealed, the hub gets its root."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import structlog

from headwater import clock
from headwater.agent.commitments import Commitments
from headwater.agent.hub import MOST_ROOTS, AnswerRefused, HubAway, HubClient
from headwater.calls.records import Body, CallRecord, Reject
from headwater.calls.store import CallStore, Inserted
from headwater.calls.writer import Writer

log = structlog.get_logger(__name__)

#: How long after a minute is over it is sealed: records of its last moment are noted by then.
SETTLE_S: Final = 1.0
MINUTE_S: Final = 60.0
#: After every minute: asks the hub where it stands without bringing anything.
NEVER: Final = "9999"


class CommittingWriter(Writer):
    """Notes every record that has become durable in the carrier's commitments."""

    def __init__(self, store: CallStore, commitments: Commitments) -> None:
        super().__init__(store)
        self._commitments = commitments

    async def put(
        self,
        records: Sequence[CallRecord],
        *,
        rejects: Sequence[Reject] = (),
        table: Any = None,
        bodies: Sequence[Body] = (),
    ) -> Inserted:
        """Store as ``Writer.put`` does, then note what was new: a record that was there before keeps its minute."""
        done = await super().put(records, rejects=rejects, table=table, bodies=bodies)
        left_out = {*done.duplicates, *done.conflicts}
        fresh = [record for place, record in enumerate(records) if place not in left_out]
        if fresh:
            await asyncio.to_thread(self._commitments.note, fresh, now=clock.now())
        return done


async def publish(commitments: Commitments, hub: HubClient, *, every_s: float = MINUTE_S) -> None:
    """Seal each minute that is over and hand its root to the hub, until cancelled; what it missed is sent later."""
    known: str | None = None
    said = ""
    while True:
        try:
            await asyncio.to_thread(commitments.seal, now=clock.now())
            if known is None:
                known = (await hub.publish(commitments.roots(after=NEVER))).last
            while (missing := commitments.roots(after=known, most=MOST_ROOTS)).roots:
                known = (await hub.publish(missing)).last
            said = ""
        except HubAway as error:
            said = _once(said, str(error), "roots wait: hub away")
        except AnswerRefused as error:
            said = _once(said, str(error), "hub refused roots")
        except OSError as error:
            said = _once(said, str(error), "a minute cannot be sealed")
        left = every_s - clock.now().timestamp() % every_s
        await asyncio.sleep(left + SETTLE_S)


def _once(before: str, problem: str, what: str) -> str:
    if problem != before:
        log.warning(what, problem=problem)
    return problem
