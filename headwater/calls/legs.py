"""From a carrier's captured INVITEs to calls that passed through it: which leg came in, which legs went out. Pure.

A leg is one INVITE between two addresses under one Call-ID, however many capture agents saw it. A passage is what
one call did at the carrier: the leg it came in on and the legs it left by (several, where routes failed over).
Legs of one passage are joined by Call-ID (a proxy keeps it), else by the Identity token (a back-to-back user agent
passes it on), else by a key of the switch's own records (CDR leg link), else by both numbers and time. The result does
not depend on the order of the records.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from headwater.calls.addresses import Network, within
from headwater.calls.records import CallRecord, RecordKind
from headwater.numbering.numbers import E164

SKEW_S: Final = 0.25
"""How much earlier a leg out may look than its leg in: two capture agents, two clocks."""
SETUP_S: Final = 4.0
"""Longest time from in to out that numbers alone may join; a switch takes 0.1 s, 0.8 s at the 95th percentile."""
FAILOVER_S: Final = 12.0
"""The same for a further route, tried after the first one failed."""
RIVAL_S: Final = 1.0
"""Another leg in that is closer than this to the best one makes the join doubtful."""
IN_DIALOG: Final = "in-dialog"
"""Label of a request inside a call that is already set up: a re-INVITE is no new call."""


class PeerKind(StrEnum):
    """What a neighbour is to the carrier."""

    CARRIER = "carrier"
    FOREIGN = "foreign"
    CUSTOMER = "customer"
    RESELLER = "reseller"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Someone who hands calls to the carrier or takes calls from it."""

    kind: PeerKind
    addresses: tuple[Network, ...]
    spc: str = ""
    name: str = ""
    country: str = "US"
    trunks: frozenset[str] = frozenset()
    """What the carrier's switch calls the trunks, channels or realms to this neighbour, in its call detail records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A carrier's own addresses and its neighbours'."""

    own: tuple[Network, ...]
    peers: tuple[Peer, ...] = ()

    def owner(self, address: str) -> Peer | None:
        """Return the neighbour to whom ``address`` belongs, or ``None``."""
        return next((peer for peer in self.peers if within(address, peer.addresses)), None)

    def owner_of_trunk(self, trunk: str) -> Peer | None:
        """Return the neighbour behind a trunk as the switch names it, or ``None``."""
        return next((peer for peer in self.peers if trunk in peer.trunks), None) if trunk else None

    def is_own(self, address: str) -> bool:
        """Tell whether ``address`` is one of the carrier's own."""
        return within(address, self.own)


class Direction(StrEnum):
    """Which way a leg runs, seen from the carrier."""

    INGRESS = "ingress"
    EGRESS = "egress"
    INTERNAL = "internal"


class Link(StrEnum):
    """What joins the legs of a passage, strongest first."""

    CALL_ID = "call-id"
    IDENTITY = "identity"
    CDR = "cdr"
    NUMBERS = "numbers"
    ALONE = "alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One INVITE between two addresses, from its earliest record."""

    direction: Direction
    peer: Peer | None
    """The neighbour at the other end; ``None`` where no list names the address, or on a leg inside the carrier."""
    started: datetime
    calling: E164
    called: E164
    call_id: str
    source_ip: str
    destination_ip: str
    identity_digest: str
    attest: str
    origid: str
    record: CallRecord
    links: tuple[str, ...] = ()
    """Keys by which the carrier's switch joins its records of one call (``headers["links"]`` of a CDR)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One call at the carrier."""

    ingress: Leg | None
    egress: tuple[Leg, ...]
    inside: tuple[Leg, ...] = ()
    link: Link = Link.ALONE
    rivals: tuple[Leg, ...] = ()
    """Other legs in that fit the legs out about as well."""

    @property
    def legs(self) -> tuple[Leg, ...]:
        """Every leg, in the order out, in, inside."""
        return (*self.egress, *((self.ingress,) if self.ingress else ()), *self.inside)


