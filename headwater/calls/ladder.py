"""The whole view of a call: from records of any number of carriers to hops, and from hops to calls. Pure.

``legs`` answers what ONE carrier did with a call, and knows that carrier's addresses. Here nobody's addresses are
known: a call is the hops (``hops``) that belong together. Each join names its rule and how sure it is; a join that is
less sure than ``SURE`` is not made, and both calls name each other as possible. The result does not depend on the order
of the records.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

from headwater.calls.hops import Hop, hops, lag, order, sighting
from headwater.calls.legs import SETUP_S, SKEW_S
from headwater.calls.records import CallRecord, RecordKind

SURE: Final = 0.9
"""A join below this confidence is reported and not made."""
DIALOG_S: Final = 180.0
"""Longest time between two hops of one Call-ID and From tag: a proxy tries its next route after a route's timer."""
TOKEN_S: Final = 60.0
"""The same for an Identity token or another identifier that one call keeps: PASSporTs are fresh for 60 s (RFC 8224)."""
RIVAL_S: Final = 1.0
"""Two calls with the same numbers that start closer than this cannot be told apart by their numbers."""
CALL_ID_OUT: Final = "call-id-out"
"""Name in a CDR's ``headers``: the Call-ID of the leg out, beside ``call_id`` of the leg in."""
LINKS: Final = "links"
"""Name in a CDR's ``headers``: the switch's own keys of the call, a space between; its rows of one call share one."""


class Rule(StrEnum):
    """What joins two hops, strongest first."""

    DIALOG = "dialog"
    """Same Call-ID and From tag: a proxy passed the message on, or tried several ways."""
    CDR = "cdr"
    """A switch's own records name both Call-IDs."""
    IDENTITY = "identity"
    """Same Identity token and called number: a back-to-back user agent passed the signature on (RFC 8224)."""
    SESSION = "session-id"
    """Same Session-ID (RFC 7989), ICID (RFC 7315) or correlation id of the capture agent, and called number."""
    CALL_ID = "call-id"
    """Same Call-ID with another From tag, where the one hop ends and the other begins."""
    NUMBERS = "numbers"
    """Same numbers, one hop ends where the other begins, and no other call fits."""


CONFIDENCE: Final = {
    Rule.DIALOG: 0.999,
    Rule.CDR: 0.995,
    Rule.IDENTITY: 0.99,
    Rule.SESSION: 0.98,
    Rule.CALL_ID: 0.97,
    Rule.NUMBERS: 0.95,
}
"""How sure a join is by its rule: judgements, not learnt. Of the recorded calls no joined pair is wrong."""

