"""The carriers of the large world as the hub meets them: each answers from its own records by the real matching.

What is here never reads a truth: a record's ``call`` is not looked at.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from math import log

from msgspec import structs

from headwater.calls import blind, matching
from headwater.calls.matching import Calibration, Side
from headwater.numbering.numbers import E164
from headwater.simulator.clockbook import REFERENCE, Clockbook
from headwater.simulator.graphs import Tier
from headwater.simulator.ledger import Entry, Ledger
from headwater.simulator.world import World
from headwater.tracebacks.clocks import after_business_time
from headwater.tracebacks.states import HopKind
from headwater.tracebacks.trace import Call, Hop, Party, Respondent, Statement
from headwater.wire.agents import AnswerCode

#: Business hours that a person takes: 4 in the median, 22 at the 90th percentile; 3% are overdue by days.
HAND_MEDIAN_H = 4.0
HAND_SIGMA = 1.33
HAND_OVERDUE = 0.03


class Lie(StrEnum):
    """What a lying carrier does on campaign traffic."""

    DENY = "deny"
    BLAME_PEER = "blame_peer"
    BLAME_FICTION = "blame_fiction"
    CLAIM_FOREIGN = "claim_foreign"
    ALTER_TIME = "alter_time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An answer, and how long it took. ``score``: log-odds of the best candidate with that record's own identity."""

    statement: Statement
    seconds: float
    entry: Entry | None = None
    log_odds: float = 0.0


