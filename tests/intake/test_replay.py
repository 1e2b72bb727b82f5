"""The recorded laboratory, replayed as its senders would, into live doors and a real store."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest

from headwater.calls import queries
from headwater.calls.addresses import networks
from headwater.calls.legs import Peer, PeerKind, Profile
from headwater.calls.queries import CallQueries
from headwater.calls.records import CallRecord
from headwater.calls.rules import Wanted, match_call
from headwater.calls.store import CallStore
from headwater.calls.writer import Writer
from headwater.intake.counters import Counters, Outcome
from headwater.intake.listeners import HepListeners
from headwater.intake.sources import Admission, Register, Source
from headwater.numbering.numbers import canonical
from headwater.wire.agents import AnswerCode
from tests.intake import lab
from tests.intake.senders import run, send_tcp, send_udp, until

# B's agent (sipgrep) sends no key: it is known by its address, here one of the loopback's.
DOOR = Register(
    [
        Admission(source=Source(source_id="A"), auth_key="lab-nA-key"),
        Admission(source=Source(source_id="C"), auth_key="lab-nC-key"),
        Admission(source=Source(source_id="B"), allowed=networks(["127.0.0.2"])),
    ]
)
FRAMES = {"A": 354, "B": 343, "C": 291}
PATH = [lab.CUSTOMER, *lab.CARRIERS.values(), lab.CALLED_SIDE]


async def replay(store: CallStore, counters: Counters) -> None:
    """A's stream in its segments and with each cut once more in its middle; B's and C's datagrams as they came."""
    writer = Writer(store)
    listeners = HepListeners(writer, DOOR, "127.0.0.1", 0, counters)
    await listeners.start()
    segments = [half for part in lab.segments() for half in (part[: len(part) // 2], part[len(part) // 2 :])]
    await send_tcp(listeners.port, [half for half in segments if half])
    sent = 0
    for packet in lab.reads():
        if packet.via == "udp":
            send_udp(
                listeners.port, [packet.octets], source_ip="127.0.0.2" if packet.peer_ip == PATH[2] else "127.0.0.3"
            )
            sent += 1
            if sent % 50 == 0:  # as the switch did, not faster than a datagram buffer can take
                await asyncio.sleep(0.02)
    await until(lambda: counters.total(Outcome.ACCEPTED) == sum(FRAMES.values()))
    assert await listeners.close() == 0
    await writer.close()


@contextmanager
def opened(folder: Path) -> Iterator[tuple[CallStore, CallQueries]]:
    url = f"chdb://{folder}/calls"
    store = CallStore.open(url)
    store.migrate()
    try:
        yield store, queries.connect(url)
    finally:
        queries.disconnect(url)
        store.close()


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CallStore, CallQueries]]:
    with opened(tmp_path_factory.mktemp("replay")) as (store, found):
        counters = Counters("lab")
        run(replay(store, counters))
        assert counters.summary() == {"accepted": sum(FRAMES.values())}
        yield store, found


def records_of(found: CallQueries, call: dict) -> list[CallRecord]:
    at = _at(call)
    return [
        record
        for name in ("call_id_customer_to_carrierA_and_A_to_B", "call_id_carrierB_to_C_to_called_party")
        for record in found.by_call_id(call[name], at=at, window_s=60)
    ]


def _at(call: dict) -> datetime:
    return datetime.fromtimestamp(call["start_utc_epoch"], UTC)


def test_every_frame_is_one_record_of_its_carrier(replayed):
    _, found = replayed
    assert found.total() == sum(FRAMES.values())
    by_source: dict[str, int] = {}
    for minute in found.per_minute(_at({"start_utc_epoch": 0})):
        by_source[minute.source_id] = by_source.get(minute.source_id, 0) + minute.records
    assert by_source == FRAMES


@pytest.mark.parametrize("call", lab.truth(), ids=lambda call: call["call_id_customer_to_carrierA_and_A_to_B"])
def test_each_call_is_found_as_it_was(replayed, call):
    _, found = replayed
    records = records_of(found, call)
    invites = [record for record in records if record.sip_method == "INVITE" and record.sip_status == 0]
    assert {record.called for record in invites} == {canonical(call["called"])}
    assert {record.calling for record in invites} == {canonical(call["calling"])}
    signed = [record for record in invites if record.source_ip != lab.CUSTOMER]
    assert {(record.attest, record.origid) for record in signed} == {(call["attest"], call["origid"])}
    assert len({record.identity_digest for record in signed}) == 1
    final = {record.sip_status for record in records if record.sip_method == "INVITE" and record.sip_status >= 200}
    assert final == {call["final_status"]}
    reached = len(call["true_path"]) if call["true_path"][-1] == "called party 10.77.0.31" else 4
    legs = {(record.source_ip, record.destination_ip) for record in invites}
    assert legs == set(pairwise(PATH[:reached]))
    looked_up = found.find_sip(called=canonical(call["called"]), calling="", at=_at(call), window_s=3)
    assert {record.record_id for record in invites} <= {record.record_id for record in looked_up}


def test_the_octets_of_a_record_are_those_of_the_message(replayed):
    _, found = replayed
    call = lab.truth()[0]
    records = records_of(found, call)
    raw = found.raw([record.record_id for record in records])
    assert len(raw) == len(records)
    for record in records:
        assert sha256(raw[record.record_id]).digest() == record.raw_sha256
        assert record.call_id.encode() in raw[record.record_id]


def test_the_same_traffic_once_more_changes_nothing(replayed):
    store, found = replayed
    run(replay(store, Counters("again")))
    assert found.total() == sum(FRAMES.values())


NEIGHBOURS = {
    "A": ((PeerKind.CUSTOMER, "", lab.CUSTOMER), (PeerKind.CARRIER, "B", lab.CARRIERS["B"])),
    "B": ((PeerKind.CARRIER, "A", lab.CARRIERS["A"]), (PeerKind.CARRIER, "C", lab.CARRIERS["C"])),
    "C": ((PeerKind.CARRIER, "B", lab.CARRIERS["B"]), (PeerKind.CUSTOMER, "", lab.CALLED_SIDE)),
}
DOWNSTREAM = {"A": "B", "B": "C", "C": ""}


def _profile(carrier: str) -> Profile:
    return Profile(
        own=networks([lab.CARRIERS[carrier]]),
        peers=tuple(
            Peer(kind=kind, spc=spc, addresses=networks([address])) for kind, spc, address in NEIGHBOURS[carrier]
        ),
    )


@pytest.mark.parametrize("carrier", ["A", "B", "C"])
@pytest.mark.parametrize("known", ["numbers and time", "Call-ID", "Identity"])
def test_each_carrier_names_the_right_upstream_for_every_call(replayed, carrier, known):
    """By numbers and time alone, too: B replaces the Call-ID, and its legs are joined by the Identity token."""
    _, found = replayed
    for call in lab.truth():
        seen = call[
            "call_id_carrierB_to_C_to_called_party" if carrier != "A" else "call_id_customer_to_carrierA_and_A_to_B"
        ]
        digest = next(record.identity_digest for record in records_of(found, call) if record.identity_digest)
        wanted = Wanted(
            calling=canonical(call["calling"]),
            called=canonical(call["called"]),
            call_at=_at(call),
            window_s=60,
            downstream_spc=DOWNSTREAM[carrier],
            call_id=seen if known == "Call-ID" else "",
            identity_digest=digest if known == "Identity" else "",
        )
        records = found.find_sip(called=wanted.called, calling="", at=wanted.call_at, window_s=70)
        match = match_call(wanted, [record for record in records if record.source_id == carrier], _profile(carrier))
        expected = {
            "A": (AnswerCode.ORIGINATED, ""),
            "B": (AnswerCode.UPSTREAM_US, "A"),
            "C": (AnswerCode.UPSTREAM_US, "B"),
        }
        assert match.upstream is not None, (call["called"], match)
        assert (match.code, match.upstream.spc) == expected[carrier]
        assert match.best is not None
        assert match.best.passage.ingress is not None
        assert abs((match.best.passage.ingress.started - wanted.call_at).total_seconds()) < 0.2
