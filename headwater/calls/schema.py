"""The call store's tables, as one template: the embedded engine today, a cluster by other engine names.

Rules that keep every statement portable (they hold for a ClickHouse server as for the embedded engine):
integers are signed and wide, times are ``DateTime64(6, 'UTC')`` by declaration, bounds are CHECK constraints, no
temporary tables, no table functions. A migration is never edited once it is released; a change is a new one.
"""

import re
from dataclasses import dataclass

from headwater.calls import forms
from headwater.errors import Invalid

_DATABASE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """What differs between one machine and a cluster in the template's statements."""

    replacing: str
    """Engine that keeps, of rows with one sorting key, the row of the highest version."""
    plain: str
    aggregating: str = "AggregatingMergeTree"
    on_cluster: str = ""


#: One machine: the embedded engine, or one ClickHouse server.
ONE_MACHINE = Engines(replacing="ReplacingMergeTree", plain="MergeTree")

#: Inserts are on disk before they are acknowledged, and stay so when parts are merged: the engine's defaults
#: call fsync for neither.
#: What an insert writes is one file for each table and day, as each file is synced; merges write the usual form.
DURABLE = (
    "fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, "
    "min_level_for_full_part_storage = 1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of the schema: statements that run in order, once in each database."""

    version: int
    name: str
    statements: tuple[str, ...]


# The sorting key begins with the last ten digits of the called number, as an integer, so that a look-up meets one place
# whatever prefix a switch put before it. Rows of one key are one record, and the FIRST one received stays (its version
# is the highest). A cluster shards by these digits for the same reason. ``line`` is what came where it is kept in
# ``bodies``: the record keeps its SHA-256 alone. A number as it was sent nearly always
# follows from the canonical one, so that only how it follows is kept (``forms``), and so with what follows wholly: the
# identifier is a hash of source and event, and the version is the time of receipt, counted down. Rows lie by called
# number: a delta of neighbours is short there, and nowhere else. Octets are packed lightly: a higher level took a third
# longer at each merge and made texts no smaller.
_CALLS = """
CREATE TABLE IF NOT EXISTS {database}.calls {on_cluster}
(
    record_id UUID ALIAS {record_id},
    record_kind LowCardinality(String) CODEC(ZSTD(1)),
    source_kind LowCardinality(String) CODEC(ZSTD(1)),
    source_id LowCardinality(String) CODEC(ZSTD(1)),
    event_id String CODEC(ZSTD(1)),
    call_at DateTime64(6, 'UTC') CODEC(T64, ZSTD(1)),
    received_at DateTime64(6, 'UTC') ALIAS {received_at},
    calling String ALIAS {calling},
    called String ALIAS {called},
    calling_digits Int64 CODEC(T64, ZSTD(1)),
    called_digits Int64 CODEC(Delta, ZSTD(1)),
    calling_form String CODEC(ZSTD(1)),
    called_form String CODEC(ZSTD(1)),
    calling_raw String ALIAS {calling_raw},
    called_raw String ALIAS {called_raw},
    duration_ms Int64 CODEC(T64, ZSTD(1)),
    ring_ms Int64 CODEC(T64, ZSTD(1)),
    disposition LowCardinality(String) CODEC(ZSTD(1)),
    sip_method LowCardinality(String) CODEC(ZSTD(1)),
    sip_status Int32,
    call_id String CODEC(ZSTD(1)),
    source_ip LowCardinality(String) CODEC(ZSTD(1)),
    source_port Int32,
    destination_ip LowCardinality(String) CODEC(ZSTD(1)),
    destination_port Int32,
    capture_agent LowCardinality(String) CODEC(ZSTD(1)),
    identity_digest String CODEC(ZSTD(1)),
    attest LowCardinality(String) CODEC(ZSTD(1)),
    origid String CODEC(ZSTD(1)),
    terminating_spc LowCardinality(String) CODEC(ZSTD(1)),
    transcript String CODEC(ZSTD(1)),
    language LowCardinality(String) CODEC(ZSTD(1)),
    labels Array(String) CODEC(ZSTD(1)),
    headers Map(LowCardinality(String), String) CODEC(ZSTD(3)),
    raw String CODEC(ZSTD(1)),
    line String EPHEMERAL,
    raw_sha256 FixedString(32) DEFAULT SHA256(if(line = '', raw, line)),
    credential LowCardinality(String) CODEC(ZSTD(1)),
    software LowCardinality(String) CODEC(ZSTD(1)),
    stored_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(T64, ZSTD(1)),
    CONSTRAINT record_kind_is_known CHECK record_kind IN ('report', 'sip', 'cdr', 'reputation'),
    CONSTRAINT source_kind_is_known CHECK source_kind IN ('app', 'honeypot', 'complaint', 'carrier'),
    CONSTRAINT source_is_named CHECK source_id != '' AND event_id != '',
    CONSTRAINT call_at_is_plausible CHECK call_at >= toDateTime64('2000-01-01 00:00:00', 6, 'UTC')
        AND call_at < toDateTime64('2100-01-01 00:00:00', 6, 'UTC'),
    CONSTRAINT received_at_is_plausible CHECK version BETWEEN {last_version} AND {first_version},
    CONSTRAINT numbers_are_canonical CHECK startsWith(toString(calling_digits), '1')
        AND startsWith(toString(called_digits), '1'),
    CONSTRAINT durations_are_bounded CHECK duration_ms BETWEEN -1 AND 604800000 AND ring_ms BETWEEN -1 AND 604800000,
    CONSTRAINT status_is_sip CHECK sip_status BETWEEN 0 AND 999,
    CONSTRAINT ports_are_ports CHECK source_port BETWEEN 0 AND 65535 AND destination_port BETWEEN 0 AND 65535,
    CONSTRAINT attest_is_known CHECK attest IN ('', 'A', 'B', 'C'),
    CONSTRAINT raw_is_bounded CHECK length(raw) <= 1048576,
    INDEX by_record_id record_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_call_id call_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_identity identity_digest TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_calling calling TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = {replacing}(version)
PARTITION BY toYYYYMMDD(call_at)
ORDER BY ({tail}, calling_digits, call_at, source_id, event_id)
SETTINGS {durable}, min_bytes_for_wide_part = 134217728
"""

_REJECTS = """
CREATE TABLE IF NOT EXISTS {database}.rejects {on_cluster}
(
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    source_id LowCardinality(String),
    door LowCardinality(String),
    position Int64,
    reason String CODEC(ZSTD(1)),
    raw String CODEC(ZSTD(3)),
    raw_length Int64,
    raw_sha256 FixedString(32),
    CONSTRAINT raw_is_bounded CHECK length(raw) <= 65536
)
ENGINE = {plain}
PARTITION BY toYYYYMMDD(received_at)
ORDER BY (source_id, received_at, position)
SETTINGS {durable}
"""

# Bodies of which many records were made, kept whole: one row a body, found by the source and the time of receipt that
# its records have. They come packed: to pack them here would cost an insert what all other columns cost together.
_BODIES = """
CREATE TABLE IF NOT EXISTS {database}.bodies {on_cluster}
(
    source_id LowCardinality(String),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    media_type LowCardinality(String),
    body_sha256 FixedString(32),
    length Int64,
    packed String CODEC(NONE),
    CONSTRAINT body_is_bounded CHECK length BETWEEN 0 AND 67108864 AND length(packed) <= 68000000
)
ENGINE = {plain}
PARTITION BY toYYYYMMDD(received_at)
ORDER BY (source_id, received_at)
SETTINGS {durable}, index_granularity = 64
"""

# Roll-ups are kept as calls are written. The store knows a record that comes again before it writes, so that a view
# never sees one twice. ``hours`` is by the time of the call and counts calls; ``minutes`` is by receipt and counts all.
_HOURS = """
CREATE TABLE IF NOT EXISTS {database}.hours {on_cluster}
(
    hour DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    calling String ALIAS {calling},
    calling_digits Int64 CODEC(T64, ZSTD(1)),
    terminating_spc LowCardinality(String),
    attest LowCardinality(String),
    source_kind LowCardinality(String),
    source_id LowCardinality(String),
    calls SimpleAggregateFunction(sum, Int64),
    called AggregateFunction(uniqCombined(12), Int64)
)
ENGINE = {aggregating}
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, calling_digits, terminating_spc, attest, source_kind, source_id)
SETTINGS {durable}, min_bytes_for_wide_part = 134217728
"""

_HOURS_VIEW = """
CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.hours_view {on_cluster} TO {database}.hours AS
SELECT toDateTime64(toStartOfHour(call_at), 6, 'UTC') AS hour, calling_digits, terminating_spc, attest, source_kind,
    source_id, toInt64(count()) AS calls, uniqCombinedState(12)(called_digits) AS called
FROM {database}.calls AS calls
WHERE record_kind != 'reputation' AND (record_kind != 'sip' OR (sip_method = 'INVITE' AND sip_status = 0))
GROUP BY hour, calling_digits, terminating_spc, attest, source_kind, source_id
"""

_MINUTES = """
CREATE TABLE IF NOT EXISTS {database}.minutes {on_cluster}
(
    minute DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    source_kind LowCardinality(String),
    source_id LowCardinality(String),
    records SimpleAggregateFunction(sum, Int64)
)
ENGINE = {aggregating}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, source_kind, source_id)
SETTINGS {durable}
"""

_MINUTES_VIEW = """
CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.minutes_view {on_cluster} TO {database}.minutes AS
SELECT toDateTime64(toStartOfMinute(received_at), 6, 'UTC') AS minute, source_kind, source_id,
    toInt64(count()) AS records
FROM {database}.calls GROUP BY minute, source_kind, source_id
"""

# Where calls were made to: an area code and no number, so that those may read it who may read no called number.
_AREAS = """
CREATE TABLE IF NOT EXISTS {database}.areas {on_cluster}
(
    hour DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    area LowCardinality(String),
    source_kind LowCardinality(String),
    calls SimpleAggregateFunction(sum, Int64)
)
ENGINE = {aggregating}
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, area, source_kind)
SETTINGS {durable}
"""

_AREAS_VIEW = """
CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.areas_view {on_cluster} TO {database}.areas AS
SELECT toDateTime64(toStartOfHour(call_at), 6, 'UTC') AS hour,
    if(length(calls.called) IN (7, 11) AND startsWith(calls.called, '1'), substring(calls.called, 2, 3), '') AS area,
    source_kind, toInt64(count()) AS calls
FROM {database}.calls AS calls
WHERE record_kind != 'reputation' AND (record_kind != 'sip' OR (sip_method = 'INVITE' AND sip_status = 0))
GROUP BY hour, area, source_kind
"""

# The records under a legal hold, written anew before each run that deletes (``sweep``).
_HELD = """
CREATE TABLE IF NOT EXISTS {database}.held {on_cluster}
(
    record_id UUID
)
ENGINE = {plain}
ORDER BY record_id
SETTINGS {durable}
"""

_MIGRATIONS_TABLE = """
CREATE TABLE IF NOT EXISTS {database}.migrations {on_cluster}
(
    version Int32,
    name String,
    applied_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
)
ENGINE = {replacing}(applied_at)
ORDER BY version
SETTINGS {durable}
"""

#: Creates the database and the table that says which migrations it has.
FOUNDATION = ("CREATE DATABASE IF NOT EXISTS {database} {on_cluster}", _MIGRATIONS_TABLE)

#: Every step, oldest first, numbered without gaps.
MIGRATIONS: tuple[Migration, ...] = (
    Migration(version=1, name="calls and rejected lines", statements=(_CALLS, _REJECTS, _BODIES)),
    Migration(version=2, name="roll-ups", statements=(_HOURS, _HOURS_VIEW, _MINUTES, _MINUTES_VIEW)),
    Migration(version=3, name="held records", statements=(_HELD,)),
    Migration(version=4, name="areas that were called", statements=(_AREAS, _AREAS_VIEW)),
)


def database_name(text: str) -> str:
    """Return ``text`` if it may name a database: lower-case letters, digits and ``_``, at most 63.

    Raises:
        Invalid: it may not. Names go into statements as they are, so nothing else is let through.
    """
    if not _DATABASE_NAME.fullmatch(text):
        raise Invalid(f"{text!r} cannot name a call database: use a letter, then letters, digits or _, in lower case")
    return text


def render(statement: str, *, database: str, engines: Engines = ONE_MACHINE) -> str:
    """Return a template's statement for one database and one kind of deployment."""
    return statement.format(
        database=database_name(database),
        replacing=engines.replacing,
        plain=engines.plain,
        aggregating=engines.aggregating,
        on_cluster=engines.on_cluster,
        durable=DURABLE,
        record_id=forms.RECORD_ID,
        received_at=forms.RECEIVED_AT,
        first_version=forms.FIRST_VERSION,
        last_version=forms.LAST_VERSION,
        calling=forms.number("calling"),
        called=forms.number("called"),
        tail=forms.tail("called"),
        calling_raw=forms.expression("calling"),
        called_raw=forms.expression("called"),
    ).strip()
