"""TCP of a capture put together again: segments in their order, each octet once, cut into HEP frames or SIP messages.

Pure. What is held is bounded: segments that wait for a lost one, and a message that does not end.
"""

import re
from typing import Final

from headwater.intake import hep

MOST_WAITING: Final = 64
"""Segments of one direction that wait for an earlier one; then the earlier one counts as lost in the capture."""
LONGEST_HEAD: Final = 65_536
LONGEST_BODY: Final = 262_144

_HEP: Final = (b"HEP3", b"EEP3")
_START: Final = re.compile(rb"SIP/2\.0 [1-6][0-9][0-9] |[A-Z]{3,16} [^\r\n ]{1,512} SIP/2\.0\r\n")
_VERSION: Final = b"SIP/2.0"
_LONGEST_LINE: Final = 600
_LENGTH: Final = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,10})[ \t]*\r\n", re.IGNORECASE)
_END: Final = b"\r\n\r\n"
_HALF: Final = 1 << 31


class SipSplitter:
    """Cuts a stream of SIP into messages by their Content-Length (RFC 3261 section 18.3); skips what is none."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._looked = 0
        """Octets of a message that begins at 0 in which the end of its head was looked for."""
        self._whole = 0
        """Length of that message, once its head has ended."""

    @property
    def held(self) -> int:
        """Octets that wait for the end of their message."""
        return len(self._held)

    def feed(self, octets: bytes) -> list[bytes]:
        """Take the next octets and return the messages that they complete."""
        self._held += octets
        found: list[bytes] = []
        while self._held:
            if not self._looked and not self._begins():
                break
            if not self._whole and not self._measured():
                if self._looked:
                    break
                continue
            if len(self._held) < self._whole:
                break
            found.append(bytes(self._held[: self._whole]))
            self._drop(self._whole)
        return found

    def _drop(self, size: int) -> None:
        del self._held[:size]
        self._looked = self._whole = 0

    def _begins(self) -> bool:
        """Bring the next start line to the front; tell whether there is one."""
        while True:
            version = self._held.find(_VERSION)
            if version < 0:
                # The beginning of a start line may be at the end; a start line is no longer than this.
                del self._held[:-_LONGEST_LINE]
                return False
            line = self._held.rfind(b"\n", 0, version) + 1
            if self._held.find(b"\n", version) < 0 and len(self._held) - line <= _LONGEST_LINE:
                del self._held[:line]
                return False
            if _START.match(self._held, line):
                del self._held[:line]
                return True
            del self._held[: version + len(_VERSION)]

    def _measured(self) -> bool:
        """Learn where the message ends, once its head has; give up one that is too long to be any."""
        end = self._held.find(_END, max(self._looked - len(_END), 0))
        if end < 0:
            self._looked = len(self._held)
            if self._looked > LONGEST_HEAD:
                self._drop(8)
            return False
        stated = _LENGTH.search(self._held, 0, end + 2)
        body = int(stated[1]) if stated is not None else 0
        if body > LONGEST_BODY or end > LONGEST_HEAD:
            self._drop(8)
            return False
        self._looked, self._whole = len(self._held), end + len(_END) + body
        return True


class Flow:
    """One direction of a TCP connection."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._waiting: dict[int, bytes] = {}
        self._splitter: hep.StreamSplitter | SipSplitter | None = None

    @property
    def held(self) -> int:
        """Octets that wait for others."""
        cut = self._splitter.held if self._splitter is not None else 0
        return cut + sum(map(len, self._waiting.values()))

    def segment(self, sequence: int, octets: bytes, *, opens: bool) -> list[bytes]:
        """Take one segment, in whatever order it was captured; return the frames or messages that are whole now."""
        if opens:
            self._next, self._waiting = (sequence + 1) % (1 << 32), {}
            sequence = self._next
        if not octets:
            return []
        if self._next is None:
            self._next = sequence  # the capture began after the connection did
        if sequence == self._next and not self._waiting:
            self._next = (sequence + len(octets)) % (1 << 32)
            return self._cut(octets)
        self._waiting[sequence] = octets
        found = self._in_order()
        if len(self._waiting) > MOST_WAITING:
            self._next = min(self._waiting, key=lambda at: (at - (self._next or 0)) % (1 << 32))
            found += self._in_order()
        return found

    def _in_order(self) -> list[bytes]:
        found: list[bytes] = []
        while self._waiting and self._next is not None:
            ready = [at for at in self._waiting if (self._next - at) % (1 << 32) < _HALF]
            if not ready:
                break
            for at in ready:
                octets = self._waiting.pop(at)
                fresh = octets[(self._next - at) % (1 << 32) :]  # a repetition brings nothing that was not had
                if fresh:
                    self._next = (self._next + len(fresh)) % (1 << 32)
                    found += self._cut(fresh)
        return found

    def _cut(self, octets: bytes) -> list[bytes]:
        if self._splitter is None:
            self._splitter = hep.StreamSplitter() if octets.startswith(_HEP) else SipSplitter()
        return self._splitter.feed(octets)
