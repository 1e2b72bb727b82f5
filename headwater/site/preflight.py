"""What must hold before anything is started, each with the words that say what to do when it does not."""

import os
import shutil
import socket
import sys
from pathlib import Path

from headwater.errors import Conflict, Unavailable
from headwater.site.config import Config, Process

OLDEST_PYTHON = (3, 11)
DISK_NEEDED = 500_000_000
"""Free octets below which nothing is started: a merge of call data briefly needs three times its size."""

#: The setting that moves each port.
PORT_SETTINGS = {
    Process.DESK: "HEADWATER_DESK_PORT",
    Process.PORTAL: "HEADWATER_PORTAL_PORT",
    Process.CARRIER: "HEADWATER_CARRIER_PORT",
    Process.PUBLIC: "HEADWATER_PUBLIC_PORT",
    Process.CALLS: "HEADWATER_CALLS_PORT",
}


def python() -> None:
    """Refuse a Python that is too old, or a system that the embedded parts do not run on."""
    if sys.version_info < OLDEST_PYTHON:
        raise Unavailable(f"This is Python {sys.version.split()[0]}; Headwater needs 3.11 or later.")
    if sys.platform not in ("linux", "darwin"):
        raise Unavailable(f"Headwater runs on Linux and macOS; this is {sys.platform}.")


def folder(config: Config, *, needed: int = DISK_NEEDED) -> None:
    """Make the data directory if need be; refuse one that cannot be written or has no room left."""
    home = config.home
    try:
        for path in (home, config.run, config.logs, config.packages):
            if not path.exists():
                path.mkdir(mode=0o700, parents=True)
        probe = config.run / "probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise Unavailable(
            f"The data directory {home} cannot be written: {error.strerror}. Make it writable for this user, or set "
            "HEADWATER_HOME to a folder that is."
        ) from error
    free = shutil.disk_usage(home).free
    if free < needed:
        raise Unavailable(
            f"Only {free / 1e6:.0f} MB are free on the disk of {home}; Headwater starts with "
            f"{needed / 1e6:.0f} MB or more. Free some space, or set HEADWATER_HOME to another disk."
        )


def ports(config: Config) -> None:
    """Refuse to start while another program listens where one of our processes must."""
    wanted = [(config.port(process), setting) for process, setting in PORT_SETTINGS.items()]
    wanted.append((config.hep_port, "HEADWATER_HEP_PORT"))
    if config.hep_tls_port:
        wanted.append((config.hep_tls_port, "HEADWATER_HEP_TLS_PORT"))
    numbers = [port for port, _setting in wanted]
    for port, setting in wanted:
        if numbers.count(port) > 1:
            raise Conflict(f"Port {port} is set twice, once by {setting}. Give each port a number of its own.")
        kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM) if port == config.hep_port else (socket.SOCK_STREAM,)
        for kind in kinds:
            if (error := port_error(config.bind, port, kind)) is not None:
                raise Conflict(
                    f"Port {port} on {config.bind} cannot be opened ({error}). Stop the program that uses it, or set "
                    f"{setting} to another number."
                )


def port_error(bind: str, port: int, kind: socket.SocketKind) -> str | None:
    """Return why ``port`` cannot be opened, or None if it can."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            # As the servers do: a port that an earlier run has just left is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            return os.strerror(error.errno) if error.errno else str(error)
    return None


def writable(path: Path) -> bool:
    """Tell whether this user may write into the folder."""
    return os.access(path, os.W_OK | os.X_OK)
