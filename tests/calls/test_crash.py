"""What was acknowledged is there, once, whatever killed the writer."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from headwater.calls.queries import CallQueries
from headwater.calls.store import CallStore
from tests.calls.samples import report

ROOT = Path(__file__).resolve().parents[2]
BATCH = 500
#: Kills of one run; ``HEADWATER_KILL_ROUNDS=50 pytest tests/calls/test_crash.py -k kill_9`` is the long one.
ROUNDS = int(os.environ.get("HEADWATER_KILL_ROUNDS", "3"))

#: Inserts batches for ever and says after each which one is durable.
WRITER = """
import sys
from headwater.calls.store import CallStore
from headwater.calls import columns
from tests.calls.samples import NOON, report
NOON_US = int(NOON.timestamp() * 1_000_000)
store = CallStore.open(sys.argv[1])
store.migrate()
first = int(sys.argv[2])
print("open", flush=True)
for batch in range(first, first + 100_000):
    rows = [report(batch * 500 + row) for row in range(500)]
    if batch % 2:
        store.insert(rows)
    else:
        store.insert_table(columns.table_of(rows, [NOON_US + row for row in range(500)]))
    print(batch, flush=True)
"""

#: Inserts small batches, then large ones under a limit of file sizes: the disk refuses, as a full one does.
LIMITED = """
import json, resource, sys
from headwater.calls.store import CallStore
from headwater.calls.queries import CallQueries
from headwater.errors import HeadwaterError
from tests.calls.samples import report
import os
store = CallStore.open(sys.argv[1])
store.migrate()
store.insert([report(1)])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
told = []
for number in range(3):
    try:
        raw = os.urandom(900_000)
        store.insert([report(10 * number + row + 10, raw=raw) for row in range(4)])
        told.append("stored")
    except HeadwaterError as error:
        told.append(type(error).__name__)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
after = store.insert([report(2)]).stored
print(json.dumps({"told": told, "after": after, "total": CallQueries(store.engine, "headwater").total()}))
store.close()
"""


def run(source: str, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", source, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.fault
def test_kill_9_during_inserts_loses_and_doubles_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    url = f"chdb://{tmp_path}/calls"
    acknowledged: list[int] = []
    for _ in range(ROUNDS):
        # Each round repeats the last batch: the sender could not know whether it had been stored.
        first = acknowledged[-1] if acknowledged else 0
        writer = run(WRITER, url, str(first))
        assert writer.stdout
        assert writer.stdout.readline() == "open\n", writer.stderr and writer.stderr.read()
        for _ in range(random.randrange(1, 8)):
            acknowledged += [int(writer.stdout.readline())]
        time.sleep(random.random() / 10)  # anywhere in the middle of an insert, a merge or neither
        writer.send_signal(signal.SIGKILL)
        acknowledged += [int(text) for text in writer.stdout.read().split()]
        writer.wait()
        writer.stdout.close()
        assert writer.stderr
        writer.stderr.close()
    store = CallStore.open(url)
    try:
        reads = CallQueries(store.engine, "headwater")
        wanted = [report(batch * BATCH + row).record_id for batch in sorted(set(acknowledged)) for row in range(BATCH)]
        found = [row.record_id for row in reads.records(wanted)]
        assert found == wanted
        with store.engine.client("headwater") as client:
            rows, distinct = client.query("SELECT count(), uniqExact(record_id) FROM calls").first_row
        assert rows == distinct
        # At most the batch that was under way at each kill was stored without being acknowledged.
        assert len(wanted) <= rows <= len(wanted) + ROUNDS * BATCH
    finally:
        store.close()


@pytest.mark.fault
def test_a_disk_that_refuses_is_heard_and_the_store_goes_on_when_it_takes_again(tmp_path: Path) -> None:
    done = run(LIMITED, f"chdb://{tmp_path}/calls", "300000")
    output, errors = done.communicate(timeout=120)
    assert done.returncode == 0, errors
    told: dict[str, Any] = json.loads(output.splitlines()[-1])
    assert told == {"told": ["StoreUnavailable"] * 3, "after": 1, "total": 2}


@pytest.mark.fault
def test_a_second_process_on_the_folder_is_refused_with_a_clear_error(tmp_path: Path) -> None:
    url = f"chdb://{tmp_path}/calls"
    writer = run(WRITER, url, "0")
    try:
        assert writer.stdout
        assert writer.stdout.readline() == "open\n"
        second = run("import sys; from headwater.calls.store import CallStore; CallStore.open(sys.argv[1])", url)
        _, errors = second.communicate(timeout=60)
        assert second.returncode == 1
        assert "StoreUnavailable" in errors
    finally:
        writer.kill()
        writer.communicate()


def test_limits_of_this_process_are_untouched() -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
