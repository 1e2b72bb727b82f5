"""Called numbers that a source does not want kept are gone from every column, at every door."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.calls.columns import NAMES
from headwater.calls.records import CallRecord, SourceKind
from headwater.intake import discretion, feed, feed_columns
from headwater.intake.sources import Admission, Register, Source
from headwater.numbering.numbers import E164, CalledNumbers, display, masked, npa, npa_nxx, shortened, state
from tests.intake.senders import MemoryWriter, run, send_tcp, until
from tests.intake.test_listeners import door, sip_frame
from tests.intake.test_sip import invite

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = [CalledNumbers.SHORTENED, CalledNumbers.DROPPED]
national = st.from_regex(r"[2-9][0-8][0-9][2-9][0-9]{6}", fullmatch=True)


def source(rule: CalledNumbers) -> Source:
    return Source(source_id="ORG-1", source_kind=SourceKind.APP, called_numbers=rule)


def line(called: str, **more: object) -> bytes:
    said = {"event_id": "e1", "call_at": "2026-03-02T11:59:00Z", "calling": "+12155550100", "called": called}
    return json.dumps(said | more, separators=(",", ":")).encode()


def digits(record: CallRecord) -> str:
    """Everything that a record holds, as digits alone."""
    return re.sub(r"\D", "", msgspec.json.encode(record).decode()) + re.sub(r"\D", "", record.raw.decode("latin-1"))


@given(national, st.sampled_from(RULES), st.sampled_from(["+1{}", "{}", "1-{}", "tel:+1{}"]))
def test_no_field_of_a_report_holds_the_number_and_the_mark_says_why(
    number: str, rule: CalledNumbers, form: str
) -> None:
    sent = line(form.format(number), call_id=f"{number[:3]}-{number[3:6]}-{number[6:]}@pbx", labels=["scam"])
    batch = feed.read_lines(sent, source(rule), NOW)
    batch.keep_only(rule)
    (record,) = batch.records
    assert number not in digits(record)
    assert (record.called_raw, record.raw, record.call_id) == ("", b"", "")
    assert record.headers == {"called-number": rule.value}
    assert record.called == ("1" + number[:6] if rule is CalledNumbers.SHORTENED else "")
    assert record.calling == "12155550100"


@pytest.mark.parametrize("rule", RULES)
def test_a_body_that_is_read_by_columns_is_kept_as_one_that_is_read_by_lines(rule: CalledNumbers) -> None:
    lines = [
        line(f"+1310555{number:04}", event_id=f"e{number}", is_recorded_message=number % 2 == 0, call_id=f"c{number}")
        for number in range(200)
    ]
    body = b"\n".join(lines)
    careful = feed.read_lines(body, source(rule), NOW)
    careful.keep_only(rule)
    quick = feed.FeedBatch(records=[], lines=[], rejects=[], kept=[])
    quick.table = feed_columns.read_body(body, source(rule), NOW)
    quick.keep_only(rule)
    assert "raw" not in quick.table.column_names
    rows = quick.table.to_pylist()
    for record, row in zip(careful.records, rows, strict=True):
        said = msgspec.structs.asdict(record)
        for name in NAMES:
            if name in row and name != "record_id":
                found = dict(row[name]) if name == "headers" else row[name]
                wanted = getattr(said[name], "value", said[name])
                assert found == wanted, name


@pytest.mark.parametrize("rule", RULES)
def test_a_refused_line_leaves_its_reason_and_no_octets(rule: CalledNumbers) -> None:
    batch = feed.read_lines(line("+13105550111", duration_s=-1), source(rule), NOW)
    batch.keep_only(rule)
    (reject,) = batch.kept
    assert (reject.raw, reject.raw_length > 50) == (b"", True)
    assert batch.rejects[0].reason


def test_a_source_that_says_nothing_keeps_everything() -> None:
    batch = feed.read_lines(line("+13105550111"), source(CalledNumbers.KEPT), NOW)
    before = list(batch.records)
    batch.keep_only(CalledNumbers.KEPT)
    assert batch.records == before
    assert batch.records[0].raw


def test_a_captured_message_loses_every_header_that_names_the_called_number() -> None:
    own = Register(
        [Admission(source=Source(source_id="709J", called_numbers=CalledNumbers.SHORTENED), auth_key="lab-nA-key")]
    )

    async def scene() -> None:
        writer = MemoryWriter()
        async with door(writer, own) as listeners:
            message = invite().replace(
                b"\r\n\r\n", b"\r\nDiversion: <sip:+12125550150@x>\r\nX-Dialed: 2125550150\r\n\r\n", 1
            )
            await send_tcp(listeners.port, [sip_frame(message), sip_frame(b"rubbish for +12125550150")])
            await until(lambda: len(writer.kept) == 1)
            (record,) = writer.kept
            assert record.headers["called-number"] == "shortened"
            assert not set(record.headers) & {"to", "diversion", "contact", "x-dialed"}
            assert record.raw == b""
            assert b"5550150" not in msgspec.json.encode(record)
            assert not any(b"5550150" in kept.octets for kept in listeners.counters.rejects)

    run(scene())


@given(national)
def test_a_shortened_number_tells_area_and_office_and_is_no_whole_number(number: str) -> None:
    short = shortened(E164("1" + number))
    whole = E164("1" + number)
    assert (npa(short), npa_nxx(short), state(short)) == (npa(whole), npa_nxx(whole), state(whole))
    assert masked(short) == masked(whole)
    assert display(short).endswith("…")
    assert shortened(short) == short


def test_a_foreign_number_keeps_its_country_alone() -> None:
    assert shortened(E164("442071838750")) == "44"
    assert shortened(E164("911")) in {"", "91"}
    assert shortened(E164("")) == ""


def test_what_is_shortened_once_stays_so() -> None:
    batch = feed.read_lines(line("+13105550111"), source(CalledNumbers.SHORTENED), NOW)
    once = discretion.records(batch.records, CalledNumbers.SHORTENED)
    assert discretion.records(once, CalledNumbers.SHORTENED) == once
    assert replace(source(CalledNumbers.KEPT), called_numbers=CalledNumbers.SHORTENED) == source(
        CalledNumbers.SHORTENED
    )