@dataclass(slots=True)
class _Cluster:
    """Legs that a strong identifier joins."""

    ingress: list[Leg]
    egress: list[Leg]
    inside: list[Leg]

    @property
    def first_out(self) -> Leg | None:
        return min([*self.egress, *self.inside], key=_order, default=None)


def passages(records: Iterable[CallRecord], profile: Profile) -> tuple[Passage, ...]:
    """Return the calls that ``records`` (any order, any mixture) show, in the order of their start."""
    clusters = _clusters(legs(records, profile))
    entered = [cluster for cluster in clusters if cluster.ingress]
    orphans = [cluster for cluster in clusters if not cluster.ingress]
    waiting = [cluster for cluster in entered if not cluster.egress]
    found: list[Passage] = []
    joined, alone = _join_by_numbers(waiting, orphans)
    taken = {id(cluster) for cluster, _, _ in joined}
    for cluster, outs, rivals in joined:
        whole = _Cluster(
            ingress=cluster.ingress,
            egress=[leg for out in outs for leg in out.egress],
            inside=[*cluster.inside, *(leg for out in outs for leg in out.inside)],
        )
        found += [replace(passage, link=Link.NUMBERS, rivals=rivals) for passage in _within_cluster(whole)]
    for cluster in entered:
        if id(cluster) not in taken:
            found += _within_cluster(cluster)
    found += [Passage(ingress=None, egress=tuple(out.egress), inside=tuple(out.inside)) for out in alone]
    return tuple(sorted(found, key=lambda passage: _order(min(passage.legs, key=_order))))


def legs(records: Iterable[CallRecord], profile: Profile) -> list[Leg]:
    """Return the legs of the carrier in ``records``: views of the same INVITE are one leg."""
    views: defaultdict[tuple[str, str, str, str], list[CallRecord]] = defaultdict(list)
    rows: list[CallRecord] = []
    for record in records:
        if record.record_kind is RecordKind.CDR:
            rows.append(record)
        elif (
            record.record_kind is RecordKind.SIP
            and record.sip_method == "INVITE"
            and record.sip_status == 0
            and IN_DIALOG not in record.labels
        ):
            # A dialler that uses a Call-ID again gives each call a From tag of its own.
            tag = record.headers.get("from-tag", "")
            views[record.call_id, tag, record.source_ip, record.destination_ip].append(record)
    found = [_leg(seen, profile) for seen in views.values()]
    captured = [leg for leg in found if leg is not None]
    return sorted(_with_rows(rows, captured, profile) if rows else captured, key=_order)


def _with_rows(rows: Sequence[CallRecord], captured: Sequence[Leg], profile: Profile) -> list[Leg]:
    """Return captured legs with the switch's own keys of their calls, and the legs that its records alone show."""
    keys: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for row in rows:
        for call_id in _call_ids(row):
            keys[call_id].update(dict.fromkeys(_links_of(row)))
    keyed = [replace(leg, links=tuple(keys[leg.call_id])) if leg.call_id in keys else leg for leg in captured]
    seen = {leg.call_id for leg in captured if leg.call_id}
    return [*keyed, *(leg for leg in cdr_legs(rows, profile) if leg.call_id not in seen)]


def _call_ids(row: CallRecord) -> list[str]:
    return [one for one in (row.call_id, row.headers.get("call-id-out", "")) if one]


def _links_of(row: CallRecord) -> list[str]:
    return [*row.headers.get("links", "").split(), *(f"call-id:{one}" for one in _call_ids(row))]


def cdr_legs(rows: Iterable[CallRecord], profile: Profile) -> list[Leg]:
    """Return the legs that call detail records show: rows of one Call-ID, or of one key of the switch, are one call.

    A row tells where the call came from, where it went, or both, by address or by trunk; its own switch is the carrier.
    """
    calls: defaultdict[tuple[str, str], list[CallRecord]] = defaultdict(list)
    for row in rows:
        if row.sip_method in {"", "INVITE"}:
            link = row.headers.get("links", "").partition(" ")[0]
            key = ("call-id", row.call_id) if row.call_id else ("link", link) if link else ("row", str(row.record_id))
            calls[key].append(row)
    return [leg for same in calls.values() for leg in _legs_of_call(same, profile)]


