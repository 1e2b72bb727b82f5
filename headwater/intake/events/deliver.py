"""From a source's file to the feed door: records are mapped, sent in batches, and nothing is lost on the way.

The door is the one that partners use: what it acknowledged is on disk, what it refused is told line by line, and
sending the same file again changes nothing.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import httpx
import msgspec

from headwater.errors import Conflict, Forbidden, Invalid, Unavailable
from headwater.intake.events.apply import Mapper, NotMapped
from headwater.intake.events.items import Item

EVENTS_A_BATCH: Final = 1_000
OCTETS_A_BATCH: Final = 8_000_000
ANSWER_OCTETS: Final = 4_000_000
PATH: Final = "/api/feeds/v1/events"
VCON_PATH: Final = "/api/feeds/v1/vcon"
_PAUSES_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


class LineFault(msgspec.Struct, frozen=True):
    """Why the door refused one line."""

    line: int
    reason: str
    event_id: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What the door says of a batch."""

    accepted: int
    duplicates: int
    rejected: int
    errors: list[LineFault]


class Door(Protocol):
    """Where events go: the feed door, or its twin in a test."""

    def send(self, lines: list[bytes], /) -> Answer:
        """Return what became of the lines, once all is settled.

        Raises:
            Forbidden: the credential does not open the door.
            Unavailable: the door did not answer within our patience.
        """

    def close(self) -> None:
        """Let go of what is held open."""


class FeedDoor:
    """The feed door over HTTP. A 503, or no answer, is tried again for about a minute: sending twice is harmless."""

    def __init__(
        self, url: str, token: str, *, client: httpx.Client | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", **(headers or {})}
        self._client = client or httpx.Client(timeout=httpx.Timeout(60.0, connect=5.0), trust_env=False)
        self._pauses = _PAUSES_S

    def send(self, lines: list[bytes], /) -> Answer:
        """Return what became of the lines. See ``Door``."""
        return self._post(PATH, b"\n".join(lines), "application/x-ndjson")

    def send_vcon(self, octets: bytes, /) -> Answer:
        """Return what became of a vCon. Raises as ``send``."""
        return self._post(VCON_PATH, octets, "application/vcon+json")

    def _post(self, path: str, body: bytes, media_type: str) -> Answer:
        address, headers, why = self._url + path, {**self._headers, "Content-Type": media_type}, ""
        for pause in (*self._pauses, None):
            try:
                answer = self._client.post(address, content=body, headers=headers)
            except httpx.TransportError as error:
                why = f"{error!r}"
            else:
                if answer.status_code in {202, 422}:
                    return _answer(answer)
                if answer.status_code in {401, 403}:
                    raise Forbidden(f"The feed door refused the credential ({answer.status_code}): {_detail(answer)}")
                if answer.status_code not in {408, 429, 500, 502, 503, 504}:
                    raise Conflict(f"The feed door answered {answer.status_code}: {_detail(answer)}")
                why = f"it answered {answer.status_code}: {_detail(answer)}"
            if pause is not None:
                time.sleep(pause)
        raise Unavailable(f"The feed door {address} does not take events: {why}. Nothing is lost: run this again.")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


@dataclass(slots=True)
class Tally:
    """What became of the records of one file or answer, so far."""

    read: int = 0
    stored: int = 0
    duplicates: int = 0
    refused: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    """Refused records by reason, digits left out; at most fifty reasons."""

    def refuse(self, reason: str) -> None:
        """Count one refused record."""
        self.refused += 1
        known = "".join("#" if character.isdigit() else character for character in reason)[:160]
        if known in self.reasons or len(self.reasons) < 50:
            self.reasons[known] = self.reasons.get(known, 0) + 1


OnReject = Callable[[Item, str], None]


def deliver(
    items: Iterable[Item], mapper: Mapper, door: Door, *, on_reject: OnReject, on_batch: Callable[[Tally], None]
) -> Tally:
    """Map and send every record; return what became of them.

    Raises:
        Forbidden, Unavailable, Conflict: see ``Door``; batches before were stored, the rest was not sent.
    """
    tally = Tally()
    batch: list[tuple[Item, bytes]] = []
    octets = 0
    for item in items:
        tally.read += 1
        try:
            if item.fault:
                raise NotMapped(item.fault)
            line = msgspec.json.encode(mapper.event(item.value, item.original))
        except Invalid as error:
            tally.refuse(str(error))
            on_reject(item, str(error))
            continue
        batch.append((item, line))
        octets += len(line)
        if len(batch) >= EVENTS_A_BATCH or octets >= OCTETS_A_BATCH:
            _send(batch, door, tally, on_reject)
            on_batch(tally)
            batch, octets = [], 0
    if batch:
        _send(batch, door, tally, on_reject)
    on_batch(tally)
    return tally


def _send(batch: list[tuple[Item, bytes]], door: Door, tally: Tally, on_reject: OnReject) -> None:
    answer = door.send([line for _, line in batch])
    tally.stored += answer.accepted
    tally.duplicates += answer.duplicates
    for fault in answer.errors:
        tally.refuse(fault.reason)
        on_reject(batch[fault.line - 1][0], fault.reason)
    tally.refused += answer.rejected - len(answer.errors)


def _answer(answer: httpx.Response) -> Answer:
    try:
        if len(answer.content) > ANSWER_OCTETS:
            raise Conflict("The feed door's answer is longer than any of ours.")
        return msgspec.json.decode(answer.content, type=Answer)
    except msgspec.DecodeError as error:
        raise Conflict(f"What answers at the feed door's address is no feed door: {_detail(answer)}") from error


def _detail(answer: httpx.Response) -> str:
    try:
        held: Any = answer.json()
        return str(held["detail"])[:500]
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]
