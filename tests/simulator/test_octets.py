"""What leaves the simulated switches, read back by the product's own intake."""

import base64
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.intake import hep, sip
from headwater.intake.records import captured_at
from headwater.simulator import passports, traffic
from headwater.simulator.network import FOREIGN, LOST, MAIN, Network, build
from headwater.simulator.octets import Call, Capture, captures, rings_at

START = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def keys(network: Network) -> dict[str, str]:
    return {spc: f"key-of-{spc}" for spc in network.carriers}


def call_on(network: Network, head: str, **changes) -> Call:
    route = network.heads[head]
    values = {
        "number": 1,
        "at": START,
        "calling": "12155550123",
        "called": "13135550199",
        "state": "MI",
        "customer": route.customer,
        "path": network.path(route, "MI"),
        "ring_s": 4.0,
        "talk_s": 11.0,
        "attest": "B",
        **changes,
    }
    return Call(**values)


def placed(seed: int, count: int) -> tuple[Network, list[traffic.Placed]]:
    network = build(seed)
    return network, list(islice(traffic.plan(network, START), count))


def by_carrier(found: list[Capture]) -> dict[str, list[hep.HepFrame]]:
    sorted_out = defaultdict(list)
    for capture in found:
        sorted_out[capture.spc].append(hep.decode(capture.frame))
    return sorted_out


def test_the_same_seed_gives_identical_octets():
    network, calls = placed(5, 120)
    again, same = placed(5, 120)
    first = [capture for one in calls for capture in captures(network, one.call, keys(network))]
    second = [capture for one in same for capture in captures(again, one.call, keys(again))]
    assert first == second
    assert [one.report for one in calls] == [one.report for one in same]


def test_another_seed_gives_other_calls():
    assert [one.call.called for one in placed(5, 50)[1]] != [one.call.called for one in placed(6, 50)[1]]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_calls_frames_appear_at_exactly_the_carriers_of_its_path(seed):
    network, calls = placed(seed, 150)
    for one in calls:
        seen = {capture.spc for capture in captures(network, one.call, keys(network))}
        assert seen == {spc for spc in one.call.path if network.observed(spc)}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_frame_decodes_and_names_the_true_numbers(seed):
    network, calls = placed(seed, 100)
    forms = Counter()
    for one in calls:
        for capture in captures(network, one.call, keys(network)):
            frame = hep.decode(capture.frame)
            message = sip.parse(frame.payload)
            assert frame.auth_key == f"key-of-{capture.spc}".encode()
            if message.method == "INVITE" and not message.status:
                written = frame.payload.split(b"sip:", 1)[1].split(b"@", 1)[0].decode()
                forms[len(written)] += 1
                assert message.called == one.call.called
                assert message.calling == one.call.calling
    assert set(forms) == {10, 11, 12}


def test_each_carrier_reports_the_message_that_it_received_and_the_one_that_it_sent():
    network = build(1)
    call = call_on(network, MAIN)
    seen = by_carrier(captures(network, call, keys(network)))
    line = f"192.0.2.{10 + call.number % 240}"
    hosts = [call.customer.address, *(network.carriers[spc].proxy for spc in call.path)]
    for place, spc in enumerate(call.path):
        invites = [frame for frame in seen[spc] if frame.payload.startswith(b"INVITE")]
        views = [(frame.source_ip, frame.destination_ip) for frame in invites]
        assert views == [(hosts[place], hosts[place + 1]), (hosts[place + 1], [*hosts, line][place + 2])]


def test_the_two_witnesses_of_a_leg_hold_the_same_octets():
    network = build(1)
    call = call_on(network, MAIN)
    seen = by_carrier(captures(network, call, keys(network)))
    for upstream, downstream in pairwise(call.path):
        sent = [frame.payload for frame in seen[upstream] if frame.source_ip == network.carriers[upstream].proxy]
        received = {frame.payload for frame in seen[downstream]}
        towards = [octets for octets in sent if octets.startswith(b"INVITE")]
        assert towards
        assert set(towards) <= received


