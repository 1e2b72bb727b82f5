"""The peer's way in our worlds: exact labels, as Jaeger's published design matches them. For comparison alone.

Every carrier that takes part deposits for every call (calling, called, second) with previous and next hop. A trace
starts at the terminating carrier's record and asks the ten seconds from 5 before to 4 after it; the rows found make a
graph, whose node that nobody hands calls to is named as the origin, also where a neighbour alone names it.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from headwater.calls.matching import Side
from headwater.simulator import noise as noises
from headwater.simulator.ledger import Entry, Happened, Ledger

#: The range end is exclusive in the published code: the window is lopsided.
WINDOW: Final = range(-5, 5)


class Verdict(StrEnum):
    """What exact labels come to."""

    RIGHT = "right"
    WRONG = "wrong"
    """One origin is named, another than the true one."""
    AMBIGUOUS = "ambiguous"
    NO_ROW = "no row"


@dataclass(frozen=True, slots=True)
class Row:
    """One deposited hop: who wrote it, and whom it names before and after itself; -1 for nobody."""

    carrier: int
    before: int
    after: int


def judged(ledger: Ledger, answering: frozenset[int], truths: list[Happened]) -> Iterator[Verdict]:
    """Yield what the peer's analysis names for each call. Failed routes are not deposited."""
    rows: dict[tuple[str, str, int], set[Row]] = defaultdict(set)
    starts: dict[tuple[int, int], list[Entry]] = defaultdict(list)
    for (carrier, _), entries in ledger.by_called.items():
        if carrier not in answering:
            continue
        for entry in entries:
            if entry.call > 0:
                side = entry.ingress
                row = Row(carrier, entry.upstream, entry.downstream)
                rows[*_digits(ledger, carrier, side), int(side.start)].add(row)
                starts[carrier, entry.call].append(entry)
    for truth in truths:
        begun = starts.get((truth.path[-1], truth.number))
        if not begun:
            yield Verdict.NO_ROW
            continue
        side = begun[0].ingress
        digits = _digits(ledger, truth.path[-1], side)
        found = {row for second in WINDOW for row in rows.get((*digits, int(side.start) + second), ())}
        yield verdict(found, truth.path[0])


def _digits(ledger: Ledger, carrier: int, side: Side) -> tuple[str, str]:
    """Return calling and called number as the label is made of them."""
    if not ledger.noise.raw_labels:
        return side.calling, side.called
    form = noises.usual_form(ledger.world.seed, carrier)
    return form.format(side.calling, side.calling[-10:]), form.format(side.called, side.called[-10:])


def verdict(rows: set[Row], origin: int) -> Verdict:
    """Name the node without a predecessor; of several the one that a neighbour agrees on."""
    into: dict[int, int] = defaultdict(int)
    out: dict[int, int] = defaultdict(int)
    nodes: set[int] = set()
    for row in rows:
        for one, other in ((row.before, row.carrier), (row.carrier, row.after)):
            nodes |= {one, other} - {-1}
            if one >= 0 and other >= 0:
                out[one] += 1
                into[other] += 1
    first = [node for node in nodes if not into[node]]
    if len(first) > 1:
        agreed = [node for node in first if out[node] == 2]
        first = agreed or first
    if not first:
        return Verdict.NO_ROW if not nodes else Verdict.AMBIGUOUS
    if len(first) > 1:
        return Verdict.AMBIGUOUS
    return Verdict.RIGHT if first[0] == origin else Verdict.WRONG
