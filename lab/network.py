"""A bridge and five namespaces of our own; nothing outside them is touched."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

BRIDGE = "hwlab0"
PREFIX = "hwlab-"
COLLECTOR = "10.77.0.1"
CUSTOMER, A, B, C, PHONE = "10.77.0.11", "10.77.0.21", "10.77.0.22", "10.77.0.23", "10.77.0.31"
PLACES = {"customer": CUSTOMER, "a": A, "b": B, "c": C, "phone": PHONE}
PROGRAMS = {
    "ip": "iproute2",
    "kamailio": "kamailio kamailio-extra-modules kamailio-secsipid-modules",
    "sipp": "sip-tester",
    "sipgrep": "sipgrep",
    "sngrep": "sngrep",
}


def missing() -> str:
    """Return why the lab cannot run here, in a plain sentence, or ""."""
    absent = {program: package for program, package in PROGRAMS.items() if not _which(program)}
    if absent:
        return f"not installed: {', '.join(absent)}. On Debian: apt-get install {' '.join(absent.values())}"
    module = next(Path("/usr/lib").glob("*/kamailio/modules/secsipid.so"), None)
    if module is None:
        return "Kamailio has no secsipid module. On Debian: apt-get install kamailio-secsipid-modules"
    if os.geteuid() != 0:
        return "network namespaces need root"
    tried = subprocess.run(["ip", "netns", "add", f"{PREFIX}probe"], capture_output=True, text=True, check=False)
    subprocess.run(["ip", "netns", "del", f"{PREFIX}probe"], capture_output=True, check=False)
    if tried.returncode:
        return f"network namespaces cannot be made here: {tried.stderr.strip()}"
    if BRIDGE in subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout:
        return f"a lab already runs here, or one that was killed left its bridge: ip link del {BRIDGE}"
    return ""


def _which(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@dataclass
class Network:
    """The namespaces, and the programs that were started in them. A context manager: at its end nothing is left."""

    logs: Path
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _build(self) -> None:
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{COLLECTOR}/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for number, (name, address) in enumerate(PLACES.items()):
            space = PREFIX + name
            _ip("netns", "add", space)
            _ip("link", "add", f"hwlabv{number}", "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("link", "set", f"hwlabv{number}", "master", BRIDGE, "up")
            _ip("-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", space, "link", "set", "eth0", "up")
            _ip("-n", space, "link", "set", "lo", "up")

    def start(self, place: str, command: Sequence[str], *, log: str) -> subprocess.Popen[bytes]:
        """Start a program in a place; it ends with the lab."""
        with (self.logs / f"{log}.log").open("wb") as file:
            running = subprocess.Popen(
                ["ip", "netns", "exec", PREFIX + place, *command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=self.logs,
                start_new_session=True,
            )
        self._running.append(running)
        return running

    def __exit__(self, *_: object) -> None:
        for running in reversed(self._running):
            running.terminate()
        for running in self._running:
            try:
                running.wait(timeout=5)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, 9)
                running.wait()
        for name in PLACES:
            subprocess.run(["ip", "netns", "del", PREFIX + name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", BRIDGE], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
