"""The readers' rights as a ClickHouse server keeps them: a user for each process, its columns and nothing more. Pure.

The embedded store's facade holds the same rights (``rights``) by itself. What a server checks is the column's name, so
that a reader is granted the columns that the table keeps and those that follow from them, each by name.
"""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final

from headwater.calls import rights, schema
from headwater.calls.rights import Rights

#: What every reader is held to, as the facade holds its own: seconds, octets and rows of one statement; and read-only,
#: but for the settings that the stock client sends with each statement.
HELD_TO: Final = (
    "max_execution_time = 30 MAX 30, max_memory_usage = 1500000000 MAX 1500000000, "
    "max_result_rows = 2000000 MAX 2000000, readonly = 2"
)
_TABLE: Final = re.compile(
    r"CREATE TABLE IF NOT EXISTS \{database\}\.(?P<name>\w+) \{on_cluster\}\n\((?P<rows>.*?)\n\)\n", re.DOTALL
)
_COLUMN: Final = re.compile(r"^    (?P<name>[a-z_0-9]+) (?!\w+ EPHEMERAL)[A-Z]", re.MULTILINE)


def columns() -> Mapping[str, tuple[str, ...]]:
    """Return each table's columns, kept or following from them, as the schema's template names them."""
    templates = [*schema.FOUNDATION, *(one for step in schema.MIGRATIONS for one in step.statements)]
    found = {made["name"]: made["rows"] for text in templates if (made := _TABLE.search(text))}
    return {name: tuple(_COLUMN.findall(rows)) for name, rows in found.items()}


def user(reader: str) -> str:
    """Return the name of a reader's user on the server."""
    return f"headwater_{reader}"


def statements(secrets: Mapping[str, str], *, database: str = "headwater", cluster: str = "") -> Iterator[str]:
    """Yield what makes the readers' users and grants them their columns; run again, it changes what has changed.

    Args:
        secrets: Reader -> its secret. Only the secret's SHA-256 stands in a statement.
        database: The call store's.
        cluster: Name of the cluster whose servers are all told, "" for one server.

    Raises:
        Invalid: the database's name is none.
    """
    where = f" ON CLUSTER '{cluster}'" if cluster else ""
    schema.database_name(database)
    for reader, secret in sorted(secrets.items()):
        digest, name = sha256(secret.encode()).hexdigest(), user(reader)
        yield f"CREATE USER IF NOT EXISTS {name}{where} IDENTIFIED WITH sha256_hash BY '{digest}' SETTINGS {HELD_TO}"
        yield f"ALTER USER {name}{where} IDENTIFIED WITH sha256_hash BY '{digest}' SETTINGS {HELD_TO}"
        yield f"REVOKE{where} ALL ON *.* FROM {name}"
        held = rights.of(reader)
        for table, open_columns in _open(held):
            # A cluster that passes the asker on to its shards checks the tables that keep the rows as well.
            for kept in (table, f"{table}_local") if cluster else (table,):
                yield f"GRANT{where} SELECT({', '.join(open_columns)}) ON {database}.{kept} TO {name}"
        if held == rights.ALL:
            for table in ("disks", "parts", "tables", "clusters"):  # what ``headwater calls doctor`` looks at
                yield f"GRANT{where} SELECT ON system.{table} TO {name}"


def _open(held: Rights) -> Iterator[tuple[str, tuple[str, ...]]]:
    for table, names in columns().items():
        if table in held.tables:
            yield table, tuple(name for name in names if name not in held.withheld)
