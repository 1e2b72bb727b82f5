"""Rights as a server keeps them: each reader its own columns, by name, and no secret in a statement."""

import re
from hashlib import sha256

import pytest

from headwater.calls import columns, grants, rights
from headwater.calls.queries import CallQueries
from headwater.calls.store import CallStore
from headwater.errors import Invalid
from headwater.site.secret_files import READERS

SECRETS = {process.value: f"secret of {process.value}" for process in READERS}
MADE = list(grants.statements(SECRETS))
GRANT = re.compile(r"GRANT SELECT\((?P<names>[^)]*)\) ON headwater\.(?P<table>\w+) TO headwater_(?P<reader>\w+)")


def opened(reader: str, table: str = "calls") -> set[str]:
    found = [made for text in MADE if (made := GRANT.fullmatch(text)) and made["reader"] == reader]
    return {name for made in found if made["table"] == table for name in made["names"].split(", ")}


def test_the_template_s_columns_are_those_that_the_engine_has(store: CallStore) -> None:
    rows = CallQueries(store.engine, store.database).rows(
        "SELECT table, name FROM system.columns WHERE database = currentDatabase() AND table NOT LIKE '%_view' "
        "AND default_kind != 'EPHEMERAL'"
    )
    there: dict[str, set[str]] = {}
    for table, name in rows:
        there.setdefault(table, set()).add(name)
    assert {table: set(names) for table, names in grants.columns().items()} == there


def test_each_reader_is_granted_what_the_facade_opens_to_it_and_nothing_else() -> None:
    assert {made["reader"] for text in MADE if (made := GRANT.fullmatch(text))} == set(SECRETS)
    for reader in SECRETS:
        for table, names in grants.columns().items():
            expected = set(names) - rights.of(reader).withheld if table in rights.of(reader).tables else set()
            assert opened(reader, table) == expected, (reader, table)


def test_only_an_audited_purpose_opens_called_numbers_or_octets() -> None:
    called = {name for name in (*columns.NAMES, *columns.STORED) if name.startswith("called")}
    assert called <= opened("work")
    assert "raw" in opened("work")
    assert called <= opened("desk")
    assert "raw" not in opened("desk")
    for reader in ("portal", "carrier"):
        assert not opened(reader) & {*called, "raw", "headers", "transcript"}
        assert opened(reader) >= {"calling", "calling_digits", "call_at", "record_id"}
        assert not opened(reader, "bodies")


def test_a_secret_stands_in_no_statement_and_old_grants_are_taken_first() -> None:
    for reader, secret in SECRETS.items():
        assert not any(secret in text for text in MADE)
        mine = [text for text in MADE if re.search(rf"\bheadwater_{reader}\b", text)]
        assert sha256(secret.encode()).hexdigest() in mine[0]
        assert [text.split(" ")[0] for text in mine[:4]] == ["CREATE", "ALTER", "REVOKE", "GRANT"]
        assert all("readonly = 2" in text for text in mine[:2])


def test_on_a_cluster_every_server_is_told() -> None:
    made = list(grants.statements(SECRETS, cluster="us"))
    assert all(" ON CLUSTER 'us'" in text for text in made)
    for name in ("calls", "calls_local"):
        (mine,) = [text for text in made if text.endswith(f"ON headwater.{name} TO headwater_portal")]
        assert not re.search(r"\bcalled|\braw\b", mine)
    with pytest.raises(Invalid):
        list(grants.statements(SECRETS, database="x; DROP"))