def test_a_b2bua_opens_a_new_dialog_and_hands_the_identity_on():
    network = next(
        network
        for network in map(build, range(50))
        if network.carriers[network.heads[MAIN].carriers[1]].b2bua
        and not network.carriers[network.heads[MAIN].carriers[1]].strips_identity
    )
    call = call_on(network, MAIN)
    border = call.path[1]
    ingress, egress = (
        sip.parse(frame.payload)
        for frame in by_carrier(captures(network, call, keys(network)))[border]
        if frame.payload.startswith(b"INVITE")
    )
    assert ingress.call_id != egress.call_id
    assert ingress.identities == egress.identities != ()


def test_a_proxy_stays_in_the_dialog():
    network = build(1)
    call = call_on(network, MAIN)
    proxy = next(spc for spc in call.path if not network.carriers[spc].b2bua)
    found = by_carrier(captures(network, call, keys(network)))[proxy]
    assert len({sip.parse(frame.payload).call_id for frame in found}) == 1


def test_the_customers_own_leg_carries_no_identity_yet():
    network = build(1)
    call = call_on(network, MAIN)
    found = captures(network, call, keys(network))
    first = next(frame for frame in by_carrier(found)[call.path[0]] if frame.source_ip == call.customer.address)
    assert sip.parse(first.payload).identities == ()


def test_the_passport_is_signed_by_the_originating_carriers_key_over_the_true_numbers():
    network = build(1)
    call = call_on(network, MAIN)
    token = passports.identity(
        passports.Claim(
            seed=1, signer=call.path[0], customer="203.0.113.1", attest="B", calling="1215", called="1313", at=START
        )
    ).split(";")[0]
    head, body, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    passports.public_key(1, call.path[0]).verify(der, f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))


def test_a_carrier_stamps_by_its_own_clock():
    network = build(1)
    call = call_on(network, MAIN)
    spc = call.path[0]
    first = next(capture for capture in captures(network, call, keys(network)) if capture.spc == spc)
    stamped = captured_at(hep.decode(first.frame))
    assert abs((stamped - first.at).total_seconds() - network.carriers[spc].clock_offset_s) < 1e-5


def test_neither_the_foreign_operator_nor_the_lost_feed_yields_a_frame():
    network = build(1)
    for head in (FOREIGN, LOST):
        call = call_on(network, head)
        silent = {spc for spc in call.path if not network.observed(spc)}
        assert silent
        assert not silent & {capture.spc for capture in captures(network, call, keys(network))}


def test_a_refused_call_ends_with_busy_and_no_bye():
    network = build(1)
    found = captures(network, call_on(network, MAIN, talk_s=0.0), keys(network))
    starts = {hep.decode(capture.frame).payload.split(b"\r\n")[0].split(b" ")[0:2][1] for capture in found}
    assert b"486" in starts
    assert not any(hep.decode(capture.frame).payload.startswith(b"BYE") for capture in found)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    ring=st.floats(0.5, 30),
    talk=st.one_of(st.just(0.0), st.floats(0.1, 120)),
    callee_ends=st.booleans(),
)
def test_nothing_is_received_before_it_was_sent_and_a_call_ends_after_it_began(seed, ring, talk, callee_ends):
    network = build(seed)
    call = call_on(network, MAIN, ring_s=ring, talk_s=talk, callee_ends=callee_ends)
    found = captures(network, call, keys(network))
    assert all(capture.at >= call.at for capture in found)
    views: dict[tuple[bytes, str], list[tuple[datetime, bool]]] = defaultdict(list)
    for capture in found:
        frame = hep.decode(capture.frame)
        leaves = frame.source_ip == network.carriers[capture.spc].proxy
        views[frame.payload, frame.source_ip].append((capture.at, leaves))
    for both in views.values():
        times = {leaves: at for at, leaves in both}
        if len(times) == 2:
            assert times[True] < times[False]
    assert rings_at(network, call) - call.at < timedelta(seconds=5)
    order = [hep.decode(capture.frame).payload[:12] for capture in found if capture.spc == call.path[-1]]
    assert order[0].startswith(b"INVITE")
    assert order[-1].startswith((b"SIP/2.0 200", b"ACK"))
