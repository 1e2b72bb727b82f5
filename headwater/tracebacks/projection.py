"""From events to rows: a trace is folded from its events, and what changed is written to traceback and hop rows.

The events are the truth. ``differences`` folds them again and names where a row says something else.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from headwater.tracebacks import engine, exchange, history
from headwater.tracebacks.commands import Command
from headwater.tracebacks.models import Answer, Hop, Traceback, TracebackEvent
from headwater.tracebacks.outcomes import role
from headwater.tracebacks.states import HopKind, Reason
from headwater.tracebacks.trace import Event, Opened, Trace
from headwater.tracebacks.trace import Hop as Asking


@dataclass(slots=True)
class Walk:
    """One traceback while it is being worked on: its row, the trace so far, what is to be saved and done."""

    row: Traceback
    trace: Trace
    reason: Reason = Reason.REQUEST
    sequence: int = 0
    taken: list[tuple[Event, datetime, str]] = field(default_factory=list)
    """New events with their instant and the answer that they took in ("" for none)."""
    commands: list[Command] = field(default_factory=list)

    def take(self, event: Event, now: datetime, *, answer_id: str = "") -> None:
        """Let the engine take one event.

        Raises:
            ProviderError, TracebackError: as ``engine.step``; nothing is changed then.
        """
        self.trace, commands = engine.step(self.trace, event, now)
        if isinstance(event, Opened):
            self.reason = event.reason
        self.taken.append((event, now, answer_id))
        self.commands.extend(commands)


def load(row: Traceback) -> Walk:
    """Fold the stored events of ``row``."""
    stored = list(row.events.order_by("sequence").values_list("event", "at"))
    events = [(history.decode(event), at) for event, at in stored]
    first = events[0][0] if events else None
    reason = first.reason if isinstance(first, Opened) else Reason.REQUEST
    return Walk(row=row, trace=engine.fold(row.id, events), reason=reason, sequence=len(events))


def save(walk: Walk, before: Trace) -> None:
    """Append the taken events and bring the rows in line with the trace."""
    rows = [
        TracebackEvent(
            traceback=walk.row,
            sequence=walk.sequence + place,
            at=at,
            event=history.encode(event),
            answer_id=answer_id or None,
        )
        for place, (event, at, answer_id) in enumerate(walk.taken, start=1)
    ]
    for name, value in traceback_fields(walk.trace).items():
        setattr(walk.row, name, value)
    walk.row.save()
    known = {hop.question_id: hop for hop in before.hops}
    for hop in walk.trace.hops:
        if hop.question_id not in known:
            Hop.objects.create(id=hop.question_id, traceback=walk.row, **hop_fields(hop), question=_question(walk, hop))
        elif known[hop.question_id] != hop:
            Hop.objects.filter(id=hop.question_id).update(**hop_fields(hop))
    # After the hops: an answer's event points at rows that this very save may have made.
    TracebackEvent.objects.bulk_create(rows)
    walk.sequence += len(rows)


def traceback_fields(trace: Trace) -> dict[str, Any]:
    """Return the columns of a traceback row that follow from the trace."""
    return {
        "state": trace.state.value,
        "grade": trace.grade.value,
        "origin_id": trace.origin.provider_id if trace.origin else None,
        "outcome": trace.outcome,
        "closed_at": trace.closed_at,
    }


def hop_fields(hop: Asking) -> dict[str, Any]:
    """Return the columns of a hop row that follow from the trace."""
    said = hop.statement
    due = hop.next_deadline
    return {
        "index": hop.index,
        "kind": hop.kind.value,
        "attempt": hop.attempt,
        "provider_id": hop.respondent.provider_id,
        "role": role(hop).value,
        "state": hop.state.value,
        "asked_at": hop.asked_at,
        "viewed_at": hop.viewed_at,
        "answered_at": hop.answered_at,
        "legal_due_at": hop.legal_due_at,
        "platform_due_at": hop.platform_due_at,
        "final_due_at": hop.final_due_at,
        "next_deadline_at": due[1] if due else None,
        "withdrawn_at": hop.withdrawn_at,
        "downstream_id": hop.downstream or None,
        "answer_code": said.code.value if said else "",
        "upstream_id": said.respondent.provider_id if said and said.respondent else None,
        "upstream_named": msgspec.to_builtins(said.upstream) if said and said.upstream else {},
        "basis": _basis(said.answer_id) if said else [],
    }


def differences(row: Traceback) -> list[str]:
    """Fold the events again and return, in words, every place where a stored row says something else."""
    trace = load(row).trace
    found = _unequal(f"traceback {row.id}", traceback_fields(trace), row)
    stored = {hop.id: hop for hop in row.hops.all()}
    for hop in trace.hops:
        kept = stored.pop(hop.question_id, None)
        if kept is None:
            found.append(f"hop {hop.question_id} is missing")
        else:
            found += _unequal(f"hop {hop.question_id}", hop_fields(hop), kept)
    return found + [f"hop {extra} follows from no event" for extra in stored]


def _unequal(what: str, wanted: dict[str, Any], row: Any) -> list[str]:
    return [
        f"{what}: {name} is {getattr(row, name)!r}, the events give {value!r}"
        for name, value in wanted.items()
        if getattr(row, name) != value
    ]


def _basis(answer_id: str) -> list[str]:
    payload = Answer.objects.filter(id=answer_id).values_list("payload", flat=True).first()
    return list(payload.get("basis", [])) if payload else []


def _question(walk: Walk, hop: Asking) -> dict[str, Any]:
    downstream = walk.trace.hop(hop.downstream)
    asked = exchange.question(
        hop,
        traceback_id=walk.row.id,
        downstream=downstream.respondent if downstream and hop.kind is not HopKind.GAP else None,
        campaign=walk.row.campaign.name if walk.row.campaign else "",
        reason=walk.reason,
    )
    plain: dict[str, Any] = msgspec.to_builtins(asked)
    return plain
