"""Who hands traffic to whom, from proven hand-overs of traced calls. Pure.

An edge is *proven* where both sides' records show the hand-over, *stated* where only the side that took the call says
so, or of a bridged hop only the side that gave it. Nothing else makes an edge: no inference, no registry. Edges count
traced calls, which are samples: they say who hands suspected traffic to whom, not how much traffic two providers
exchange.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from headwater.conduct.values import Neighbour, Passage

#: Traced calls, of as many campaigns, that make a pair a repeat pair.
REPEATED_CALLS = 3
REPEATED_CAMPAIGNS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Traced calls that one provider handed to another."""

    upstream: Neighbour
    downstream: Neighbour
    proven: int
    stated: int
    """Stated by one of the two alone."""
    campaigns: tuple[tuple[str, str], ...]
    """Identifier and name of each."""
    campaign_calls: int
    """Reported calls of these campaigns, on all their paths: an upper bound of what came this way, not an estimate."""
    traceback_ids: tuple[str, ...]
    first_at: datetime
    last_at: datetime

    @property
    def calls(self) -> int:
        """Traced calls on this edge."""
        return self.proven + self.stated

    @property
    def repeats(self) -> bool:
        """Tell whether the same two stand side by side again and again, in more than one campaign."""
        return self.calls >= REPEATED_CALLS and len(self.campaigns) >= REPEATED_CAMPAIGNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One provider in the graph."""

    provider: Neighbour
    calls: int
    """Traced calls that passed it."""
    upstreams: int
    downstreams: int
    ends: int
    """Traced calls that ended with it: it placed them or let them in."""
    share: float
    """Of all traced calls in the graph."""

    @property
    def links(self) -> int:
        """Neighbours on both sides."""
        return self.upstreams + self.downstreams


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Providers and edges over one window."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    tracebacks: int

    @property
    def hubs(self) -> tuple[Node, ...]:
        """The ten providers that most different neighbours meet at; of equal ones, with more traced calls."""
        ranked = sorted(self.nodes, key=lambda one: (-one.links, -one.calls, one.provider.name))
        return tuple(one for one in ranked[:10] if one.links > 1)

    @property
    def repeat_pairs(self) -> tuple[Edge, ...]:
        """Pairs that stand side by side again and again."""
        return tuple(edge for edge in self.edges if edge.repeats)

    def around(self, key: str) -> "Graph":
        """Return one provider, its neighbours and the edges between them and it."""
        edges = tuple(edge for edge in self.edges if key in {_key(edge.upstream), _key(edge.downstream)})
        keys = {key} | {_key(side) for edge in edges for side in (edge.upstream, edge.downstream)}
        return Graph(
            nodes=tuple(node for node in self.nodes if _key(node.provider) in keys),
            edges=edges,
            tracebacks=len({one for edge in edges for one in edge.traceback_ids}),
        )


@dataclass(slots=True)
class _Held:
    upstream: Neighbour
    downstream: Neighbour
    proven: set[str] = field(default_factory=set)
    stated: set[str] = field(default_factory=set)
    campaigns: dict[str, str] = field(default_factory=dict)
    moments: list[datetime] = field(default_factory=list)


def _key(one: Neighbour) -> str:
    return one.id or one.spc or one.name


def build(passages: Iterable[Passage], *, campaign_calls: Mapping[str, int] | None = None) -> Graph:
    """Return the graph of hand-overs in ``passages`` (on the path alone).

    Args:
        passages: Of every provider.
        campaign_calls: Campaign -> calls that were reported of it.
    """
    standing = [one for one in passages if one.on_path]
    edges: dict[tuple[str, str], _Held] = {}
    for one in standing:
        if one.upstream is None or not _key(one.upstream):
            continue
        pair = (_key(one.upstream), _key(one.provider))
        held = edges.setdefault(pair, _Held(one.upstream, one.provider))
        (held.proven if one.confirmed_upstream else held.stated).add(one.traceback_id)
        held.moments.append(one.asked_at)
        if one.campaign_id:
            held.campaigns[one.campaign_id] = one.campaign_name
    done = sorted((_edge(held, campaign_calls or {}) for held in edges.values()), key=_weight)
    return Graph(
        nodes=tuple(_nodes(standing, done)), edges=tuple(done), tracebacks=len({one.traceback_id for one in standing})
    )


def _weight(edge: Edge) -> tuple[int, str, str]:
    return -edge.calls, edge.downstream.name, edge.upstream.name


def _edge(held: _Held, calls: Mapping[str, int]) -> Edge:
    return Edge(
        upstream=held.upstream,
        downstream=held.downstream,
        proven=len(held.proven),
        stated=len(held.stated - held.proven),
        campaigns=tuple(sorted(held.campaigns.items(), key=lambda item: item[1])),
        campaign_calls=sum(calls.get(one, 0) for one in held.campaigns),
        traceback_ids=tuple(sorted(held.proven | held.stated)),
        first_at=min(held.moments),
        last_at=max(held.moments),
    )


def _nodes(standing: Sequence[Passage], edges: Sequence[Edge]) -> list[Node]:
    known: dict[str, Neighbour] = {}
    passed: dict[str, set[str]] = {}
    ended: dict[str, set[str]] = {}
    for one in standing:
        key = _key(one.provider)
        known[key] = one.provider
        passed.setdefault(key, set()).add(one.traceback_id)
        if one.distance == 0:
            ended.setdefault(key, set()).add(one.traceback_id)
    for edge in edges:
        known.setdefault(_key(edge.upstream), edge.upstream)
        passed.setdefault(_key(edge.upstream), set()).update(edge.traceback_ids)
    above: dict[str, set[str]] = {}
    below: dict[str, set[str]] = {}
    for edge in edges:
        above.setdefault(_key(edge.downstream), set()).add(_key(edge.upstream))
        below.setdefault(_key(edge.upstream), set()).add(_key(edge.downstream))
    whole = len({one.traceback_id for one in standing})
    found = [
        Node(
            provider=provider,
            calls=len(passed[key]),
            upstreams=len(above.get(key, ())),
            downstreams=len(below.get(key, ())),
            ends=len(ended.get(key, ())),
            share=len(passed[key]) / whole if whole else 0.0,
        )
        for key, provider in known.items()
    ]
    return sorted(found, key=lambda node: (-node.calls, node.provider.name))
