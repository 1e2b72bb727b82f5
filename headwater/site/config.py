"""What an operator can set: environment variables, with defaults that suit one machine.

Everything that Headwater keeps is under one data directory (``HEADWATER_HOME``, default ``./var``).
Each variable is described in docs/reference/settings.md.
"""

import json
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Process(StrEnum):
    """The processes, cut by security context. Each has a database role of its name."""

    CALLS = "calls"
    DESK = "desk"
    PORTAL = "portal"
    CARRIER = "carrier"
    WORK = "work"
    ADMIN = "admin"
    """The operator's command line and migrations: owns the tables."""

    @property
    def database_role(self) -> str:
        """The PostgreSQL role that this process signs in as."""
        return f"headwater_{self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of one process."""

    home: Path
    process: Process
    bind: str
    calls_port: int
    desk_port: int
    portal_port: int
    carrier_port: int
    hep_port: int
    database_url: str
    """PostgreSQL URL of this process's own role."""
    calls_url: str
    """``chdb:///folder`` in the ``calls`` process, ``http(s)://user:secret@host:port`` elsewhere."""

    @property
    def secrets(self) -> Path:
        """Folder of keys and passwords, readable by the operator alone."""
        return self.home / "secrets"

    def secret(self, name: str) -> str:
        """Return the text of one secret file."""
        return (self.secrets / name).read_text().strip()

    @property
    def packages(self) -> Path:
        """Folder of sealed packages."""
        return self.home / "packages"


def load() -> Config:
    """Read the settings from the environment and, where ``headwater up`` wrote them, from the data directory."""
    env = os.environ
    home = Path(env.get("HEADWATER_HOME", "var")).resolve()
    process = Process(env.get("HEADWATER_PROCESS", Process.ADMIN))
    return Config(
        home=home,
        process=process,
        bind=env.get("HEADWATER_BIND", "127.0.0.1"),
        calls_port=int(env.get("HEADWATER_CALLS_PORT", "8404")),
        desk_port=int(env.get("HEADWATER_DESK_PORT", "8401")),
        portal_port=int(env.get("HEADWATER_PORTAL_PORT", "8402")),
        carrier_port=int(env.get("HEADWATER_CARRIER_PORT", "8403")),
        hep_port=int(env.get("HEADWATER_HEP_PORT", "9060")),
        database_url=env.get("HEADWATER_DATABASE_URL") or _written(home, "database.json", process),
        calls_url=env.get("HEADWATER_CALLS_URL") or _written(home, "calls.json", process),
    )


def _written(home: Path, file: str, process: Process) -> str:
    """Return the URL that ``headwater up`` wrote for ``process``, or "" where nothing is set up yet."""
    path = home / "secrets" / file
    if not path.exists():
        return ""
    urls: dict[str, str] = json.loads(path.read_text())
    return urls.get(process.value, "")
