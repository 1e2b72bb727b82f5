import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headwater.calls import queries
from headwater.calls.records import CallRecord
from headwater.calls.store import CallStore

_FOLDER = Path(tempfile.mkdtemp(prefix="headwater-tracebacks-"))


@pytest.fixture(scope="session")
def call_store() -> Iterator[CallStore]:
    store = CallStore.open(f"chdb://{_FOLDER}/calls", database="headwater")
    store.migrate()
    yield store
    queries.disconnect(f"chdb://{_FOLDER}/calls")
    store.close()


@pytest.fixture
def keep(call_store: CallStore, settings: Any) -> Callable[[CallRecord], CallRecord]:
    """Put call records into the store that the rooms read."""
    settings.HEADWATER = replace(settings.HEADWATER, calls_url=f"chdb://{_FOLDER}/calls")

    def put(record: CallRecord) -> CallRecord:
        call_store.insert([record])
        return record

    return put
