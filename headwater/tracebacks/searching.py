"""Blind searches: every agent that is there is asked who carried one call, without being told which.

Opened by the engine's ``Bridge`` in the ``work`` process, handed out and answered in the ``carrier`` process, closed
in ``work`` again. What is shown to whom, and who can learn what from it: ``calls.blind``.
"""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection, transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.calls import blind
from headwater.errors import Invalid
from headwater.providers import queries as providers
from headwater.tracebacks import deposited, exchange, neighbours
from headwater.tracebacks.models import BlindHit, BlindSearch
from headwater.tracebacks.projection import Walk
from headwater.tracebacks.trace import Call, Candidates, Hop, Respondent
from headwater.wire import searches as wire

#: A search of the same traceback for the same number at about the same time is not asked again within this.
SAME = timedelta(minutes=10)
NEAR = timedelta(seconds=60)
#: Open searches that one poll hands out.
MOST_OPEN = 64
#: The payload that wakes every poll that waits.
EVERYBODY = "*"


def begin(walk: Walk, hop: Hop, *, far: bool, channel: str, now: datetime) -> None:
    """Open the search that the engine asked for, in the transaction that saves the walk, which writes the audit."""
    before = _same(walk, hop, now)
    key = bytes(before.key) if before else secrets.token_bytes(blind.KEY)
    asked = providers.agents_present(now)
    closes = before.closes_at if before else now + timedelta(seconds=blind.OPEN_S)
    BlindSearch.objects.create(
        hop_id=hop.question_id,
        far=far,
        same_as=before,
        key=key,
        prefix=blind.label(key, hop.call.called)[: blind.PREFIX],
        begin=hop.call.call_at - blind.REACH,
        end=hop.call.call_at + blind.REACH,
        asked=asked,
        opened_at=now,
        closes_at=closes,
    )
    if before is None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [channel, EVERYBODY])


def _same(walk: Walk, hop: Hop, now: datetime) -> BlindSearch | None:
    rows = BlindSearch.objects.filter(hop__traceback=walk.row, same_as=None, opened_at__gte=now - SAME)
    centre = hop.call.call_at - blind.REACH
    wanted = blind.ten(hop.call.called)
    near = rows.filter(begin__range=(centre - NEAR, centre + NEAR)).select_related("hop").order_by("opened_at")
    return next((one for one in near if blind.ten(one.hop.question["called"]) == wanted), None)


def ended(walk: Walk, now: datetime) -> list[Candidates]:
    """Return what each search of a traceback came to whose time is over, and mark it closed."""
    rows = BlindSearch.objects.filter(hop__traceback=walk.row, closed_at=None, closes_at__lte=now)
    found = []
    for row in rows.select_for_update(no_key=True).order_by("opened_at", "id"):
        hop = walk.trace.hop(row.hop_id)
        row.closed_at = now
        row.save(update_fields=["closed_at"])
        if hop is None:
            continue
        receiver = "" if row.far else hop.respondent.spc
        proved = proven(row, hop.call, receiver=receiver)
        respondents = _respondents(walk, hop, proved, far=row.far, now=now)
        found.append(Candidates(question_id=row.hop_id, respondents=respondents, far=row.far, asked=row.asked))
    return found


def at_once(walk: Walk, hop: Hop, *, far: bool, now: datetime) -> Candidates | None:
    """Return who is asked where nobody has to be searched: no agent is there, or the same was searched before.

    None where a search must be opened or waited for.
    """
    before = _same(walk, hop, now)
    if before is None and providers.agents_present(now):
        return None
    if before is not None and before.closes_at > now:
        return None
    proved = proven(before, hop.call, receiver="" if far else hop.respondent.spc) if before else []
    respondents = _respondents(walk, hop, proved, far=far, now=now)
    asked = before.asked if before else len(respondents)
    return Candidates(question_id=hop.question_id, respondents=respondents, far=far, asked=asked)


