"""The HEP door in a process of its own, for ``bench.hep``: says its port, then when so many records are durable."""

import asyncio
import json
import sys
import time

import structlog

from headwater.calls.addresses import networks
from headwater.calls.store import CallStore
from headwater.calls.writer import Writer
from headwater.intake.collector import calm_collector
from headwater.intake.counters import Counters, Outcome
from headwater.intake.listeners import HepListeners
from headwater.intake.sources import Admission, Register, Source


async def serve(folder: str, records: int) -> None:
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr)
    )  # the output is the protocol with bench.hep
    store = CallStore.open(f"chdb://{folder}")
    store.migrate()
    writer = Writer(store)
    counters = Counters("bench")
    rule = Register([Admission(source=Source(source_id="709J"), allowed=networks(["127.0.0.1"]))])
    door = HepListeners(writer, rule, "127.0.0.1", 0, counters)
    await door.start()
    calm_collector()  # as the agent and the calls process do
    before = time.process_time()
    print(door.port, flush=True)
    while counters.total(Outcome.ACCEPTED) < records or door.backlog_records:  # noqa: ASYNC110 - nothing rings
        await asyncio.sleep(0.005)
    print(json.dumps({"cpu_s": time.process_time() - before, "outcomes": counters.summary()}), flush=True)
    await door.close()
    await writer.close()
    store.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
