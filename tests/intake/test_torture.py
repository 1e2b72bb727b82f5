"""Messages at the edge of the grammar, after the cases of RFC 4475, in our own words and with our own numbers."""

from datetime import UTC, datetime

import pytest

from headwater.intake import hep, sip
from headwater.intake.records import NotKept, sip_record

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)


def read(octets: bytes) -> sip.SipMessage:
    return sip.parse(octets.replace(b"\n", b"\r\n"))


def test_a_short_tortuous_invite():
    """Section 3.1.1.1: odd case, odd folds, odd spaces, escapes, a semicolon in a user, an unknown header."""
    message = read(
        b"INVITE sip:desk@box.example.com;unknownparam SIP/2.0\n"
        b"TO :\n sip:+12125550150@box.example.com ;   tag    = abc1\n"
        b'from   : "A Caller \\\\\\""       <sip:+13125550188@example.com>\n  ;\n  tag = 77aa\n'
        b"MaX-fOrWaRdS: 0068\nCall-ID: fold.1@192.0.2.1\nContent-Length   : 150\ncseq: 0009\n  INVITE\n"
        b"Via  : SIP  /   2.0\n /UDP\n    192.0.2.2;branch=z9hG4bKq1\ns :\nBrand-New:   new value\n"
        b" continued new value\nUnknownHeaderWithUnusualValue: ;;,,;;,;\nContent-Type: application/sdp\n"
        b"Route:\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\n"
        b"v:  SIP  / 2.0  / TCP     sbc.example.com   ;\n  branch  =   z9hG4bKq2  ,\n"
        b" SIP  /    2.0   / UDP  192.168.255.111   ; branch=\n z9hG4bKq3\n"
        b'm:"Quoted string \\"\\"" <sip:agent@example.com> ; newparam =\n newvalue ;\n  secondparam ; q = 0.33\n\nv=0\n'
    )
    assert (message.method, message.cseq, message.call_id) == ("INVITE", 9, "fold.1@192.0.2.1")
    assert (message.calling, message.called) == ("13125550188", "12125550150")
    assert message.in_dialog
    assert len(list(sip.values(message.headers[b"via"]))) == 3


def test_any_token_may_be_a_method_and_such_a_message_is_no_call():
    """Section 3.1.1.2."""
    octets = (
        b"!interesting-Method0*_%`'~. sip:a@b SIP/2.0\r\nCall-ID: x\r\nCSeq: 1 !interesting-Method0*_%`'~.\r\n"
        b"From: <sip:1@a>\r\nTo: <sip:2@b>\r\n\r\n"
    )
    assert sip.parse(octets).method.startswith("!interesting")
    with pytest.raises(NotKept):
        sip_record(hep.HepFrame(version=3, payload=octets, protocol_type=1), "709J", NOW)


def test_escapes_are_read_and_none_ends_the_text():
    """Sections 3.1.1.3 and 3.1.1.4: %-escapes in the user part, also of a zero octet."""
    message = read(
        b"INVITE sip:%2B1212555015%30@example.com SIP/2.0\nFrom: <sip:null-%00-null@example.com>;tag=1\n"
        b"To: <sip:sips%3Auser%40example.com@example.net>\nCall-ID: esc\nCSeq: 1 INVITE\n\n"
    )
    assert (message.called, message.calling) == ("12125550150", "")


def test_a_long_call_id_and_long_values_are_cut_and_read():
    """Section 3.1.1.7."""
    message = read(
        b"INVITE sip:+12125550150@b SIP/2.0\nCall-ID: " + b"longreq." * 4_000 + b"\nCSeq: 1 INVITE\nTo: <sip:2@b>\n"
        b'From: "' + b"I have a user name of extreme proportion" * 100 + b'" <sip:+13125550188@a>\n\n'
    )
    assert message.calling == "13125550188"
    record = sip_record(
        hep.HepFrame(
            version=3,
            protocol_type=1,
            payload=b"INVITE sip:a SIP/2.0\r\nCall-ID: " + b"l" * 4_000 + b"\r\nCSeq: 1 INVITE\r\n\r\n",
        ),
        "709J",
        NOW,
    )
    assert len(record.call_id) == 256


def test_octets_after_the_body_and_a_second_message_belong_to_no_header():
    """Section 3.1.1.8: trailing octets are part of the packet, not of the message's head."""
    message = read(
        b"REGISTER sip:b SIP/2.0\nTo: <sip:+12125550150@b>\nFrom: <sip:+13125550188@a>\nCall-ID: dblreq\n"
        b"CSeq: 8 REGISTER\nContent-Length: 0\n\nINVITE sip:joe@b SIP/2.0\nCall-ID: other\nCSeq: 1 INVITE\n\n"
    )
    assert (message.method, message.call_id) == ("REGISTER", "dblreq")