_WHY: Final = {
    Rule.DIALOG: "same Call-ID and From tag",
    Rule.CDR: "the switch's call detail records name both Call-IDs",
    Rule.IDENTITY: "same Identity token, same called number",
    Rule.SESSION: "same session identifier, same called number",
    Rule.CALL_ID: "same Call-ID, and the one begins where the other ends",
    Rule.NUMBERS: "same numbers, and the one begins where the other ends",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Why two hops are one call."""

    first: Hop
    second: Hop
    rule: Rule
    confidence: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Hops that belong together, in the order of the path."""

    hops: tuple[Hop, ...]
    joins: tuple[Join, ...] = ()
    possible: tuple[Join, ...] = ()
    """Joins with other calls that were not sure enough to be made."""

    @property
    def confidence(self) -> float:
        """That every join is right: that of the weakest one, 1 without any."""
        return min((join.confidence for join in self.joins), default=1.0)

    @property
    def status(self) -> int:
        """Final status of the call's first hop that has one: what the caller heard."""
        return next((hop.status for hop in self.hops if hop.status), 0)

    @property
    def records(self) -> tuple[CallRecord, ...]:
        """The INVITEs' records, hop by hop."""
        return tuple(view for hop in self.hops for view in hop.views)


def calls_of(records: Iterable[CallRecord]) -> tuple[Call, ...]:
    """Return the calls that ``records`` (any order, any sources) show, in the order of their start."""
    kept = list(records)
    found = hops(kept)
    joined = _Joined(found)
    _by_dialog(found, joined)
    _by_cdr(found, joined, kept)
    _by_shared(found, joined, Rule.IDENTITY, lambda hop: [hop.identity_digest] if hop.identity_digest else [])
    _by_shared(found, joined, Rule.SESSION, lambda hop: sorted(hop.links))
    _by_call_id(found, joined)
    _by_numbers(found, joined)
    return joined.calls()


class _Joined:
    """Hops and the joins made so far: which hops are one call."""

    def __init__(self, found: Sequence[Hop]) -> None:
        self._hops = found
        self._root = list(range(len(found)))
        self._members = {number: [hop] for number, hop in enumerate(found)}
        self.place = {id(hop): number for number, hop in enumerate(found)}
        self._joins: list[Join] = []
        self._possible: list[Join] = []

    def root(self, hop: Hop) -> int:
        number = self.place[id(hop)]
        while self._root[number] != number:
            self._root[number] = self._root[self._root[number]]
            number = self._root[number]
        return number

    def are_one(self, first: Hop, second: Hop) -> bool:
        return self.root(first) == self.root(second)

    def members(self, hop: Hop) -> list[Hop]:
        return self._members[self.root(hop)]

    def join(self, first: Hop, second: Hop, rule: Rule, confidence: float = 0.0) -> None:
        one, other = self.root(first), self.root(second)
        if one != other:
            sure, why = confidence or CONFIDENCE[rule], _why(first, second, rule)
            self._joins.append(Join(first=first, second=second, rule=rule, confidence=sure, why=why))
            self._root[other] = one
            self._members[one] += self._members.pop(other)

    def doubt(self, first: Hop, second: Hop, rule: Rule, confidence: float) -> None:
        why = f"{_why(first, second, rule)}; other calls fit as well"
        self._possible.append(Join(first=first, second=second, rule=rule, confidence=confidence, why=why))

    def calls(self) -> tuple[Call, ...]:
        grouped: defaultdict[int, list[Hop]] = defaultdict(list)
        for hop in self._hops:
            grouped[self.root(hop)].append(hop)
        found = [
            Call(
                hops=tuple(_path(members)),
                joins=tuple(join for join in self._joins if self.root(join.first) == root),
                possible=tuple(
                    join
                    for join in self._possible
                    if root in {self.root(join.first), self.root(join.second)}
                    and not self.are_one(join.first, join.second)
                ),
            )
            for root, members in grouped.items()
        ]
        return tuple(sorted(found, key=lambda call: min(order(hop) for hop in call.hops)))


def _why(first: Hop, second: Hop, rule: Rule) -> str:
    return f"{_WHY[rule]}, {lag(second.started, first.started):.2f} s apart"


def _path(members: list[Hop]) -> list[Hop]:
    """Return hops in the order of the path: by time, but a hop never before the one that it continues."""
    at = {id(hop): hop.started for hop in members}
    for _ in members:
        for hop in members:
            for before in members:
                if before is not hop and _continues(before, hop) and at[id(before)] >= at[id(hop)]:
                    at[id(hop)] = at[id(before)] + _TICK
    return sorted(members, key=lambda hop: (at[id(hop)], order(hop)))


_TICK: Final = timedelta(microseconds=1)


def _continues(before: Hop, after: Hop) -> bool:
    """Tell whether ``after`` may be where ``before`` went on: it leaves from where the other arrived, in time."""
    in_time = -SKEW_S <= lag(after.started, before.started) <= DIALOG_S
    return in_time and before.destination_ip == after.source_ip


def _by_dialog(found: Sequence[Hop], joined: _Joined) -> None:
    last: dict[tuple[str, str], Hop] = {}
    for hop in found:
        key = hop.call_id, hop.from_tag
        before = last.get(key)
        if before is not None and lag(hop.started, before.started) <= DIALOG_S:
            joined.join(before, hop, Rule.DIALOG)
        last[key] = hop


def _by_cdr(found: Sequence[Hop], joined: _Joined, records: Sequence[CallRecord]) -> None:
    """Join the Call-IDs that a switch's records name together: in one row, or in rows that share one of its keys."""
    of_call: defaultdict[str, list[Hop]] = defaultdict(list)
    for hop in found:
        of_call[hop.call_id].append(hop)
    together: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for record in sorted((one for one in records if one.record_kind is RecordKind.CDR), key=sighting):
        named = [name for name in (record.call_id, record.headers.get(CALL_ID_OUT, "")) if name in of_call]
        for key in (record.event_id, *record.headers.get(LINKS, "").split()):
            together[record.source_id, key] += named
    for names in together.values():
        for one, other in pairwise(dict.fromkeys(names)):
            # A switch counts its keys round; rows that are not of one time are not of one call.
            for before, after in ((a, b) for a in of_call[one][:8] for b in of_call[other][:8]):
                if _near(before, after, DIALOG_S):
                    joined.join(before, after, Rule.CDR)


def _near(one: Hop, other: Hop, seconds: float) -> bool:
    return abs(lag(one.started, other.started)) <= seconds


def _by_shared(found: Sequence[Hop], joined: _Joined, rule: Rule, keys: Callable[[Hop], Sequence[str]]) -> None:
    """Join hops that share an identifier and the called number.

    Where two calls went the same way under one identifier (a token that is played again), each hop is joined to the
    call that it continues, and to nothing where that is not one call alone.
    """
    sharing: defaultdict[tuple[str, str], list[Hop]] = defaultdict(list)
    for hop in found:
        for key in keys(hop):
            sharing[key, hop.called[-10:]].append(hop)
    for group in sharing.values():
        ways = [(hop.source_ip, hop.destination_ip) for hop in group]
        if len(set(ways)) == len(ways):
            for before, after in pairwise(group):
                if _near(before, after, TOKEN_S):
                    joined.join(before, after, rule)
        else:
            _each_to_its_own(group, joined, rule)


def _each_to_its_own(group: Sequence[Hop], joined: _Joined, rule: Rule) -> None:
    for hop in group:
        before = [
            other
            for other in group
            if other.destination_ip == hop.source_ip
            and not joined.are_one(other, hop)
            and -SKEW_S <= lag(hop.started, other.started) <= SETUP_S
        ]
        if len(before) == 1:
            joined.join(before[0], hop, rule)
        for other in before if len(before) > 1 else ():
            joined.doubt(other, hop, rule, 1 / len(before))


def _by_call_id(found: Sequence[Hop], joined: _Joined) -> None:
    """Join what a back-to-back user agent that keeps the Call-ID sends on; a Call-ID used again is another call."""
    of_call: defaultdict[str, list[Hop]] = defaultdict(list)
    for hop in found:
        of_call[hop.call_id].append(hop)
    for group in of_call.values():
        if len({hop.from_tag for hop in group}) > 1:
            _each_to_its_own(group, joined, Rule.CALL_ID)


def _by_numbers(found: Sequence[Hop], joined: _Joined) -> None:
    """Join a hop that nothing leads to with the hop of the same numbers that ends where it begins.

    One that fits is taken where every other candidate, on either side, is ``RIVAL_S`` farther off; else none is.
    """
    of_number: defaultdict[str, list[Hop]] = defaultdict(list)
    for hop in found:
        if hop.called:
            of_number[hop.called[-10:]].append(hop)
    for group in of_number.values():
        for hop in group:
            if not _comes_from(hop, joined):
                _by_number(hop, group, joined)


def _by_number(hop: Hop, group: Sequence[Hop], joined: _Joined) -> None:
    lags = sorted(
        (abs(lag(hop.started, before.started)), joined.place[id(before)], before)
        for before in group
        if _may_be_one(before, hop, joined) and not _goes_on(before, hop, joined)
    )
    if not lags:
        return
    shortest, _, best = lags[0]
    rivals = [before for other, _, before in lags[1:] if other - shortest < RIVAL_S]
    after = [
        other
        for other in group
        if other is not hop
        and _near(other, hop, RIVAL_S)
        and not _comes_from(other, joined)
        and _may_be_one(best, other, joined)
    ]
    if not rivals and not after:
        joined.join(best, hop, Rule.NUMBERS, CONFIDENCE[Rule.NUMBERS] - 0.03 * (len(lags) > 1))
        return
    for before in (best, *rivals):
        joined.doubt(before, hop, Rule.NUMBERS, CONFIDENCE[Rule.NUMBERS] / (1 + len(rivals) + len(after)))


def _goes_on(before: Hop, hop: Hop, joined: _Joined) -> bool:
    """Tell whether ``before`` has a continuation that had not failed when ``hop`` began: then it needs no other."""
    return any(
        other is not before
        and _continues(before, other)
        and not (other.answer and other.status >= 300 and other.answer.call_at <= hop.started)
        for other in joined.members(before)
    )


def _comes_from(hop: Hop, joined: _Joined) -> bool:
    return any(other is not hop and _continues(other, hop) for other in joined.members(hop))


def _may_be_one(before: Hop, after: Hop, joined: _Joined) -> bool:
    if before.destination_ip != after.source_ip or joined.are_one(before, after):
        return False
    if before.calling and after.calling and before.calling[-10:] != after.calling[-10:]:
        return False
    if before.identity_digest and after.identity_digest and before.identity_digest != after.identity_digest:
        return False  # equal ones are joined already: these differ
    return -SKEW_S <= lag(after.started, before.started) <= SETUP_S
