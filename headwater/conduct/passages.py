"""From the rows of questions to passages: each provider's part in each traced call. Reads; decides nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from django.db.models import Prefetch, Q

from headwater.conduct.values import REACHED, Neighbour, Passage
from headwater.providers.models import Provider
from headwater.tracebacks import projection
from headwater.tracebacks.models import Flag, Hop, Traceback
from headwater.tracebacks.outcomes import NAMES_UPSTREAM
from headwater.tracebacks.states import FlagKind, Grade, HopKind, HopRole, HopState, TracebackState
from headwater.tracebacks.trace import CARRIED

_CARRIED = frozenset(code.value for code in CARRIED)
_NAMES = frozenset(code.value for code in NAMES_UPSTREAM)


def between(since: datetime, until: datetime, *, provider_id: str = "") -> list[Passage]:
    """Return the passages of tracebacks that were opened in a window; of one provider's tracebacks where it is named.

    With ``provider_id`` the other providers of its tracebacks are returned as well: the caller picks its own.
    """
    rows = Traceback.objects.filter(opened_at__gte=since, opened_at__lte=until).select_related("campaign")
    rows = rows.exclude(state=TracebackState.CANCELLED.value)
    if provider_id:
        rows = rows.filter(Q(hops__provider_id=provider_id) | Q(hops__upstream_id=provider_id)).distinct()
    asked = Hop.objects.select_related("provider", "upstream", "downstream__provider").order_by("asked_at", "id")
    found: list[Passage] = []
    for row in rows.prefetch_related(Prefetch("hops", asked, to_attr="asked")).order_by("opened_at", "id"):
        found += _passages(row, list(row.asked))
    return _contradicted(found)


def _contradicted(passages: list[Passage]) -> list[Passage]:
    """Mark those whose question bears a contradiction that still stands."""
    ids = [one.question_id for one in passages]
    flagged = set(
        Flag.objects.filter(hop_id__in=ids, kind=FlagKind.CONTRADICTED.value).values_list("hop_id", flat=True)
    )
    standing = set(Hop.objects.filter(id__in=flagged, state__in=_UNSETTLED).values_list("id", flat=True))
    return [replace(one, contradicted=True) if one.question_id in standing else one for one in passages]


#: States of a question in which a contradiction about it is not settled.
_UNSETTLED = [HopState.DISPUTED.value, HopState.NEEDS_INFO.value]


def _carries(hop: Hop) -> bool:
    return hop.answer_code in _CARRIED and hop.state != HopState.NEEDS_INFO.value


def path_of(row: Traceback, asked: Iterable[Hop]) -> list[Hop]:
    """Return the questions that stand, from the called party upstream; folds the events where several could stand."""
    hops = list(asked)
    above: dict[str, list[Hop]] = {}
    for hop in hops:
        standing = hop.withdrawn_at is None and hop.index > 0
        if standing and (hop.kind == HopKind.WALK.value or (hop.kind == HopKind.BRIDGE.value and _carries(hop))):
            above.setdefault(hop.downstream_id or "", []).append(hop)
    if any(len(group) > 1 for group in above.values()):
        known = {hop.id: hop for hop in hops}
        return [known[one.question_id] for one in projection.load(row).trace.path if one.question_id in known]
    found: list[Hop] = []
    nearest = above.get("")
    while nearest:
        found.append(nearest[0])
        nearest = above.get(nearest[0].id)
    return found


def _passages(row: Traceback, asked: Sequence[Hop]) -> list[Passage]:
    path = path_of(row, asked)
    places = {hop.id: place for place, hop in enumerate(path)}
    groups: dict[str, list[Hop]] = {}
    for hop in asked:
        if hop.id in places or hop.kind == HopKind.WALK.value:
            groups.setdefault(hop.provider_id, []).append(hop)
    found = []
    for group in groups.values():
        # A call that looped passes a provider twice: the place nearer to its origin stands for both.
        on_path = [hop for hop in group if hop.id in places]
        chosen = max(on_path, key=lambda hop: places[hop.id]) if on_path else group[-1]
        place = places.get(chosen.id)
        beyond = path[place + 1] if place is not None and place + 1 < len(path) else None
        before = path[place - 1] if place else None
        found.append(_passage(row, chosen, group, length=len(path), place=place, beyond=beyond, before=before))
    return found


def _passage(  # noqa: PLR0913 - one argument a neighbour, each by name
    row: Traceback,
    hop: Hop,
    group: Sequence[Hop],
    *,
    length: int,
    place: int | None,
    beyond: Hop | None,
    before: Hop | None,
) -> Passage:
    grade = Grade(row.grade)
    upstream = _named(hop)
    if beyond is not None and (upstream is None or beyond.kind == HopKind.BRIDGE.value):
        upstream = neighbour(beyond.provider)
    confirmed = (
        beyond is not None
        and _carries(beyond)
        and beyond.kind == HopKind.WALK.value
        and hop.state != HopState.DISPUTED.value
    )
    first = min(group, key=lambda one: one.asked_at)
    answered = min((one.answered_at for one in group if one.answered_at), default=None)
    named_by = before or hop.downstream
    # Asked once more and not answered again: what it said before is what it said.
    said = hop.answer_code or next((one.answer_code for one in reversed(group) if one.answer_code), "")
    return Passage(
        traceback_id=row.id,
        provider=neighbour(hop.provider),
        question_id=hop.id,
        campaign_id=row.campaign_id or "",
        campaign_name=row.campaign.name if row.campaign else "",
        lawful=bool(row.campaign and row.campaign.allowed_because),
        state=TracebackState(row.state),
        grade=grade,
        role=HopRole(hop.role),
        hop=hop.index,
        distance=length - 1 - place if place is not None and grade in REACHED else None,
        asked_at=first.asked_at,
        answered_at=answered,
        legal_due_at=first.legal_due_at,
        final_due_at=first.final_due_at,
        withdrawn_at=hop.withdrawn_at,
        answer=said,
        by_agent=hop.provider.channel == "agent",
        upstream=upstream,
        downstream=neighbour(named_by.provider) if named_by is not None else None,
        confirmed_upstream=confirmed,
        on_path=place is not None,
    )


def _named(hop: Hop) -> Neighbour | None:
    if hop.answer_code not in _NAMES:
        return None
    if hop.upstream is not None:
        return neighbour(hop.upstream)
    said = hop.upstream_named or {}
    named = Neighbour(name=said.get("name", ""), spc=said.get("spc", ""), country=said.get("country", "US"))
    return named if named.name or named.spc else None


def neighbour(row: Provider) -> Neighbour:
    """Return a provider's row as it is named beside another."""
    return Neighbour(id=row.id, name=row.name, spc=row.spc, country=row.country)
