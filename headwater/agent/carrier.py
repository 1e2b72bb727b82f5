"""One carrier in the agent: its doors, its store, its key, its journal, and the loop that answers for it."""

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import httpx
import msgspec
import structlog

from headwater import clock
from headwater.agent import answers, keys, numbers
from headwater.agent.cdr import CdrSource
from headwater.agent.commitments import Commitments
from headwater.agent.config import AgentConfig, Carrier
from headwater.agent.courier import FIRST_PAUSE_S, LONGEST_PAUSE_S, Courier
from headwater.agent.depositing import Depositor
from headwater.agent.hub import AnswerRefused, HubAway, HubClient
from headwater.agent.journal import Journal
from headwater.agent.learned import Learned
from headwater.agent.publishing import CommittingWriter, publish
from headwater.agent.search import candidates
from headwater.agent.searching import Searcher
from headwater.agent.status import CarrierStatus, Health, Times
from headwater.calls import queries
from headwater.calls.queries import CallQueries
from headwater.calls.rules import Match, identified, match_call
from headwater.calls.store import CallStore
from headwater.calls.writer import Writer
from headwater.errors import HeadwaterError, Unavailable
from headwater.intake.counters import Counters, Outcome
from headwater.intake.listeners import HepListeners
from headwater.intake.tls import server_context
from headwater.wire.agents import Answer, AnswerCode, Question
from headwater.wire.forward import NumberAnswer, NumberQuestion

AT_ONCE: Final = 8
"""Questions of one carrier that are looked up at once."""
LOOK_AGAIN_S: Final = 0.25
SURE_S: Final = 1.0
"""How long is looked before "not found" is said, also of an old call: what a switch sent late may be in a socket."""
LONGEST_WAIT_S: Final = 10.0
"""How long an answer waits for records that are read and not durable yet."""
DEPOSIT_S: Final = 20.0
"""Pause between two rounds of depositing."""
IDLE_PAUSE_S: Final = 0.2
"""Pause after a poll that brought nothing new though questions are open, doubled each time."""
LONGEST_IDLE_S: Final = 5.0


@dataclass(slots=True)
class _Parts:
    """What is open while a carrier is served."""

    store: CallStore
    writer: Writer
    records: CallQueries
    journal: Journal
    learned: Learned
    commitments: Commitments
    hub: HubClient
    courier: Courier
    searcher: Searcher
    depositor: Depositor | None
    doors: list[HepListeners] = field(default_factory=list)
    folders: list[CdrSource] = field(default_factory=list)


