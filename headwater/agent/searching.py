"""Answering blind searches: the carrier's own records of the time are compared, and only a find is told."""

import asyncio
from collections.abc import Iterable

import structlog

from headwater.agent.config import AgentConfig, Carrier
from headwater.agent.hub import AnswerRefused, HubAway, HubClient
from headwater.agent.journal import Journal
from headwater.calls import blind
from headwater.calls.legs import passages
from headwater.calls.queries import CallQueries
from headwater.errors import Invalid, Unavailable
from headwater.wire.searches import Hit, Hits, Search

#: Searches of one carrier under way at once: each reads half an hour of its records.
AT_ONCE = 2
#: A search is remembered for so long, by a clock that is not set: the hub's and ours may differ.
REMEMBERED_S = 60.0


class Searcher:
    """One carrier's. ``seen`` before each poll, ``begin`` after it."""

    def __init__(
        self, carrier: Carrier, records: CallQueries, journal: Journal, hub: HubClient, config: AgentConfig
    ) -> None:
        """Answer nothing yet."""
        self._carrier, self._records, self._journal, self._hub, self._config = carrier, records, journal, hub, config
        self._seen: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._log = structlog.get_logger(__name__).bind(carrier=carrier.party.spc)
        self.looked = 0
        """Searches that were looked through."""
        self.proved = 0
        """Searches that something was found for."""

    def seen(self) -> list[str] | None:
        """Return the searches that came lately; None where the carrier answers none."""
        if not self._carrier.policy.searches:
            return None
        now = asyncio.get_running_loop().time()
        self._seen = {name: until for name, until in self._seen.items() if until > now}
        return list(self._seen)

    def begin(self, searches: Iterable[Search]) -> None:
        """Look through the records for each search, beside everything else."""
        for search in searches:
            self._seen[search.search_id] = asyncio.get_running_loop().time() + REMEMBERED_S
            try:
                blind.span(search)
            except Invalid as error:
                self._log.warning("a search is not answered", search=search.search_id[:16], error=str(error))
                continue
            task = asyncio.create_task(self._guarded(search), name=f"search-{search.search_id[:16]}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what is under way: a search is over in seconds anyway."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _guarded(self, search: Search) -> None:
        try:
            async with self._slots:
                await self._search(search)
        except (HubAway, AnswerRefused, Unavailable, OSError) as error:
            self._log.warning("a search was not answered", search=search.search_id, error=str(error))

    async def _search(self, search: Search) -> None:
        found = await asyncio.to_thread(self._look, search)
        self.looked += 1
        if found is None:
            return
        self.proved += 1
        if self._config.dry_run:
            self._log.info("dry run: would prove to a search", search=search.search_id, proofs=len(found.carried))
            return
        self._journal.proved(search_id=search.search_id, proofs=len(found.carried), hub=self._config.hub.url)
        await self._hub.hits(Hits(hits=[found]))

    def _look(self, search: Search) -> Hit | None:
        begin, end = blind.span(search)
        records = self._records.labelled(key=search.key, prefix=search.prefix, begin=begin, end=end)
        return blind.hit(search, blind.legs_of(passages(records, self._carrier.profile)))
