"""Real scripts, benign messages and call records for the tests of campaigns and alerts."""

import json
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from headwater.calls.records import CallRecord, RecordKind, SourceKind
from headwater.identifiers import record_id
from headwater.numbering.numbers import canonical

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
#: One subscriber each in Michigan, Ohio, Michigan, Pennsylvania.
CALLED = ("+13135550101", "+16145550102", "+15175550103", "+12155550104")
#: Two senders in turn: what one alone tells of is not confirmed.
SOURCES = ("FP-TESTTESTTE", "FP-OTHERTESTT")
#: Messages that are no scam: what pharmacies, schools, banks, clinics and neighbours leave. Written for the tests.
BENIGN = (Path(__file__).parent / "benign.txt").read_text("utf-8").splitlines()


def held_out() -> list[dict[str, Any]]:
    """Return the labelled calls that the program does not know."""
    text = files("headwater.simulator").joinpath("data/calls.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def scripts_of(campaign: str) -> list[str]:
    """Return the held-out transcripts of one campaign, in file order."""
    return [row["transcript"] for row in held_out() if row["campaign"] == campaign]


def report(number: int, transcript: str, *, at: datetime = NOW, called: str = CALLED[0], **other: Any) -> CallRecord:
    """Return the report of one call; ``number`` makes it another call."""
    source, event = SOURCES[number % len(SOURCES)], f"event-{number}"
    fields = {
        "record_id": record_id(source, event),
        "record_kind": RecordKind.REPORT,
        "source_kind": SourceKind.APP,
        "source_id": source,
        "event_id": event,
        "call_at": at,
        "received_at": at + timedelta(seconds=2),
        "calling": canonical(f"+1202555{number % 10_000:04d}"),
        "called": canonical(called),
        "terminating_spc": "709J",
        "transcript": transcript,
        "raw_sha256": sha256(b"").digest(),
    }
    return CallRecord(**{**fields, **other})


def reports(transcripts: Iterable[str], *, start: datetime = NOW, first: int = 1) -> list[CallRecord]:
    """Return one report a transcript, ten seconds apart, called numbers in turn."""
    return [
        report(first + i, text, at=start + timedelta(seconds=10 * i), called=CALLED[i % len(CALLED)])
        for i, text in enumerate(transcripts)
    ]


def numbered(index: int) -> uuid.UUID:
    """Return the identifier that ``index`` stands for."""
    return uuid.UUID(int=index)


class CallLog:
    """An in-memory twin of the call store, as far as the detector reads it."""

    def __init__(self, records: Sequence[CallRecord] = ()) -> None:
        self.held = list(records)

    def received_since(self, at: datetime, *, limit: int) -> list[CallRecord]:
        """Return what was received after ``at``, oldest first; ties with the last one come along."""
        rows = sorted(
            (record for record in self.held if record.received_at > at), key=lambda r: (r.received_at, r.record_id)
        )
        if len(rows) > limit:
            rows = [row for row in rows if row.received_at <= rows[limit - 1].received_at]
        return rows

    def records(self, ids: Sequence[uuid.UUID]) -> list[CallRecord]:
        """Return the records of these identifiers that are there."""
        return [record for record in self.held if record.record_id in set(ids)]
