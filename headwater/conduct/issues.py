"""What was published, for everybody; and the graph as programs read it. No actor: it is public, or passed in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headwater.conduct.graph import Edge, Graph
from headwater.conduct.models import Publication
from headwater.conduct.queries import RecordView
from headwater.conduct.values import Neighbour, Share
from headwater.errors import NotFound


class IssueNotFound(NotFound):
    """There is no issue of that week."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueView:
    """One issue of the public list."""

    id: str
    week: str
    made_at: datetime
    document_sha256: str
    key_id: str
    tracebacks: int
    providers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueFiles:
    """The octets of one issue, as they were published."""

    week: str
    document: bytes
    table: bytes
    signature: str
    public_jwk: dict[str, Any]


_COLUMNS = ("id", "week", "made_at", "document_sha256", "key_id", "tracebacks", "providers")


def issues(*, limit: int = 110) -> list[IssueView]:
    """Return the issues, the newest first: two years of weeks."""
    return [IssueView(**row) for row in Publication.objects.order_by("-made_at").values(*_COLUMNS)[:limit]]


def issue(week: str) -> IssueFiles:
    """Return the files of one week's issue.

    Raises:
        IssueNotFound: there is none.
    """
    row = Publication.objects.filter(week=week).first()
    if row is None:
        raise IssueNotFound(f"No list was published for the week {week[:10]}.")
    return IssueFiles(
        week=row.week,
        document=bytes(row.document),
        table=bytes(row.table),
        signature=row.signature,
        public_jwk=row.public_jwk,
    )


def record(found: RecordView) -> dict[str, Any]:
    """Return a provider's record as JSON values: every count with what it is counted of."""
    figures = found.measures
    return {
        "provider": {"name": found.provider.name, "spc": found.provider.spc},
        "since": figures.since.isoformat(),
        "until": figures.until.isoformat(),
        "rules": found.rule_version,
        "asked": figures.asked,
        "responses": {kind.value: number for kind, number in figures.responses},
        "answered_in_time": _share(figures.in_time),
        "silent_or_declined": _share(figures.unanswered),
        "no_record": _share(figures.not_found),
        "contradicted": _share(figures.contradicted),
        "by_role": [
            {
                "role": split.role.value,
                "completed": split.completed,
                "distance_from_end": split.distance,
                "of_all_in_that_role": _share(split.of_all),
                "campaigns": split.campaigns,
            }
            for split in figures.splits
        ],
        "flags": [
            {
                "id": flag.id,
                "kind": flag.kind.value,
                "statement": flag.statement,
                "share": _share(flag.share),
                "of": flag.whole,
                "disputed": flag.disputed,
                "rule": flag.rule_version,
                "raised_at": flag.raised_at.isoformat(),
                "questions": [one.question_id for one in flag.evidence],
            }
            for flag in found.flags
        ],
        "disputes": [
            {"id": one.id, "question": one.question_id, "state": one.state.value, "decision": one.decision}
            for one in found.disputes
        ],
    }


def _share(share: Share) -> dict[str, float | int]:
    return {"part": share.part, "whole": share.whole, "low": round(share.low, 4), "high": round(share.high, 4)}


def graph(found: Graph) -> dict[str, Any]:
    """Return a graph as JSON values."""
    return {
        "tracebacks": found.tracebacks,
        "nodes": [
            {
                **_party(node.provider),
                "traced_calls": node.calls,
                "share_of_traced_calls": round(node.share, 4),
                "upstreams": node.upstreams,
                "downstreams": node.downstreams,
                "ends": node.ends,
            }
            for node in found.nodes
        ],
        "edges": [_edge(edge) for edge in found.edges],
    }


def _party(provider: Neighbour) -> dict[str, str]:
    return {"provider": provider.name, "spc": provider.spc, "country": provider.country}


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "upstream": _party(edge.upstream),
        "downstream": _party(edge.downstream),
        "proven": edge.proven,
        "stated_by_one_side": edge.stated,
        "repeat_pair": edge.repeats,
        "campaigns": [{"id": one, "name": name} for one, name in edge.campaigns],
        "reported_calls_of_these_campaigns": edge.campaign_calls,
        "tracebacks": list(edge.traceback_ids),
        "first_at": edge.first_at.isoformat(),
        "last_at": edge.last_at.isoformat(),
    }
