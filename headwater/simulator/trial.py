"""Traces run in a simulated world by the real engine, and what came of each. The truth is compared afterwards only."""

import heapq
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from headwater.calls import blind
from headwater.calls.matching import Calibration
from headwater.simulator import noise as noises
from headwater.simulator.answering import Houses, report
from headwater.simulator.clockbook import Clockbook
from headwater.simulator.graphs import Tier
from headwater.simulator.knobs import DEFAULT, Knobs
from headwater.simulator.labels import Verdict, judged
from headwater.simulator.ledger import Happened, Ledger, again, place
from headwater.simulator.participation import by_hand, liars, participants
from headwater.simulator.world import World, build
from headwater.tracebacks import engine, rules
from headwater.tracebacks.asking import standing
from headwater.tracebacks.commands import Ask, Bridge, Command
from headwater.tracebacks.engine import ProviderError, TracebackError
from headwater.tracebacks.outcomes import NOT_FOUND, code
from headwater.tracebacks.states import Grade, HopKind, TracebackState
from headwater.tracebacks.trace import Answered, Candidates, DeadlinePassed, Event, Hop, Opened, Signer, Terms, Trace
from headwater.wire.agents import AnswerCode

#: Engine steps after which a walk that does not end is an error of ours.
MOST_STEPS = 2_000
#: How often a provider answers again after a refusal.
MOST_TRIES = 2
_TERMS = Terms(agent_target_s=60, second_look=True, bridges=True, gaps=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run: a world, who answers, and how."""

    profile: str = "M"
    seed: int = 1
    traces: int = 500
    participation: float = 1.0
    by: str = "degree"
    agents: float = 1.0
    """Share of carriers whose agent answers; the others that take part answer by hand."""
    noise: str = "all"
    liars: float = 0.01
    calibration: Calibration = field(default_factory=Calibration)
    knobs: Knobs = DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """One trace beside its truth."""

    operation: int
    grade: Grade
    state: TracebackState
    claimed: int
    """Carrier named as origin, -1 for none."""
    last: int
    """Last carrier on the path that was found."""
    frontier: int
    """Last carrier that the outcome stands by: the namer, where the one that it names says it has no record."""
    found: tuple[int, ...]
    truth: tuple[int, ...]
    foreign: bool
    boxed: bool
    """The call came through a SIM box: the path that carriers can show begins at a mobile subscriber."""
    questions: int
    answered: int
    seconds: float
    """Simulated time from request to result."""
    compute_s: float
    """Own computing time: engine, matching and answering."""
    asked: tuple[int, ...]
    """Carriers asked on the walk."""
    by_agent: int
    """Questions that an agent answered, of all that were answered."""
    signer: int = -1
    """Domestic carrier under whose certificate the call's token verified at its end; -1 for none."""
    attest: str = ""
    examples: int = 1
    """Calls of the campaign that were traced for it."""

    @property
    def apart(self) -> bool:
        """Tell whether it is scored apart: what originated it is not a carrier that can be asked."""
        return self.foreign or self.boxed


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What the records of honest carriers that answer could show of one call, were every one of them found."""

    confirmed: bool
    """Origin and neighbour both hold the record."""
    named: bool
    """Somebody's record names the origin."""
    recall: float
    """Share of the path that records name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All traces of one world. ``links``: log-odds of the best candidate of each answer, and whether it was true."""

    plan: Plan
    ended: tuple[Ended, ...]
    links: tuple[tuple[float, bool], ...]
    records: int
    candidates: int
    signed: float
    hops: tuple[int, ...]
    answering: frozenset[int] = frozenset()
    """Carriers that answer at all."""
    matters: tuple[Ended, ...] = ()
    """Each trace with further examples of its campaign where the rules want them: the outcome of the best."""
    bounds: tuple[Bound, ...] = ()
    """What all records of those that answer could show of each trace at most."""
    labels: tuple[Verdict, ...] = ()
    """What the peer's exact labels name for each call, of the same records."""


def run(plan: Plan, progress: Callable[[int], None] | None = None) -> Run:
    """Build the world of ``plan``, trace its calls one after another, and compare with what happened."""
    world = build(plan.seed, plan.profile, knobs=plan.knobs)
    noise = noises.profile(plan.noise)
    ledger = Ledger(world=world, noise=noise)
    chance = random.Random(f"{plan.seed}/calls")  # noqa: S311 - a world, not a secret
    truths = [place(ledger, chance, number % len(world.operations)) for number in range(plan.traces)]
    answering = participants(world, plan.participation, plan.by, plan.seed)
    houses = Houses(
        ledger=ledger,
        clocks=Clockbook(plan.seed, noise),
        answering=answering,
        by_hand=by_hand(world, answering, plan.agents, plan.seed),
        liars=liars(world, plan.liars, plan.seed),
        seed=plan.seed,
        calibration=plan.calibration,
    )
    bounds = tuple(bound(ledger, houses.answering - set(houses.liars), truths))
    ended: list[Ended] = []
    matters: list[Ended] = []
    links: list[tuple[float, bool]] = []
    for number, truth in enumerate(truths):
        ended.append(_trace(houses, truth, f"TB-{number}", world, links))
        matters.append(_further(houses, truth, ended[-1], number, world))
        if progress is not None:
            progress(number + 1)
    return Run(
        plan=plan,
        ended=tuple(ended),
        links=tuple(links),
        records=ledger.records,
        candidates=houses.candidates,
        answering=answering,
        signed=sum(one.signed_at_end for one in truths) / max(1, len(truths)),
        hops=tuple(len(one.path) for one in truths),
        matters=tuple(matters),
        bounds=bounds,
        labels=tuple(judged(ledger, houses.answering, truths)),
    )


def bound(ledger: Ledger, holders: frozenset[int], truths: Sequence[Happened]) -> Iterator[Bound]:
    """Yield what ``holders`` could show of each call. Reads the truth: it measures, and answers nothing."""
    kept: dict[int, dict[int, set[int]]] = {}
    for (carrier, _), entries in ledger.by_called.items():
        if carrier in holders:
            for entry in entries:
                kept.setdefault(entry.call, {}).setdefault(carrier, set()).update({entry.upstream, entry.downstream})
    for truth in truths:
        shown = kept.get(truth.number, {})
        known = {truth.path[-1], *shown, *(one for near in shown.values() for one in near)}
        yield Bound(
            confirmed=all(one in shown for one in truth.path[:2]),
            named=truth.path[0] in known,
            recall=len(known & set(truth.path)) / len(truth.path),
        )


def _further(houses: Houses, first: Happened, ended: Ended, number: int, world: World) -> Ended:
    """Trace further examples of the campaign while the rules want them; return the outcome that stands."""
    chance = random.Random(f"{world.seed}/examples/{number}")  # noqa: S311 - a world, not a secret
    last, traced = ended, 1
    while rules.wants_another(last.state, last.grade, traced=traced):
        last = _trace(houses, again(houses.ledger, chance, first), f"TB-{number}.{traced}", world, [])
        traced += 1
    settled = last.grade in {Grade.ORIGIN_CONFIRMED, Grade.ENTRY_CONFIRMED, Grade.ON_NET}
    return replace(last if settled else ended, examples=traced)


def _trace(houses: Houses, truth: Happened, name: str, world: World, links: list[tuple[float, bool]]) -> Ended:
    began = time.thread_time()
    now = datetime.fromtimestamp(truth.at, UTC).replace(hour=15) + timedelta(days=1)
    opened_at = now
    terminating = houses.respondents[truth.path[-1]]
    signer = (
        Signer(respondent=houses.respondents[truth.signer], attest=truth.attest)
        if truth.signed_at_end and world.members[truth.signer].tier is not Tier.FOREIGN
        else None
    )
    call = report(truth.called, truth.calling, truth.at, identity=f"tok{truth.number}" if signer else "")
    walk = _Walk(houses=houses, trace=Trace(traceback_id=name), truth=truth, links=links)
    walk.take(Opened(call=call, terminating=terminating, terms=_TERMS, signer=signer), now)
    now = walk.to_the_end(now)
    trace, path = walk.trace, walk.trace.path
    compute = time.thread_time() - began
    # The path as found, the named tip included; the attested signer is a hypothesis and is not counted.
    found = tuple(dict.fromkeys(_named(houses, path)))
    claimed = houses.place(trace.origin) if trace.origin else -1
    if trace.grade in {Grade.ORIGIN_STATED, Grade.ORIGIN_NAMED}:
        claimed = found[-1]
    said = path[-1].statement
    named = said.respondent if said and said.code is AnswerCode.UPSTREAM_US and path[-1].carried else None
    last = houses.place(named) if named else found[-1]
    contested = code(path[-1]) in NOT_FOUND | {AnswerCode.NOT_OURS}
    last = found[-1] if path[-1].unsteady else last
    return Ended(
        operation=truth.operation,
        grade=trace.grade,
        state=trace.state,
        claimed=claimed,
        last=last,
        frontier=found[-2] if contested and len(found) > 1 else last,
        found=found,
        truth=truth.path,
        foreign=world.members[truth.path[0]].tier is Tier.FOREIGN,
        boxed=truth.boxed,
        questions=len(trace.hops),
        answered=sum(bool(hop.statements) for hop in trace.hops),
        seconds=(now - opened_at).total_seconds(),
        compute_s=compute,
        by_agent=sum(bool(hop.statements) and hop.respondent.by_agent for hop in trace.hops),
        asked=tuple(houses.place(hop.respondent) for hop in trace.hops if hop.kind is HopKind.WALK),
        signer=houses.place(signer.respondent) if signer else -1,
        attest=signer.attest if signer else "",
    )


def _named(houses: Houses, path: tuple[Hop, ...]) -> Iterator[int]:
    """Yield the carriers of a path, and beyond a gap the one that the call was handed to there."""
    for hop in path:
        to = hop.statement.handed_to if hop.meets and hop.statement else None
        if to is not None:
            yield houses.code(to.spc)
        yield houses.place(hop.respondent)


@dataclass(slots=True, kw_only=True)
class _Walk:
    """Carries out what the engine asks for, on a clock of its own."""

    houses: Houses
    trace: Trace
    truth: Happened
    links: list[tuple[float, bool]]
    _arriving: list[tuple[datetime, int, Answered | Candidates]] = field(default_factory=list)
    _count: int = 0
    _tries: dict[str, int] = field(default_factory=dict)

    def take(self, event: Event, now: datetime) -> None:
        """Let the engine take one event and carry out what follows, at once."""
        try:
            self.trace, commands = engine.step(self.trace, event, now)
        except ProviderError:
            # Refused as impossible: the provider is told why, looks again and answers again.
            self._tries[event.question_id] = self._tries.get(event.question_id, 0) + 1  # type: ignore[union-attr]
            if self._tries[event.question_id] <= MOST_TRIES:  # type: ignore[union-attr]
                self._ask(event.question_id, now)  # type: ignore[union-attr]
            return
        except TracebackError:
            if isinstance(event, Answered):
                return  # the question was withdrawn before its answer came
            raise
        for command in commands:
            self._carry_out(command, now)

    def to_the_end(self, now: datetime) -> datetime:
        """Deliver answers and let clocks run out until the walk is over. Returns when it was."""
        ended = now
        for _ in range(MOST_STEPS):
            if self.trace.state is not TracebackState.IN_PROGRESS:
                if not self._arriving:
                    return ended
                at, _, late = heapq.heappop(self._arriving)  # it may open the traceback again
                before = self.trace.outcome
                self.take(late, max(ended, at))
                ended = max(ended, at) if self.trace.outcome != before else ended
                continue
            ended = self._next(ended)
        raise AssertionError(f"{self.trace.traceback_id} did not end: {self.trace.path}")

    def _next(self, now: datetime) -> datetime:
        due = [
            (hop.next_deadline[1], hop.question_id, hop.next_deadline[0])
            for hop in self.trace.hops
            if hop.waiting and hop.next_deadline and hop.kind is not HopKind.ATTESTED
        ]
        first = min(due, default=None)
        if self._arriving and (first is None or self._arriving[0][0] <= first[0]):
            at, _, event = heapq.heappop(self._arriving)
            self.take(event, max(now, at))
            return max(now, at)
        if first is None:
            raise AssertionError(f"{self.trace.traceback_id} waits for nobody: {self.trace.hops}")
        self.take(DeadlinePassed(question_id=first[1], deadline=first[2]), max(now, first[0]))
        return max(now, first[0])

    def _carry_out(self, command: Command, now: datetime) -> None:
        if isinstance(command, Bridge):
            hop = standing(self.trace, command.question_id)
            event = Candidates(
                question_id=command.question_id,
                respondents=self.houses.reached(hop, far=command.far),
                far=command.far,
                asked=len(self.houses.answering),
            )
            self._count += 1
            heapq.heappush(self._arriving, (now + timedelta(seconds=blind.OPEN_S), self._count, event))
        elif isinstance(command, Ask):
            self._ask(command.question_id, now)

    def _ask(self, question_id: str, now: datetime) -> None:
        hop = standing(self.trace, question_id)
        below = self.trace.hop(hop.downstream)
        downstream = below.respondent if below and hop.kind is not HopKind.GAP else None
        given = self.houses.answer(hop, downstream, now, attempt=self._tries.get(question_id, 0))
        if given is None:
            return
        if given.entry is not None and hop.kind is not HopKind.ATTESTED:
            self.links.append((given.log_odds, abs(given.entry.call) == self.truth.number))
        self._count += 1
        event = Answered(question_id=question_id, statement=given.statement)
        heapq.heappush(self._arriving, (now + timedelta(seconds=given.seconds), self._count, event))
