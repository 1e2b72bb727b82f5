"""Stores of one test: one engine a module, because a process opens one folder at a time, and one database a test.

``make cluster-check URL=... [CLUSTER=...]`` runs the tests of ``FOR_A_SERVER`` on a user's own server or cluster.
"""

import os
from collections.abc import Iterator

import pytest

from headwater.calls import cluster
from headwater.calls.engine import Engine
from headwater.calls.store import CallStore

#: Where ``make cluster-check`` sends the tests; "" for an embedded engine of their own.
CHECKED_URL = os.environ.get("HEADWATER_CHECK_URL", "")
CHECKED_CLUSTER = os.environ.get("HEADWATER_CHECK_CLUSTER", "")
#: Modules that ask nothing of the store but what a server gives as well.
FOR_A_SERVER = frozenset(
    {"test_health", "test_lookups", "test_queries", "test_related", "test_store", "test_sweep", "test_trends"}
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that a server must pass too."""
    for item in items:
        if item.path.parent.name == "calls" and item.path.stem in FOR_A_SERVER:
            item.add_marker(pytest.mark.server)


@pytest.fixture(scope="module")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an embedded engine that stays open for the module, so that each test opens it in no time."""
    url = CHECKED_URL or f"chdb://{tmp_path_factory.mktemp('calls')}"
    engine = Engine.open(url)
    yield url
    engine.close()
    assert engine.users == 0, "a test left a store or a reader open"


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """A database name of the test's own."""
    return f"t{abs(hash(request.node.nodeid)):x}"


@pytest.fixture
def store(store_url: str, database: str) -> Iterator[CallStore]:
    """An empty store, ready for use."""
    opened = CallStore.open(store_url, database=database)
    if CHECKED_CLUSTER:
        _make_on_cluster(opened)
    opened.migrate()
    yield opened
    if CHECKED_URL:
        everywhere = f"ON CLUSTER '{CHECKED_CLUSTER}'" if CHECKED_CLUSTER else ""
        with opened.engine.client() as client:
            client.command(f"DROP DATABASE {database} {everywhere} SYNC", use_database=False)
    opened.close()


def _make_on_cluster(store: CallStore) -> None:
    with store.engine.client() as client:
        for statement in cluster.statements(database=store.database, cluster=CHECKED_CLUSTER):
            client.command(statement, use_database=False)


@pytest.fixture
def anyio_backend() -> str:
    """Coroutine tests run on asyncio, as the product does."""
    return "asyncio"
