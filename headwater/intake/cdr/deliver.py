"""From a file to those who keep its calls: in parts, with a checkpoint after each, so that nothing is lost or doubled.

The keeper is the file door of a hub, or an agent's own store. Memory holds one part, whatever the file's size.
"""

import base64
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import BinaryIO, Final, Protocol

import httpx
import msgspec

from headwater.errors import Conflict, Forbidden, Invalid, Unavailable
from headwater.intake import capture, hep
from headwater.intake.cdr import exchange
from headwater.intake.cdr.blocks import BLOCK_OCTETS, Block, blocks
from headwater.intake.cdr.exchange import Answer, Part
from headwater.intake.cdr.files import forward
from headwater.intake.cdr.reading import Place
from headwater.intake.cdr.rows import TOO_LONG

PATH: Final = "/api/feeds/v1/files/parts"
ANSWER_OCTETS: Final = 16_000_000
_PAUSES_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


class Keeper(Protocol):
    """Who keeps the calls of a file."""

    def take(self, part: Part, octets: bytes, /) -> Answer:
        """Return what became of a part, once it is on disk.

        Raises:
            Invalid: the file is not what its format says.
            Forbidden: the credential does not open the door.
            Unavailable: the keeper did not answer within our patience; what was acknowledged stands.
        """


@dataclass(slots=True)
class Progress:
    """How far a file is, and what became of its rows so far. Travels in a checkpoint."""

    offset: int = 0
    rows: int = 0
    stored: int = 0
    duplicates: int = 0
    passed: int = 0
    refused: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    """Refused rows by reason, digits left out; at most fifty reasons."""
    header: list[str] | None = None
    done: bool = False

    @property
    def place(self) -> Place:
        """Where the next part begins."""
        return Place(offset=self.offset, number=self.rows, header=self.header)

    def add(self, answer: Answer) -> None:
        """Count what became of one part."""
        self.offset, self.rows, self.header = answer.place.offset, answer.place.number, answer.place.header
        self.stored += answer.stored
        self.duplicates += answer.duplicates
        self.passed += answer.passed
        self.refused += answer.refused
        for row in answer.rows:
            known = "".join("#" if character.isdigit() else character for character in row.reason)[:160]
            if known in self.reasons or len(self.reasons) < 50:
                self.reasons[known] = self.reasons.get(known, 0) + 1


OnPart = Callable[[Progress, Answer], None]
"""Called when a part is settled, before the next one is sent: write rejects and checkpoint here."""


def deliver(file: BinaryIO, part: Part, keeper: Keeper, *, progress: Progress, on_part: OnPart) -> Progress:
    """Send a file of rows, uncompressed and at its beginning, from where ``progress`` is to its end.

    Raises as ``Keeper.take`` does; what was settled before stands, and the next run goes on after it.
    """
    forward(file, progress.offset)
    sender = _Sender(part, keeper, progress, on_part)
    waiting: Block | None = None
    for block in blocks(file, offset=progress.offset):
        if waiting is not None:
            sender.block(waiting)
        waiting = block
    if waiting is not None:
        sender.block(waiting, last=True)
    progress.done = True
    return progress


def deliver_capture(file: BinaryIO, part: Part, keeper: Keeper, *, progress: Progress, on_part: OnPart) -> Progress:
    """Send the SIP messages of a packet capture, from the message where ``progress`` is. Raises as ``deliver``."""
    sender = _Sender(msgspec.structs.replace(part, format=exchange.CAPTURE), keeper, progress, on_part)
    frames = bytearray()
    begun = progress.rows
    for number, frame in enumerate(capture.sip_frames(file.read(4), file), start=1):
        if number <= begun:
            continue
        frames += frame_octets(frame)
        if len(frames) >= BLOCK_OCTETS // 2:
            sender.octets(bytes(frames), last=False)
            frames.clear()
    sender.octets(bytes(frames), last=True)
    progress.done = True
    return progress


