"""The course of a demo: start everything, tell the story, report, stop everything."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from headwater.cli.demo import folder as folders
from headwater.cli.demo import report as reports
from headwater.cli.demo.folder import Folder, Remembered
from headwater.cli.demo.memory import Memory
from headwater.cli.demo.programs import Programs, make_keys
from headwater.cli.demo.report import Found
from headwater.cli.demo.screen import Screen
from headwater.errors import Conflict, HeadwaterError
from headwater.simulator import truth
from headwater.simulator.network import Network, build
from headwater.simulator.run import COUNTERS
from headwater.site import locks, secret_files, setup

if TYPE_CHECKING:
    from headwater.cli.demo.story import Story

T = TypeVar("T")

MEASURE_EVERY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for on the command line."""

    home: Path
    seed: int | None
    carriers: int | None
    port_base: int
    exit_when_sealed: bool
    report: Path | None


class Course:
    """One run of the demo."""

    def __init__(self, options: Options) -> None:
        """Nothing is started or written yet."""
        self._options = options
        self._began = time.monotonic()
        self._stop = asyncio.Event()
        # One thread: the story is told in order, and Django keeps one database connection a thread.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="story")
        self._found = Found()

    async def run(self) -> int:
        """Run it; return the exit code.

        Raises:
            HeadwaterError: it cannot be started here; the message says why and what to do.
        """
        options = self._options
        folder, seed, carriers, again = folders.choose(
            options.home, seed=options.seed, carriers=options.carriers, port_base=options.port_base
        )
        network = build(seed, carriers)
        secret_files.private_folder(folder.home)
        secret_files.private_folder(folder.own)
        lock = locks.take(folder.own / "demo.lock")
        if lock is None:
            raise Conflict(f"A demo already runs in {folder.home}. Stop that one first, or choose another --home.")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        programs = Programs(folder, network)
        screen = Screen(folder)
        try:
            with screen:
                if again:
                    screen.note(f"Going on with the demo in {folder.home} (seed {seed}).")
                return await self._play(programs, screen)
        finally:
            print("Stopping ...", flush=True)
            for name in await programs.stop():
                print(f"{name} did not stop in time and was killed.", flush=True)
            lock.release()
            print("Stopped.", flush=True)

    async def _play(self, programs: Programs, screen: Screen) -> int:
        """Start, tell, and stay; a signal or the death of a program ends it at any point."""
        memory = Memory(roots=(os.getpid(),), pidfile=programs.folder.home / "postgres" / "postmaster.pid")
        acting = asyncio.create_task(self._act(programs, screen, memory))
        stopped = asyncio.create_task(self._stop.wait())
        measuring = asyncio.create_task(_measure(memory))
        watching = asyncio.create_task(programs.watch())
        try:
            await asyncio.wait((acting, stopped, watching), return_when=asyncio.FIRST_COMPLETED)
            if acting.done():
                return acting.result()
            if watching.done():
                screen.note(watching.result())
                return 1
            return 1 if self._options.exit_when_sealed else 0
        finally:
            # The story's thread sees this and ends by itself.
            self._stop.set()
            for task in (acting, stopped, measuring, watching):
                task.cancel()
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _act(self, programs: Programs, screen: Screen, memory: Memory) -> int:
        """Begin, tell the story, judge it, and stay until somebody stops the demo; return the exit code."""
        facts = await self._begin(programs, screen)
        # Imported here: it imports rooms with models, which need Django readied first.
        from headwater.cli.demo.story import Story

        story = Story(programs.folder, facts, self._found, screen, began=self._began, stopped=self._stop.is_set)
        failed = await self._in_thread(lambda: _told(story, screen))
        true, wrong = self._judge(programs, facts)
        if self._options.report:
            self._write_report(programs, self._options.report, true, [*failed, *wrong], memory)
        screen.note(_verdict(wrong))
        if self._options.exit_when_sealed:
            return 1 if failed or wrong else 0
        if not failed:
            await self._in_thread(lambda: self._stop_the_calls(story, programs, str(true["campaign_label"])))
        await self._in_thread(story.stay)
        return 0

    async def _begin(self, programs: Programs, screen: Screen) -> Remembered:
        folder, network = programs.folder, programs.network
        screen.begin("Starting Headwater: PostgreSQL, the call store, desk, portal, carrier pages, worker")
        await programs.start_hub()
        screen.found("Headwater runs")
        screen.begin(f"Registering {len(network.carriers) - 1} carriers, two agencies and the desk")
        os.environ.update(folder.environment() | {"HEADWATER_PROCESS": "admin"})
        facts: Remembered = await self._in_thread(lambda: _accounts(folder, network))
        screen.found(f"{len(network.carriers) - 1} carriers, two agencies and the desk are registered")
        screen.begin(f"Starting the agents of {len(network.agents())} carriers")
        await programs.start_agents(facts)
        screen.found(f"The agents of {len(network.agents())} carriers run in {len(programs.running) - 1} processes")
        await programs.start_simulator(facts)
        self._found.ready_s = round(time.monotonic() - self._began, 1)
        screen.show_logins(list(facts.logins.values()))
        return facts

    async def _in_thread(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, act)

    def _stop_the_calls(self, story: "Story", programs: Programs, label: str) -> None:
        """Tell the last leg. Whatever comes of it, the demo goes on."""
        ending = story.stop_the_calls()
        if self._options.report:
            truths = list(truth.read(programs.folder.own / truth.FILE))
            reports.add_ending(self._options.report, ending, truths, label)

    def _judge(self, programs: Programs, facts: Remembered) -> tuple[dict[str, Any], list[str]]:
        """Lay the ground truth beside what was found. Nothing before this looked at it."""
        truths = list(truth.read(programs.folder.own / truth.FILE))
        return reports.judge(self._found, truths, facts.feed_sources)

    def _write_report(
        self, programs: Programs, path: Path, true: dict[str, Any], wrong: list[str], memory: Memory
    ) -> None:
        reports.write(
            path,
            found=self._found,
            true=true,
            wrong=wrong,
            seed=programs.network.seed,
            carriers=len(programs.network.carriers) - 1,
            memory=memory,
            simulator=json.loads((programs.folder.own / COUNTERS).read_text()),
        )


def _told(story: "Story", screen: Screen) -> list[str]:
    try:
        story.tell()
    except HeadwaterError as error:
        screen.failed(f"The story ends here: {error}")
        return [str(error)]
    return []


def _verdict(wrong: list[str]) -> str:
    if wrong:
        return "Beside the simulator's ground truth: " + " ".join(wrong)
    return "Beside the simulator's ground truth: the origin and every hop are named as they were"


def _accounts(folder: Folder, network: Network) -> Remembered:
    setup.django()
    # Imported here: it imports rooms with models, which need Django readied first.
    from headwater.cli.demo import seeding

    facts = folders.remembered(folder)
    if facts is not None and seeding.seeded(facts):
        return facts
    return seeding.seed(folder, network, make_keys(folder, network))


async def _measure(memory: Memory) -> None:
    while True:
        await asyncio.to_thread(memory.sample)
        await asyncio.sleep(MEASURE_EVERY_S)
