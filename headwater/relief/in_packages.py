"""What a package holds of notices: those that rest on a traced call of its scope, each with the proofs of delivery."""

from collections.abc import Collection
from typing import Any

from headwater.evidence.material import instant
from headwater.evidence.told_to_stop import ToldToStop
from headwater.outbox import queries as sent
from headwater.outbox.rules import State, Way
from headwater.relief.models import Notice
from headwater.relief.states import DeliveryWay, NoticeKind, NoticeState, ReportedAction

_WAYS = {Way.MAIL: "Mail", Way.POST: "Webhook"}
_STATES = {State.WAITING: "waits", State.DELIVERED: "delivered", State.FAILED: "failed"}


def told(tracebacks: Collection[str], documents: Collection[str]) -> tuple[ToldToStop, ...]:
    """Return the notices that rest on one of ``tracebacks``. For the sealing.

    A court's order is its agency's: it is there only where one of ``documents`` (SHA-256) is the order that was served.
    """
    inside = set(tracebacks)
    rows = Notice.objects.select_related("provider", "campaign").prefetch_related("reports", "deliveries", "documents")
    return tuple(
        _told(row, inside)
        for row in rows.order_by("sent_at", "id")
        if inside.intersection(row.traceback_ids) and _may_be_told(row, documents)
    )


def _may_be_told(row: Notice, documents: Collection[str]) -> bool:
    orders = {document.sha256 for document in row.documents.all()}
    return row.kind != NoticeKind.COURT_ORDER or not orders.isdisjoint(documents)


def _told(row: Notice, inside: set[str]) -> ToldToStop:
    reports = sorted(row.reports.all(), key=lambda said: said.version)
    last = reports[-1] if reports else None
    known = [one for one in row.traceback_ids if one in inside]
    return ToldToStop(
        row={
            "notice_id": row.id,
            "kind": NoticeKind(row.kind).label,
            "campaign": row.campaign_id,
            "provider": row.provider.name,
            "provider_spc": row.provider.spc,
            "sent_at": instant(row.sent_at),
            "say_until": instant(row.mitigation_due_at),
            "report_until": instant(row.report_due_at),
            "state": NoticeState(row.state).label,
            "opened_at": instant(row.seen_at),
            "opened_by": row.seen_by,
            "acknowledged_at": instant(row.acknowledged_at),
            "reported_at": instant(last.reported_at) if last else "",
            "reported_action": ReportedAction(last.action).label if last else "",
            "acted_at": instant(last.acted_at) if last else "",
            "reports": len(reports),
            "tracebacks": " ".join(known),
            "letter_sha256": row.letter_sha256,
        },
        deliveries=tuple(_deliveries(row)),
        letter=row.letter.encode() if len(known) == len(row.traceback_ids) else None,
    )


def _deliveries(row: Notice) -> list[dict[str, Any]]:
    pages = (
        "Carrier pages",
        "delivered" if row.seen_at else "waits",
        row.seen_at,
        f"opened by {row.seen_by or 'nobody'}",
    )
    found = [pages]
    found += [
        (
            f"{_WAYS[one.way]} to {one.address}" if one.way is Way.MAIL else _WAYS[one.way],
            _STATES[one.state],
            one.settled_at if one.state is State.DELIVERED else None,
            one.receipt or f"{one.attempts} attempts so far",
        )
        for one in sent.about(row.id)
    ]
    found += [
        (DeliveryWay(one.way).label, "delivered", one.at, f"{one.proof} (entered by {one.entered_by})")
        for one in sorted(row.deliveries.all(), key=lambda one: (one.at, one.pk))
    ]
    return [
        {"notice_id": row.id, "way": way, "state": state, "delivered_at": instant(at), "proof": proof}
        for way, state, at, proof in found
    ]
