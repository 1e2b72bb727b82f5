"""The local audit of an agent: what it told whom, read from the journal while the agent runs. Changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from joserfc import jws
from joserfc.errors import JoseError

from headwater.agent.journal import Entry, Event, JournalDamaged, checked_lines
from headwater.wire.agents import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer: to whom, why it was asked, and which facts left."""

    at: str
    question_id: str
    traceback_id: str
    hub: str
    reason: str
    code: str
    upstream: str
    fields: tuple[str, ...]
    """Names of the facts of each leg that left, such as ``ingress.call_id``."""
    answer_sha256: str
    state: str
    """``receipt RC-...``, ``refused: ...`` or ``waits``."""


def told(path: Path) -> Iterator[Told]:
    """Yield the answers of a journal, oldest first; the chain of its lines is checked as they are read.

    Raises:
        JournalDamaged: a line was changed, dropped or moved, or holds no answer.
    """
    entries = list(checked_lines(path))
    ends = {entry.question_id: entry for entry in entries if entry.event is not Event.ANSWERED}
    for entry in entries:
        if entry.event is Event.ANSWERED:
            yield _told(entry, ends.get(entry.question_id), path)
        elif entry.event is Event.PROVED:
            yield _proved(entry)


def _proved(entry: Entry) -> Told:
    return Told(
        at=entry.at,
        question_id=entry.question_id,
        traceback_id="",
        hub=entry.hub,
        reason="blind search",
        code="",
        upstream="",
        fields=(f"{entry.candidates} proofs that such a call was carried",),
        answer_sha256="",
        state="handed in",
    )


def _told(entry: Entry, end: Entry | None, path: Path) -> Told:
    try:
        # The signature is ours and the line's hash is checked: what is wanted is what was said.
        payload = jws.extract_compact(entry.jws.encode()).payload
        answer = msgspec.json.decode(payload or b"", type=Answer)
    except (JoseError, msgspec.MsgspecError, ValueError) as error:
        raise JournalDamaged(f"{path}: the answer to {entry.question_id} cannot be read: {error}") from error
    fields = [
        f"{name}.{field.name}"
        for name, leg in (("ingress", answer.ingress), ("egress", answer.egress))
        if leg is not None
        for field in msgspec.structs.fields(leg)
        if getattr(leg, field.name) not in ("", None)
    ]
    upstream = f"{answer.upstream.name} ({answer.upstream.spc})" if answer.upstream else ""
    state = "waits"
    if end is not None:
        state = f"receipt {end.receipt_id}" if end.event is Event.RECEIPT else f"refused: {end.detail}"
    return Told(
        at=entry.at,
        question_id=entry.question_id,
        traceback_id=entry.traceback_id,
        hub=entry.hub,
        reason=entry.reason,
        code=entry.code,
        upstream=upstream,
        fields=tuple(fields),
        answer_sha256=entry.answer_sha256,
        state=state,
    )
