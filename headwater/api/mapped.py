"""Other formats at the feed door: a partner's own webhook, and vCon.

``POST /api/feeds/v1/mapped/NAME`` is read by the mapping NAME; ``POST /api/feeds/v1/vcon`` takes one vCon.

The mapping is the operator's file in the folder ``mappings`` of the data directory, or a ready one. It is read anew
when the file changed. What the partner sent stands in each record's raw octets, inside the neutral event made of it.
"""

import asyncio
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from headwater.errors import Invalid
from headwater.intake import feed
from headwater.intake.events import items, mapping
from headwater.intake.events.apply import Mapper, NotMapped
from headwater.intake.events.conversations import read_events
from headwater.intake.events.items import Item
from headwater.intake.events.mapping import Mapping, MappingNotFound
from headwater.intake.recordings import Recordings
from headwater.intake.sources import Source

PREFIX: Final = "/api/feeds/v1/mapped/"
VCON: Final = "/api/feeds/v1/vcon"
RECORDS_A_PART: Final = 200


@dataclass(slots=True)
class Mappings:
    """The mappings that a door knows, by name."""

    folder: Path
    _known: dict[str, tuple[int, Mapping]] = field(default_factory=dict)

    def __call__(self, name: str) -> Mapping:
        """Return the mapping ``name``.

        Raises:
            MappingNotFound: there is none.
            BadMapping: its file does not hold.
        """
        if not name.replace("-", "").isalnum() or not name.isascii() or len(name) > 48:
            raise MappingNotFound("There is no mapping of that name.")
        own = self.folder / f"{name}.toml"
        changed = own.stat().st_mtime_ns if own.is_file() else 0
        known = self._known.get(name)
        if known is None or known[0] != changed:
            known = (changed, mapping.load_mapping(name, self.folder))
            self._known[name] = known
        return known[1]


def is_ours(path: str) -> bool:
    """Tell whether an address is one of these formats'."""
    return path == VCON or path.startswith(PREFIX)


class Formats:
    """The formats that one door reads beside NDJSON and CloudEvents."""

    def __init__(self, home: Path) -> None:
        """Read mappings from, and keep recordings in, the data directory ``home``."""
        self._mappings = Mappings(home / "mappings")
        self._recordings = Recordings(home)

    async def read(self, path: str, body: bytes, source: Source, received_at: datetime) -> feed.FeedBatch:
        """Return the records of a body that came to ``path``, and what was refused in it. See below for errors."""
        if path == VCON:
            return await read_vcon(body, self._recordings, source, received_at)
        return await read(body, self._mappings(path.removeprefix(PREFIX)), source, received_at)


async def read_vcon(body: bytes, recordings: Recordings, source: Source, received_at: datetime) -> feed.FeedBatch:
    """Return the records of one vCon; its recordings are kept. What cannot be read of it is refused whole.

    Raises:
        BadVcon: it is no vCon, is encrypted, or its signature does not hold.
    """
    batch = feed.FeedBatch(records=[], lines=[], rejects=[], kept=[])
    events = await asyncio.to_thread(read_events, body, recordings, now=received_at)
    for number, event in enumerate(events, start=1):
        line = msgspec.json.encode(event)
        try:
            batch.records.append(feed.read_line(line, source, received_at))
            batch.lines.append(number)
        except feed.BadLine as error:
            batch.rejects.append(feed.Rejection(number, str(error), event.id))
            batch.kept.append(feed.kept(line, number, str(error), source=source, received_at=received_at))
    return batch


async def read(body: bytes, found: Mapping, source: Source, received_at: datetime) -> feed.FeedBatch:
    """Return the records of a body in the mapping's format, and what was refused in it.

    Raises:
        BadFile: the body is no such document.
        TooManyLines: it holds more records than one request may.
    """
    batch = feed.FeedBatch(records=[], lines=[], rejects=[], kept=[])
    mapper = Mapper(found, {"observed_at": received_at.isoformat()})
    room = feed.KEPT_OCTETS
    for number, item in enumerate(_items(body, found), start=1):
        if number > feed.BODY_LINES:
            raise feed.TooManyLines(f"the body has more than {feed.BODY_LINES} records; send fewer at a time")
        try:
            if item.fault:
                raise NotMapped(item.fault)
            line = msgspec.json.encode(mapper.event(item.value, item.original))
            batch.records.append(feed.read_line(line, source, received_at))
            batch.lines.append(item.position)
        except Invalid as error:
            octets = item.original.encode("utf-8", "surrogatepass")
            batch.rejects.append(feed.Rejection(item.position, str(error)))
            if room > 0:
                batch.kept.append(feed.kept(octets, item.position, str(error), source=source, received_at=received_at))
                room -= len(batch.kept[-1].raw)
        if number % RECORDS_A_PART == 0:
            await asyncio.sleep(0)  # the other senders' turn
    return batch


def _items(body: bytes, found: Mapping) -> Iterator[Item]:
    # A gzipped body was inflated under the door's bound; gzip inside it would be a second one.
    if body[:2] == b"\x1f\x8b":
        raise items.BadFile("the body is gzip: say so with Content-Encoding")
    return items.items(io.BytesIO(body), found.input)