@dataclass(slots=True)
class _Sender:
    """Sends the parts of one file and counts what became of them."""

    part: Part
    keeper: Keeper
    progress: Progress
    on_part: OnPart
    held: bytes = b""
    """What the keeper left open: it goes before the next octets."""

    def block(self, block: Block, *, last: bool = False) -> None:
        """Send a block, and give the row after it up where it is too long to be sent."""
        self.octets(block.octets, last=last or bool(block.too_long))
        if block.too_long:
            start = block.offset + len(block.octets)
            number = self.progress.rows + 1
            raw = base64.b64encode(block.too_long).decode("ascii")
            row = exchange.RefusedRow(row=number, offset=start, reason=TOO_LONG, raw=raw)
            place = Place(offset=block.after, number=number, header=self.progress.header)
            self._settle(Answer(stored=0, duplicates=0, passed=0, refused=1, rows=[row], place=place))
            self.held = b""

    def octets(self, octets: bytes, *, last: bool) -> None:
        """Send one part."""
        sent = self.held + octets
        if not sent:
            return
        start = self.progress.offset
        answer = self.keeper.take(msgspec.structs.replace(self.part, place=self.progress.place, last=last), sent)
        if not start <= answer.place.offset <= start + len(sent):
            raise Conflict("The keeper's answer names a place outside the part that it was sent.")
        self._settle(answer)
        self.held = sent[answer.place.offset - start :]

    def _settle(self, answer: Answer) -> None:
        self.progress.add(answer)
        self.on_part(self.progress, answer)


def frame_octets(frame: hep.HepFrame) -> bytes:
    """Return a captured message as a HEPv3 frame."""
    source, destination = ip_address(frame.source_ip), ip_address(frame.destination_ip)
    first = 3 if source.version == 4 else 5
    chunks = (
        (1, bytes([2 if source.version == 4 else 10])),
        (2, b"\x11"),
        (first, source.packed),
        (first + 1, destination.packed),
        (7, struct.pack(">H", frame.source_port)),
        (8, struct.pack(">H", frame.destination_port)),
        (9, struct.pack(">I", frame.seconds)),
        (10, struct.pack(">I", frame.microseconds)),
        (11, bytes([frame.protocol_type])),
        (12, struct.pack(">I", frame.agent_id)),
        *(((19, frame.agent_name.encode()),) if frame.agent_name else ()),
        (15, frame.payload),
    )
    body = b"".join(struct.pack(">HHH", 0, kind, len(octets) + 6) + octets for kind, octets in chunks)
    return b"HEP3" + struct.pack(">H", len(body) + 6) + body


class FileDoor:
    """The file door of a hub over HTTP. A 503, or no answer, is tried again for about a minute: that is harmless."""

    def __init__(
        self, url: str, token: str, *, client: httpx.Client | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self._url = url.rstrip("/") + PATH
        self._headers = headers or {"Authorization": f"Bearer {token}"}
        self._client = client or httpx.Client(timeout=httpx.Timeout(90.0, connect=5.0), trust_env=False)
        self._pauses = _PAUSES_S

    def take(self, part: Part, octets: bytes, /) -> Answer:
        """Return what became of a part. See ``Keeper``."""
        headers = {
            **self._headers,
            "Content-Type": "application/octet-stream",
            "Headwater-Part": exchange.encoded(part),
        }
        why = ""
        for pause in (*self._pauses, None):
            try:
                answer = self._client.post(self._url, content=octets, headers=headers)
            except httpx.TransportError as error:
                why = f"{error!r}"
            else:
                if answer.status_code == 202:
                    return _answer(answer)
                _settle(answer)
                why = f"it answered {answer.status_code}: {_detail(answer)}"
            if pause is not None:
                time.sleep(pause)
        raise Unavailable(f"The file door {self._url} takes nothing: {why}. What was stored stays: run this again.")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _settle(answer: httpx.Response) -> None:
    """Raise what an answer says that trying again would not change."""
    if answer.status_code in {401, 403}:
        raise Forbidden(f"The file door refused the credential ({answer.status_code}): {_detail(answer)}")
    if answer.status_code == 422:
        raise Invalid(_detail(answer))
    if answer.status_code not in {408, 429, 500, 502, 503, 504}:
        raise Conflict(f"The file door answered {answer.status_code}: {_detail(answer)}")


def _answer(answer: httpx.Response) -> Answer:
    try:
        if len(answer.content) > ANSWER_OCTETS:
            raise Conflict("The file door's answer is longer than any of ours.")
        return msgspec.json.decode(answer.content, type=Answer)
    except msgspec.DecodeError as error:
        raise Conflict(f"What answers at the file door's address is no file door: {_detail(answer)}") from error


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])[:800]
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]
