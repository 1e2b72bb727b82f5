"""How the call store stands, and what to do about it. Looks only; it changes nothing.

``look`` asks, ``judge`` decides (pure), so that each judgement is tried without a store that is ill.
"""

import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from headwater.calls import schema
from headwater.calls.engine import Engine, failure
from headwater.calls.store import REMEMBERED

#: First version of the engine by which every statement is run in our tests.
TRIED_WITH: Final = (26, 0)
#: Seconds between this machine's clock and the store's that are worth a word.
SKEW_S: Final = 1.0
#: Active parts of one partition from which the engine slows inserts (it refuses them from 3,000).
MANY_PARTS: Final = 1_000
#: Share of the disk that merges want free, and the share below which intake will soon be refused.
FREE_WANTED: Final = 0.2
FREE_NEEDED: Final = 0.05
#: Seconds from receipt to storage, for 99 of 100 records, that intake promises.
LAG_S: Final = 2.0
#: Share of refused lines that points to a sender or a format.
REFUSED_SHARE: Final = 0.01
#: What is looked back on for lag, and for refusals.
LAG_OVER: Final = timedelta(hours=1)
REFUSED_OVER: Final = timedelta(hours=24)


class Level(StrEnum):
    """How a finding is to be taken."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer of one check."""

    level: Level
    subject: str
    what: str
    todo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the store said of itself at one moment."""

    version: str
    migration: int
    """Newest migration that it has; 0 for none."""
    skew_s: float
    """The store's clock less ours, as far as the round trip lets it be known."""
    not_durable: tuple[str, ...]
    """Tables whose inserts are not synced to disk before they are acknowledged."""
    most_parts: tuple[str, str, int]
    """Table, partition and number of the most active parts in one partition."""
    disks: tuple[tuple[str, int, int], ...]
    """Name, free and total octets."""
    records: int = 0
    recent: int = 0
    """Records received within ``LAG_OVER``."""
    lag_s: float = 0.0
    """Seconds from receipt to storage of 99 of 100 of these."""
    came: int = 0
    """Records received within ``REFUSED_OVER``."""
    refused: tuple[tuple[str, int], ...] = ()
    """Door and lines refused within ``REFUSED_OVER``."""


_TABLES: Final = (
    "SELECT name, create_table_query FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree'"
)
_PARTS: Final = (
    "SELECT table, partition, count() AS parts FROM system.parts WHERE active AND database = {database:String} "
    "GROUP BY table, partition ORDER BY parts DESC LIMIT 1"
)
_DISKS: Final = "SELECT name, free_space, total_space FROM system.disks ORDER BY name"
_LAG: Final = (
    "SELECT count(), quantile(0.99)(date_diff('microsecond', received_at, stored_at)) FROM calls "
    "WHERE received_at >= fromUnixTimestamp64Micro({since:Int64})"
)
_CAME: Final = "SELECT count() FROM calls WHERE received_at >= fromUnixTimestamp64Micro({since:Int64})"
_REFUSED: Final = (
    "SELECT door, count() FROM rejects WHERE received_at >= fromUnixTimestamp64Micro({since:Int64}) "
    "GROUP BY door ORDER BY door"
)


def look(engine: Engine, database: str, *, now: datetime) -> Facts:
    """Return how ``database`` stands; ``now`` is UTC, for the windows that are looked back on.

    Raises:
        StoreUnavailable: it does not answer, or the reader may not ask this.
    """
    try:
        with engine.client(database) as client:
            return _look(client, database, now)
    except ClickHouseError as error:
        raise failure(error) from error


def _look(client: Any, database: str, now: datetime) -> Facts:
    before = time.time()
    version, micros = client.query("SELECT version(), toUnixTimestamp64Micro(now64(6))").first_row
    skew_s = micros / 1e6 - (before + time.time()) / 2
    tables = client.query(_TABLES, parameters={"database": database}).result_rows
    disks = tuple((str(name), int(free), int(total)) for name, free, total in client.query(_DISKS).result_rows)
    known: dict[str, Any] = {}
    migration = 0
    if any(name in {"migrations", "migrations_local"} for name, _made in tables):
        migration = client.query("SELECT max(version) FROM migrations").first_row[0]
    if migration:
        recent, lag = client.query(_LAG, parameters={"since": _micros(now - LAG_OVER)}).first_row
        day = {"since": _micros(now - REFUSED_OVER)}
        known = {
            "records": client.query("SELECT count() FROM calls").first_row[0],
            "recent": recent,
            "lag_s": lag / 1e6 if recent else 0.0,
            "came": client.query(_CAME, parameters=day).first_row[0],
            "refused": tuple(
                (str(door), int(lines)) for door, lines in client.query(_REFUSED, parameters=day).result_rows
            ),
        }
    parts = client.query(_PARTS, parameters={"database": database}).result_rows
    return Facts(
        version=str(version),
        migration=migration,
        skew_s=skew_s,
        not_durable=tuple(sorted(name for name, made in tables if not _durable(made))),
        most_parts=tuple(parts[0]) if parts else ("", "", 0),
        disks=disks,
        **known,
    )


