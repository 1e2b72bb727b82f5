"""Each field of a message, from a header as senders really write it to its place in the record."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.intake import hep, sip
from headwater.intake.records import sip_record
from headwater.intake.sip_fields import LONGEST, fields
from tests.intake import lab
from tests.intake.test_sip import invite, token

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)


def of(*headers: str, **given: str) -> dict[str, str]:
    return fields(sip.parse(invite(*headers, **given)))


def refused(status_line: str, *headers: str) -> dict[str, str]:
    lines = [f"SIP/2.0 {status_line}", "From: <sip:+13125550188@a>;tag=1", "To: <sip:+12125550150@b>;tag=2"]
    return fields(sip.parse("\r\n".join([*lines, "Call-ID: x", "CSeq: 1 INVITE", *headers, "", ""]).encode()))


@pytest.mark.parametrize(
    ("header", "name", "value"),
    [
        ("Via: SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/TCP b", "hops", "2"),
        ("v: SIP/2.0/UDP a;branch=z9hG4bK1", "via", "SIP/2.0/UDP a;branch=z9hG4bK1"),
        ("Record-Route: <sip:10.0.0.1;lr>", "record-route", "<sip:10.0.0.1;lr>"),
        ("m: <sip:13125550188@10.0.0.9>", "contact", "<sip:13125550188@10.0.0.9>"),
        ("USER-AGENT: FreeSWITCH", "user-agent", "FreeSWITCH"),
        ("Server: sbc", "server", "sbc"),
        ("P-Preferred-Identity: <tel:+13125550100>", "p-preferred-identity", "<tel:+13125550100>"),
        ("Remote-Party-ID: <sip:1@x>;party=calling", "remote-party-id", "<sip:1@x>;party=calling"),
        ("Diversion: <sip:+12125550151@x>;reason=no-answer", "diversion", "<sip:+12125550151@x>;reason=no-answer"),
        ("History-Info: <sip:a@x>;index=1,\r\n <sip:b@x>;index=1.1", "history-info",
         "<sip:a@x>;index=1, <sip:b@x>;index=1.1"),
        ("P-Charge-Info: <sip:+13125550100@x>;noa=3", "p-charge-info", "<sip:+13125550100@x>;noa=3"),
        ("P-Charge-Info: <sip:+13125550100;isup-oli=62@x>", "oli", "62"),
        ("P-Asserted-Identity: <sip:+13125550188;cpc=payphone@x>", "cpc", "payphone"),
        ("P-Asserted-Identity: <tel:+13125550188;verstat=TN-Validation-Passed>", "verstat", "TN-Validation-Passed"),
        ("P-Asserted-Identity: <sip:+13125550188@x>;verstat=TN-Validation-Failed", "verstat", "TN-Validation-Failed"),
        ("Contact: <sip:+13125550188;tgrp=TG7;trunk-context=x.example@10.0.0.9>", "tgrp", "TG7"),
        ("P-Access-Network-Info: 3GPP-UTRAN;utran-cell-id-3gpp=1", "p-access-network-info",
         "3GPP-UTRAN;utran-cell-id-3gpp=1"),
        ('P-Charging-Vector: icid-value="ab;c1";orig-ioi=x', "icid", "ab;c1"),
        ("P-Charging-Vector: orig-ioi=x;icid-value=abc1", "icid", "abc1"),
        ("Session-ID: 0ab1;remote=00", "session-id", "0ab1;remote=00"),
        ('Reason: SIP;cause=200;text="Call completed elsewhere"', "reason",
         'SIP;cause=200;text="Call completed elsewhere"'),
        ("Call-Info: <http://x/icon>;purpose=icon", "call-info", "<http://x/icon>;purpose=icon"),
        ("Privacy: id;header", "privacy", "id;header"),
        ("Max-Forwards: 63", "max-forwards", "63"),
        ("X-Campaign: lowrate-7", "x-campaign", "lowrate-7"),
        ("x-campaigN : lowrate-7", "x-campaign", "lowrate-7"),
    ],
)  # fmt: skip
def test_each_header_has_its_place(header, name, value):
    assert of(header)[name] == value


def test_porting_parameters_of_the_request_uri_are_kept():
    found = of(uri="sip:+12125550150;rn=+12125550000;npdi;jip=312555@carrier.example;user=phone")
    assert (found["rn"], found["npdi"], found["jip"]) == ("+12125550000", "yes", "312555")


def test_the_asserted_identitys_parameters_come_before_froms():
    headers = ("P-Asserted-Identity: <tel:+13125550188;verstat=TN-Validation-Passed>",)
    message = invite(*headers).replace(b";tag=1", b";verstat=No-TN-Validation;tag=1")
    assert fields(sip.parse(message))["verstat"] == "TN-Validation-Passed"


def test_several_identity_headers_are_told_apart_also_between_commas():
    one, two, three = (token(attest=attest, origid=attest).decode() for attest in "ABC")
    found = sip.parse(
        invite(
            f"Identity: {one};info=<https://x/a,b.pem>;alg=ES256;ppt=shaken, {two};info=<https://x>;ppt=div",
            f'y: {three};info=<https://x>;ppt="rcd"',
        )
    )
    assert [value.partition(b";")[0].decode() for value in found.identities] == [one, two, three]
    assert fields(found)["identity-ppt"] == "shaken,div,rcd"


def test_a_comma_in_a_display_name_parts_nothing():
    found = of('P-Asserted-Identity: "Doe, Jo \\" <x>" <sip:+13125550188@x>, <tel:+13125550188>')
    assert found["p-asserted-identity"] == '"Doe, Jo \\" <x>" <sip:+13125550188@x>, <tel:+13125550188>'
    message = sip.parse(invite('P-Asserted-Identity: "Doe, Jo" <sip:x@x>, <tel:+14045550101>'))
    assert message.asserted == b'"Doe, Jo" <sip:x@x>'
    assert message.calling == "14045550101", "the second value has the number"


def test_the_addresses_of_the_session_description_are_kept():
    lines = ["", "v=0", "o=- 1 2 IN IP4 203.0.113.9", "s=-", "c=IN IP6 2001:db8::9", "m=audio 1 RTP/AVP 0"]
    body = "\r\n".join([*lines, "c=IN IP4 1.2.3.4", ""])
    found = fields(sip.parse(invite().replace(b"\r\nv=0\r\n", body.encode())))
    assert (found["sdp-origin"], found["sdp-connection"]) == ("203.0.113.9", "2001:db8::9, 1.2.3.4")


def test_what_says_nothing_new_keeps_nothing():
    ringing = b"SIP/2.0 180 Ringing\r\nFrom: <sip:1@a>;tag=1\r\nTo: <sip:2@b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n"
    assert fields(sip.parse(ringing)) == {}


def test_a_hostile_message_cannot_swell_the_record():
    headers = [f"X-Header-{number}: {'x' * 2_000}" for number in range(300)]
    found = of(*headers, *["Diversion: <sip:1@x>"] * 300, "Via: " + "SIP/2.0/UDP a, " * 3_000)
    assert sum(name.startswith("x-") for name in found) <= sip.MOST_EXTENSIONS
    assert max(map(len, found.values())) <= LONGEST


REASON = 'Q.850;cause=21;text="v=analytics1;url=https://r.example/a;tel=+18005550100;email=r@c.example";location=TN'


def test_a_603_plus_is_a_block_that_says_who_and_whom_to_ask():
    found = refused("603 Network Blocked", f"Reason: SIP;cause=603, {REASON}")
    assert {name: value for name, value in found.items() if name.startswith("block-")} == {
        "block-kind": "603+",
        "block-cause": "21",
        "block-version": "analytics1",
        "block-url": "https://r.example/a",
        "block-tel": "+18005550100",
        "block-email": "r@c.example",
        "block-location": "TN",
    }


def test_the_pairs_make_a_603_plus_also_where_the_phrase_was_changed_on_the_way():
    assert refused("603 Decline", f"Reason: {REASON}")["block-kind"] == "603+"
    assert refused("603 network blocked")["block-kind"] == "603+"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("603 Decline", 'Q.850;cause=21;text="call rejected"'),
        ("603 Decline", 'Q.850;cause=17;text="v=1"'),
        ("486 Busy Here", REASON),
        ("404 Not Found", "Q.850;cause=1"),
    ],
)
def test_a_persons_no_is_no_block(line, reason):
    assert "block-kind" not in refused(line, f"Reason: {reason}")


def test_a_608_names_the_address_of_its_card_and_never_fetches_it():
    found = refused("608 Rejected", "Call-Info: <https://b.example/card>;purpose=jwscard, <http://i>;purpose=icon")
    assert (found["block-kind"], found["block-url"]) == ("608", "https://b.example/card")


def test_a_608_whose_card_travels_with_it_is_read():
    card = ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", "Robocall Adjudication"],
            ["tel", {"type": "work"}, "uri", "tel:+15551212"], ["email", {}, "text", "r@b.example"]]]  # fmt: skip
    payload = base64.urlsafe_b64encode(json.dumps({"iat": 1, "jcard": card}).encode()).rstrip(b"=").decode()
    found = refused("608 Rejected", f"Call-Info: <data:application/jose,eyJ4.{payload}.c2ln>;purpose=jwscard")
    assert (found["block-name"], found["block-tel"], found["block-email"]) == (
        "Robocall Adjudication",
        "+15551212",
        "r@b.example",
    )


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_whatever_a_refusal_holds_it_is_read_without_an_error(reason, info):
    lines = [b"SIP/2.0 608 R", b"Call-ID: x", b"CSeq: 1 INVITE", b"Reason: " + reason, b"Call-Info: <data:," + info]
    lines[-1] += b">;purpose=jcard"
    assert fields(sip.parse(b"\r\n".join(line.replace(b"\n", b"") for line in lines) + b"\r\n\r\n"))


def test_the_recorded_blocks_are_found_and_no_other():
    truth = {603: 4, 608: 3, 404: 4}
    blocked: dict[int, set[str]] = {603: set(), 608: set(), 404: set()}
    for _, octets in lab.frames():
        record = sip_record(hep.decode(octets), "709J", NOW)
        if record.sip_status in truth:
            assert (record.disposition == "blocked") == (record.sip_status != 404)
            if record.headers.get("block-url"):
                blocked[record.sip_status].add(record.call_id)
    # Carrier A hears of a 603 from a switch that drops the Reason header: the phrase alone says it there.
    assert {status: len(calls) for status, calls in blocked.items()} == {603: 4, 608: 3, 404: 0}