class Houses:
    """Every carrier's answering desk."""

    def __init__(  # noqa: PLR0913 - one argument a part of the world
        self,
        *,
        ledger: Ledger,
        clocks: Clockbook,
        answering: frozenset[int],
        by_hand: frozenset[int],
        liars: dict[int, Lie],
        seed: int,
        calibration: Calibration,
    ) -> None:
        """Open the desks of the carriers in ``answering``, of those in ``by_hand`` by a person; others stay silent."""
        self.ledger = ledger
        self._clocks = clocks
        self._world: World = ledger.world
        self._noise = ledger.noise
        self.answering = answering
        self.liars = liars
        self._seed = seed
        self._calibration = calibration
        self.respondents = [
            _respondent(self._world, index, by_agent=index not in by_hand) for index in range(len(self._world.members))
        ]
        self._index = {one.provider_id: place for place, one in enumerate(self.respondents)}
        self._by_spc = {one.spc: one for one in self.respondents}
        self.candidates = 0

    def place(self, respondent: Respondent) -> int:
        """Return which carrier a respondent is."""
        return self._index[respondent.provider_id]

    def answer(self, hop: Hop, downstream: Respondent | None, now: datetime, *, attempt: int = 0) -> Given | None:
        """Answer one question, or stay silent. ``attempt``: how often an answer to it was refused before."""
        here = self.place(hop.respondent)
        if here not in self.answering:
            return None
        chance = random.Random(f"{self._seed}/answer/{hop.question_id}/{attempt}")  # noqa: S311 - a world, not a secret
        seconds = self._takes(hop.respondent, now, chance)
        at = now + timedelta(seconds=seconds)
        if chance.random() < self._noise.overlooked:
            return Given(statement=_plain(AnswerCode.RECORD_NOT_FOUND, at), seconds=seconds)
        asked, near, edges = self._look_up(hop, here, downstream)
        self.candidates += len(near)
        ranked = matching.rank(
            asked,
            [entry.egress for entry in near],
            window_s=hop.window_s,
            edges=edges,
            asker=downstream.spc if downstream else "",
            calibration=self._calibration,
        )
        if not ranked.order:
            return Given(statement=_plain(AnswerCode.RECORD_NOT_FOUND, at), seconds=seconds)
        best = near[ranked.order[0]]
        log_odds = _log_odds(ranked)
        if not ranked.accepted:
            missing = ranked.no_record >= ranked.probabilities[0]
            code = AnswerCode.RECORD_NOT_FOUND if missing else AnswerCode.NEED_INFO
            return Given(statement=_plain(code, at), seconds=seconds, entry=best, log_odds=log_odds)
        if chance.random() < self._noise.neighbour_record:
            best = self._beside(here, best, chance)
        statement = self._statement(hop, best, downstream, at, chance)
        return Given(statement=statement, seconds=seconds, entry=near[ranked.order[0]], log_odds=log_odds)

    def reached(self, hop: Hop, *, far: bool = False) -> tuple[Respondent, ...]:
        """Return who proves, to a blind search, that it handed this call to ``hop``'s provider.

        ``far``: that it carried it at all. Search, proofs and their check are the product's (``calls.blind``). Of each
        carrier that answers only the records of the number are compared: of others a label begins alike once in 16.7
        million, and then proves nothing. Times are by each side's agent's own synchronised clock.
        """
        call = hop.call
        asked_at = self._true_time(call.call_at.timestamp(), call.trunk)
        key = sha256(f"{self._seed}/search/{hop.question_id}/{far}".encode()).digest()
        search = blind.new_search("SR-1", key, called=call.called, call_at=asked_at, closes_at=asked_at)
        legs: dict[int, list[tuple[str, str, datetime]]] = {}
        for entry in self.ledger.by_digits.get(blind.ten(call.called), ()):
            if entry.carrier in self.answering:
                side = entry.egress
                leg = side.called, side.peer, self._true_time(side.start, side.trunk)
                legs.setdefault(entry.carrier, []).append(leg)
        receiver = "" if far else hop.respondent.spc
        hits = ((carrier, blind.hit(search, own)) for carrier, own in legs.items())
        return tuple(
            self.respondents[carrier]
            for carrier, found in hits
            if found is not None and blind.shows(found, search, called=call.called, receiver=receiver)
        )

    def _true_time(self, start: float, trunk: str) -> datetime:
        """Return an instant of a switch by its agent's own synchronised clock."""
        off = self._clocks.edge(trunk, REFERENCE).offset_s if trunk else 0.0
        return datetime.fromtimestamp(start - off, UTC)

    # -- inside

    def _takes(self, respondent: Respondent, now: datetime, chance: random.Random) -> float:
        """Return how long an answer takes, seconds: an agent's machine time, a person's business hours."""
        if not respondent.by_agent:
            hours = min(200.0, chance.lognormvariate(log(HAND_MEDIAN_H), HAND_SIGMA))
            if chance.random() < HAND_OVERDUE:
                hours += chance.uniform(24, 120)
            return (after_business_time(now, respondent.office_zone, timedelta(hours=hours)) - now).total_seconds()
        seconds = min(60.0, chance.lognormvariate(-0.7, 1.0))
        if chance.random() < self._noise.outage:
            seconds += chance.uniform(300, 14_400)  # an agent that is down answers when it is up again
        return seconds

    def _place(self, respondent: Respondent | None) -> int:
        return self.place(respondent) if respondent else -1

    def _look_up(
        self, hop: Hop, here: int, downstream: Respondent | None
    ) -> tuple[Side, list[Entry], Sequence[matching.Edge]]:
        """Return the question as a leg, the records near it, and what is learned of each one's trunk."""
        call = hop.call
        start = call.call_at.timestamp()
        asked = Side(
            start=start,
            calling=call.calling,
            called=call.called,
            call_id=call.call_id,
            identity=call.identity_digest,
            duration_s=call.duration_ms / 1_000 if call.duration_ms >= 0 else -1.0,
            trunk="",
        )
        owner = call.trunk.partition(":")[0]
        direct = (downstream is None and hop.kind is not HopKind.GAP) or owner == str(self._place(downstream))
        known: dict[str, Entry] = {
            entry.entry_id: entry for entry in self.ledger.by_called.get((here, call.called[-7:]), ())
        }
        for identifier in (call.call_id, call.identity_digest):
            for entry in self.ledger.by_identifier.get((here, identifier), ()) if identifier else ():
                known[entry.entry_id] = entry
        fit: dict[str, tuple[Entry, matching.Edge]] = {}
        for entry in known.values():
            edge = self._clocks.edge(entry.egress.trunk, call.trunk, neighbours=direct)
            off = abs(entry.egress.start - start - edge.offset_s)
            same = bool(call.call_id) and entry.egress.call_id == call.call_id
            if off > hop.window_s + 2 * entry.egress.resolution_s and not same:
                continue
            # A record that was written twice, or a further route of the same call, is one call.
            other = fit.get(entry.session)
            wanted = downstream is not None and entry.egress.peer == downstream.spc
            if other is None or (wanted and downstream is not None and other[0].egress.peer != downstream.spc):
                fit[entry.session] = entry, edge
        return asked, [entry for entry, _ in fit.values()], [edge for _, edge in fit.values()]

    def _beside(self, here: int, entry: Entry, chance: random.Random) -> Entry:
        """Return a record beside the right one: what a person's finger slips to."""
        near = [e for e in self.ledger.by_called.get((here, entry.egress.called[-7:]), ()) if e is not entry]
        if near and chance.random() < 0.5:
            return chance.choice(near)
        keys = [key for key in list(self.ledger.by_called)[:4_000] if key[0] == here]
        return chance.choice(self.ledger.by_called[chance.choice(keys)]) if keys else entry

    def _statement(
        self, hop: Hop, entry: Entry, downstream: Respondent | None, at: datetime, chance: random.Random
    ) -> Statement:
        lie = self.liars.get(entry.carrier)
        upstream = entry.upstream
        if lie is Lie.DENY:
            return _plain(AnswerCode.NOT_OURS, at)
        if lie is Lie.BLAME_FICTION:
            return self._naming(hop, entry, Party(spc="ZZ99", name="Fiction Telecom"), None, downstream, at)
        if lie is Lie.CLAIM_FOREIGN:
            foreign = Party(spc="F000", name="Overseas Voice", country="PK")
            return self._naming(hop, entry, foreign, None, downstream, at, code=AnswerCode.UPSTREAM_FOREIGN)
        if lie is Lie.BLAME_PEER or (upstream >= 0 and chance.random() < self._noise.wrong_upstream):
            others = [one for one in self._world.links[entry.carrier] if one not in {upstream, entry.downstream}]
            domestic = [one for one in others if self._world.members[one].tier is not Tier.FOREIGN]
            upstream = chance.choice(domestic) if domestic else upstream
        if lie is Lie.ALTER_TIME:
            shift = chance.choice((-1, 1)) * chance.uniform(40, 200)
            entry = structs.replace(
                entry,
                ingress=structs.replace(entry.ingress, start=entry.ingress.start + shift),
                egress=structs.replace(entry.egress, start=entry.egress.start + shift),
            )
        if upstream < 0:
            return self._naming(hop, entry, None, None, downstream, at, code=AnswerCode.ORIGINATED)
        one = self.respondents[upstream]
        party = Party(spc=one.spc, name=one.name, country=one.country)
        if self._world.members[upstream].tier is Tier.FOREIGN:
            return self._naming(hop, entry, party, None, downstream, at, code=AnswerCode.UPSTREAM_FOREIGN)
        return self._naming(hop, entry, party, one, downstream, at)

    def _naming(  # noqa: PLR0913, PLR0917 - one argument a part of the answer
        self,
        hop: Hop,
        entry: Entry,
        party: Party | None,
        respondent: Respondent | None,
        downstream: Respondent | None,
        at: datetime,
        *,
        code: AnswerCode = AnswerCode.UPSTREAM_US,
    ) -> Statement:
        owner = hop.call.trunk.partition(":")[0]
        direct = (downstream is None and hop.kind is not HopKind.GAP) or owner == str(self._place(downstream))
        edge = self._clocks.edge(entry.egress.trunk, hop.call.trunk, neighbours=direct)
        asked = Side(start=hop.call.call_at.timestamp())
        ingress = _call(entry.ingress)
        if matching.contradicts(asked, entry.egress, edge):
            # The hub asks on by the downstream's time where this carrier's cannot be right.
            ingress = replace(ingress, call_at=hop.call.call_at, trunk=hop.call.trunk)
        return Statement(
            answer_id="",
            code=code,
            upstream=party,
            respondent=respondent,
            ingress=ingress,
            matched_at=datetime.fromtimestamp(entry.egress.start - edge.offset_s, UTC),
            record=entry.entry_id,
            link_ppm=self._link(hop, entry, edge, downstream),
            handed_to=self._handed_to(hop, entry),
            answered_at=at,
            received_at=at,
        )

    def _handed_to(self, hop: Hop, entry: Entry) -> Party | None:
        if hop.kind is not HopKind.GAP or entry.downstream < 0:
            return None
        one = self.respondents[entry.downstream]
        return Party(spc=one.spc, name=one.name, country=one.country)

    def code(self, spc: str) -> int:
        """Return which carrier has a code; -1 for none."""
        one = self._by_spc.get(spc)
        return self.place(one) if one else -1

    def _link(self, hop: Hop, entry: Entry, edge: matching.Edge, downstream: Respondent | None) -> int:
        """Return the hub's own judgement of the record given, in millionths."""
        asked = Side(
            start=hop.call.call_at.timestamp(),
            calling=hop.call.calling,
            called=hop.call.called,
            call_id=hop.call.call_id,
            identity=hop.call.identity_digest,
            duration_s=hop.call.duration_ms / 1_000 if hop.call.duration_ms >= 0 else -1.0,
        )
        ranked = matching.rank(
            asked,
            [entry.egress],
            window_s=hop.window_s,
            edges=edge,
            asker=downstream.spc if downstream else "",
            calibration=self._calibration,
        )
        return round(ranked.probabilities[0] * 1_000_000)


