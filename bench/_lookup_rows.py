"""Millions of calls made by the engine itself, through the real table and its views, for ``bench.lookup``.

Each row follows from its number, so that any of them can be named again without reading the table. Calls are spread
over the days evenly by time; one caller in five is one of 20,000 that call often; called numbers are random.
"""

import random
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headwater.calls.lookups import Wanted
from headwater.calls.store import CallStore

LAST_DAY = datetime(2026, 11, 20, tzinfo=UTC)
A_TIME = 1_000_000
"""Rows of one insert: each becomes one part a day that it touches."""
MERGED_S = 120
"""How long the fill waits for the engine's own merges at its end."""

_AT = "addMicroseconds(toDateTime64({first_day:String}, 6, 'UTC'), toInt64(number * {step:Float64}))"
_CALLER = (
    "toUInt64(concat('11', toString(2000000000 + if(sipHash64(number, 1) % 5 = 0, sipHash64(number, 2) % 20000, "
    "sipHash64(number, 3) % 8000000000))))"
)
_CALLED = "toUInt64(concat('11', toString(2000000000 + sipHash64(number, 4) % 8000000000)))"
_INSERT = f"""
INSERT INTO calls (record_kind, source_kind, source_id, event_id, call_at, version, calling_digits, called_digits,
    calling_form, called_form, duration_ms, ring_ms, disposition, call_id, attest, origid, terminating_spc, raw_sha256)
SELECT 'cdr', 'carrier', concat('ORG-', toString(number % 40)), concat('cdr-', toString(number)), {_AT} AS at,
    9223372036854775807 - toUnixTimestamp64Micro(at) - 2000000 - sipHash64(number, 9) % 3000000, {_CALLER}, {_CALLED},
    '+', '+', sipHash64(number, 5) % 90000, sipHash64(number, 6) % 20000,
    ['answered', 'answered', 'voicemail', 'unknown'][1 + number % 4], concat(hex(sipHash64(number, 7)), '@sbc'),
    ['A', 'B', 'C', ''][1 + sipHash64(number, 8) % 4], '', ['709J', '505K', '226D'][1 + number % 3], ''
FROM numbers({{first:UInt64}}, {{count:UInt64}}) SETTINGS max_execution_time = 0
"""  # noqa: S608 - constants
_NAMED = f"SELECT {_CALLER}, {_CALLED}, {_AT} FROM (SELECT arrayJoin({{numbers:Array(UInt64)}}) AS number)"  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The calls of one bench: ``most`` over ``days`` days, of which any number may be stored yet."""

    most: int
    days: int

    def _said(self) -> dict[str, object]:
        first = LAST_DAY - timedelta(days=self.days - 1)
        return {"first_day": f"{first:%Y-%m-%d %H:%M:%S}", "step": self.days * 86_400e6 / self.most}

    def fill(self, store: CallStore, held: int, size: int) -> float:
        """Store the calls from ``held`` to ``size``, let the engine merge, and return the seconds that it took."""
        started = time.monotonic()
        with store.engine.client(store.database) as client:
            for first in range(held, size, A_TIME):
                count = min(A_TIME, size - first)
                client.command(_INSERT, parameters={**self._said(), "first": first, "count": count})
                if (first + count) % 10_000_000 == 0:
                    print(f"  {first + count:,} rows after {time.monotonic() - started:,.0f} s", file=sys.stderr)
            filled = time.monotonic() - started
            while time.monotonic() - started < filled + MERGED_S:
                time.sleep(2)
                if client.query("SELECT count() FROM system.merges").first_row[0] == 0:
                    break
        return time.monotonic() - started

    def wanted(self, store: CallStore, size: int, number: int, *, seed: int) -> list[Wanted]:
        """Return calls that are stored, as somebody names them whose clock is off by up to 20 s."""
        chance = random.Random(seed)
        picks = chance.sample(range(size), number)
        with store.engine.client(store.database) as client:
            named = client.query(_NAMED, parameters={**self._said(), "numbers": picks}).result_rows
        return [
            Wanted(
                calling=str(calling)[1:],
                called=str(called)[1:],
                call_at=at + timedelta(seconds=chance.uniform(-20, 20)),
            )
            for calling, called, at in named
        ]


def tables(store: CallStore) -> tuple[int, int, int, int]:
    """Return octets of the calls on disk, of all tables, and the calls' parts and partitions."""
    with store.engine.client(store.database) as client:
        row = client.query(
            "SELECT sumIf(bytes_on_disk, table = 'calls'), sum(bytes_on_disk), countIf(table = 'calls'), "
            "uniqExactIf(partition, table = 'calls') FROM system.parts WHERE active AND database = currentDatabase()"
        ).first_row
    octets, all_octets, parts, days = row
    return octets, all_octets, parts, days


def files(store: CallStore) -> list[Path]:
    """Return the files of the calls' parts, the longest first."""
    with store.engine.client(store.database) as client:
        parts = client.query(
            "SELECT path FROM system.parts WHERE active AND database = currentDatabase() AND table = 'calls'"
        ).result_rows
    found = (file for (path,) in parts for file in Path(path).iterdir() if file.is_file())
    return sorted(found, key=lambda file: -file.stat().st_size)
