"""Each ready format reads the rows of its source: recorded ones where there are, else rows by its documentation."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from headwater.calls.records import CallRecord
from headwater.intake.cdr import detect, mapping
from headwater.intake.cdr.reading import Batch, FileReader, batches
from headwater.intake.cdr.times import AMBIGUOUS, FIXED_OFFSET, NeedsZone
from headwater.intake.provenance import Provenance

DATA = Path(__file__).parents[2] / "data" / "cdr"
TRUTH = json.loads((DATA.parent / "hep" / "truth.json").read_text())
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
EASTERN = ZoneInfo("America/New_York")


def read(octets: bytes, name: str, *, zone: ZoneInfo | None = None, secret: bytes = b"") -> Batch:
    """Read a small file whole."""
    reader = FileReader(mapping.preset(name), Provenance(source_id="709J"), zone=zone, secret=secret)
    (found,) = batches(io.BytesIO(octets), reader, NOW)
    return found


def only(octets: bytes, name: str, *, zone: ZoneInfo | None = None) -> CallRecord:
    found = read(octets, name, zone=zone)
    assert [one.reason for one in found.refused] == []
    (record,) = found.records
    return record


@pytest.mark.parametrize(("carrier", "call_id"), [
    ("A", "call_id_customer_to_carrierA_and_A_to_B"), ("C", "call_id_carrierB_to_C_to_called_party"),
])  # fmt: skip
def test_acc_and_missed_calls_have_every_call_of_the_lab_at_its_second_with_its_numbers_and_status(
    carrier: str, call_id: str
) -> None:
    rows = read((DATA / f"kamailio-acc-carrier{carrier}.csv").read_bytes(), "kamailio-acc").records
    if carrier == "A":
        rows += read((DATA / "kamailio-missed_calls-carrierA.csv").read_bytes(), "kamailio-acc").records
    for call in TRUTH:
        found = [row for row in rows if row.call_id == call[call_id] and row.sip_method == "INVITE"]
        if carrier == "A" or call["final_status"] == 200:
            assert found, call
        for row in found:
            assert (f"+{row.calling}", f"+{row.called}") == (call["calling"], call["called"])
            assert row.sip_status == call["final_status"]
            assert (row.attest, row.origid) == (call["attest"], call["origid"])
            assert 0 <= row.call_at.timestamp() - call["start_utc_epoch"] + 1 <= 2.5  # whole seconds, at the answer


def test_acc_cdrs_starts_in_the_second_of_the_truth_and_lasts_as_long() -> None:
    rows = read((DATA / "kamailio-acc_cdrs-carrierA.csv").read_bytes(), "kamailio-acc-cdrs").records
    starts = {call["call_id_customer_to_carrierA_and_A_to_B"]: call for call in TRUTH}
    assert len(rows) == len(starts) == 30
    for row in rows:
        call = starts[row.call_id]
        assert row.call_at.timestamp() == int(call["start_utc_epoch"])
        answered = call["final_status"] == 200
        assert (row.duration_ms > 1_000) == answered
        # Of a refused call the address is the answering side's: it must not stand as where the call came from.
        assert row.source_ip == ("10.77.0.11" if answered else "")


def test_acc_lines_of_syslog_are_read() -> None:
    found = read((DATA / "kamailio-acc-syslog-carrierC.log").read_bytes(), "kamailio-acc-syslog")
    assert (len(found.records), found.refused) == (10, [])
    assert found.records[0].call_id == "4d58243836886836a26b344448264910-b2b_1"
    assert found.records[0].call_at == datetime.fromtimestamp(1795466353, UTC)


def test_radius_packets_are_read_and_checked_with_the_secret() -> None:
    octets = (DATA / "kamailio-acc_radius-accounting-request.hex").read_bytes()
    found = read(octets, "radius", secret=b"labsecret")
    assert [row.sip_method for row in found.records] == ["INVITE", "INVITE", "BYE"]
    first = found.records[0]
    assert (first.calling, first.called, first.call_id, first.sip_status) == (
        "12025550101", "12125550199", "1-15083@127.1.0.1", 200,
    )  # fmt: skip
    assert first.headers["authenticator"] == "checked"
    assert "not made with this shared secret" in read(octets, "radius", secret=b"other").refused[0].reason
    assert read(octets, "radius").records[0].headers["authenticator"] == "not checked"


def test_a_radius_detail_file_of_a_gateway_is_read() -> None:
    entry = (
        'Sat Nov 21 10:00:00 2026\n\tAcct-Status-Type = Stop\n\tAcct-Session-Id = "ab12"\n'
        '\tCalling-Station-Id = "2155550100"\n\tCalled-Station-Id = "3105550111"\n'
        '\th323-setup-time = "h323-setup-time=09:59:30.250 EST Sat Nov 21 2026"\n'
        '\tCisco-AVPair = "h323-conf-id=AA BB CC"\n\th323-remote-address = "192.0.2.7"\n'
        '\th323-call-origin = "answer"\n\tAcct-Session-Time = 12\n\n'
    )
    found = read((entry + entry.replace("ab12", "ab13")).encode(), "radius")
    assert [row.call_id for row in found.records] == ["ab12", "ab13"]
    row = found.records[0]
    assert row.call_at == datetime(2026, 11, 21, 14, 59, 30, 250_000, tzinfo=UTC)
    assert (row.source_ip, row.duration_ms, row.headers["links"]) == ("192.0.2.7", 12_000, "h323:AA%20BB%20CC")


def test_asterisk_names_the_peers_by_its_channels_and_needs_a_zone() -> None:
    octets = (DATA / "asterisk-Master.csv").read_bytes()
    with pytest.raises(NeedsZone, match="--zone"):
        read(octets, "asterisk-csv")
    first, second, third = read(octets, "asterisk-csv", zone=EASTERN).records
    assert first.call_at == datetime(2026, 11, 20, 19, 10, 7, tzinfo=UTC)
    assert (first.headers["trunk-in"], first.headers["trunk-out"]) == ("PJSIP/carrierB", "PJSIP/carrierC")
    assert (first.duration_ms, second.duration_ms, third.disposition) == (16_000, 0, "busy")
    assert "answer" not in second.headers


def test_an_hour_that_came_twice_is_read_as_the_first_and_said_so() -> None:
    row = (DATA / "asterisk-Master.csv").read_text().splitlines()[0].replace("2026-11-20 14", "2026-11-01 01")
    record = only(row.encode(), "asterisk-csv", zone=EASTERN)
    assert record.call_at == datetime(2026, 11, 1, 5, 10, 7, tzinfo=UTC)
    assert record.headers["time-note"] == AMBIGUOUS


FREESWITCH = {
    "core-uuid": "c0", "switchname": "sw1", "variables": {
        "uuid": "aaaa-1", "bridge_uuid": "bbbb-2", "signal_bond": "bbbb-2", "direction": "inbound",
        "sip_call_id": "77%4010.0.0.9", "sip_network_ip": "10.0.0.9", "sip_network_port": "5060",
        "start_uepoch": "1795460100123456", "answer_uepoch": "1795460105000000", "end_uepoch": "1795460165000000",
        "mduration": "64876", "hangup_cause": "NORMAL_CLEARING", "hangup_cause_q850": "16",
        "proto_specific_hangup_cause": "sip:200",
    },
    "callflow": [{"caller_profile": {"caller_id_number": "%2B12155550100", "destination_number": "13105550111"}}],
}  # fmt: skip


@pytest.mark.parametrize("form", ["pretty", "line", "array", "posted"])
def test_freeswitch_json_is_read_in_every_form_in_which_it_comes(form: str) -> None:
    other = json.loads(json.dumps(FREESWITCH))
    other["variables"] |= {
        "uuid": "bbbb-2",
        "bridge_uuid": "aaaa-1",
        "direction": "outbound",
        "sip_network_ip": "10.0.0.7",
    }
    both = [FREESWITCH, other]
    octets = {
        "pretty": "\n".join(json.dumps(one, indent=1) for one in both),
        "line": "\n".join(json.dumps(one) for one in both),
        "array": json.dumps(both, indent=1),
        "posted": "\n".join("cdr=" + quote(json.dumps(one)) for one in both),
    }[form].encode()
    into, out = read(octets, "freeswitch-json").records
    assert (into.calling, into.called, into.call_id) == ("12155550100", "13105550111", "77@10.0.0.9")
    assert (into.source_ip, into.source_port, into.destination_ip) == ("10.0.0.9", 5060, "")
    assert (out.source_ip, out.destination_ip, out.headers["direction"]) == ("", "10.0.0.7", "out")
    assert set(into.headers["links"].split()) & set(out.headers["links"].split())
    assert (into.sip_status, into.duration_ms) == (200, 64_876)
    assert detect.recognised(octets, NOW).mapping.name == "freeswitch-json"


def test_the_default_template_of_mod_cdr_csv_is_read() -> None:
    row = (
        b'"Bob","2155550100","3105550111","public","2026-11-20 14:10:07","2026-11-20 14:10:12","2026-11-20 14:10:28",'
        b'"21","16","NORMAL_CLEARING","u1","u2","acc","PCMU","PCMU"\n'
    )
    record = only(row, "freeswitch-csv", zone=ZoneInfo("UTC"))
    assert (record.duration_ms, record.headers["links"]) == (16_000, "uuid:u1 uuid:u2")
    assert detect.recognised(row, NOW).mapping.name == "freeswitch-csv"


CUCM = (
    "cdrRecordType,globalCallID_callManagerId,globalCallID_callId,dateTimeOrigination,origIpAddr,callingPartyNumber,"
    "originalCalledPartyNumber,finalCalledPartyNumber,dateTimeConnect,dateTimeDisconnect,duration,destIpAddr,"
    "origDeviceName,destDeviceName,pkid\n"
    "INTEGER,INTEGER,INTEGER,INTEGER,INTEGER,VARCHAR(50),VARCHAR(50),VARCHAR(50),INTEGER,INTEGER,INTEGER,INTEGER,"
    "VARCHAR(129),VARCHAR(129),UNIQUEIDENTIFIER\n"
    '1,2,4711,1795460100,-1139627840,"2155550100","3105550111","3105550112",1795460105,1795460165,60,117440522,'
    '"TrunkA","TrunkB","p-1"\n'
    '1,2,4712,1795460100,0,"2155550100","3105550111","3105550111",0,1795460100,0,0,"TrunkA","","p-2"\n'
)


def test_cucm_is_read_by_name_with_its_turned_addresses_and_calls_of_no_length() -> None:
    first, second = read(CUCM.encode(), "cisco-cucm").records
    assert (first.source_ip, first.destination_ip) == ("192.168.18.188", "10.0.0.7")
    assert first.headers["links"] == "cucm:2-4711"
    assert (first.called, first.headers["to"]) == ("13105550112", "3105550111")
    assert (second.duration_ms, second.source_ip) == (0, "")
    assert detect.recognised(CUCM.encode(), NOW).mapping.name == "cisco-cucm"


def ribbon(kind: str, places: dict[int, str], length: int = 45) -> str:
    row = [""] * length
    row[0:7] = [kind, "SBC1", "0x0000AB", "12345", "GMT-05:00-Eastern Time", "11/20/2026", "14:10:07.3"]
    for place, text in places.items():
        row[place - 1] = text
    return ",".join(row)


def test_ribbons_numbers_are_where_each_kind_of_row_has_them() -> None:
    rows = [
        ribbon("START", {15: "2155550100", 16: "3105550111"}),
        ribbon("STOP", {11: "11/20/2026", 12: "14:11:07.3", 14: "6000", 15: "16", 20: "2155550100", 21: "3105550111",
                        34: "TG_IN", 31: "SBC1:TG_OUT", 40: '"a,b,c"'}),
        ribbon("ATTEMPT", {12: "34", 17: "2155550100", 18: "3105550111"}),
        ribbon("INTERMEDIATE", {12: "300", 17: "2155550100", 18: "3105550111"}),
        ribbon("REBOOT", {}),
    ]  # fmt: skip
    octets = ("\n".join(rows) + "\n").encode()
    found = read(octets, "ribbon-act")
    assert (len(found.records), found.passed, found.refused) == (4, 1, [])
    assert {(row.calling, row.called) for row in found.records} == {("12155550100", "13105550111")}
    start, stop, attempt, _ = found.records
    assert start.call_at == datetime(2026, 11, 20, 19, 10, 7, 300_000, tzinfo=UTC)
    assert start.headers["time-note"] == FIXED_OFFSET
    assert (stop.duration_ms, stop.headers["cause"], stop.headers["trunk-in"]) == (60_000, "16", "TG_IN")
    assert stop.headers["trunk-out"] == "TG_OUT"
    assert attempt.headers["cause"] == "34"
    assert len({row.headers["links"] for row in found.records}) == 1
    assert read(octets, "ribbon-act", zone=EASTERN).records[0].headers.get("time-note") is None
    assert detect.recognised(octets[: octets.index(b"REBOOT")], NOW).mapping.name == "ribbon-act"


def acme(length: int) -> str:
    row = [""] * length
    row[0], row[3] = "2", '"1-15083@192.0.2.1"'
    row[9] = '"\'SOME "CALLER" NAME\'<sip:12155550100@192.0.2.1:5060;user=phone>;tag=SD1"'
    row[10] = '"<sip:13105550111@198.51.100.2:5060>"'
    row[12:16] = [
        "12",
        '"15:54:56.868 PST DEC 18 2017"',
        '"15:54:58.000 PST DEC 18 2017"',
        '"15:55:10.000 PST DEC 18 2017"',
    ]
    row[21:23] = ["out-realm", "in-realm"]
    shift = 0
    row[26 + shift], row[28 + shift] = "192.0.2.1", "198.51.100.2"
    return ",".join(row)


@pytest.mark.parametrize("length", [175, 269])
def test_acme_stop_rows_are_calls_though_their_quotes_are_loose(length: int) -> None:
    octets = f"1,start row\n{acme(length)}\n3,interim\n".encode()
    found = read(octets, "oracle-acme")
    assert (len(found.records), found.passed, [one.reason for one in found.refused]) == (1, 2, [])
    row = found.records[0]
    assert row.call_at == datetime(2017, 12, 18, 23, 54, 56, 868_000, tzinfo=UTC)
    assert (row.calling, row.called, row.duration_ms) == ("12155550100", "13105550111", 12_000)
    assert (row.source_ip, row.destination_ip) == ("192.0.2.1", "198.51.100.2")
    assert (row.headers["trunk-out"], row.headers["trunk-in"]) == ("out-realm", "in-realm")


def sansay() -> str:
    row = [""] * 59
    row[0:13] = ["002452502", "V1.10", "R", "WithMedia", "181-1@192.0.2.28", "0001", "Fri Nov 20 14:10:07 2026",
                 "Fri Nov 20 14:10:12 2026", "Fri Nov 20 14:11:12 2026", "300", "NormalEnd", "16", "T"]  # fmt: skip
    row[13:20] = ["000200", "SIP", "2155550100", "192.0.2.9:5060", "9001#3105550111", "192.0.2.28", "in@192.0.2.9"]
    row[32:39] = ["000300", "SIP", "2155550100", "192.0.2.28", "3105550111", "198.51.100.7", "out@192.0.2.28"]
    row[51:58] = ["F", "3105550111", "60", "2", "5", "60250", "conf"]
    return ";".join(row)


def test_sansay_has_both_call_ids_in_one_row() -> None:
    octets = f"{sansay()}\n".encode()
    row = only(octets, "sansay")
    assert row.call_at == datetime(2026, 11, 20, 19, 10, 7, tzinfo=UTC)
    assert (row.call_id, row.headers["call-id-out"]) == ("in@192.0.2.9", "out@192.0.2.28")
    assert (row.source_ip, row.destination_ip, row.called) == ("192.0.2.9", "198.51.100.7", "13105550111")
    assert (row.duration_ms, row.headers["released-by"]) == (60_250, "termination")
    assert "call-id:out@192.0.2.28" in row.headers["links"]
    assert detect.recognised(octets, NOW).mapping.name == "sansay"


def test_bandwidths_twelve_hour_clock_is_utc() -> None:
    octets = (
        b"AccountNumber,CallStartDateTime,CallEndDateTime,CallType,CallSource,CallDestination,Duration,CallID,"
        b"BdrID,SourceIP,DestinationIP,LRN\n"
        b"1,11/20/2026 2:10:07 PM,11/20/2026 2:11:07 PM,INTERSTATE,+12155550100,+13105550111,60,c1,"
        b"b1,192.0.2.1,198.51.100.2,1310\n"
    )
    row = only(octets, "bandwidth-bdr")
    assert row.call_at == datetime(2026, 11, 20, 14, 10, 7, tzinfo=UTC)
    assert (row.call_id, row.duration_ms, row.headers["lrn"]) == ("c1", 60_000, "1310")


@pytest.mark.parametrize(("file", "name"), [
    ("kamailio-acc-carrierA.csv", "kamailio-acc"), ("kamailio-missed_calls-carrierA.csv", "kamailio-acc"),
    ("kamailio-acc_cdrs-carrierC.csv", "kamailio-acc-cdrs"),
    ("kamailio-acc-syslog-carrierC.log", "kamailio-acc-syslog"),
    ("asterisk-Master.csv", "asterisk-csv"), ("kamailio-acc_radius-accounting-request.hex", "radius"),
])  # fmt: skip
def test_a_recorded_file_shows_its_format_and_why(file: str, name: str) -> None:
    found = detect.recognised((DATA / file).read_bytes(), NOW)
    assert found.mapping.name == name
    assert "can be read" in found.reason


def test_what_is_no_known_format_is_not_guessed_at() -> None:
    for octets in (b"", b"\x00\x01\x02", b"a,b,c\n1,2,3\n", b"{}", b"hello world\n" * 50):
        with pytest.raises(detect.UnknownLayout, match="--format"):
            detect.recognised(octets, NOW)


def test_every_preset_says_what_it_was_checked_against() -> None:
    for one in mapping.presets().values():
        assert one.note, one.name
        assert one.standing is not mapping.Standing.OWN, one.name
