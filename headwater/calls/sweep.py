"""Deletes what is past its time and not held. Run twice, it changes nothing more; a run cut off is made up for.

The list of held records lies in the store itself (table ``held``) before anything is deleted, so that a deletion that
the engine takes up again after a crash still sees it. A run first ends what an earlier one left under way.
"""

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

# A deletion may take long; it is waited for, so that what the audit says was done was done.
_WAITED_FOR: Final = "SETTINGS mutations_sync = 2, max_execution_time = 0"
_HELD: Final = "SELECT record_id FROM {database}.held"


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
class _Step:
    what: str
    table: str
    change: str
    condition: str
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
                self._end_what_was_left(client)
                self._hold(client, held)
                for step in self._steps(policy, held, now):
                    expired = self._count(client, step)
                    found += expired
                    if not expired or dry:
                        continue
                    tell("begun", expired)
                    client.command(
                        f"ALTER TABLE {self._database}.{step.table} {step.change} WHERE {step.condition} {_WAITED_FOR}"
                    )
                    tell("done", expired)
        except ClickHouseError as error:
            raise failure(error) from error
        return found

    def _end_what_was_left(self, client: Any) -> None:
        client.command(f"KILL MUTATION WHERE database = '{self._database}' AND NOT is_done SYNC")

    def _hold(self, client: Any, held: Held) -> None:
        """Write the list of held records, and make sure of it before anything is deleted."""
        client.command(f"TRUNCATE TABLE {self._database}.held")
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
        named = _HELD.format(database=self._database)
        free = f"record_id NOT IN ({named}){not_in_spans(held, 'call_at')}"
        # A body stands as long as one of its records is held.
        bodies = (
            f"body_sha256 NOT IN (SELECT raw_sha256 FROM {self._database}.calls WHERE NOT ({free}))"  # noqa: S608 - ours
            f"{not_in_spans(held, 'received_at')}"
        )
        steps = [
            ("bodies", "bodies", "DELETE", "bodies_days", bodies, "''"),
            ("rows", "calls", "DELETE", "rows_days", free, "record_kind"),
            ("raw", "calls", "UPDATE raw = ''", "raw_days", f"raw != '' AND {free}", "record_kind"),
            ("rejects", "rejects", "DELETE", "rejects_days", "1" + not_in_spans(held, "received_at"), "''"),
        ]
        return [
            _Step(what=what, table=table, change=change, condition=f"{expired} AND {rest}", kind=kind)
            for what, table, change, member, rest, kind in steps
            if (expired := policy.expired(member, now))
        ]

    def _count(self, client: Any, step: _Step) -> list[Expired]:
        rows = client.query(
            f"SELECT source_id, {step.kind} AS kind, toInt64(count()), min(received_at), max(received_at) "  # noqa: S608 - constants and checked names
            f"FROM {self._database}.{step.table} WHERE {step.condition} "
            "GROUP BY source_id, kind ORDER BY source_id, kind"
        ).result_rows
        return [
            Expired(what=step.what, source_id=source, record_kind=kind, count=count, first=first, last=last)
            for source, kind, count, first, last in rows
        ]
