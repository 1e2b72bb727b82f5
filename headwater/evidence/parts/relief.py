"""Part 9: who can stop the calls today, and by what. A proposal to the court, drawn from the answers alone. Pure.

The order is that of effect: who placed or let in the calls first, then who took them directly from there. A provider
that never answered is named as what it is, somebody that an answer names, not as a source.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.evidence.material import Material

COLUMNS = (
    "order", "provider", "provider_spc", "provider_rmd", "country", "part_in_the_calls", "can_do", "tracebacks",
    "of_tracebacks", "traceback_ids", "trunks", "received_from",
)  # fmt: skip
NUMBER_COLUMNS = ("calling", "reports", "first_call_at", "last_call_at", "caution")
#: Calling numbers that one package lists; the table of calls has all.
MOST_NUMBERS = 1_000
CAUTION = "As signalled; may be spoofed. Blocking it may hit a subscriber who placed none of these calls."

_PARTS = (
    ("originating", "States that its customer placed the call", "End its customer's calls and keep that customer out"),
    ("gateway", "States that it took the call from abroad", "Block the traffic at its point of entry"),
    ("downstream", "Took the call directly from the provider above", "Take no more of this traffic from {upstream}"),
    ("named", "Named by its neighbour; has not answered for the call", "Say who handed over the call; then as above"),
)
_ORDER = [part for part, _, _ in _PARTS]


@dataclass(slots=True)
class _Row:
    provider: str
    spc: str
    rmd: str
    country: str
    upstreams: set[str] = field(default_factory=set)
    traces: list[str] = field(default_factory=list)
    trunks: set[str] = field(default_factory=set)


def rows(material: Material) -> list[dict[str, Any]]:
    """Return who can stop the calls, by order of effect and then by the number of traced calls."""
    found: dict[tuple[str, str], _Row] = {}
    trunks = _trunks(material)
    for hops in _paths(material):
        tip = hops[-1]
        part = {"ORIGINATED": "originating", "UPSTREAM_FOREIGN": "gateway"}.get(tip["answer"], "")
        if part:
            _note(found, part, tip, trunks, upstream=tip["upstream"])
        elif len(hops) > 1:
            _note(found, "named", tip, trunks, upstream="")
        if len(hops) > 1:
            _note(found, "downstream", hops[-2], trunks, upstream=tip["provider"])
    ranked = sorted(found.items(), key=lambda item: (_ORDER.index(item[0][0]), -len(item[1].traces), item[0][1]))
    total = len(material.tracebacks)
    return [_told(order, part, row, total) for order, ((part, _), row) in enumerate(ranked, start=1)]


def _paths(material: Material) -> list[list[Mapping[str, Any]]]:
    """Return the hops in force of each traceback, from the terminating provider upstream."""
    by_trace: dict[str, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for row in material.path:
        # Asked again at the same place: the later question is the one in force.
        by_trace[row["traceback_id"]][int(row["hop"])] = row
    return [[hops[index] for index in sorted(hops)] for hops in by_trace.values()]


def _trunks(material: Material) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for answer in material.answers:
        if trunk := answer.row.get("ingress_trunk"):
            found[answer.row["question_id"]].add(trunk)
    return found


def _note(
    found: dict[tuple[str, str], _Row], part: str, hop: Mapping[str, Any], trunks: dict[str, set[str]], *, upstream: str
) -> None:
    values = (hop["provider"], hop["provider_spc"], hop.get("provider_rmd", ""), hop.get("country", ""))
    row = found.setdefault((part, hop["provider_spc"]), _Row(*values))
    row.traces.append(hop["traceback_id"])
    row.trunks |= trunks.get(hop["question_id"], set())
    if upstream:
        row.upstreams.add(upstream)


def _told(order: int, part: str, row: _Row, total: int) -> dict[str, Any]:
    _, words, can_do = _PARTS[_ORDER.index(part)]
    upstreams = ", ".join(sorted(row.upstreams))
    return {
        "order": order,
        "provider": row.provider,
        "provider_spc": row.spc,
        "provider_rmd": row.rmd,
        "country": row.country,
        "part_in_the_calls": words,
        "can_do": can_do.format(upstream=upstreams),
        "tracebacks": len(row.traces),
        "of_tracebacks": total,
        "traceback_ids": " ".join(sorted(row.traces)),
        "trunks": " ".join(sorted(row.trunks)),
        "received_from": upstreams,
    }


def numbers(material: Material) -> list[dict[str, Any]]:
    """Return the calling numbers of the calls in scope, the most frequent first."""
    found: dict[str, list[str]] = defaultdict(list)
    for member in material.members:
        if calling := member.get("calling"):
            found[calling].append(member.get("call_at", ""))
    ranked = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))[:MOST_NUMBERS]
    return [
        {"calling": calling, "reports": len(at), "first_call_at": min(at), "last_call_at": max(at), "caution": CAUTION}
        for calling, at in ranked
    ]
