"""Twins of those who keep a file's calls: they read as the real ones do, and remember."""

from datetime import UTC, datetime

from headwater.calls.duplicates import same_content
from headwater.calls.records import CallRecord
from headwater.calls.store import Inserted
from headwater.intake.cdr import exchange
from headwater.intake.cdr.exchange import Answer, Part
from headwater.intake.sources import Source


class Killed(BaseException):
    """The process died."""


class Store:
    """Keeps each record once, as the call store does. ``dies_after`` parts it is gone, with the part stored or not."""

    def __init__(self, source_id: str = "709J", *, dies_after: int | None = None, stored_first: bool = True) -> None:
        self.known: dict[object, CallRecord] = {}
        self.parts: list[Part] = []
        self.dies_after = dies_after
        self._stored_first = stored_first
        self._source = Source(source_id=source_id)

    @property
    def records(self) -> list[CallRecord]:
        return list(self.known.values())

    def take(self, part: Part, octets: bytes, /) -> Answer:
        dies = self.dies_after is not None and len(self.parts) >= self.dies_after
        if dies and not self._stored_first:
            raise Killed
        found = exchange.read(part, octets, self._source, datetime.now(UTC))
        duplicates, conflicts = [], []
        for place, record in enumerate(found.records):
            before = self.known.get(record.record_id)
            if before is None:
                self.known[record.record_id] = record
            elif same_content(before, record):
                duplicates.append(place)
            else:
                conflicts.append(place)
        if dies:
            raise Killed
        self.parts.append(part)
        stored = len(found.records) - len(duplicates) - len(conflicts)
        inserted = Inserted(stored=stored, duplicates=tuple(duplicates), conflicts=tuple(conflicts))
        return exchange.answer(found, inserted)