class CarrierAgent:
    """Serves one carrier. ``start``, then ``run`` until cancelled, then ``close``."""

    def __init__(self, config: AgentConfig, carrier: Carrier, http: httpx.AsyncClient) -> None:
        self.carrier = carrier
        self.health = Health()
        self._config = config
        self._http = http
        self._stack = AsyncExitStack()
        self._open: _Parts | None = None
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tried: set[str] = set()
        """Questions of a dry run that were decided."""
        self.times = Times.fresh()
        self._answered: Counter[str] = Counter()
        self._log = structlog.get_logger(__name__).bind(carrier=carrier.party.spc)

    @property
    def parts(self) -> _Parts:
        """What is open.

        Raises:
            Unavailable: the carrier is not started.
        """
        if self._open is None:
            raise Unavailable(f"carrier {self.carrier.party.spc} is not started")
        return self._open

    async def start(self) -> None:
        """Open key, journal, store and doors; undo all of it where one fails.

        Raises:
            HeadwaterError: one of them cannot be opened; the message says which and why.
        """
        async with AsyncExitStack() as stack:
            carrier = self.carrier
            key = keys.load(carrier.key_file)
            journal = Journal(self._config.data / carrier.party.spc / "answers.jsonl")
            stack.callback(journal.close)
            learned = Learned(self._config.data / carrier.party.spc / "clocks.json")
            url = f"chdb://{(self._config.data / 'calls').resolve()}"
            store = await asyncio.to_thread(CallStore.open, url, database=carrier.database)
            stack.push_async_callback(asyncio.to_thread, store.close)
            await asyncio.to_thread(store.migrate)
            commitments = Commitments(self._config.data / carrier.party.spc, spc=carrier.party.spc, key=key)
            writer = CommittingWriter(store, commitments)
            stack.push_async_callback(writer.close)
            records = queries.connect(url, database=carrier.database)
            stack.callback(queries.disconnect, url, database=carrier.database)
            hub = HubClient(http=self._http, spc=carrier.party.spc, key=key, wait_s=self._config.hub.wait_s)
            parts = _Parts(
                store=store,
                writer=writer,
                records=records,
                journal=journal,
                learned=learned,
                commitments=commitments,
                hub=hub,
                depositor=Depositor(self._config.data / carrier.party.spc / "deposits", carrier, records, key)
                if carrier.deposit
                else None,
                courier=Courier(hub, self._away),
                searcher=Searcher(carrier, records, journal, hub, self._config),
            )
            for number, door in enumerate(carrier.doors):
                counters = Counters(f"{carrier.party.spc}/{number}")
                listeners = HepListeners(
                    writer,
                    door.register,
                    door.host,
                    door.port,
                    counters,
                    transports=door.transports,
                    tls=server_context(door.tls) if door.tls else None,
                )
                await listeners.start()
                stack.push_async_callback(listeners.close)
                parts.doors.append(listeners)
            for folder in carrier.folders:
                source = CdrSource(folder, writer, carrier.party.spc)
                source.start()
                stack.push_async_callback(source.close)
                parts.folders.append(source)
            self._open = parts
            self._stack = stack.pop_all()

    def status(self) -> CarrierStatus:
        """Return how the carrier stands now."""
        parts, health = self.parts, self.health
        return CarrierStatus(
            spc=self.carrier.party.spc,
            hub_reached_at=health.hub_reached_at,
            hub_problem=health.hub_problem,
            answered=dict(self._answered),
            refused=health.refused,
            failed=health.failed,
            unsettled=len(parts.journal.unsettled()),
            under_way=len(self._under_way),
            records={door.counters.door: door.counters.total(Outcome.ACCEPTED) for door in parts.doors},
            backlog=sum(door.backlog_records for door in parts.doors),
            files=sum(folder.files for folder in parts.folders),
            drifting=parts.learned.drifting(),
            times=self.times,
            deposits=parts.depositor.status() if parts.depositor else None,
            dry_run=self._config.dry_run,
        )

    async def close(self) -> None:
        """Stop reading, make durable what was read, and give everything back."""
        if self._open is not None:
            await self._open.searcher.close()
            await self._open.courier.close()
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        self._open = None
        await self._stack.aclose()

    async def run(self) -> None:
        """Hand in what a crash left behind, then ask for questions and answer them, until cancelled."""
        for question_id in () if self._config.dry_run else self.parts.journal.unsettled():
            self._begin(question_id, self._hand_in(question_id))
        async with asyncio.TaskGroup() as group:
            publishing = group.create_task(publish(self.parts.commitments, self.parts.hub), name="roots")
            try:
                await (self._deposit(self.parts.depositor) if self.parts.depositor else self._serve())
            finally:
                publishing.cancel()

    async def _deposit(self, depositor: Depositor) -> None:
        """Seal and hand in calls instead of answering, until cancelled; the terms are asked for each time."""
        while True:
            try:
                depositor.agree(await self.parts.hub.deposit_terms(), now=clock.now())
                await asyncio.to_thread(depositor.seal, now=clock.now())
                if not self._config.dry_run:
                    await depositor.send(self.parts.hub)
                self.health.hub_reached_at, self.health.hub_problem = answers.stamp(clock.now()), ""
            except HubAway as error:
                self._away(str(error))
                await asyncio.to_thread(depositor.seal, now=clock.now())  # what is sealed waits on disk
            except (AnswerRefused, HeadwaterError, OSError) as error:
                self._away(f"deposits: {error}")
            await asyncio.sleep(DEPOSIT_S * random.uniform(0.8, 1.2))  # noqa: S311 - spreads agents, keeps no secret

    async def _serve(self) -> None:
        pause, idle = FIRST_PAUSE_S, IDLE_PAUSE_S
        while True:
            try:
                came = await self.parts.hub.questions(seen=self.parts.searcher.seen())
            except HubAway as error:
                self._away(str(error))
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads agents, keeps no secret
                pause = min(pause * 2, LONGEST_PAUSE_S)
                continue
            pause = FIRST_PAUSE_S
            self.health.hub_reached_at, self.health.hub_problem = answers.stamp(clock.now()), ""
            self.parts.searcher.begin(came.searches)
            open_questions = came.questions
            fresh = [question for question in open_questions if self._is_fresh(question.question_id)]
            for question in fresh:
                self._begin(question.question_id, self._answer(question))
            for asked in came.numbers:
                if self._is_fresh(asked.question_id):
                    self._begin(asked.question_id, self._answer_number(asked))
            if open_questions and not fresh:
                await asyncio.sleep(idle)
                idle = min(idle * 2, LONGEST_IDLE_S)
            else:
                idle = IDLE_PAUSE_S

    def _away(self, problem: str) -> None:
        if problem != self.health.hub_problem:
            self._log.warning("hub away", problem=problem)
        self.health.hub_problem = problem

    def _is_fresh(self, question_id: str) -> bool:
        known = question_id in self._under_way or question_id in self._tried
        return not known and len(self._under_way) < 4 * AT_ONCE

    def _begin(self, question_id: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guarded(question_id, work), name=f"question-{question_id}")
        self._under_way[question_id] = task

    async def _guarded(self, question_id: str, work: Coroutine[Any, Any, None]) -> None:
        """Run one question; a failure of one must not end the answering of the others."""
        try:
            await work
        except Exception:  # noqa: BLE001 - whatever broke, the other questions must be answered
            self.health.failed += 1
            self._log.exception("question failed, it will be asked again", question_id=question_id)
            await asyncio.sleep(LONGEST_IDLE_S)
        finally:
            self._under_way.pop(question_id, None)

    # -- one question ----------------------------------------------------------------------------------------------

    async def _answer(self, question: Question) -> None:
        began = asyncio.get_running_loop().time()
        if self.parts.journal.answer(question.question_id) is None:
            async with self._slots:
                await self._decide(question)
        if not self._config.dry_run:
            await self._hand_in(question.question_id)
        self.times.took(asyncio.get_running_loop().time() - began)

    async def _decide(self, question: Question) -> None:
        """Find the answer, sign it and write it down. What is written is what will be sent, now or after a crash."""
        carrier, parts = self.carrier, self.parts
        because = answers.excluded(question, carrier.policy)
        if not because:
            match = await self._match(question)
            self._learn(question, match)
            answer = await asyncio.to_thread(
                answers.answer,
                question,
                match,
                provider=carrier.party,
                policy=carrier.policy,
                now=clock.now(),
                prove=lambda record: parts.commitments.proof(record.record_id, record.received_at),
            )
        else:
            answer = answers.declined(question, carrier.party, clock.now(), because=because)
        self._write_down(
            question,
            answer,
            traceback_id=question.traceback_id,
            code=answer.code.value,
            candidates=answer.candidates,
        )

    def _write_down(
        self, question: Question | NumberQuestion, answer: Answer | NumberAnswer, *, code: str, **about: Any
    ) -> None:
        """Sign an answer and write it down; in a dry run say it alone."""
        octets = msgspec.json.encode(answer)
        if self._config.dry_run:
            self._log.info("dry run: would answer", question_id=question.question_id, code=code, answer=octets.decode())
            self._tried.add(question.question_id)
            return
        self.parts.journal.answered(
            question_id=question.question_id,
            jws=self.parts.hub.key.signed(octets),
            hub=self._config.hub.url,
            code=code,
            reason=question.reason[:200],
            **about,
        )

    async def _answer_number(self, question: NumberQuestion) -> None:
        """Say who serves a number where the records show it and the policy allows; else leave it to people."""
        carrier, parts = self.carrier, self.parts
        if parts.journal.answer(question.question_id) is None:
            async with self._slots:
                said = await asyncio.to_thread(numbers.decide, question, parts.records, carrier, clock.now())
            if said is None:
                self._log.info("a question about a number waits for people", question_id=question.question_id)
                self._tried.add(question.question_id)
                return
            self._write_down(question, said, traceback_id=question.forward_id, code=said.code.value)
        if not self._config.dry_run:
            await self._hand_in(question.question_id)

    async def _match(self, question: Question) -> Match:
        """Search and decide; where nothing is found and records may still be on their way, look again."""
        wanted = answers.wanted(question, self.carrier.policy)
        loop = asyncio.get_running_loop()
        began = loop.time()
        edge = self.parts.learned.edge(wanted.downstream_spc)
        near = replace(wanted, call_at=wanted.call_at + timedelta(seconds=edge.offset_s))  # by our own clock
        settled_at = wanted.call_at + timedelta(seconds=self.carrier.policy.settle_s)
        while True:
            on_the_way = any(door.backlog_records for door in self.parts.doors)
            records = await asyncio.to_thread(candidates, near, self.parts.records, self.carrier.profile)
            match = match_call(wanted, records, self.carrier.profile, edge=edge)
            waited = loop.time() - began
            if match.code not in {AnswerCode.RECORD_NOT_FOUND, AnswerCode.NEED_INFO} or waited > LONGEST_WAIT_S:
                return match
            settled = clock.now() >= settled_at or waited > self.carrier.policy.settle_s
            if not on_the_way and settled and waited >= SURE_S:
                return match
            await asyncio.sleep(LOOK_AGAIN_S)

    def _learn(self, question: Question, match: Match) -> None:
        """Keep what a match by a strong identifier shows of the clocks, and say where they are not steady."""
        wanted = answers.wanted(question, self.carrier.policy)
        taught = identified(wanted, match)
        if taught is None:
            return
        learned = self.parts.learned
        steady = not learned.edge(wanted.downstream_spc).drifts
        learned.learn(wanted.downstream_spc, taught)
        if steady and learned.edge(wanted.downstream_spc).drifts:
            self._log.warning("clock drifts against a neighbour's", neighbour=wanted.downstream_spc)

    async def _hand_in(self, question_id: str) -> None:
        """Send a journalled answer until the hub acknowledges or finally refuses it."""
        journal = self.parts.journal
        entry = journal.answer(question_id)
        if entry is None or (journal.is_settled(question_id) and not await self._ask_again(question_id)):
            return
        try:
            receipt = await self.parts.courier.hand_in(entry.jws)
        except AnswerRefused as error:
            self.health.refused += 1
            self._log.error("hub refused an answer", question_id=question_id, error=str(error))
            if not journal.is_settled(question_id):
                journal.refused(question_id=question_id, detail=str(error))
            await asyncio.sleep(LONGEST_IDLE_S)
            return
        self.health.answered += 1
        self._answered[entry.code] += 1
        if not journal.is_settled(question_id):
            journal.receipt(question_id=question_id, receipt_id=receipt.receipt_id)
        self._log.info("answered", question_id=question_id, code=entry.code, receipt=receipt.receipt_id)

    async def _ask_again(self, question_id: str) -> bool:
        """Tell whether a settled question that the hub shows as open is sent again: once in a while, same octets."""
        self._log.warning("hub shows an answered question as open; same octets again", question_id=question_id)
        await asyncio.sleep(LONGEST_IDLE_S)
        return True
