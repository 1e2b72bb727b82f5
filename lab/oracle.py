"""sngrep as a second reader of HEP: it and we must find the same SIP messages in the same frames."""

import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

import dpkt

from headwater.errors import Invalid
from headwater.intake import capture, hep
from lab.network import COLLECTOR

PORT = 9069
PAUSE_S = 0.002


def compare(frames: list[bytes], folder: Path) -> tuple[int, int, int]:
    """Send ``frames`` to sngrep; return how many messages it found, how many we did, and how many are in both."""
    file = folder / "sngrep.pcap"
    with (folder / "sngrep.log").open("wb") as log:
        reader = subprocess.Popen(
            ["sngrep", "-L", f"udp:{COLLECTOR}:{PORT}", "-O", str(file), "-N", "-q"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={"TERM": "xterm", "PATH": "/usr/bin:/bin"},
        )
    try:
        time.sleep(1.0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for frame in frames:
                sender.sendto(frame, (COLLECTOR, PORT))
                time.sleep(PAUSE_S)  # a reader of captures is no server: it must not be flooded
        time.sleep(1.0)
    finally:
        reader.terminate()
        reader.wait(timeout=10)
    theirs = Counter(_messages(file))
    ours = Counter(hep.decode(frame).payload for frame in frames)
    return theirs.total(), ours.total(), (theirs & ours).total()


def _messages(file: Path) -> list[bytes]:
    with file.open("rb") as stream:
        try:
            return [one.octets for one in capture.sip_messages(stream.read(4), stream)]
        except (Invalid, dpkt.Error) as error:
            raise SystemExit(f"sngrep's capture cannot be read: {error}") from error
