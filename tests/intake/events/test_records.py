"""The neutral event of every source, as a line of the feed or as a CloudEvents body."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from headwater.calls import columns
from headwater.calls.records import CallRecord, RecordKind, SourceKind
from headwater.identifiers import record_id
from headwater.intake import feed
from headwater.intake.sources import Source
from tests.intake.events.neutral import DATA, envelope, octets

NOW = datetime(2026, 11, 24, 15, 5, tzinfo=UTC)
APP = Source(source_id="ORG-APP", source_kind=SourceKind.COMPLAINT)


def record(kind: str = "call.reported", **changes: Any) -> CallRecord:
    data = {name: value for name, value in (DATA | changes).items() if value is not ...}
    (one,) = feed.read_lines(octets(data=data, type=kind), APP, NOW).records
    columns.of_records([one], [0])
    return one


def reason(line: bytes) -> str:
    batch = feed.read_lines(line, APP, NOW)
    assert not batch.records
    return batch.rejects[0].reason


def test_every_field_of_an_event_reaches_the_record() -> None:
    one = record(
        kind="call.blocked",
        observed_at="2026-11-24T15:04:30-05:00"[:19] + "Z",
        calling={"raw": "+12155550100", "presentation": "IRS", "kind": "mobile"},
        called={"e164": "+13105550111", "area": "310", "state": "CA"},
        advertised_callback={"raw": "1-800-555-0199"},
        duration_s=2.5,
        ring_s=1,
        labels=[{"scheme": "hiya", "value": "FRAUD", "score": 0.91, "scale_min": 0, "scale_max": 1}],
        category="impersonation",
        is_recorded_message=True,
        content={
            "transcript": "press one",
            "language": "en",
            "asr": "whisper",
            "audio": "s3://x/1",
            "sha256": "a" * 64,
        },
        network={"terminating_spc": "709J", "verstat": "TN-Validation-Failed", "call_id": "x@y", "block_status": 603},
        volume={"count": 40, "window_s": 3600},
        provenance={"licence": "contract", "method": "app user", "verified": False},
        ground={"consent": "terms of service"},
    )
    assert one.record_id == record_id("ORG-APP", "https://app.example/reports n1")
    assert (one.calling, one.called, one.disposition) == ("12155550100", "13105550111", "blocked")
    assert (one.duration_ms, one.ring_ms, one.terminating_spc, one.call_id) == (2500, 1000, "709J", "x@y")
    assert (one.transcript, one.language, one.labels) == ("press one", "en", ["hiya=FRAUD"])
    assert one.headers == {
        "event_type": "call.blocked",
        "call_at_precision": "second",
        "observed_at": "2026-11-24T15:04:30+00:00",
        "callback": "18005550199",
        "callback_raw": "1-800-555-0199",
        "category": "impersonation",
        "calling_presentation": "IRS",
        "calling_kind": "mobile",
        "called_area": "310",
        "called_state": "CA",
        "recorded_message": "yes",
        "labels": '[{"scheme":"hiya","value":"FRAUD","score":0.91,"scale_min":0.0,"scale_max":1.0}]',
        "asr": "whisper",
        "audio": "s3://x/1",
        "audio_sha256": "a" * 64,
        "verstat": "TN-Validation-Failed",
        "block_status": "603",
        "volume_count": "40",
        "volume_window_s": "3600",
        "licence": "contract",
        "collected_by": "app user",
        "source_verified": "no",
        "consent": "terms of service",
    }


def test_a_day_stays_a_day_and_is_no_midnight() -> None:
    one = record(call_at="2026-11-23")
    assert one.call_at == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert one.headers["call_at_precision"] == "day"
    assert one.headers["call_at_zone"] == "unknown"


def test_a_time_without_a_zone_is_taken_only_where_the_source_says_that_it_knows_none() -> None:
    assert "has no zone" in reason(octets(data=DATA | {"call_at": "2026-11-24T10:00:00"}))
    one = record(call_at="2026-11-24T10:00:00", tz_known=False, precision="minute")
    assert (one.headers["call_at_precision"], one.headers["call_at_zone"]) == ("minute", "unknown")


def test_a_complaint_without_any_date_says_so() -> None:
    one = record(kind="complaint.filed", call_at=..., observed_at="2026-11-20T00:00:00Z")
    assert one.call_at == datetime(2026, 11, 20, tzinfo=UTC)
    assert one.headers["call_at_precision"] == "unknown"
    assert "no time at all" in reason(octets(data={"calling": {"raw": "2155550100"}}, type="complaint.filed"))
    assert "needs data.call_at" in reason(octets(data={"calling": {"raw": "2155550100"}}))


def test_what_a_vendor_holds_of_a_number_is_no_call() -> None:
    opinion = record(kind="number.reputation", call_at=..., observed_at="2026-11-24T00:00:00Z")
    assert opinion.record_kind is RecordKind.REPUTATION
    assert record().record_kind is RecordKind.REPORT


def test_an_impossible_caller_is_kept_and_named_as_such() -> None:
    one = record(calling={"raw": "0000000000"})
    assert one.headers["calling_possible"] == "no"
    assert "calling_possible" not in record(calling={"raw": "+12159990100"}).headers


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (octets(data={"call_at": "2026-11-24T15:04:05Z"}), "names no telephone number"),
        (octets(data=DATA | {"call_at": "yesterday"}), "neither RFC 3339 nor a date"),
        (octets(data=DATA | {"call_at": "1971-01-01"}), "before 2000"),
        (octets(data=DATA | {"call_at": "2026-11-24", "precision": "second"}), "cannot be exact to the second"),
        (octets(data=DATA | {"nonsense": 1}), "nonsense"),
        (octets(data=DATA | {"category": "spam"}), "category"),
        (octets(type="call.dropped"), "type"),
        (octets(specversion="0.3"), "specversion"),
        (octets(source=...).replace(b'"id"', b'"specversion" : "1.0", "id"'), "source"),
        (octets().replace(b'"area"', b'"area"')[:-1] + b',"data":{"calling":{"raw":"1"}}}', "stands twice"),
        (octets(data=DATA | {"content": {"transcript": "a\x00b"}}), "NUL"),
        (octets(time="2026-11-24T15:00:00"), "has no zone"),
    ],
)
def test_what_is_refused_says_why(line: bytes, said: str) -> None:
    assert said in reason(line)


def test_extension_attributes_of_the_envelope_pass() -> None:
    (one,) = feed.read_lines(octets(traceparent="00-aa", subject="+12155550199"), APP, NOW).records
    assert one.calling == "12155550100"


def test_the_subject_is_the_calling_number_where_the_data_has_none() -> None:
    data = DATA | {"calling": {}}
    (one,) = feed.read_lines(octets(subject="+12155550199", data=data), APP, NOW).records
    assert (one.calling, one.calling_raw) == ("12155550199", "+12155550199")


def test_a_batch_is_judged_event_by_event_and_keeps_each_ones_octets() -> None:
    body = json.dumps([envelope(id="a"), {"no": "event"}, envelope(id="b"), 7], indent=1).encode()
    (batch,) = feed.read_cloud_events(body, APP, NOW, batched=True)
    assert [one.event_id.rpartition(" ")[2] for one in batch.records] == ["a", "b"]
    assert batch.lines == [1, 3]
    assert [reject.line for reject in batch.rejects] == [2, 4]
    assert json.loads(batch.records[0].raw) == envelope(id="a")
    with pytest.raises(feed.BadLine, match="no JSON array"):
        list(feed.read_cloud_events(b"{}", APP, NOW, batched=True))


def test_one_event_may_be_written_over_several_lines() -> None:
    (batch,) = feed.read_cloud_events(json.dumps(envelope(), indent=2).encode(), APP, NOW, batched=False)
    assert len(batch.records) == 1
