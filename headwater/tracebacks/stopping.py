"""Who can stop the calls today, worked out from the answers of traced calls. Pure.

Ranked by effect: who placed or let in the calls first, then who took them directly from there. A provider that an
answer names but that has not answered for the call is named last and as just that.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from headwater.labels import Labelled
from headwater.wire.agents import AnswerCode


class Part(Labelled):
    """A provider's part in the calls, from the strongest position to stop them to the weakest."""

    ORIGINATING = "originating", "States that its customer placed the call"
    GATEWAY = "gateway", "States that it took the call from abroad"
    DOWNSTREAM = "downstream", "Took the call directly from the provider above"
    NAMED = "named", "Named by its neighbour; has not answered for the call"


_CAN_DO: dict[Part, str] = {
    Part.ORIGINATING: "End its customer's calls and keep that customer out",
    Part.GATEWAY: "Block the traffic at its point of entry",
    Part.DOWNSTREAM: "Take no more of this traffic from {upstream}",
    Part.NAMED: "Say who handed over the call; then as above",
}
_ORDER = list(Part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question in force: who was asked about which call, and what it answered."""

    traceback_id: str
    hop: int
    provider: str
    spc: str
    answer: str
    upstream: str = ""
    trunk: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopper:
    """One provider that can do something against the calls."""

    part: Part
    provider: str
    spc: str
    can_do: str
    upstreams: tuple[str, ...]
    traceback_ids: tuple[str, ...]
    trunks: tuple[str, ...]


@dataclass(slots=True)
class _Found:
    provider: str
    upstreams: set[str] = field(default_factory=set)
    traces: set[str] = field(default_factory=set)
    trunks: set[str] = field(default_factory=set)


def stoppers(steps: Iterable[Step]) -> list[Stopper]:
    """Return who can stop the calls, by order of effect and then by the number of traced calls.

    ``steps`` come in the order in which they were asked: of two at one place of a traceback the later is in force.
    """
    paths: dict[str, dict[int, Step]] = defaultdict(dict)
    for step in steps:
        paths[step.traceback_id][step.hop] = step
    found: dict[tuple[Part, str], _Found] = {}
    for hops in paths.values():
        path = [hops[hop] for hop in sorted(hops)]
        tip = path[-1]
        if tip.answer == AnswerCode.ORIGINATED:
            _note(found, Part.ORIGINATING, tip, "")
        elif tip.answer == AnswerCode.UPSTREAM_FOREIGN:
            _note(found, Part.GATEWAY, tip, tip.upstream)
        elif len(path) > 1:
            _note(found, Part.NAMED, tip, "")
        if len(path) > 1:
            _note(found, Part.DOWNSTREAM, path[-2], tip.provider)
    ranked = sorted(found.items(), key=lambda item: (_ORDER.index(item[0][0]), -len(item[1].traces), item[0][1]))
    return [_stopper(part, spc, one) for (part, spc), one in ranked]


def _note(found: dict[tuple[Part, str], _Found], part: Part, step: Step, upstream: str) -> None:
    one = found.setdefault((part, step.spc), _Found(step.provider))
    one.traces.add(step.traceback_id)
    one.trunks |= {step.trunk} - {""}
    one.upstreams |= {upstream} - {""}


def _stopper(part: Part, spc: str, one: _Found) -> Stopper:
    upstreams = tuple(sorted(one.upstreams))
    return Stopper(
        part=part,
        provider=one.provider,
        spc=spc,
        can_do=_CAN_DO[part].format(upstream=", ".join(upstreams)),
        upstreams=upstreams,
        traceback_ids=tuple(sorted(one.traces)),
        trunks=tuple(sorted(one.trunks)),
    )
