"""INVITEs as a carrier's capture agents would have recorded them, for tests of matching."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from headwater.calls.addresses import networks
from headwater.calls.legs import Peer, PeerKind, Profile
from headwater.calls.records import CallRecord, RecordKind, SourceKind
from headwater.calls.rules import Match, Wanted, match_call
from headwater.identifiers import record_id
from headwater.numbering.numbers import E164

START = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
CALLER, TARGET = E164("13125550188"), E164("12125550150")
OURS, OURS_TOO = "10.0.0.1", "10.0.0.2"
CARRIER, OTHER, ABROAD, SHOP, RESELLER, DOWN = "10.1.0.1", "10.2.0.1", "10.3.0.1", "10.4.0.1", "10.5.0.1", "10.9.0.1"
PROFILE = Profile(
    own=networks(["10.0.0.0/24"]),
    peers=(
        Peer(kind=PeerKind.CARRIER, spc="111A", name="Upper", addresses=networks(["10.1.0.0/24"])),
        Peer(kind=PeerKind.CARRIER, spc="222B", name="Other", addresses=networks(["10.2.0.0/24"])),
        Peer(kind=PeerKind.FOREIGN, spc="", name="Abroad", country="IN", addresses=networks(["10.3.0.0/24"])),
        Peer(kind=PeerKind.CUSTOMER, name="Shop 4711", addresses=networks(["10.4.0.0/24"])),
        Peer(kind=PeerKind.RESELLER, spc="555E", name="Resold", addresses=networks(["10.5.0.0/24"])),
        Peer(kind=PeerKind.CARRIER, spc="999D", name="Down", addresses=networks(["10.9.0.0/24"])),
    ),
)


def invite(source: str, destination: str, *, at: float = 0.0, call_id: str = "c1", **members: Any) -> CallRecord:
    """One captured INVITE, ``at`` seconds after ``START``."""
    event = f"{source}{destination}{at}{call_id}{sorted(members.items())}"
    defaults: dict[str, Any] = {
        "record_id": record_id("us", event),
        "record_kind": RecordKind.SIP,
        "source_kind": SourceKind.CARRIER,
        "source_id": "us",
        "event_id": event,
        "call_at": START + timedelta(seconds=at),
        "received_at": START + timedelta(seconds=at + 0.1),
        "calling": CALLER,
        "called": TARGET,
        "sip_method": "INVITE",
        "call_id": call_id,
        "source_ip": source,
        "destination_ip": destination,
        "raw_sha256": sha256(event.encode()).digest(),
    }
    return CallRecord(**(defaults | members))


def through(
    source: str = CARRIER,
    destination: str = DOWN,
    *,
    at: float = 0.0,
    call_id: str = "c1",
    out_id: str = "",
    **members: Any,
) -> list[CallRecord]:
    """A call that passes through: in from ``source``, out to ``destination`` a tenth of a second later."""
    return [
        invite(source, OURS, at=at, call_id=call_id, **members),
        invite(OURS, destination, at=at + 0.1, call_id=out_id or call_id, **members),
    ]


def wanted(*, at: float = 0.1, **members: Any) -> Wanted:
    """The question of the carrier below."""
    defaults: dict[str, Any] = {
        "calling": CALLER,
        "called": TARGET,
        "call_at": START + timedelta(seconds=at),
        "window_s": 60,
        "downstream_spc": "999D",
    }
    return Wanted(**(defaults | members))


def ask(records: list[CallRecord], **members: Any) -> Match:
    """Match a question against ``records``."""
    return match_call(wanted(**members), records, PROFILE)