def report(called: str, calling: str, at: float, *, identity: str = "") -> Call:
    """Return a call as an app or honeypot reports it."""
    return Call(
        calling=E164(calling),
        called=E164(called),
        call_at=datetime.fromtimestamp(at, UTC),
        identity_digest=identity,
        trunk=REFERENCE,
    )


def _call(side: Side) -> Call:
    return Call(
        calling=E164(side.calling),
        called=E164(side.called),
        call_at=datetime.fromtimestamp(side.start, UTC),
        call_id=side.call_id,
        identity_digest=side.identity,
        trunk=side.trunk,
        duration_ms=round(side.duration_s * 1_000) if side.duration_s >= 0 else -1,
    )


def _plain(code: AnswerCode, at: datetime) -> Statement:
    return Statement(answer_id="", code=code, answered_at=at, received_at=at)


def _log_odds(ranked: matching.Ranked) -> float:
    others = [0.0 - 2.944, *ranked.nats[1:]]
    return ranked.nats[0] - max(others)


def _respondent(world: World, index: int, *, by_agent: bool) -> Respondent:
    member = world.members[index]
    return Respondent(
        provider_id=f"PR-{index}",
        spc=member.spc,
        name=member.name,
        country=member.country,
        office_zone=("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles")[index % 4],
        by_agent=by_agent,
    )
