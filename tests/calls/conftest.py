"""Stores of one test: one engine a module, because a process opens one folder at a time, and one database a test."""

from collections.abc import Iterator

import pytest

from headwater.calls.engine import Engine
from headwater.calls.store import CallStore


@pytest.fixture(scope="module")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an embedded engine that stays open for the module, so that each test opens it in no time."""
    url = f"chdb://{tmp_path_factory.mktemp('calls')}"
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
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def anyio_backend() -> str:
    """Coroutine tests run on asyncio, as the product does."""
    return "asyncio"
