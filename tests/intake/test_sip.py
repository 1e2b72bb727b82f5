import base64
import json
from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.intake import hep, sip
from tests.intake import lab

PAYLOADS = [hep.decode(octets).payload for _, octets in lab.frames()]


def token(**claims: object) -> bytes:
    def part(value: object) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    return part({"alg": "ES256", "ppt": "shaken"}) + b"." + part(claims) + b".c2lnbmF0dXJl"


def invite(*headers: str, uri: str = "sip:+12125550150@carrier.example", end: str = "\r\n") -> bytes:
    lines = [
        f"INVITE {uri} SIP/2.0",
        'From: "A" <sip:+13125550188@cust.example>;tag=1',
        "To: <sip:+12125550150@carrier.example>",
        "Call-ID: abc@h",
        "CSeq: 7 INVITE",
        *headers,
    ]
    return (end.join(lines) + end + end + "v=0\r\n").encode()


def test_every_recorded_message_is_read():
    read = [sip.parse(payload) for payload in PAYLOADS]
    assert sum(1 for message in read if message.method == "INVITE" and message.status == 0) == 169
    assert sum(1 for message in read if message.identities and message.method == "INVITE") == 139
    assert {message.status for message in read} == {0, 100, 180, 200, 404, 603, 608}


def test_a_response_has_the_method_of_its_cseq_and_no_asserted_caller():
    message = sip.parse(
        b"SIP/2.0 200 OK\r\nFrom: <sip:+13125550188@a>;tag=1\r\nTo: <sip:+12125550150@b>;tag=2\r\n"
        b"P-Asserted-Identity: <sip:+12125550199@b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n"
    )
    assert (message.method, message.status, message.in_dialog) == ("INVITE", 200, False)
    assert (message.calling, message.called) == ("13125550188", "12125550150")


def test_compact_names_folded_lines_and_bare_line_feeds_are_read():
    message = sip.parse(
        b"INVITE tel:+12125550150 SIP/2.0\nf: Anonymous\n <sip:+13125550188@x>;tag=9\nt: <tel:+12125550150>\n"
        b"i: folded\nCSEQ :\t1   INVITE\n\nbody"
    )
    assert (message.call_id, message.calling, message.called) == ("folded", "13125550188", "12125550150")


def test_the_asserted_identity_of_a_new_call_counts_before_from():
    assert sip.parse(invite("P-Asserted-Identity: <sip:+14045550101@a>")).calling == "14045550101"
    assert sip.parse(invite("P-Asserted-Identity: <sip:anonymous@a>")).calling == "13125550188"


def test_a_request_inside_a_call_is_told_from_a_new_one():
    again = invite().replace(b"To: <sip:+12125550150@carrier.example>", b"To: <sip:+12125550150@c>; tag=7")
    assert sip.parse(again).in_dialog
    assert not sip.parse(invite()).in_dialog


@pytest.mark.parametrize(
    ("header", "number"),
    [
        (b'"<sip:+1911@trap>" <sip:+13125550188@a>', "13125550188"),
        (b'"quo\\"te<sip:+14045550100@x>" <tel:+13125550188;phone-context=x>', "13125550188"),
        (b"sip:+13125550188@a;tag=1", "13125550188"),
        (b"<sip:13125550188@a>", "13125550188"),
        (b"<sip:3125550188@a>", "13125550188"),
        (b"<sip:%2B13125550188@a>", "13125550188"),
        (b"<sip:+13125550188;rn=+14045550000;npdi@a>", "13125550188"),
        (b"<sip:0114420794600@a>", "4420794600"),
        (b"<sip:anonymous@anonymous.invalid>", ""),
        (b"Anonymous <", ""),
        (b'"', ""),
        (b"", ""),
    ],
)
def test_the_number_is_taken_from_the_address_and_not_from_the_name(header, number):
    assert sip.number_of(header) == number


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "keep-alive"),
        (b"\r\n\r\n", "keep-alive"),
        (b"\x00\x00\x00\x00", "keep-alive"),
        (b"GET / HTTP/1.1\r\n\r\n", "start-line"),
        (b"INVITE sip:bob", "start-line"),
        (b"SIP/2.0 999 No\r\n\r\n", "start-line"),
        (b"SIP/2.0\r\n\r\n", "start-line"),
        (b"INVITE sip:b SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n", "no-call-id"),
        (b"INVITE sip:b SIP/2.0\r\nCall-ID: 1\r\n\r\n", "no-cseq"),
        (b"INVITE sip:b SIP/2.0\r\nCall-ID: 1\r\nCSeq: many INVITE\r\n\r\n", "no-cseq"),
    ],
)
def test_what_is_not_sip_is_refused_with_a_word_for_counting(octets, reason):
    with pytest.raises(sip.NotSip) as refused:
        sip.parse(octets)
    assert refused.value.reason == reason


def test_the_digest_is_of_the_token_without_its_parameters():
    signed = token(attest="B", origid="o-1")
    hints = sip.identity_hints(sip.parse(invite(f"Identity: {signed.decode()};info=<https://c>;ppt=shaken")).identities)
    assert hints == sip.IdentityHints(sha256(signed).hexdigest(), "B", "o-1")


def test_a_diversion_token_first_does_not_hide_the_attestation_of_the_second():
    div, shaken = token(opt="x"), token(attest="A", origid="o-2")
    hints = sip.identity_hints((div + b";ppt=div", shaken + b";ppt=shaken"))
    assert hints == sip.IdentityHints(sha256(div).hexdigest(), "A", "o-2")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"..",
        b"a.b.c",
        b"!!!.???.***",
        b"e30..c2ln",
        token(attest=7),
        token(attest="Z"),
        b"e30.W10.x",
        b"e30.gICA.x",
    ],
)
def test_a_damaged_token_gives_its_digest_and_no_hints(value):
    hints = sip.identity_hints((value,))
    assert (hints.digest, hints.attest) == (sha256(value).hexdigest(), "")


@given(st.one_of(st.binary(max_size=400), st.binary(max_size=300).map(lambda tail: invite()[:60] + tail)))
def test_random_octets_raise_nothing_but_not_sip(octets):
    with suppress(sip.NotSip):
        sip.identity_hints(sip.parse(octets).identities)


@given(st.integers(0, len(PAYLOADS) - 1), st.data())
def test_a_recorded_message_with_octets_changed_raises_nothing_but_not_sip(number, data):
    octets = bytearray(PAYLOADS[number])
    for _ in range(data.draw(st.integers(1, 8))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    with suppress(sip.NotSip):
        sip.identity_hints(sip.parse(bytes(octets)).identities)


def test_a_message_of_thousands_of_headers_is_read_in_bounded_room():
    message = sip.parse(invite(*["Identity: a.b.c"] * 5_000))
    assert len(message.identities) == sip.MOST_IDENTITIES
