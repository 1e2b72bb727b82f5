"""Files of outsiders, shown to the operator's virus scanner before they are kept: clamd, by its INSTREAM command.

Without ``HEADWATER_CLAMD`` none is asked. With it no file is kept unseen: a scanner that does not answer refuses. The
octets go over a socket of this machine (unix, or TCP on loopback), never to another host: the protocol has no secrecy.
Protocol: clamd(8), commands ``zINSTREAM`` (chunks with their length before them, ended by a length of zero).
"""

import socket
import struct
from collections.abc import Iterator
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from headwater.accounts.actors import Actor
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Invalid, Unavailable

PIECE: Final = 65_536
#: Seconds for the connection and for each answer of the scanner.
PATIENCE_S: Final = 30.0
_LONGEST_REPLY: Final = 4_096


class Infected(Invalid):
    """The scanner knows the file as malicious."""


def check(actor: Actor, octets: bytes, name: str) -> None:
    """Have the octets of ``name`` looked at, where a scanner is set. What was found is audited by itself.

    Raises:
        Infected: The scanner found something.
        Unavailable: It does not answer, or cannot look at them.
    """
    place = settings.HEADWATER.clamd
    if not place:
        return
    said = _ask(place, octets)
    if said == "stream: OK":
        return
    if not said.endswith(" FOUND"):
        raise Unavailable(f"The virus scanner could not look at the file ({said[:100]}). Nothing was kept; try later.")
    found = said.removeprefix("stream: ").removesuffix(" FOUND")[:200]
    digest = sha256(octets).hexdigest()
    with transaction.atomic():
        record(actor, Tag.DOCUMENT_INFECTED, digest, {"name": name[:200], "size": len(octets), "found": found})
    raise Infected(f"The virus scanner found {found} in this file. Nothing was kept. Have your machine looked at.")


def _ask(place: str, octets: bytes) -> str:
    """Return what the scanner says of ``octets``, one line."""
    try:
        with _connected(place) as connection:
            for piece in _stream(octets):
                connection.sendall(piece)
            reply = b""
            while not reply.endswith(b"\0") and len(reply) < _LONGEST_REPLY and (more := connection.recv(1_024)):
                reply += more
    except OSError as error:
        message = "The virus scanner does not answer, or takes no file of this size. Nothing was kept; try again later."
        raise Unavailable(message) from error
    return reply.rstrip(b"\0").decode("utf-8", "replace")


def _connected(place: str) -> socket.socket:
    parts = urlsplit(place)
    if parts.scheme == "tcp":
        return socket.create_connection((parts.hostname, parts.port or 3310), timeout=PATIENCE_S)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(PATIENCE_S)
    try:
        connection.connect(parts.path)
    except OSError:
        connection.close()
        raise
    return connection


def _stream(octets: bytes) -> Iterator[bytes]:
    yield b"zINSTREAM\0"
    for at in range(0, len(octets), PIECE):
        piece = octets[at : at + PIECE]
        yield struct.pack(">I", len(piece)) + piece
    yield struct.pack(">I", 0)