@pytest.mark.parametrize("phrase", ["", " ", " = 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e"])
def test_a_reason_phrase_may_hold_anything_or_be_absent(phrase):
    """Sections 3.1.1.12 and 3.1.1.13."""
    octets = f"SIP/2.0 200{phrase}\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nFrom: <sip:1@a>\r\nTo: <sip:2@b>\r\n\r\n"
    assert sip.parse(octets.encode()).status == 200


def test_a_name_that_is_not_utf8_stays_octets_and_spoils_nothing():
    message = read(
        b'INVITE sip:+12125550150@b SIP/2.0\nFrom: "\xff\xfe\x80" <sip:+13125550188@a>;tag=1\nTo: <sip:2@b>\n'
        b"Call-ID: \xc3\x28\nCSeq: 1 INVITE\nUser-Agent: \xff\n\n"
    )
    assert message.calling == "13125550188"
    assert message.from_header.startswith(b'"\xff\xfe\x80"')


@pytest.mark.parametrize(
    "line",
    [
        b"INVITE sip:user@example.com; lr SIP/2.0",  # section 3.1.2.6: a space inside the request URI
        b"INVITE  sip:+12125550150@b  SIP/2.0",  # section 3.1.2.8: several spaces between the parts
        b"INVITE sip:+12125550150@b sip/2.0  ",  # section 3.1.2.9: spaces at the end; the version in lower case
    ],
)
def test_a_start_line_that_a_server_would_refuse_is_still_what_was_sent(line):
    octets = (
        line + b"\r\nFrom: <sip:+13125550188@a>\r\nTo: <sip:+12125550150@b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n"
    )
    message = sip.parse(octets)
    assert (message.method, message.calling, message.called) == ("INVITE", "13125550188", "12125550150")


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"OPTIONS sip:b SIP/7.0\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n", "start-line"),  # section 3.1.2.16
        (b"SIP/2.0 4294967301 better not break\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n", "start-line"),  # 3.1.2.19
        (b"INVITE sip:b SIP/2.0\r\nCall-ID: x\r\nCSeq: 36893488147419103232 INVITE\r\n\r\n", "no-cseq"),  # 3.1.2.4
        (b"INVITE sip:b SIP/2.0\r\nCall-ID: x\r\nCSeq: INVITE\r\n\r\n", "no-cseq"),
        (b"INVITE sip:b SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n", "no-call-id"),  # section 3.3.1
        (b"\r\n\r\n", "keep-alive"),
        (b"\0\0\0\0", "keep-alive"),
    ],
)
def test_what_is_no_message_is_refused_for_a_reason(octets, reason):
    with pytest.raises(sip.NotSip) as refused:
        sip.parse(octets)
    assert refused.value.reason == reason


def test_a_header_that_stands_twice_counts_once_and_the_first_wins():
    """Section 3.3.8: of Call-ID, CSeq, From and To there is one."""
    message = read(
        b"INVITE sip:+12125550150@b SIP/2.0\nCall-ID: first\nCall-ID: second\nCSeq: 5 INVITE\nCSeq: 8 BYE\n"
        b"From: <sip:+13125550188@a>\nFrom: <sip:+14045550101@a>\nTo: <sip:2@b>\nTo: <sip:3@b>\n\n"
    )
    assert (message.call_id, message.cseq, message.calling) == ("first", 5, "13125550188")


def test_the_short_way_and_the_long_way_read_the_same():
    """A 180 whose headers are spelt as usual is read another way than one in compact form."""
    usual = (
        b"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP a\r\nFrom: A <sip:+13125550188@a>;tag=1\r\n"
        b"To: <sip:+12125550150@b>;tag=2\r\nCall-ID: one\r\nCSeq: 102 INVITE\r\n\r\n"
    )
    compact = usual.replace(b"From:", b"f :").replace(b"To:", b"t:").replace(b"Call-ID:", b"i:")
    folded = usual.replace(b"Call-ID: ", b"Call-ID:\r\n\t")
    assert sip.parse(usual).headers is None
    for other in (compact, folded):
        long_way = sip.parse(other)
        assert long_way.headers is not None
        for name in ("method", "status", "call_id", "cseq", "calling", "called", "from_header", "to_header"):
            assert getattr(long_way, name) == getattr(sip.parse(usual), name), name