def _respondents(walk: Walk, hop: Hop, proved: list[str], *, far: bool, now: datetime) -> tuple[Respondent, ...]:
    """Return whom the question goes to: who proved or deposited a record, and known neighbours whose agent is away.

    A neighbour whose agent was there and proved nothing is not told of the call.
    """
    signer = walk.trace.signer
    if far:
        on_path = frozenset(one.respondent.provider_id for one in walk.trace.path)
        known = neighbours.carried_for(walk.row.campaign_id, signer=signer, without=on_path)
    else:
        known = neighbours.upstream_of(hop.respondent.provider_id, signer=signer)
    signs = signer.respondent.provider_id if signer else ""  # it is asked in clear as the signer anyway
    found = (*proved, *deposited.holders(hop.call, receiver="" if far else hop.respondent.spc))
    shown = [exchange.respondent(view) for view in map(providers.by_id, found) if view is not None]
    away = [
        one
        for one in known
        if one.provider_id == signs
        or ((view := providers.by_id(one.provider_id)) is not None and not providers.is_present(view, now))
    ]
    return tuple({one.provider_id: one for one in (*shown, *away)}.values())


def proven(row: BlindSearch, call: Call, *, receiver: str) -> list[str]:
    """Return the providers whose hit holds: of handing the call to ``receiver``, or, "", of carrying it at all."""
    asked = row.same_as or row
    search = message(asked)
    found = []
    for one in BlindHit.objects.filter(search=asked).order_by("at", "id"):
        said = wire.Hit(
            search_id=asked.id,
            carried=[bytes.fromhex(proof) for proof in one.carried],
            handed=[bytes.fromhex(proof) for proof in one.handed],
        )
        if blind.shows(said, search, called=call.called, receiver=receiver):
            found.append(one.provider_id)
    return found


def due(now: datetime, *, limit: int) -> list[str]:
    """Return the tracebacks with a search whose time is over."""
    rows = BlindSearch.objects.filter(closed_at=None, closes_at__lte=now)
    return list(rows.values_list("hop__traceback_id", flat=True)[:limit])


# -- in the carrier process


def message(row: BlindSearch) -> wire.Search:
    """Return a search as agents get it."""
    return wire.Search(
        search_id=row.id,
        key=bytes(row.key),
        prefix=bytes(row.prefix),
        begin=exchange.instant(row.begin),
        end=exchange.instant(row.end),
        closes_at=exchange.instant(row.closes_at),
    )


def open_searches(actor: Actor, *, seen: Iterable[str], now: datetime | None = None) -> list[wire.Search]:
    """Return the searches that are open and that the actor's agent has not seen yet."""
    actor.require(Permission.QUESTION_READ)
    now = now or clock.now()
    rows = BlindSearch.objects.filter(closed_at=None, closes_at__gt=now, same_as=None).exclude(id__in=list(seen))
    return [message(row) for row in rows.order_by("opened_at")[:MOST_OPEN]]


def take_hits(actor: Actor, hits: wire.Hits, *, now: datetime | None = None) -> wire.HitsTaken:
    """Take in what a carrier's agent found: the first hit of a search counts, and only while the search is open.

    Raises:
        Invalid: another version, too many hits or proofs, or proofs of another length.
    """
    actor.require(Permission.QUESTION_ANSWER)
    now = now or clock.now()
    if hits.version != wire.VERSION or len(hits.hits) > MOST_OPEN:
        raise Invalid(f"Hits have version {wire.VERSION}, and one request brings {MOST_OPEN} at most.")
    for one in hits.hits:
        proofs = (*one.carried, *one.handed)
        most = max(len(one.carried), len(one.handed))
        if not one.carried or most > blind.MOST_PROOFS or any(len(proof) != blind.PROOF for proof in proofs):
            raise Invalid(f"A hit has 1 to {blind.MOST_PROOFS} proofs of each kind, each of {blind.PROOF} octets.")
    taken = 0
    with transaction.atomic():
        for one in hits.hits:
            row = BlindSearch.objects.filter(id=one.search_id, same_as=None, closed_at=None, closes_at__gt=now).first()
            if row is None:
                continue
            _hit, fresh = BlindHit.objects.get_or_create(
                search=row,
                provider_id=actor.provider_id,
                defaults={
                    "carried": [proof.hex() for proof in one.carried],
                    "handed": [proof.hex() for proof in one.handed],
                    "at": now,
                },
            )
            if fresh:
                taken += 1
                audit.record(actor, Tag.HOP_SEARCH_HIT, row.hop_id, {"search": row.id, "proofs": len(one.carried)})
    return wire.HitsTaken(taken=taken)
