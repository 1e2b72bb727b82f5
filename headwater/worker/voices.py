"""Which recording a report carries: the same sound again is known by its fingerprint, whatever codec it came through.

The recordings that campaigns have are read from their folder once, at the first report with sound; a recording that is
not on this machine, or that cannot be read, is passed over and said in the log: the report counts by its words.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import structlog

from headwater.calls.records import CallRecord
from headwater.campaigns import fingerprint, fusion, graph
from headwater.errors import HeadwaterError
from headwater.intake.recordings import Recordings

log = structlog.get_logger(__name__)


class Voices:
    """The recordings of this machine, and which of them are the same."""

    def __init__(self, home: Path) -> None:
        """Read recordings from the data directory ``home``."""
        self._folder = Recordings(home)
        self._known: fingerprint.Recordings | None = None
        self._called: dict[str, str] = {}

    def told(self, records: Sequence[CallRecord]) -> list[CallRecord]:
        """Return the records; one with sound says which recording it is, under ``fusion.RECORDING``."""
        return [self._with_recording(r) if r.headers.get(fusion.AUDIO) else r for r in records]

    def _with_recording(self, record: CallRecord) -> CallRecord:
        name = record.headers[fusion.AUDIO]
        if name not in self._called:
            self._called[name] = self._same_as(name)
        return msgspec.structs.replace(record, headers={**record.headers, fusion.RECORDING: self._called[name]})

    def _same_as(self, name: str) -> str:
        if self._known is None:
            self._known = fingerprint.Recordings()
            self._learn(graph.recordings())
        bits = self._bits(name)
        if bits is None:
            return name
        match = self._known.find(bits)
        if match is not None:
            log.info("recording known", recording=match.recording, agreement=match.overlap, seconds=match.overlap_s)
            return match.recording
        self._known.add(name, bits)
        return name

    def _learn(self, names: Iterable[str]) -> None:
        for name in names:
            bits = self._bits(name)
            if bits is not None and self._known is not None:
                self._known.add(name, bits)

    def _bits(self, name: str) -> fingerprint.Bits | None:
        try:
            return fingerprint.fingerprint(fingerprint.read_wav(self._folder.get(name)))
        except HeadwaterError as error:
            log.warning("recording passed over", recording=name, error=str(error))
            return None
