"""A worker that seals one package and may be killed at any moment: run by test_sealing.py."""

import pickle
import sys
from pathlib import Path
from typing import Any

from headwater.calls.records import CallRecord
from headwater.site.setup import django


class Twin:
    """An in-memory twin of the call store, as far as sealing reads it."""

    def __init__(self, records: list[CallRecord]) -> None:
        self._records = {record.record_id: record for record in records}

    def records(self, ids: list[Any]) -> list[CallRecord]:
        return [self._records[record_id] for record_id in ids if record_id in self._records]

    def raw(self, ids: list[Any]) -> dict[Any, bytes]:
        return {record.record_id: record.raw for record in self.records(ids)}


def main() -> None:
    """Say that everything is loaded, then seal."""
    django()
    from headwater.evidence import keys
    from headwater.evidence.seal import seal_with

    package_id, records, home = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    store: Any = Twin(pickle.loads(records.read_bytes()))  # noqa: S301 - written by the test beside it
    key = keys.load(home / "secrets")
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    seal_with(package_id, store, key, home / "packages")


if __name__ == "__main__":
    main()
