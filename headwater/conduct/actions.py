"""What may be done with conduct: assess and flag, dispute, decide, look at. Each in ONE transaction."""

from collections.abc import Sequence
from datetime import datetime

import structlog
from django.db import IntegrityError, connection, transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.conduct import passages, queries, rules, snapshots
from headwater.conduct.models import ConductFlag, RecordDispute
from headwater.conduct.queries import DisputeView, RecordNotFound
from headwater.conduct.rules import Flag
from headwater.conduct.states import ConductFlagKind, DisputeState, move_dispute
from headwater.conduct.values import Passage
from headwater.errors import Conflict, Invalid
from headwater.tracebacks.models import Hop

log = structlog.get_logger(__name__)

#: Longest statement of a dispute and longest decision, characters.
MAX_TEXT = 4_000


def assess(actor: Actor, *, provider_id: str = "", now: datetime | None = None) -> list[str]:
    """Assess every provider that was asked in the window, or one; return the flags that were raised anew.

    Doing it again changes nothing where the record says the same. A flag whose evidence changed ends, and the one
    with the present evidence is raised in its place; one that the record no longer bears out ends.
    """
    actor.require(Permission.CONDUCT_ASSESS)
    return _look(actor, provider_id=provider_id, now=now or clock.now())


def _look(actor: Actor, *, provider_id: str, now: datetime) -> list[str]:
    since = now - rules.THRESHOLDS[rules.VERSION].window
    groups: dict[str, list[Passage]] = {}
    for one in passages.between(since, now):
        groups.setdefault(one.provider.id, []).append(one)
    standing = ConductFlag.objects.filter(ended_at=None).values_list("provider_id", flat=True)
    wanted = {provider_id} if provider_id else {*groups, *standing}
    raised: list[str] = []
    for one_id in sorted(wanted):
        raised += _assess(actor, one_id, groups.get(one_id, []), now)
    return raised


def _assess(actor: Actor, provider_id: str, seen: Sequence[Passage], now: datetime) -> list[str]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Two assessments of one provider at once would both raise its flag.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"conduct {provider_id}"])
        aside, disputed = queries.set_aside_questions(), queries.disputed_questions()
        counted = [one for one in seen if one.question_id not in aside]
        found = {flag.kind: flag for flag in rules.assess(counted, now=now, disputed=disputed)}
        standing = {
            ConductFlagKind(row.kind): row for row in ConductFlag.objects.filter(provider_id=provider_id, ended_at=None)
        }
        raised = []
        for kind in ConductFlagKind:
            raised += _settle(actor, provider_id, standing.get(kind), found.get(kind), (counted, disputed), now)
        return raised


def _settle(  # noqa: PLR0913, PLR0917 - one argument a side of the comparison
    actor: Actor,
    provider_id: str,
    row: ConductFlag | None,
    flag: Flag | None,
    basis: tuple[Sequence[Passage], set[str]],
    now: datetime,
) -> list[str]:
    """Bring one flag in line with the record: keep it, end it, raise it."""
    if row is not None:
        same = flag is not None and all(getattr(row, name) == value for name, value in snapshots.fields(flag).items())
        if same:
            return []
        row.ended_at = now
        row.ended_because = "its evidence changed" if flag else "the record no longer bears it out"
        row.save(update_fields=["ended_at", "ended_because"])
        audit.record(actor, Tag.CONDUCT_FLAG_ENDED, row.id, {"provider": provider_id, "because": row.ended_because})
    if flag is None:
        return []
    seen, disputed = basis
    fresh = ConductFlag.objects.create(
        provider_id=provider_id,
        kind=flag.kind.value,
        evidence=snapshots.write(seen),
        disputed_ids=sorted(disputed & {one.question_id for one in seen}),
        raised_at=now,
        **snapshots.fields(flag),
    )
    detail = {
        "provider": provider_id,
        "kind": flag.kind.value,
        "part": flag.share.part,
        "whole": flag.share.whole,
        "rule": flag.version,
        "tracebacks": list(flag.traceback_ids)[:50],
    }
    audit.record(actor, Tag.CONDUCT_FLAG_RAISED, fresh.id, detail)
    return [fresh.id]


