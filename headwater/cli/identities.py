"""Identity headers in whatever an analyst has: headers, bare tokens, a SIP message, JSON lines or a capture."""

import itertools
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from headwater.errors import Invalid
from headwater.stir.verify import Call

#: Longest single header, token, SIP message or JSON line. A capture has no such bound, its packets have.
MAX_LINE = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One call, or one token by itself."""

    headers: tuple[str, ...] = ()
    token: str = ""
    """A token that came without a header; then there are no headers."""
    call: Call = field(default_factory=Call)
    seen_at: float | None = None
    """Unix seconds, where the input says when the call was made."""


def open_input(file: Path | None) -> BinaryIO:
    """Open ``file``, or standard input for ``None`` and ``-``. Raises ``Invalid``."""
    if file is None or str(file) == "-":
        return sys.stdin.buffer
    try:
        return file.open("rb")
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}") from None


def instant(text: str, what: str) -> float:
    """Return Unix seconds from ISO 8601 with a zone or from Unix seconds; ``what`` names it in an ``Invalid``."""
    try:
        found = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise Invalid(f"{what} {text!r} is neither ISO 8601 nor Unix seconds") from None
        if moment.tzinfo is None:
            raise Invalid(f"{what} {text!r} has no zone: add Z or an offset") from None
        found = moment.timestamp()
    if not abs(found) < 1e11:
        raise Invalid(f"{what} {text!r} is no time that a call could have")
    return found


def read_calls(stream: BinaryIO) -> Iterator[Given]:
    """Yield each call in ``stream``, one at a time, however long the stream is. Raises ``Invalid``."""
    from headwater.intake import capture

    head = stream.read(4)
    if capture.is_capture(head):
        for message in capture.sip_messages(head, stream):
            yield from _of_sip(message.octets, message.seen_at)
        return
    first = head if b"\n" in head else head + stream.readline(MAX_LINE)
    if b"SIP/2.0" in first.partition(b"\n")[0]:
        octets = first + stream.read(MAX_LINE + 1)
        if len(octets) > MAX_LINE:
            raise Invalid(f"the SIP message is longer than {MAX_LINE} octets")
        yield from _of_sip(octets, None)
        return
    for text in _unfolded(_lines(first, stream)):
        if text.startswith("{"):
            yield _of_json(text)
        elif text:
            yield Given(headers=(text,)) if ";" in text else Given(token=text)


def _lines(first: bytes, stream: BinaryIO) -> Iterator[bytes]:
    # What was read already may hold several short lines, and the last of them may not be whole.
    begun = first.splitlines(keepends=True)
    if begun and not begun[-1].endswith((b"\n", b"\r")):
        begun[-1] += stream.readline(MAX_LINE + 1)
    for number, line in enumerate(itertools.chain(begun, iter(lambda: stream.readline(MAX_LINE + 1), b"")), start=1):
        if len(line) > MAX_LINE:
            raise Invalid(f"line {number} is longer than {MAX_LINE} octets")
        yield line


def _unfolded(lines: Iterator[bytes]) -> Iterator[str]:
    """Join a line that begins with white space to the one before it, as SIP folds headers (RFC 3261 section 7.3.1)."""
    held = ""
    for line in lines:
        text = line.decode(errors="replace").rstrip("\r\n")
        if text[:1] in (" ", "\t") and held and len(held) < MAX_LINE:
            held += " " + text.strip()
            continue
        yield _without_name(held)
        held = text
    yield _without_name(held)


def _without_name(text: str) -> str:
    text = text.strip().removeprefix("\ufeff")
    name, colon, value = text.partition(":")
    return value.strip() if colon and name.strip().lower() in ("identity", "y") else text


def _of_json(text: str) -> Given:
    wrong = 'a JSON line holds {"identity": header or list of headers, "calling"?, "called"?, "at"?}'
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{wrong}; this one is no JSON: {error}") from None
    identities, at = value.get("identity"), value.get("at")
    identities = [identities] if isinstance(identities, str) else identities or []
    if not isinstance(identities, list) or not all(isinstance(each, str) for each in identities):
        raise Invalid(wrong)
    seen_at = None if at is None else instant(str(at), "the time at")
    call = Call(calling=str(value.get("calling") or ""), called=str(value.get("called") or ""), at=seen_at)
    return Given(headers=tuple(identities), call=call, seen_at=seen_at)


def _of_sip(octets: bytes, seen_at: float | None) -> Iterator[Given]:
    from headwater.intake import sip

    try:
        message = sip.parse(octets)
    except sip.NotSip as error:
        print(f"headwater: {error}", file=sys.stderr)
        return
    if message.method == "INVITE" and message.status == 0 and not message.in_dialog:
        headers = tuple(each.decode(errors="replace") for each in message.identities)
        yield Given(
            headers=headers,
            call=Call(calling=message.calling, called=message.called, at=seen_at),
            seen_at=seen_at,
        )
