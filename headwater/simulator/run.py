"""Places the calls in real time: frames to the agents, events to the hub, the truth to its own file."""

import asyncio
import contextlib
import heapq
import itertools
import json
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path

from headwater import clock
from headwater.simulator import network as net
from headwater.simulator import octets, traffic, truth
from headwater.simulator.accounts import Accounts
from headwater.simulator.doors import Counters, FeedSender, HepSender
from headwater.simulator.hand import Desk
from headwater.simulator.setup import Setup

COUNTERS = "counters.json"
COUNT_EVERY_S = 2.0
ORDERS_EVERY_S = 0.5
#: Calls that a person at a carrier can still look up: hours of traffic.
REMEMBERED = 50_000


class Simulator:
    """One run of the network. It knows the truth and tells nobody but the truth file."""

    def __init__(self, setup: Setup) -> None:
        """Prepare; nothing is opened or sent before ``run``."""
        self.network = net.build(setup.seed, setup.size)
        self.counters = Counters()
        self._setup = setup
        self._folder = Path(setup.folder)
        self._keys = {spc: door.auth_key for spc, door in setup.hep.items()}
        carriers = self.network.carriers
        self._hep = {
            spc: HepSender(door, carriers[spc].transport, self.counters)
            for spc, door in setup.hep.items()
            if self.network.observed(spc)
        }
        self._feeds = {
            traffic.Partner(name): FeedSender(setup.feed_url, token, self.counters)
            for name, token in setup.feed_tokens.items()
        }
        self._recent: deque[octets.Call] = deque(maxlen=REMEMBERED)
        self._accounts = Accounts(self._folder, self._recent)
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()

    async def run(self) -> None:
        """Ring until cancelled; then say what was counted."""
        doors: list[HepSender | FeedSender] = [*self._hep.values(), *self._feeds.values()]
        desks = [Desk(self.network, self._setup, staff, self._recent, self.counters) for staff in self._setup.staff]
        truths = truth.TruthFile(self._folder / truth.FILE)
        try:
            async with asyncio.TaskGroup() as group:
                for each in (*doors, *desks):
                    group.create_task(each.run())
                group.create_task(self._play(truths))
                group.create_task(self._count())
                group.create_task(self._take_orders())
        finally:
            truths.close()
            self._write_counters()

    async def _play(self, truths: truth.TruthFile) -> None:
        for placed in traffic.plan(self.network, clock.now()):
            await self._until(placed.call.at)
            if not self._accounts.takes(placed.call):
                continue
            truths.add(truth.of(self.network, placed))
            self._place(placed)

    async def _until(self, at: datetime) -> None:
        """Do what falls due until ``at``, each at its time."""
        while True:
            due = min(at, self._agenda[0][0]) if self._agenda else at
            await asyncio.sleep(max(0.0, (due - clock.now()).total_seconds()))
            if due >= at:
                return
            heapq.heappop(self._agenda)[2]()

    def _place(self, placed: traffic.Placed) -> None:
        self.counters.calls += 1
        self._recent.append(placed.call)
        for capture in octets.captures(self.network, placed.call, self._keys):
            self._later(capture.at, partial(self._hep[capture.spc].put, capture.frame))
        if placed.report:
            feed = self._feeds[placed.report.partner]
            self._later(placed.report.at, partial(feed.put, placed.report.event))

    def _later(self, at: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (at, next(self._order), act))

    async def _take_orders(self) -> None:
        while True:
            if wrong := self._accounts.look():
                self.counters.note(wrong)
            await asyncio.sleep(ORDERS_EVERY_S)

    async def _count(self) -> None:
        while True:
            self._write_counters()
            await asyncio.sleep(COUNT_EVERY_S)

    def _write_counters(self) -> None:
        draft = self._folder / (COUNTERS + ".new")
        draft.write_text(json.dumps(asdict(self.counters), indent=2) + "\n")
        draft.replace(self._folder / COUNTERS)


async def run_until(stop: asyncio.Event, setup: Setup) -> None:
    """Run a simulator until ``stop`` is set, then end it."""
    ringing = asyncio.create_task(Simulator(setup).run())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((ringing, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if ringing.done():
        ringing.result()
        return
    ringing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await ringing
