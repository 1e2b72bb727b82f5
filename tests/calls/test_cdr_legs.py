"""A call at a carrier that only its call detail records show, or that they join."""

from datetime import UTC, datetime, timedelta

from headwater.calls.addresses import networks
from headwater.calls.legs import Direction, Link, Peer, PeerKind, Profile, legs, passages
from headwater.calls.records import CallRecord, RecordKind, SourceKind
from headwater.identifiers import record_id
from headwater.numbering.numbers import E164
from tests.calls.invites import invite

AT = datetime(2026, 11, 20, 14, tzinfo=UTC)
PROFILE = Profile(
    own=networks(["10.0.0.0/24"]),
    peers=(
        Peer(kind=PeerKind.CARRIER, spc="111A", addresses=networks(["10.1.0.0/24"]), trunks=frozenset({"PJSIP/up"})),
        Peer(kind=PeerKind.CARRIER, spc="999D", addresses=(), trunks=frozenset({"PJSIP/down"})),
    ),
)


def row(number: int, **members: object) -> CallRecord:
    defaults: dict[str, object] = {
        "record_id": record_id("709J", str(number)),
        "record_kind": RecordKind.CDR,
        "source_kind": SourceKind.CARRIER,
        "source_id": "709J",
        "event_id": str(number),
        "call_at": AT + timedelta(seconds=number),
        "received_at": AT,
        "calling": E164("13125550188"),
        "called": E164("12125550150"),
    }
    return CallRecord(**(defaults | members))  # type: ignore[arg-type]  # fields of it


def test_one_row_with_both_trunks_is_a_call_that_came_in_and_went_out() -> None:
    (call,) = passages([row(1, headers={"trunk-in": "PJSIP/up", "trunk-out": "PJSIP/down"})], PROFILE)
    assert call.ingress is not None
    assert (call.ingress.peer.spc, [leg.peer.spc for leg in call.egress]) == ("111A", ["999D"])  # type: ignore[union-attr]


def test_two_rows_of_a_switch_that_share_its_key_are_one_call() -> None:
    rows = [
        row(1, source_ip="10.1.0.1", call_id="in", headers={"links": "uuid:a uuid:b"}),
        row(2, destination_ip="10.9.0.1", call_id="out", headers={"links": "uuid:b", "direction": "out"}),
        row(3, source_ip="10.1.0.1", call_id="other", headers={"links": "uuid:z"}),
    ]
    both, other = passages(rows, PROFILE)
    assert both.link is Link.CDR
    assert both.ingress is not None
    assert (both.ingress.call_id, [leg.call_id for leg in both.egress]) == ("in", ["out"])
    assert other.egress == ()


def test_rows_of_one_call_id_complete_each_other() -> None:
    found = legs(
        [
            row(1, called=E164(""), call_id="c", headers={"end": "x"}),
            row(2, call_id="c", source_ip="10.1.0.1", attest="A", identity_digest="d" * 64),
            row(3, call_id="c", sip_method="BYE", source_ip="10.9.0.9"),
        ],
        PROFILE,
    )
    (leg,) = found
    assert (leg.direction, leg.called, leg.source_ip, leg.attest) == (Direction.INGRESS, "12125550150", "10.1.0.1", "A")
    assert leg.started == AT + timedelta(seconds=1)


def test_captured_invites_with_other_call_ids_are_joined_by_a_row_that_names_both() -> None:
    came = invite("10.1.0.1", "10.0.0.1", call_id="in")
    went = invite("10.0.0.1", "10.9.0.1", call_id="out", called=E164("19995550150"))
    apart = passages([came, went], PROFILE)
    assert len(apart) == 2
    named = row(1, call_id="in", call_at=came.call_at, headers={"call-id-out": "out"})
    (call,) = passages([came, went, named], PROFILE)
    assert call.link is Link.CDR
    assert call.ingress is not None
    assert (call.ingress.record, call.egress[0].record) == (came, went)
