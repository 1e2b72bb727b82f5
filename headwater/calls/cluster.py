"""The call store's tables for a ClickHouse cluster, rendered from the one template of ``schema``. Pure.

Each table of the template becomes a pair: ``NAME_local``, replicated within its shard, and ``NAME``, ``Distributed``
over the shards, which every statement of ours names. A shard is chosen so that what must meet lies together: the calls
of one called number, however a switch wrote it. Views work within a shard, from one local table into another.

Replication needs Keeper and the macros ``{shard}`` and ``{replica}`` on every server (defaults of the tables' path).
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from headwater.calls import forms, schema
from headwater.errors import Invalid

#: Table -> by what its rows are spread over the shards.
SHARDED_BY: Final = {
    "calls": f"cityHash64({forms.tail('called')})",
    "rejects": "cityHash64(source_id)",
    "bodies": "cityHash64(source_id, received_at)",
    "areas": "cityHash64(area)",
    "hours": "cityHash64(calling_digits)",
    "minutes": "cityHash64(source_id)",
    "held": "cityHash64(toString(record_id))",
    "migrations": "cityHash64(version)",
}

#: Engines that keep a copy on each server of a shard.
REPLICATED: Final = schema.Engines(
    replacing="ReplicatedReplacingMergeTree",
    plain="ReplicatedMergeTree",
    aggregating="ReplicatedAggregatingMergeTree",
)

_CLUSTER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")
_CREATED = re.compile(r"CREATE (?P<kind>TABLE|MATERIALIZED VIEW) IF NOT EXISTS [a-z0-9_]+\.(?P<name>[a-z_]+)")


def statements(
    *, database: str, cluster: str, engines: schema.Engines = REPLICATED, everywhere: bool = True
) -> Iterator[str]:
    """Yield every statement that makes ``database`` on ``cluster``, in order; each may be run again.

    The last ones note the migrations, so that ``calls`` finds a database that is up to date and changes nothing.
    ``everywhere`` sends each statement to all servers (ON CLUSTER, which needs Keeper); without it, run them on each.

    Raises:
        Invalid: a name is none.
    """
    if not _CLUSTER_NAME.fullmatch(cluster):
        raise Invalid(f"{cluster!r} cannot name a cluster: use letters, digits, _ and -, beginning with a letter")
    engines = replace(engines, on_cluster=f"ON CLUSTER '{cluster}'" if everywhere else "")
    templates = [*schema.FOUNDATION, *(one for step in schema.MIGRATIONS for one in step.statements)]
    for template in templates:
        text = schema.render(template, database=database, engines=engines)
        yield _local(text, database)
        created = _CREATED.match(text)
        if created and created["kind"] == "TABLE":
            yield _spread(created["name"], database=database, cluster=cluster, on_cluster=engines.on_cluster)
    for step in schema.MIGRATIONS:
        yield (
            f"INSERT INTO {database}.migrations (version, name) "  # noqa: S608 - a checked name and our constants
            f"SETTINGS distributed_foreground_insert = 1 VALUES ({step.version}, '{step.name}')"
        )


def _local(text: str, database: str) -> str:
    """Return a statement with each table of ours by the name that it has within a shard."""
    tables = "|".join(SHARDED_BY)
    return re.sub(rf"\b{database}\.({tables})\b", rf"{database}.\1_local", text)


def _spread(table: str, *, database: str, cluster: str, on_cluster: str) -> str:
    key = SHARDED_BY[table]
    return (
        f"CREATE TABLE IF NOT EXISTS {database}.{table} {on_cluster} AS {database}.{table}_local\n"
        f"ENGINE = Distributed('{cluster}', '{database}', '{table}_local', {key})"
    )
