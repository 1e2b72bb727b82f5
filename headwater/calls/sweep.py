"""Deletes what is past its time and not held. Run twice, it changes nothing more; a run cut off is made up for.

The list of held records lies in the store itself (table ``held``) before anything is deleted, so that a deletion that
the engine takes up again after a crash still sees it. A run first ends what an earlier one left under way.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError

from headwater.calls import columns, schema
from headwater.calls.engine import Engine, StoreUnavailable, failure
from headwater.calls.keeping import Held, Policy, not_in_spans
from headwater.calls.records import RecordKind

# A deletion may take long; it is waited for, on every replica, so that what the audit says was done was done.
_WAITED_FOR: Final = "SETTINGS mutations_sync = 2, max_execution_time = 0"
# On a cluster: no time-out for the slowest server, and the list of held records is read by each replica for itself,
# which the engine otherwise refuses, as replicas might see different lists. The list does not change while a run lasts.
_EVERYWHERE: Final = ", distributed_ddl_task_timeout = -1, allow_nondeterministic_mutations = 1"
_SPREAD: Final = re.compile(r"Distributed\('(?P<cluster>[A-Za-z0-9_-]+)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """What of one source one step deletes."""

    what: str
    """``rows``, ``raw``, ``rejects`` or ``bodies``."""
    source_id: str
    record_kind: str
    """"" for rejects and bodies."""
    count: int
    first: datetime
    last: datetime
    """Range of receipt, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where the rows lie that the tables' plain names stand for: in these tables, or spread over a cluster's shards."""

    suffix: str = ""
    """Of the tables that keep rows, which alone can be changed."""
    cluster: str = ""
    """Its name, where more servers than this one have some."""
    more: str = ""
    """Settings of a change."""

    @classmethod
    def of(cls, engine_of_calls: str, servers: int) -> "Where":
        """Return it from the definition of table ``calls``' engine and the number of its cluster's servers."""
        found = _SPREAD.search(engine_of_calls)
        if found is None:
            return cls()
        if servers < 2:  # this one: nothing need be sent through Keeper
            return cls(suffix="_local")
        return cls(suffix="_local", cluster=found["cluster"], more=_EVERYWHERE)

    @property
    def on_cluster(self) -> str:
        """The words by which a statement is sent to all of them."""
        return f" ON CLUSTER '{self.cluster}'" if self.cluster else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    what: str
    table: str
    change: str
    condition: Callable[[str], str]
    """The condition on a row, by how a list in another table is asked: ``IN``, or ``GLOBAL IN`` of spread tables."""
    kind: str = "''"


class Sweeper:
    """Applies the rules to one database. Runs follow one another: each writes the list of held records anew."""

    def __init__(self, engine: Engine, database: str) -> None:
        self._one_at_a_time = threading.Lock()
        self._engine = engine
        self._database = schema.database_name(database)

    def run(
        self,
        policy: Policy,
        held: Held,
        *,
        now: datetime,
        dry: bool = False,
        tell: Callable[[str, list[Expired]], None] = lambda _stage, _expired: None,
    ) -> list[Expired]:
        """Delete what is past its time at ``now``, and return what that is; ``dry`` tells and deletes nothing.

        ``tell`` is called before (``begun``) and after (``done``) each step: should it raise, the step is not taken.

        Raises:
            StoreUnavailable: the store failed; what was not deleted yet is deleted by the next run.
        """
        found: list[Expired] = []
        try:
            with self._one_at_a_time, self._engine.client(self._database) as client:
                where = self._where(client)
                self._end_what_was_left(client, where)
                self._hold(client, held, where)
                for step in self._steps(policy, held, now):
                    expired = self._count(client, step)
                    found += expired
                    if not expired or dry:
                        continue
                    tell("begun", expired)
                    client.command(
                        f"ALTER TABLE {self._database}.{step.table}{where.suffix}{where.on_cluster} {step.change} "
                        f"WHERE {step.condition('IN')} {_WAITED_FOR}{where.more}"
                    )
                    tell("done", expired)
        except ClickHouseError as error:
            raise failure(error) from error
        return found

    def _where(self, client: Any) -> Where:
        found = client.query(
            "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = 'calls'"
        )
        engine = str(found.first_row[0])
        spread = _SPREAD.search(engine)
        name = spread["cluster"] if spread else ""
        servers = client.query(
            "SELECT count() FROM system.clusters WHERE cluster = {name:String}", parameters={"name": name}
        )
        return Where.of(engine, int(servers.first_row[0]))

    def _end_what_was_left(self, client: Any, where: Where) -> None:
        """End every change that is under way: one that still ran would see the list of held records change."""
        left = f"database = '{self._database}' AND NOT is_done"
        client.command(f"KILL MUTATION{where.on_cluster} WHERE {left} SYNC")
        if not where.on_cluster:
            return
        everywhere = f"clusterAllReplicas('{where.cluster}', system.mutations)"
        running = client.query(f"SELECT count() FROM {everywhere} WHERE {left}").first_row[0]  # noqa: S608 - ours
        if running:
            raise StoreUnavailable(f"{running} deletions of an earlier run are still under way: nothing deleted")

    def _hold(self, client: Any, held: Held, where: Where) -> None:
        """Write the list of held records, and make sure of it before anything is deleted."""
        client.command(f"TRUNCATE TABLE {self._database}.held{where.suffix}{where.on_cluster}")
        if held.record_ids:
            table = pa.table({"record_id": pa.array([one.bytes for one in held.record_ids], pa.binary(16))})
            client.raw_insert(
                "held", column_names=["record_id"], insert_block=columns.octets_of(table), fmt="ArrowStream"
            )
        there = client.query("SELECT uniqExact(record_id) FROM held").first_row[0]
        if there != len(held.record_ids):
            raise StoreUnavailable(
                f"{len(held.record_ids)} records are held and {there} could be noted: nothing deleted"
            )

    def _steps(self, policy: Policy, held: Held, now: datetime) -> list[_Step]:
        here, received = self._database, not_in_spans(held, "received_at")

        def free(within: str) -> str:
            named = f"SELECT record_id FROM {here}.held"  # noqa: S608 - a checked name
            return f"NOT (record_id {within} ({named})){not_in_spans(held, 'call_at')}"

        def whole(within: str) -> str:
            # A body stands as long as one of its records is held. Its records are asked of the spread table always.
            named = f"SELECT source_id, received_at FROM {here}.calls WHERE NOT ({free('GLOBAL IN')})"  # noqa: S608 - ours
            return f"NOT ((source_id, received_at) {within} ({named})){received}"

        def octets(within: str) -> str:
            return f"raw != '' AND {free(within)}"

        # A body holds the octets of reports: it goes with them, and never stays when they have gone themselves.
        ends = [policy.expired(member, now, kind=RecordKind.REPORT) for member in ("raw_days", "rows_days")]
        bodies = " OR ".join(filter(None, ends))
        rows, raw = policy.expired("rows_days", now), policy.expired("raw_days", now)
        steps: list[tuple[str, str, str, str, Callable[[str], str], str]] = [
            ("bodies", "bodies", "DELETE", bodies and f"({bodies})", whole, "''"),
            ("rows", "calls", "DELETE", rows, free, "record_kind"),
            ("raw", "calls", "UPDATE raw = ''", raw, octets, "record_kind"),
            ("rejects", "rejects", "DELETE", policy.expired("rejects_days", now), lambda _: f"1{received}", "''"),
        ]
        return [
            _Step(what=what, table=table, change=change, condition=_both(expired, rest), kind=kind)
            for what, table, change, expired, rest, kind in steps
            if expired
        ]

    def _count(self, client: Any, step: _Step) -> list[Expired]:
        rows = client.query(
            f"SELECT source_id, {step.kind} AS kind, toInt64(count()), min(received_at), max(received_at) "  # noqa: S608 - constants and checked names
            f"FROM {self._database}.{step.table} WHERE {step.condition('GLOBAL IN')} "
            "GROUP BY source_id, kind ORDER BY source_id, kind"
        ).result_rows
        return [
            Expired(what=step.what, source_id=source, record_kind=kind, count=count, first=first, last=last)
            for source, kind, count, first, last in rows
        ]


def _both(expired: str, rest: Callable[[str], str]) -> Callable[[str], str]:
    return lambda within: f"{expired} AND {rest(within)}"
