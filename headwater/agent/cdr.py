"""A carrier's folders of call detail records as a source of its agent: read into its own store, never sent anywhere."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import structlog

from headwater.agent.config import CdrFolder
from headwater.calls.writer import Writer
from headwater.errors import HeadwaterError, Unavailable
from headwater.intake.cdr import exchange
from headwater.intake.cdr.exchange import Answer, Part
from headwater.intake.cdr.folder import Folder
from headwater.intake.sources import Source

#: How long a part of a file waits for the store.
STORE_S: Final = 60.0


class OwnStore:
    """The agent's own store as the keeper of a file's calls. Called from the thread that reads the file."""

    def __init__(self, writer: Writer, spc: str, loop: asyncio.AbstractEventLoop) -> None:
        self._writer = writer
        self._source = Source(source_id=spc, credential="own folder")
        self._loop = loop

    def take(self, part: Part, octets: bytes, /) -> Answer:
        """Store the rows of a part and return what became of them. See ``deliver.Keeper``."""
        found = exchange.read(part, octets, self._source, datetime.now(UTC))
        written = asyncio.run_coroutine_threadsafe(self._writer.put(found.records, rejects=found.kept), self._loop)
        try:
            return exchange.answer(found, written.result(timeout=STORE_S))
        except TimeoutError:
            raise Unavailable("the store did not take the rows in time; they are read again") from None


class CdrSource:
    """Looks into one folder of a carrier again and again."""

    def __init__(self, config: CdrFolder, writer: Writer, spc: str) -> None:
        self._config = config
        self._log = structlog.get_logger(__name__).bind(carrier=spc, folder=str(config.folder))
        self._keeper = OwnStore(writer, spc, asyncio.get_running_loop())
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self.files = 0
        """Files that were settled since the start."""

    def start(self) -> None:
        """Make the folder if need be, and begin to look into it.

        Raises:
            OSError: the folder cannot be made or read.
        """
        self._config.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = Folder(
            self._config.folder,
            self._config.choice,
            self._keeper,
            settle_s=self._config.settle_s,
            say=lambda text: self._log.info("call detail records", said=text),
        )
        self._task = asyncio.create_task(self._run(folder), name=f"cdr-{self._config.folder}")

    async def close(self) -> None:
        """Stop after the file that is being read; it is taken up again at the next start where it is not settled."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self, folder: Folder) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping:
            taken = 0
            try:
                turn = asyncio.to_thread(folder.turn, loop.time(), stop=lambda: self._stopping)
                taken = await asyncio.shield(turn)
            except (HeadwaterError, OSError) as error:
                self._log.warning("folder cannot be read now", error=str(error))
            self.files += taken
            if not taken:
                await asyncio.sleep(self._config.every_s)
