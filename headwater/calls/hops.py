"""Hops: each INVITE between two addresses, whoever saw it, and what came of it there. Pure.

The sender's and the receiver's capture of the same message are two views of one hop; so are repetitions, and the same
request with credentials. A Call-ID that is used again with another From tag is another hop.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from headwater.calls.legs import IN_DIALOG, SKEW_S
from headwater.calls.records import CallRecord, RecordKind
from headwater.numbering.numbers import E164


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One INVITE between two addresses, and what came of it there."""

    call_id: str
    from_tag: str
    source_ip: str
    destination_ip: str
    started: datetime
    """By the earliest view's clock."""
    calling: E164
    called: E164
    identity_digest: str
    attest: str
    origid: str
    links: frozenset[str]
    """Session-ID, ICID and correlation ids, each behind its kind."""
    status: int
    """Final status; 0 where none was captured."""
    answer: CallRecord | None
    """The response that gave it."""
    ended: datetime | None
    """When a BYE was first seen on it."""
    views: tuple[CallRecord, ...]
    """Every record of this INVITE, earliest first."""

    @property
    def record(self) -> CallRecord:
        """The earliest view."""
        return self.views[0]

    @property
    def witnesses(self) -> tuple[tuple[str, str], ...]:
        """Who saw it: source and capture agent, each once."""
        return tuple(sorted({(view.source_id, view.capture_agent) for view in self.views}))

    @property
    def came_by(self) -> tuple[tuple[str, str], ...]:
        """How its records came: credential and software, each pair once."""
        return tuple(sorted({(view.credential, view.software) for view in self.views}))


def hops(records: Iterable[CallRecord]) -> list[Hop]:
    """Return the hops, earliest first: views of one INVITE are one hop."""
    invites: defaultdict[tuple[str, str, str, str], list[CallRecord]] = defaultdict(list)
    finals: defaultdict[tuple[str, str, str], list[CallRecord]] = defaultdict(list)
    byes: defaultdict[tuple[str, str, str], list[CallRecord]] = defaultdict(list)
    for record in records:
        if record.record_kind is not RecordKind.SIP or not record.call_id:
            continue
        ends = record.source_ip, record.destination_ip
        back = record.destination_ip, record.source_ip
        if record.sip_method == "INVITE" and record.sip_status == 0 and IN_DIALOG not in record.labels:
            invites[record.call_id, record.headers.get("from-tag", ""), *ends].append(record)
        elif record.sip_method == "INVITE" and record.sip_status >= 200:
            finals[record.call_id, *back].append(record)
        elif record.sip_method == "BYE" and record.sip_status == 0:
            byes[record.call_id, *ends].append(record)
            byes[record.call_id, *back].append(record)
    found = [
        _hop(views, finals.get((call_id, source, to), []), byes.get((call_id, source, to), []))
        for (call_id, _, source, to), views in invites.items()
    ]
    return sorted(found, key=order)


def _hop(invites: list[CallRecord], finals: list[CallRecord], byes: list[CallRecord]) -> Hop:
    views = sorted(invites, key=sighting)
    first = views[0]
    signed = next((view for view in views if view.identity_digest), first)
    # A Call-ID that is used again (another From tag) has its own answers later.
    answers = sorted((one for one in finals if lag(one.call_at, first.call_at) >= -SKEW_S), key=sighting)
    # 401 and 407 ask for credentials; what counts is what came after. A 200 is never taken back.
    answer = next((one for one in answers if one.sip_status < 300), None) or next(
        (one for one in answers if one.sip_status not in {401, 407}), answers[0] if answers else None
    )
    ended = min((one.call_at for one in byes if one.call_at >= first.call_at), default=None)
    return Hop(
        call_id=first.call_id,
        from_tag=first.headers.get("from-tag", ""),
        source_ip=first.source_ip,
        destination_ip=first.destination_ip,
        started=first.call_at,
        calling=first.calling,
        called=first.called,
        identity_digest=signed.identity_digest,
        attest=signed.attest,
        origid=signed.origid,
        links=frozenset(link for view in views for link in _links(view)),
        status=answer.sip_status if answer else 0,
        answer=answer,
        ended=ended,
        views=tuple(views),
    )


def _links(record: CallRecord) -> Iterable[str]:
    headers = record.headers
    session = headers.get("session-id", "").partition(";")[0].strip().lower()
    if session.strip("0"):  # RFC 7989 section 5: all zeros is "none yet"
        yield f"session-id {session}"
    if headers.get("icid"):
        yield f"icid {headers['icid']}"
    if headers.get("hep-correlation"):
        # Made by the capture agent: it says nothing to another source's.
        yield f"correlation {record.source_id} {record.capture_agent} {headers['hep-correlation']}"


def sighting(record: CallRecord) -> tuple[datetime, int]:
    """Sort records by their time, and the same way whatever came first."""
    return record.call_at, record.record_id.int


def order(hop: Hop) -> tuple[datetime, int]:
    """Sort hops by their start, and the same way whatever came first."""
    return hop.started, hop.record.record_id.int


def lag(later: datetime, earlier: datetime) -> float:
    """Return how much later, negative where it is earlier."""
    return (later - earlier).total_seconds()
