from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from headwater.calls import queries
from headwater.calls.records import CallRecord
from headwater.calls.store import CallStore


@pytest.fixture(scope="module")
def call_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, CallStore]]:
    """A store that is open for one module: a process opens one folder at a time."""
    url = f"chdb://{tmp_path_factory.mktemp('calls')}"
    store = CallStore.open(url)
    store.migrate()
    yield url, store
    queries.disconnect(url)
    store.close()


@pytest.fixture
def keep(call_store: tuple[str, CallStore], settings: Any) -> Callable[[CallRecord], CallRecord]:
    """Put call records into the store that the rooms read."""
    url, store = call_store
    settings.HEADWATER = replace(settings.HEADWATER, calls_url=url)

    def put(record: CallRecord) -> CallRecord:
        store.insert([record])
        return record

    return put
