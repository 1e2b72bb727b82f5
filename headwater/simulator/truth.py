"""The ground truth: what really happened, kept where the hub does not look and only its owner may read."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from headwater.simulator.network import Network
from headwater.simulator.traffic import Placed

FILE = "truth.jsonl"


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """One call as it was. The signer of its first leg is its origin."""

    number: int
    at: str
    calling: str
    called: str
    path: list[str]
    """SPCs from the origin to the terminating carrier."""
    origin: str
    foreign: bool
    campaign: str
    partner: str = ""
    event_id: str = ""
    """Of the report; "" where nobody reported the call."""
    reported_at: str = ""
    """When the report was sent."""
    transcript: bool = False
    """Whether the report holds a transcript."""


def of(network: Network, placed: Placed) -> Truth:
    """Return the truth of one placed call."""
    call, report = placed.call, placed.report
    return Truth(
        number=call.number,
        at=call.at.isoformat(),
        calling=call.calling,
        called=call.called,
        path=list(call.path),
        origin=call.path[0],
        foreign=network.carriers[call.path[0]].country != "US",
        campaign=call.campaign,
        partner=report.partner.value if report else "",
        event_id=report.event.event_id if report else "",
        reported_at=report.at.isoformat() if report else "",
        transcript=bool(report and report.event.transcript),
    )


class TruthFile:
    """Appends one line a call; mode 0600 from its first octet on."""

    def __init__(self, path: Path) -> None:
        """Open ``path`` for appending. An earlier run's lines stay: their calls are in the hub too."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.fchmod(descriptor, 0o600)
        self._file: IO[bytes] = os.fdopen(descriptor, "ab")

    def add(self, truth: Truth) -> None:
        """Write one line, at once."""
        self._file.write(msgspec.json.encode(truth) + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read(path: Path) -> Iterator[Truth]:
    """Yield the lines of ``path``; a last line that a kill cut short is left out."""
    decode = msgspec.json.Decoder(Truth).decode
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield decode(line)