def _legs_of_call(rows: list[CallRecord], profile: Profile) -> Iterable[Leg]:
    rows.sort(key=lambda row: (row.call_at, row.record_id.int))
    came = next((row for row in rows if row.source_ip or row.headers.get("trunk-in")), None)
    went = next((row for row in rows if row.destination_ip or row.headers.get("trunk-out")), None)
    is_out = any(row.headers.get("direction", "").lower() in {"out", "outbound", "egress"} for row in rows)
    if came is not None and not is_out:
        peer = profile.owner(came.source_ip) or profile.owner_of_trunk(came.headers.get("trunk-in", ""))
        yield _cdr_leg(rows, came, Direction.INGRESS, peer, rows[0].call_id)
    if went is not None:
        peer = profile.owner(went.destination_ip) or profile.owner_of_trunk(went.headers.get("trunk-out", ""))
        yield _cdr_leg(rows, went, Direction.EGRESS, peer, went.headers.get("call-id-out", rows[0].call_id))


def _cdr_leg(rows: Sequence[CallRecord], row: CallRecord, direction: Direction, peer: Peer | None, call_id: str) -> Leg:
    named = next((one for one in rows if one.called), row)
    signed = next((one for one in rows if one.identity_digest), row)
    return Leg(
        direction=direction,
        peer=peer,
        started=rows[0].call_at,
        calling=named.calling or row.calling,
        called=named.called,
        call_id=call_id,
        source_ip=row.source_ip if direction is Direction.INGRESS else "",
        destination_ip=row.destination_ip if direction is Direction.EGRESS else "",
        identity_digest=signed.identity_digest,
        attest=signed.attest,
        origid=signed.origid,
        record=named,
        links=tuple(dict.fromkeys(link for one in rows for link in _links_of(one))),
    )


def _leg(views: Sequence[CallRecord], profile: Profile) -> Leg | None:
    first = min(views, key=lambda record: (record.call_at, record.record_id.int))
    from_own, to_own = profile.is_own(first.source_ip), profile.is_own(first.destination_ip)
    if from_own and to_own:
        direction, peer = Direction.INTERNAL, None
    elif to_own:
        direction, peer = Direction.INGRESS, profile.owner(first.source_ip)
    elif from_own:
        direction, peer = Direction.EGRESS, profile.owner(first.destination_ip)
    else:
        return None  # a capture agent on a shared wire saw somebody else's call
    signed = min(
        (record for record in views if record.identity_digest),
        key=lambda record: (record.call_at, record.record_id.int),
        default=first,
    )
    return Leg(
        direction=direction,
        peer=peer,
        started=first.call_at,
        calling=first.calling,
        called=first.called,
        call_id=first.call_id,
        source_ip=first.source_ip,
        destination_ip=first.destination_ip,
        identity_digest=signed.identity_digest,
        attest=signed.attest,
        origid=signed.origid,
        record=first,
    )


def _order(leg: Leg) -> tuple[datetime, int]:
    return leg.started, leg.record.record_id.int


def _clusters(found: Sequence[Leg]) -> list[_Cluster]:
    """Join legs that share a Call-ID or an Identity token, directly or through others."""
    root = list(range(len(found)))

    def find(index: int) -> int:
        while root[index] != index:
            root[index] = root[root[index]]
            index = root[index]
        return index

    seen: dict[tuple[str, str], int] = {}
    for index, leg in enumerate(found):
        keys = [("call-id", leg.call_id), ("identity", leg.identity_digest), *(("cdr", link) for link in leg.links)]
        for key in keys:
            if key[1]:
                root[find(index)] = find(seen.setdefault(key, index))
    grouped: defaultdict[int, _Cluster] = defaultdict(lambda: _Cluster([], [], []))
    for index, leg in enumerate(found):
        cluster = grouped[find(index)]
        {Direction.INGRESS: cluster.ingress, Direction.EGRESS: cluster.egress, Direction.INTERNAL: cluster.inside}[
            leg.direction
        ].append(leg)
    return list(grouped.values())


