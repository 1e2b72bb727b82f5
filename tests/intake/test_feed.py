import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.calls.records import REJECT_OCTETS, RecordKind, SourceKind
from headwater.identifiers import record_id
from headwater.intake import feed
from headwater.intake.feed import read_lines
from headwater.intake.sources import Source
from headwater.wire.events import FeedEvent

NOW = datetime(2026, 11, 24, 15, 5, tzinfo=UTC)
APP = Source(source_id="ORG-APP", source_kind=SourceKind.APP)
PLAIN = {"event_id": "e1", "call_at": "2026-11-24T15:04:05Z", "calling": "+12155550100", "called": "+13105550111"}


def line(**changes: Any) -> bytes:
    return json.dumps({name: value for name, value in (PLAIN | changes).items() if value is not ...}).encode()


def reason(octets: bytes) -> str:
    """Return why the one line was refused."""
    batch = read_lines(octets, APP, NOW)
    assert not batch.records
    assert len(batch.rejects) == 1
    return batch.rejects[0].reason


def test_a_full_event_becomes_a_record_with_its_octets() -> None:
    octets = line(
        calling="anonymous",
        duration_s=12.3456,
        ring_s=0,
        disposition="voicemail",
        transcript='Día \u4f60\u597d "quoted": yes',
        language="en",
        labels=["a", "called"],
        is_recorded_message=True,
        terminating_spc="709J",
        call_id="x@y",
        identity="aaa.eyJhdHRlc3QiOiJCIiwib3JpZ2lkIjoiby0xIn0.sig;info=<https://x>;alg=ES256",
    )
    (record,) = read_lines(octets, APP, NOW).records
    assert record.record_id == record_id("ORG-APP", "e1")
    assert (record.record_kind, record.source_kind) == (RecordKind.REPORT, SourceKind.APP)
    assert record.call_at == datetime(2026, 11, 24, 15, 4, 5, tzinfo=UTC)
    assert record.received_at == NOW
    assert (record.calling, record.calling_raw, record.called) == ("", "anonymous", "13105550111")
    assert (record.duration_ms, record.ring_ms, record.disposition) == (12_346, 0, "voicemail")
    assert record.transcript == 'Día 你好 "quoted": yes'
    assert record.labels == ["a", "called"]
    assert (record.attest, record.origid) == ("B", "o-1")
    assert record.identity_digest == sha256(b"aaa.eyJhdHRlc3QiOiJCIiwib3JpZ2lkIjoiby0xIn0.sig").hexdigest()
    assert record.raw == octets
    assert record.raw_sha256 == sha256(octets).digest()


def test_what_is_absent_is_unknown_and_not_zero() -> None:
    (record,) = read_lines(line(), APP, NOW).records
    assert (record.duration_ms, record.ring_ms, record.disposition, record.transcript) == (-1, -1, "unknown", "")


def test_lines_are_judged_for_themselves_and_named_by_number() -> None:
    body = b"\n".join(
        [line(event_id="a"), b"", b"{bad", b"  \t\r", line(event_id="b") + b"\r", line(event_id="c", called="x")]
    )
    batch = read_lines(body, APP, NOW)
    assert [record.event_id for record in batch.records] == ["a", "b"]
    assert batch.lines == [1, 5]
    assert [(one.line, one.event_id) for one in batch.rejects] == [(3, ""), (6, "c")]
    assert [(kept.position, kept.raw) for kept in batch.kept] == [(3, b"{bad"), (6, line(event_id="c", called="x"))]


@pytest.mark.parametrize("body", [b"", b"\n", b"\n\n \r\n"])
def test_a_body_without_lines_holds_nothing(body: bytes) -> None:
    batch = read_lines(body, APP, NOW)
    assert not batch.records
    assert not batch.rejects


