"""What a walk says of providers' conduct, kept as flags: facts with their question, not judgements."""

from datetime import datetime

from headwater.tracebacks import engine
from headwater.tracebacks.commands import Flag as FlagCommand
from headwater.tracebacks.lies import LieKind, contradictions
from headwater.tracebacks.models import Flag
from headwater.tracebacks.projection import Walk
from headwater.tracebacks.states import FlagKind

#: Kept of both sides when a walk ends. A missing record and a denial have flags and states of their own.
KEPT = frozenset({LieKind.DURATIONS, LieKind.IMPOSSIBLE_TIME, LieKind.SAME_RECORD, LieKind.UNSTEADY})


def flag(walk: Walk, command: FlagCommand, now: datetime) -> None:
    """Keep one flag."""
    hop = walk.trace.hop(command.question_id)
    if hop is None:
        return
    Flag.objects.create(
        hop_id=hop.question_id,
        provider_id=hop.respondent.provider_id,
        kind=command.kind.value,
        detail=command.detail,
        at=now,
        engine_version=engine.VERSION,
    )


def flag_contradictions(walk: Walk, now: datetime) -> None:
    """Keep what of an ended walk cannot all be true, of both sides and each once."""
    found = [one for one in contradictions(walk.trace) if one.kind in KEPT]
    if not found:
        return
    rows = Flag.objects.filter(hop__traceback=walk.row, kind=FlagKind.CONTRADICTED.value)
    known = set(rows.values_list("hop_id", "detail"))
    for one in found:
        for asked in sorted({one.question_id, one.other_id}):
            if (asked, one.sentence) not in known:
                flag(walk, FlagCommand(question_id=asked, kind=FlagKind.CONTRADICTED, detail=one.sentence), now)
