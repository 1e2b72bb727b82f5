"""Identity headers out of a record's octets, whatever it came as."""

import json

from hypothesis import given
from hypothesis import strategies as st

from headwater.signers.tokens import LONGEST, MOST, identities
from tests.signers.scenery import Network


def test_headers_of_a_message_come_in_their_order():
    network = Network()
    first, second = network.identity(), network.identity()
    assert identities(network.call(first, second).raw) == [first, second]
    assert identities(network.call().raw) == []


def test_headers_of_an_event_come_from_either_form():
    assert identities(json.dumps({"event_id": "1", "identity": "a.b.c;info=<x>"}).encode()) == ["a.b.c;info=<x>"]
    neutral = {"type": "t", "data": {"network": {"identity": ["a.b.c", "d.e.f"]}}}
    assert identities(json.dumps(neutral).encode()) == ["a.b.c", "d.e.f"]
    for nothing in ({}, {"identity": None}, {"data": []}, {"data": {"network": "x"}}, {"identity": [1, None]}):
        assert identities(json.dumps(nothing).encode()) == []


@given(st.binary(max_size=400))
def test_rubbish_holds_no_header_and_is_no_error(octets: bytes):
    for raw in (octets, b"{" + octets, b"INVITE sip:x SIP/2.0\r\nIdentity: " + octets):
        assert len(identities(raw)) <= MOST


def test_what_is_too_much_is_bounded():
    raw = json.dumps({"identity": ["x" * (LONGEST + 10)] * 50}).encode()
    found = identities(raw)
    assert (len(found), len(found[0])) == (MOST, LONGEST)