# -- the type traps of JSON readers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"event_id": ...}, "event_id"),
        ({"event_id": ""}, "event_id"),
        ({"event_id": 7}, "event_id"),
        ({"event_id": "x" * 257}, "event_id"),
        ({"call_at": ...}, "call_at"),
        ({"call_at": None}, "call_at"),
        ({"call_at": 1764000000}, "call_at"),
        ({"call_at": 1764000000123}, "call_at"),
        ({"call_at": "1764000000"}, "call_at"),
        ({"call_at": "01/02/2026 03:04:05"}, "call_at"),
        ({"call_at": "2026-11-24T15:04:05"}, "call_at"),
        ({"call_at": "2026-11-24"}, "call_at"),
        ({"call_at": "2026-02-30T00:00:00Z"}, "call_at"),
        ({"call_at": "1970-01-01T00:00:00Z"}, "before 2000"),
        ({"call_at": "2026-11-26T00:00:00Z"}, "ahead"),
        ({"call_at": "0001-01-01T00:00:00+23:00"}, ""),
        ({"called": ...}, "called"),
        ({"called": ""}, "called"),
        ({"called": "anonymous"}, "called"),
        ({"called": "+1 (310) 555-0111 ext 7"}, "called"),
        ({"called": None}, "called"),
        ({"calling": ...}, "calling"),
        ({"calling": "9" * 257}, "calling"),
        ({"duration_s": -0.1}, "duration_s"),
        ({"duration_s": 86_401}, "duration_s"),
        ({"duration_s": "12"}, "duration_s"),
        ({"duration_s": float("nan")}, "JSON"),
        ({"duration_s": float("inf")}, "JSON"),
        ({"ring_s": 3_601}, "ring_s"),
        ({"disposition": "dropped"}, "disposition"),
        ({"transcript": 5}, "transcript"),
        ({"transcript": "x" * 100_001}, "transcript"),
        ({"labels": "spam"}, "labels"),
        ({"labels": ["x"] * 33}, "labels"),
        ({"labels": [["x"]]}, "labels"),
        ({"transcipt": "misspelt"}, "transcipt"),
        ({"transcript": "a\x00b"}, "NUL"),
        ({"labels": ["a\x00"]}, "NUL"),
        ({"identity": "x" * 8_193}, "identity"),
    ],
)
def test_a_value_that_another_reader_may_take_otherwise_is_refused(changes: dict[str, Any], word: str) -> None:
    assert word in reason(line(**changes))


@pytest.mark.parametrize(
    ("octets", "word"),
    [
        (b"null", "object"),
        (b"[]", "object"),
        (b"[" + line() + b"]", "object"),
        (b'"text"', "object"),
        (line() + line(), "JSON"),
        (b"\xef\xbb\xbf" + line(), "JSON"),
        (line()[:-1] + b',"transcript":"\xff"}', "UTF-8"),
        (line()[:-1] + b',"transcript":"\\ud800"}', "JSON"),
        (line()[:-1] + b',"transcript":"a\x00b"}', "JSON"),
        (line()[:-1] + b',"transcript":"a\tb"}', "JSON"),
        (line()[:-1] + b',"called":"+13105550112"}', "twice"),
        (line()[:-1] + b',"called" :"+13105550112"}', "twice"),
        (line()[:-1] + b',"called"\t:"+13105550112"}', "twice"),
        (line()[:-1] + b',"c\\u0061lled":"+13105550112"}', "twice"),
        (b"[" * 200_000, ""),
        (b'{"a":' * 40_000, ""),
        (b"x" * 262_145, "octets"),
    ],
)
def test_octets_that_are_no_event_are_refused(octets: bytes, word: str) -> None:
    assert word in reason(octets)


def test_offsets_are_turned_into_utc_and_microseconds_kept() -> None:
    (record,) = read_lines(line(call_at="2026-11-24T10:04:05.123456-05:00"), APP, NOW).records
    assert record.call_at == datetime(2026, 11, 24, 15, 4, 5, 123_456, tzinfo=UTC)


def test_an_escaped_quote_before_a_colon_is_text_and_no_member() -> None:
    assert len(read_lines(line(transcript='he said "called": 5 and "called" : 6'), APP, NOW).records) == 1
    assert len(read_lines(line(transcript="back\\slash \\u0000 written out"), APP, NOW).records) == 1


# -- bounds ----------------------------------------------------------------------------------------------------------