def _durable(made: str) -> bool:
    return all(setting in made for setting in schema.DURABLE.split(", "))


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)


def judge(facts: Facts) -> list[Finding]:
    """Return what the facts mean, one finding a question, each that is not well with what to do."""
    return [
        _version(facts),
        _migrations(facts),
        _durability(facts),
        _clock(facts),
        _parts(facts),
        *_disks(facts),
        _lag(facts),
        _memory(facts),
        _refusals(facts),
    ]


def _version(facts: Facts) -> Finding:
    found = tuple(int(number) for number in re.findall(r"\d+", facts.version)[:2])
    if found < TRIED_WITH:
        todo = f"Update the server to {TRIED_WITH[0]} or later, or run `make cluster-check` against it first."
        return Finding(Level.WARN, "Version", f"{facts.version}: older than what our tests run", todo)
    return Finding(Level.OK, "Version", facts.version)


def _migrations(facts: Facts) -> Finding:
    newest = schema.MIGRATIONS[-1].version
    what = f"{facts.migration} of {newest} applied"
    if facts.migration < newest:
        todo = "Restart `calls`, which applies them; on a cluster run `headwater calls schema --cluster NAME` again."
        return Finding(Level.FAIL, "Migrations", what, todo)
    if facts.migration > newest:
        return Finding(Level.FAIL, "Migrations", what, "A newer Headwater has written here: update this one.")
    return Finding(Level.OK, "Migrations", what)


def _durability(facts: Facts) -> Finding:
    if facts.not_durable:
        names = ", ".join(facts.not_durable)
        todo = f"For each: ALTER TABLE ... MODIFY SETTING {schema.DURABLE}. Until then a power cut may lose records."
        return Finding(Level.FAIL, "Durability", f"acknowledged before it is on disk: {names}", todo)
    return Finding(Level.OK, "Durability", "every table is synced before an insert is acknowledged")


def _clock(facts: Facts) -> Finding:
    what = f"{facts.skew_s:+.3f} s against this machine"
    if abs(facts.skew_s) > SKEW_S:
        return Finding(Level.WARN, "Clock", what, "Keep both machines by NTP: times of receipt are evidence.")
    return Finding(Level.OK, "Clock", what)


def _parts(facts: Facts) -> Finding:
    table, partition, parts = facts.most_parts
    what = f"at most {parts:,} in one partition" + (f" ({table}, {partition})" if table else "")
    if parts >= MANY_PARTS:
        todo = "Merges do not keep up: send larger bodies, give the disk room, and look at its load."
        return Finding(Level.WARN, "Parts", what, todo)
    return Finding(Level.OK, "Parts", what)


def _disks(facts: Facts) -> list[Finding]:
    findings = []
    for name, free, total in facts.disks:
        share = free / total if total else 1.0
        level = Level.OK if share >= FREE_WANTED else Level.WARN if share >= FREE_NEEDED else Level.FAIL
        todo = "Free space: merges briefly need three times their size. When it is full, intake answers 503."
        what = f"{name}: {free / 1e9:.1f} of {total / 1e9:.1f} GB free"
        findings.append(Finding(level, "Disk", what, "" if level is Level.OK else todo))
    return findings


def _lag(facts: Facts) -> Finding:
    if not facts.recent:
        todo = "If senders should be sending, look at the doors: `headwater doctor` and the log of calls."
        return Finding(Level.WARN, "Lag", "nothing was received in the last hour", todo)
    what = f"99 of 100 of {facts.recent:,} records of the last hour were stored within {facts.lag_s:.2f} s of receipt"
    if facts.lag_s > LAG_S:
        return Finding(Level.WARN, "Lag", what, "The writer is behind: look at the load and at the disk of the store.")
    return Finding(Level.OK, "Lag", what)


def _memory(facts: Facts) -> Finding:
    what = f"{facts.records:,} records; the last {REMEMBERED:,} are recognised when they come again"
    if facts.records > REMEMBERED:
        todo = "Senders should repeat within that many records; the table merges older repeats of one sorting key."
        return Finding(Level.WARN, "Duplicates", what, todo)
    return Finding(Level.OK, "Duplicates", what)


def _refusals(facts: Facts) -> Finding:
    refused = sum(lines for _door, lines in facts.refused)
    doors = ", ".join(f"{door} {lines:,}" for door, lines in facts.refused)
    what = f"{refused:,} lines in 24 hours against {facts.came:,} records" + (f": {doors}" if doors else "")
    if refused > REFUSED_SHARE * (refused + facts.came):
        todo = "Table `rejects` has each line's reason by source: tell the sender, or mend the mapping of its format."
        return Finding(Level.WARN, "Refused", what, todo)
    return Finding(Level.OK, "Refused", what)