def note_viewed(actor: Actor, provider_id: str) -> None:
    """Record that somebody looked at a provider's record."""
    with transaction.atomic():
        audit.record(actor, Tag.CONDUCT_VIEWED, provider_id)


def open_dispute(actor: Actor, question_id: str, *, statement: str, now: datetime | None = None) -> DisputeView:
    """Dispute one traced call on one's own record.

    Raises:
        RecordNotFound: the question was not put to the actor's provider.
        Invalid: nothing is said, or more than 4,000 characters.
        Conflict: it is disputed already.
    """
    actor.require(Permission.CONDUCT_DISPUTE)
    text = _said(statement, "Say what is wrong with the record: which fact, and how you know.")
    hop = Hop.objects.filter(id=question_id, provider_id=actor.provider_id).first() if actor.provider_id else None
    if hop is None:
        raise RecordNotFound(f"There is no question {question_id[:32]} on your record.")
    try:
        with transaction.atomic():
            row = RecordDispute.objects.create(
                provider_id=actor.provider_id,
                hop=hop,
                statement=text,
                opened_at=now or clock.now(),
                opened_by=actor.label,
            )
            detail = {"question": hop.id, "traceback": hop.traceback_id}
            audit.record(actor, Tag.CONDUCT_DISPUTE_OPENED, row.id, detail)
    except IntegrityError:
        raise Conflict(
            f"{question_id} is under an open dispute already: wait for its decision, or withdraw it."
        ) from None
    return queries.dispute(actor, row.id)


def withdraw_dispute(actor: Actor, dispute_id: str, *, now: datetime | None = None) -> DisputeView:
    """Withdraw one's own dispute.

    Raises:
        RecordNotFound: there is none of one's own.
        Conflict: it was decided already.
    """
    actor.require(Permission.CONDUCT_DISPUTE)
    return _move(actor, dispute_id, DisputeState.WITHDRAWN, "", now, own=True)


def decide_dispute(
    actor: Actor, dispute_id: str, *, uphold: bool, decision: str, now: datetime | None = None
) -> DisputeView:
    """Uphold or reject a dispute, with the reason; the provider is assessed anew.

    An upheld dispute takes the passage out of every figure and flag; on the record it stays, marked.

    Raises:
        RecordNotFound: there is none.
        Invalid: no reason is given.
        Conflict: it was decided or withdrawn already.
    """
    actor.require(Permission.CONDUCT_DECIDE)
    text = _said(decision, "Give the reason for the decision: the provider reads it, and it stays on record.")
    to = DisputeState.UPHELD if uphold else DisputeState.REJECTED
    with transaction.atomic():
        found = _move(actor, dispute_id, to, text, now, own=False)
        _look(actor, provider_id=found.provider_id, now=now or clock.now())
    return found


def _move(  # noqa: PLR0913 - one argument a fact of the change
    actor: Actor, dispute_id: str, to: DisputeState, decision: str, now: datetime | None, *, own: bool
) -> DisputeView:
    with transaction.atomic():
        rows = RecordDispute.objects.filter(provider_id=actor.provider_id) if own else RecordDispute.objects.all()
        row = rows.select_for_update(no_key=True).filter(id=dispute_id).first()
        if row is None:
            raise RecordNotFound(f"There is no dispute {dispute_id[:32]}.")
        row.state = move_dispute(DisputeState(row.state), to).value
        row.decision, row.decided_at, row.decided_by = decision, now or clock.now(), actor.label
        row.save(update_fields=["state", "decision", "decided_at", "decided_by"])
        detail = {"state": row.state, "question": row.hop_id, "decision": decision[:2_000]}
        audit.record(actor, Tag.CONDUCT_DISPUTE_DECIDED, row.id, detail)
    return queries.dispute(actor, row.id)


def _said(text: str, wanted: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid(wanted)
    if len(text) > MAX_TEXT:
        raise Invalid(f"At most {MAX_TEXT} characters are kept; this has {len(text)}.")
    return text