def _within_cluster(cluster: _Cluster) -> list[Passage]:
    """Give every leg out to the leg in that it continues; a leg in without one stands alone."""
    outs: defaultdict[int, list[Leg]] = defaultdict(list)
    links: dict[int, Link] = {}
    rivals: defaultdict[int, list[Leg]] = defaultdict(list)
    for out in cluster.egress:
        best, link, others = _source_of(out, cluster.ingress)
        outs[best].append(out)
        links[best] = max(links.get(best, link), link, key=list(Link).index)
        rivals[best] += others
    inside = tuple(cluster.inside)
    return [
        Passage(
            ingress=leg,
            egress=tuple(outs[index]),
            inside=inside if len(cluster.ingress) == 1 else (),
            link=links.get(index, Link.ALONE),
            rivals=tuple(rivals[index]),
        )
        for index, leg in enumerate(cluster.ingress)
    ]


def _source_of(out: Leg, ingress: Sequence[Leg]) -> tuple[int, Link, list[Leg]]:
    """Return which leg in ``out`` continues: the same Call-ID before others, then the latest that is not later."""

    def rank(index: int) -> tuple[bool, bool, bool, float]:
        lag = (out.started - ingress[index].started).total_seconds()
        same = bool(out.call_id) and ingress[index].call_id == out.call_id
        return same, bool(set(ingress[index].links) & set(out.links)), lag >= -SKEW_S, -abs(lag)

    best = max(range(len(ingress)), key=rank)
    if out.call_id and ingress[best].call_id == out.call_id:
        return best, Link.CALL_ID, []
    if set(ingress[best].links) & set(out.links):
        return best, Link.CDR, []
    others = [
        leg
        for index, leg in enumerate(ingress)
        if index != best and abs((leg.started - ingress[best].started).total_seconds()) < RIVAL_S
    ]
    return best, Link.IDENTITY, others


def _join_by_numbers(
    waiting: Sequence[_Cluster], orphans: Sequence[_Cluster]
) -> tuple[list[tuple[_Cluster, list[_Cluster], tuple[Leg, ...]]], list[_Cluster]]:
    """Join calls that came in and have no leg out with calls that left and have no leg in.

    Returns the joins (leg in, its legs out, rivals) and the legs out that fit nothing.
    """
    lags = {
        (inner, outer): lag
        for inner, cluster in enumerate(waiting)
        for outer, orphan in enumerate(orphans)
        if (lag := _lag(cluster, orphan)) is not None
    }
    chosen: dict[int, int] = {}
    busy: set[int] = set()
    ranked = sorted(lags, key=lambda pair: (abs(lags[pair]), pair))
    for inner, outer in ranked:
        if lags[inner, outer] <= SETUP_S and outer not in chosen and inner not in busy:
            chosen[outer] = inner
            busy.add(inner)
    for inner, outer in ranked:  # a second route of a call whose first one failed
        if outer not in chosen and inner in busy:
            chosen[outer] = inner
    joins = []
    for inner in sorted(busy):
        outs = sorted(outer for outer, owner in chosen.items() if owner == inner)
        rivals = [
            waiting[other].ingress[0]
            for (other, outer), lag in sorted(lags.items())
            if outer in outs and other != inner and abs(lag - lags[inner, outer]) < RIVAL_S
        ]
        joins.append((waiting[inner], [orphans[outer] for outer in outs], tuple(rivals)))
    return joins, [orphan for outer, orphan in enumerate(orphans) if outer not in chosen]


def _lag(cluster: _Cluster, orphan: _Cluster) -> float | None:
    """Return the seconds from leg in to leg out where both may be one call, else ``None``."""
    before, after = cluster.ingress[0], orphan.first_out
    if after is None or not before.called or before.called[-10:] != after.called[-10:]:
        return None
    if before.calling and after.calling and before.calling[-10:] != after.calling[-10:]:
        return None
    if before.identity_digest and after.identity_digest:
        return None  # equal ones are joined already: these differ
    lag = (after.started - before.started).total_seconds()
    return lag if -SKEW_S <= lag <= FAILOVER_S else None
