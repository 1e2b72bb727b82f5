"""What may be read of conduct, and by whom: the consortium all, a provider its own record and nothing of others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet, Sum

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.campaigns.models import Campaign
from headwater.conduct import filings, graph, measures, passages, phoenix, principles, rules, snapshots
from headwater.conduct.graph import Graph
from headwater.conduct.measures import Measures
from headwater.conduct.models import ConductFlag, RecordDispute
from headwater.conduct.phoenix import Link
from headwater.conduct.states import ConductFlagKind, DisputeState, Response
from headwater.conduct.values import Neighbour, Passage, Share
from headwater.errors import NotFound
from headwater.providers import queries as providers
from headwater.providers.queries import ProviderView
from headwater.signers.models import SignerHour
from headwater.stir.verdict import Result

#: Windows that pages offer, days.
WINDOWS = (30, 90, 180, 365)
WINDOW = 180


class RecordNotFound(NotFound):
    """There is no such provider, passage, flag or dispute for the actor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeView:
    """One dispute of one traced call."""

    id: str
    provider_id: str
    provider_name: str
    traceback_id: str
    question_id: str
    state: DisputeState
    statement: str
    opened_at: datetime
    opened_by: str
    decision: str
    decided_at: datetime | None
    decided_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagView:
    """One flag as it was raised."""

    id: str
    provider: Neighbour
    kind: ConductFlagKind
    statement: str
    share: Share
    whole: str
    disputed: int
    rule_version: str
    raised_at: datetime
    ended_at: datetime | None
    ended_because: str
    evidence: tuple[Passage, ...]
    """The passages that raise it."""

    @property
    def stands(self) -> bool:
        """Tell whether it has not ended."""
        return self.ended_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageView:
    """One traced call on a provider's record, with what came of asking and any dispute of it."""

    passage: Passage
    response: Response
    dispute: DisputeView | None

    @property
    def set_aside(self) -> bool:
        """Tell whether an upheld dispute took it out of every figure."""
        return self.dispute is not None and self.dispute.state is DisputeState.UPHELD


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """The record of one provider over one window."""

    provider: ProviderView
    measures: Measures
    flags: tuple[FlagView, ...]
    """Those that stand."""
    ended_flags: tuple[FlagView, ...]
    principles: tuple[principles.Finding, ...]
    rows: tuple[PassageView, ...]
    disputes: tuple[DisputeView, ...]
    rule_version: str = rules.VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One provider in the list of all."""

    provider: Neighbour
    measures: Measures
    flags: tuple[ConductFlagKind, ...]
    open_disputes: int


def _own(actor: Actor, provider_id: str) -> bool:
    """Tell whether ``actor`` may read the record of one provider."""
    if actor.may(Permission.CONDUCT_READ):
        return True
    return actor.may(Permission.CONDUCT_READ_OWN) and bool(provider_id) and actor.provider_id == provider_id


def visible_flags(actor: Actor) -> QuerySet[ConductFlag]:
    """Return the flags that ``actor`` may see: all for the consortium, its own for a provider."""
    if actor.may(Permission.CONDUCT_READ):
        return ConductFlag.objects.all()
    if actor.may(Permission.CONDUCT_READ_OWN) and actor.provider_id:
        return ConductFlag.objects.filter(provider_id=actor.provider_id)
    return ConductFlag.objects.none()


def visible_disputes(actor: Actor) -> QuerySet[RecordDispute]:
    """Return the disputes that ``actor`` may see: all for the consortium, its own for a provider."""
    if actor.may(Permission.CONDUCT_READ):
        return RecordDispute.objects.all()
    if actor.may(Permission.CONDUCT_READ_OWN) and actor.provider_id:
        return RecordDispute.objects.filter(provider_id=actor.provider_id)
    return RecordDispute.objects.none()


def record(
    actor: Actor,
    provider_id: str,
    *,
    days: int = WINDOW,
    notices: tuple[int, int] = (0, 0),
    now: datetime | None = None,
) -> RecordView:
    """Return the record of one provider.

    Args:
        actor: Who reads.
        provider_id: Whose record.
        days: Length of the window that ends now.
        notices: Notices that the provider was sent, and of these how many it reported on; a higher room knows them.
        now: The present.

    Raises:
        RecordNotFound: there is no such provider for the actor.
    """
    now = now or clock.now()
    view = providers.by_id(provider_id) if _own(actor, provider_id) else None
    if view is None:
        raise RecordNotFound(f"There is no record of a provider {provider_id[:32]} for you.")
    since = now - timedelta(days=days)
    everybody = passages.between(since, now)
    disputes = _disputes(visible_disputes(actor).filter(provider_id=provider_id))
    by_question = {one.question_id: one for one in reversed(disputes)}
    own = [one for one in everybody if one.provider.id == provider_id]
    rows = tuple(
        PassageView(passage=one, response=one.response(now), dispute=by_question.get(one.question_id))
        for one in sorted(own, key=lambda one: one.asked_at, reverse=True)
    )
    counted = [row.passage for row in rows if not row.set_aside]
    found = measures.measure(counted, everybody, since=since, until=now, now=now)
    shown = [_flag(row) for row in visible_flags(actor).filter(provider_id=provider_id).order_by("-raised_at")[:100]]
    return RecordView(
        provider=view,
        measures=found,
        flags=tuple(flag for flag in shown if flag.stands),
        ended_flags=tuple(flag for flag in shown if not flag.stands),
        principles=tuple(principles.findings(found, _facts(view, counted, everybody, notices, now))),
        rows=rows,
        disputes=tuple(disputes),
    )


def _facts(
    view: ProviderView,
    own: Sequence[Passage],
    everybody: Sequence[Passage],
    notices: tuple[int, int],
    now: datetime,
) -> principles.Facts:
    named = {(one.traceback_id, one.upstream.id) for one in own if one.upstream is not None and one.upstream.id}
    asked = [one for one in everybody if (one.traceback_id, one.provider.id) in named and one.counts(now)]
    good = {Response.IN_TIME, Response.LATE}
    judged = SignerHour.objects.filter(spc=view.spc)
    tokens = judged.aggregate(all=Sum("tokens"))["all"] or 0
    valid = judged.filter(result=Result.VALID.value).aggregate(all=Sum("tokens"))["all"] or 0
    return principles.Facts(
        implementation=filings.implementation(view.frn, view.rmd_number),
        tokens=tokens,
        tokens_valid=valid,
        has_agent=view.by_agent and view.agent_seen_at is not None,
        notices=notices[0],
        notices_reported=notices[1],
        upstreams_asked=len(asked),
        upstreams_answered=sum(one.response(now) in good for one in asked),
    )


def standings(actor: Actor, *, days: int = WINDOW, now: datetime | None = None) -> list[Standing]:
    """Return every provider that was asked in the window: flagged ones first, then by questions unanswered."""
    actor.require(Permission.CONDUCT_READ)
    now = now or clock.now()
    since = now - timedelta(days=days)
    everybody = passages.between(since, now)
    aside = set_aside_questions()
    flags: dict[str, list[ConductFlagKind]] = {}
    for provider_id, kind in ConductFlag.objects.filter(ended_at=None).values_list("provider_id", "kind"):
        flags.setdefault(provider_id, []).append(ConductFlagKind(kind))
    waiting = RecordDispute.objects.filter(state=DisputeState.OPEN.value).values_list("provider_id", flat=True)
    disputed = list(waiting)
    groups: dict[str, list[Passage]] = {}
    for one in everybody:
        if one.question_id not in aside:
            groups.setdefault(one.provider.id, []).append(one)
    found = [
        Standing(
            provider=own[0].provider,
            measures=measures.measure(own, everybody, since=since, until=now, now=now),
            flags=tuple(sorted(flags.get(provider_id, ()))),
            open_disputes=disputed.count(provider_id),
        )
        for provider_id, own in groups.items()
    ]
    return sorted(
        found, key=lambda one: (-len(one.flags), -one.measures.unanswered.part, -one.measures.asked, one.provider.name)
    )


def flag(actor: Actor, flag_id: str) -> FlagView:
    """Return one flag with its evidence.

    Raises:
        RecordNotFound: there is none that the actor may see.
    """
    row = visible_flags(actor).select_related("provider").filter(id=flag_id).first()
    if row is None:
        raise RecordNotFound(f"There is no flag {flag_id[:32]}.")
    return _flag(row)


def replay(actor: Actor, flag_id: str) -> list[str]:
    """Assess a flag's stored evidence again by the rules that raised it; name every difference, [] where none is.

    Raises:
        RecordNotFound: there is none that the actor may see.
    """
    row = visible_flags(actor).filter(id=flag_id).first()
    if row is None:
        raise RecordNotFound(f"There is no flag {flag_id[:32]}.")
    return snapshots.differences(row)


def disputes(actor: Actor, *, state: str = "", traceback_id: str = "") -> list[DisputeView]:
    """Return disputes, of one traceback where it is named: open ones first and the oldest of them first."""
    rows = visible_disputes(actor)
    if traceback_id:
        rows = rows.filter(hop__traceback_id=traceback_id)
    found = _disputes(rows.filter(state=state) if state else rows)
    return sorted(found, key=lambda one: (one.state is not DisputeState.OPEN, one.opened_at))


def dispute(actor: Actor, dispute_id: str) -> DisputeView:
    """Return one dispute.

    Raises:
        RecordNotFound: there is none that the actor may see.
    """
    found = _disputes(visible_disputes(actor).filter(id=dispute_id))
    if not found:
        raise RecordNotFound(f"There is no dispute {dispute_id[:32]}.")
    return found[0]


def set_aside_questions() -> set[str]:
    """Return the questions that an upheld dispute took out of every figure."""
    return set(RecordDispute.objects.filter(state=DisputeState.UPHELD.value).values_list("hop_id", flat=True))


def disputed_questions() -> set[str]:
    """Return the questions under a dispute that is not decided."""
    return set(RecordDispute.objects.filter(state=DisputeState.OPEN.value).values_list("hop_id", flat=True))


def neighbours_of(actor: Actor, provider_id: str, *, days: int = WINDOW, now: datetime | None = None) -> Graph:
    """Return one provider, its neighbours and their hand-overs, from its own tracebacks alone: shares are of those.

    Raises:
        Forbidden: the actor may not read conduct.
    """
    return _graph(actor, days=days, now=now or clock.now(), provider_id=provider_id).around(provider_id)


def provider_graph(actor: Actor, *, days: int = WINDOW, now: datetime | None = None) -> Graph:
    """Return who handed traced calls to whom in the window.

    Raises:
        Forbidden: the actor may not read conduct.
    """
    return _graph(actor, days=days, now=now or clock.now())


def _graph(actor: Actor, *, days: int, now: datetime, provider_id: str = "") -> Graph:
    actor.require(Permission.CONDUCT_READ)
    found = passages.between(now - timedelta(days=days), now, provider_id=provider_id)
    ids = {one.campaign_id for one in found if one.campaign_id}
    calls = dict(Campaign.objects.filter(id__in=ids).values_list("id", "calls"))
    return graph.build(found, campaign_calls=calls)


def phoenix_signs(actor: Actor, provider_id: str) -> list[Link]:
    """Return other filings that share something rare with this provider's.

    Raises:
        RecordNotFound: there is no such provider for the actor.
    """
    actor.require(Permission.CONDUCT_READ)
    view = providers.by_id(provider_id)
    if view is None:
        raise RecordNotFound(f"There is no record of a provider {provider_id[:32]} for you.")
    everybody = filings.everything()
    own = filings.of_provider(everybody, name=view.name, frn=view.frn, rmd_number=view.rmd_number)
    return phoenix.links(own, everybody) if own else []


# -- rows to values


def _flag(row: ConductFlag) -> FlagView:
    raising = set(row.evidence_ids)
    stored = snapshots.read(row.evidence)
    return FlagView(
        id=row.id,
        provider=passages.neighbour(row.provider),
        kind=ConductFlagKind(row.kind),
        statement=row.statement,
        share=Share(part=row.part, whole=row.whole),
        whole=row.whole_words,
        disputed=row.disputed,
        rule_version=row.rule_version,
        raised_at=row.raised_at,
        ended_at=row.ended_at,
        ended_because=row.ended_because,
        evidence=tuple(one for one in stored if one.question_id in raising),
    )


def _disputes(rows: QuerySet[RecordDispute]) -> list[DisputeView]:
    return [
        DisputeView(
            id=row.id,
            provider_id=row.provider_id,
            provider_name=row.provider.name,
            traceback_id=row.hop.traceback_id,
            question_id=row.hop_id,
            state=DisputeState(row.state),
            statement=row.statement,
            opened_at=row.opened_at,
            opened_by=row.opened_by,
            decision=row.decision,
            decided_at=row.decided_at,
            decided_by=row.decided_by,
        )
        for row in rows.select_related("provider", "hop").order_by("-opened_at")[:500]
    ]