def test_a_line_of_the_longest_length_is_taken_and_one_octet_more_is_not() -> None:
    base = len(line(transcript=""))
    longest = line(transcript="x" * 90_000) + b""
    assert len(read_lines(longest, APP, NOW).records) == 1
    assert base < feed.LINE_OCTETS
    padded = line()[:-1] + b" " * (feed.LINE_OCTETS - len(line())) + b"}"
    assert len(padded) == feed.LINE_OCTETS
    assert len(read_lines(padded, APP, NOW).records) == 1
    assert "octets" in reason(padded[:-1] + b" }")


def test_a_body_of_too_many_lines_is_refused_before_it_is_cut() -> None:
    with pytest.raises(feed.TooManyLines):
        read_lines(b"\n" * feed.BODY_LINES, APP, NOW)


def test_of_a_body_of_garbage_only_so_many_octets_are_kept() -> None:
    body = b"\n".join(b"x" * 20_000 for _ in range(200))
    batch = read_lines(body, APP, NOW)
    assert len(batch.rejects) == 200
    assert all(len(kept.raw) == REJECT_OCTETS and kept.raw_length == 20_000 for kept in batch.kept)
    assert sum(len(kept.raw) for kept in batch.kept) <= feed.KEPT_OCTETS + REJECT_OCTETS
    assert batch.kept[0].raw_sha256 == sha256(b"x" * 20_000).digest()


def test_parts_join_to_the_whole() -> None:
    body = b"\n".join(line(event_id=f"e{n}") if n % 3 else b"{" for n in range(50))
    whole = read_lines(body, APP, NOW)
    joined = feed.FeedBatch(records=[], lines=[], rejects=[], kept=[])
    for part in feed.read_in_parts(body, APP, NOW, lines_a_part=7):
        joined.add(part)
    assert joined == whole


# -- properties ------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=600))
def test_any_octets_are_read_or_refused_with_a_reason(body: bytes) -> None:
    batch = read_lines(body, APP, NOW)
    lines = [part for part in body.split(b"\n") if part.strip(b" \t\r")]
    assert len(batch.records) + len(batch.rejects) == len(lines)
    assert all(one.reason for one in batch.rejects)


texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=200)
events = st.fixed_dictionaries(
    {
        "event_id": texts.filter(bool),
        "call_at": st.integers(0, 848_000_000).map(
            lambda seconds: (feed.EARLIEST + timedelta(seconds=seconds)).isoformat()
        ),
        "calling": texts,
        "called": st.from_regex(r"\+1[2-9][0-9]{9}", fullmatch=True),
    },
    optional={
        "transcript": texts,
        "labels": st.lists(texts.map(lambda text: text[:128]), max_size=5),
        "duration_s": st.floats(0, 86_400),
        "ring_s": st.floats(0, 3_600),
        "identity": texts,
    },
)


@given(events, st.sampled_from(["ascii", "utf-8"]), st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")]))
def test_every_event_of_the_contract_is_read_whatever_its_spelling(
    event: dict[str, Any],
    letters: str,
    separators: tuple[str, str],
) -> None:
    octets = json.dumps(event, ensure_ascii=letters == "ascii", separators=separators).encode()
    (record,) = read_lines(octets, APP, NOW).records
    assert record.transcript == event.get("transcript", "")
    assert record.labels == event.get("labels", [])
    assert record.raw == octets
    assert record.call_at == datetime.fromisoformat(event["call_at"])


@given(st.lists(st.one_of(events.map(lambda e: json.dumps(e).encode()), st.binary(max_size=60)), max_size=8))
def test_a_bad_line_never_costs_its_neighbours(lines: list[bytes]) -> None:
    lines = [part.replace(b"\n", b" ") for part in lines]
    together = read_lines(b"\n".join(lines), APP, NOW)
    alone = [record for part in lines for record in read_lines(part, APP, NOW).records]
    assert together.records == alone


def test_the_contract_and_the_reader_name_the_same_members() -> None:
    assert set(feed._Line.__struct_fields__) == set(FeedEvent.__struct_fields__)


def test_a_call_of_tomorrow_is_within_a_clocks_error() -> None:
    ahead = (NOW + timedelta(hours=23)).isoformat()
    assert len(read_lines(line(call_at=ahead), APP, NOW).records) == 1
