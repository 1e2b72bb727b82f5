"""What is wrong with an installation, and what to do about it: one finding a question, none of them a guess.

Looks and asks only; it changes nothing. Each check that needs an answer of another part is bounded in time.
"""

import asyncio
import os
import shutil
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg

from headwater.errors import HeadwaterError
from headwater.site import locks, postgres, preflight, secret_files
from headwater.site.child import healthy
from headwater.site.config import Config, Process

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
MEMORY_WANTED = 4_000_000_000
MEMORY_NEEDED = 1_500_000_000
DISK_WANTED = 5_000_000_000
HEARTBEAT_S = 60.0
"""A worker whose last sign of life is older than this does not work (it gives one every 10 s)."""


class Level(StrEnum):
    """How a finding is to be taken."""

    OK = "ok"
    INFO = "info"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer of one check."""

    level: Level
    subject: str
    what: str
    todo: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the finding as plain text members."""
        return {name: str(value) for name, value in asdict(self).items()}


def examine(config: Config) -> Iterator[Finding]:
    """Yield every finding about the installation of ``config`` (that of the ``admin`` process)."""
    running = locks.held(config.run / "up.lock") if _readable(config.run) else False
    yield _python()
    yield from _memory()
    yield from _home(config)
    yield _clock()
    yield from _secrets(config)
    yield from _running(config, running)
    yield from _database(config, running)
    yield from _calls(config, running)
    yield _browser()


def _readable(folder: Path) -> bool:
    return folder.exists() and os.access(folder, os.R_OK | os.X_OK)


def _python() -> Finding:
    try:
        preflight.python()
    except HeadwaterError as error:
        return Finding(Level.FAIL, "Python", str(error), "Install Python 3.11 or later and make the venv again.")
    return Finding(Level.OK, "Python", f"{sys.version.split()[0]} on {sys.platform}")


def _memory() -> Iterator[Finding]:
    info = Path("/proc/meminfo")
    if not info.exists():
        yield Finding(Level.INFO, "Memory", "cannot be asked on this system")
        return
    lines = dict(line.split(":", 1) for line in info.read_text().splitlines())
    free = int(lines["MemAvailable"].split()[0]) * 1024
    level = Level.OK if free >= MEMORY_WANTED else Level.WARN if free >= MEMORY_NEEDED else Level.FAIL
    todo = "" if level is Level.OK else "Close other programs; the call store alone takes 1 to 3 GB under load."
    yield Finding(level, "Memory", f"{free / 1e9:.1f} GB available", todo)


def _home(config: Config) -> Iterator[Finding]:
    home = config.home
    if not home.exists():
        yield Finding(Level.INFO, "Data directory", f"{home} does not exist yet", "`headwater up` makes it.")
        return
    status = home.stat()
    if not preflight.writable(home):
        yield Finding(Level.FAIL, "Data directory", f"{home} cannot be written by this user", "Give it to this user.")
    elif status.st_uid != os.geteuid():
        yield Finding(
            Level.WARN,
            "Data directory",
            f"{home} belongs to another user",
            "Run Headwater as one user, always the same.",
        )
    elif stat.S_IMODE(status.st_mode) & 0o066:
        yield Finding(Level.WARN, "Data directory", f"others may read or change {home}", f"Run: chmod go-rw {home}")
    else:
        yield Finding(Level.OK, "Data directory", str(home))
    free = shutil.disk_usage(home).free
    level = Level.OK if free >= DISK_WANTED else Level.WARN if free >= preflight.DISK_NEEDED else Level.FAIL
    todo = "" if level is Level.OK else "Free space: merging call data briefly needs three times its size."
    yield Finding(level, "Disk", f"{free / 1e9:.1f} GB free", todo)


def _clock() -> Finding:
    """The clock decides deadlines and evidence: one that is behind this very program is wrong."""
    newest = max(path.stat().st_mtime for path in Path(__file__).parent.glob("*.py"))
    present = time.time()
    text = f"{datetime.fromtimestamp(present, UTC):%Y-%m-%d %H:%M:%S} UTC"
    if present < newest - 60:
        return Finding(
            Level.FAIL,
            "Clock",
            f"{text} is before this program was written",
            "Set the clock; keep it by NTP or chrony.",
        )
    return Finding(Level.OK, "Clock", text)


def _secrets(config: Config) -> Iterator[Finding]:
    folder = config.secrets
    if not folder.exists():
        yield Finding(Level.INFO, "Secrets", "none yet", "`headwater up` makes them.")
        return
    if not _readable(folder):
        yield Finding(Level.FAIL, "Secrets", f"{folder} cannot be read by this user", "Run this as Headwater's user.")
        return
    wrong = secret_files.wrong_modes(folder)
    for path in wrong:
        yield Finding(Level.FAIL, "Secrets", f"others may read {path}", f"Run: chmod go= {path}")
    wanted = (secret_files.DJANGO_KEY, secret_files.AUDIT_KEY, secret_files.EVIDENCE_KEY, secret_files.CALLS_READERS)
    missing = [name for name in wanted if not (folder / name).exists()]
    if missing:
        yield Finding(
            Level.FAIL,
            "Secrets",
            f"missing: {', '.join(missing)}",
            "Restore them from your backup; new ones sign anew.",
        )
    elif not wrong:
        yield Finding(Level.OK, "Secrets", "present, readable by their owner alone")


def _running(config: Config, running: bool) -> Iterator[Finding]:  # noqa: FBT001 - a fact about the installation
    if not running:
        yield Finding(Level.INFO, "headwater up", "does not run", "Start it with `headwater up`.")
        try:
            preflight.ports(config)
        except HeadwaterError as error:
            yield Finding(Level.FAIL, "Ports", str(error))
        else:
            yield Finding(Level.OK, "Ports", "free")
        return
    yield Finding(Level.OK, "headwater up", f"runs (process {locks.holder(config.run / 'up.lock')})")
    for process in (Process.CALLS, Process.DESK, Process.PORTAL, Process.CARRIER, Process.PUBLIC):
        port = config.port(process)
        if asyncio.run(healthy(config.host, port)):
            yield Finding(Level.OK, process.value, f"answers on port {port}")
        else:
            log = config.logs / f"{process.value}.log"
            yield Finding(Level.FAIL, process.value, f"does not answer GET /healthz on port {port}", f"Read {log}.")
    if preflight.port_error(config.bind, config.hep_port, socket.SOCK_STREAM) is None:
        yield Finding(Level.FAIL, "HEP", f"nothing listens on port {config.hep_port}", "Read the log of calls.")
    else:
        yield _hep(config)


def _hep(config: Config) -> Finding:
    """Say whether the HEP door is open, and whether datagrams were lost at it since the process began."""
    try:
        told = httpx.get(f"http://{config.host}:{config.port(Process.CALLS)}/healthz", timeout=5).json()
        dropped: dict[str, int] = told["hep_dropped"]
    except (httpx.HTTPError, ValueError, KeyError):
        # That the process does not answer is a finding of its own.
        return Finding(Level.OK, "HEP", f"port {config.hep_port} is open for capture agents")
    if sum(dropped.values()):
        return Finding(
            Level.WARN,
            "HEP",
            f"datagrams lost since the start: {dropped['kernel']} by the kernel, {dropped['backlog']} by a slow store",
            "Let capture agents send over TCP, or give datagrams room: sysctl net.core.rmem_max=4194304.",
        )
    return Finding(Level.OK, "HEP", f"port {config.hep_port} is open for capture agents; no datagram was lost")


def _database(config: Config, running: bool) -> Iterator[Finding]:  # noqa: FBT001 - a fact about the installation
    if not config.database_url:
        yield Finding(
            Level.INFO, "PostgreSQL", "not set up yet", "`headwater up` or `headwater database prepare` do it."
        )
        return
    try:
        connection = psycopg.connect(config.database_url, connect_timeout=5)
    except psycopg.OperationalError as error:
        if str(config.postgres) in config.database_url and not running:
            yield Finding(Level.INFO, "PostgreSQL", "does not run", "`headwater up` starts it.")
        else:
            yield Finding(Level.FAIL, "PostgreSQL", str(error).strip().splitlines()[0], "Is its server running?")
        return
    with connection:
        major = connection.info.server_version // 10_000
        yield Finding(Level.OK, "PostgreSQL", f"{major} answers as {connection.info.user}")
        yield _migrated()
        yield from _roles(config)
        yield from _worker(connection)


def _migrated() -> Finding:
    # Imported here: a broken installation must be described also where Django cannot be loaded.
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    from headwater.site.setup import django

    django()
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _backwards in missing[:5])
        return Finding(
            Level.FAIL, "Tables", f"{len(missing)} migrations are missing: {names}", "Run `headwater database prepare`."
        )
    return Finding(Level.OK, "Tables", "every migration of this version is applied")


def _roles(config: Config) -> Iterator[Finding]:
    """Sign in as each process's role; on the embedded server also make sure that no password is no way in."""
    urls = secret_files.read_json(config.secrets / secret_files.DATABASE_URLS)
    broken = [name for name, url in urls.items() if _sign_in(url) is not None]
    if not urls:
        yield Finding(Level.WARN, "Roles", "no URLs are written down here", "Run `headwater database prepare`.")
    elif broken:
        yield Finding(Level.FAIL, "Roles", f"cannot sign in: {', '.join(broken)}", "Run `headwater database prepare`.")
    else:
        yield Finding(Level.OK, "Roles", f"{len(urls)} processes sign in with their own")
    if postgres.running(config) is None or not urls:
        return
    parts = urlsplit(next(iter(urls.values())))
    open_url = urlunsplit(parts._replace(netloc=f"{parts.username}@"))
    if _sign_in(open_url) is None:
        yield Finding(
            Level.FAIL, "Roles", "PostgreSQL lets roles in without a password", "Restart `headwater up`: it locks it."
        )


def _sign_in(url: str) -> str | None:
    """Return why the URL does not open a session, or None where it does."""
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        return str(error)
    return None


def _worker(connection: psycopg.Connection) -> Iterator[Finding]:
    if connection.execute("SELECT to_regclass('procrastinate_workers')").fetchone() == (None,):
        return
    row = connection.execute(
        "SELECT extract(epoch FROM now() - max(last_heartbeat))::float8 FROM procrastinate_workers"
    ).fetchone()
    age = row[0] if row else None
    if age is None:
        yield Finding(Level.WARN, "Worker", "none is registered", "`headwater up` runs one; or run `headwater work`.")
    elif age > HEARTBEAT_S:
        yield Finding(Level.FAIL, "Worker", f"last sign of life {age:.0f} s ago", "Read the log of work.")
    else:
        yield Finding(Level.OK, "Worker", f"last sign of life {age:.0f} s ago")
    row = connection.execute("SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'").fetchone()
    if row and row[0]:
        yield Finding(Level.WARN, "Jobs", f"{row[0]} have failed for good", "The log of work says why each did.")


def _calls(config: Config, running: bool) -> Iterator[Finding]:  # noqa: FBT001 - a fact about the installation
    if not config.calls_url or (not running and config.host in config.calls_url):
        return
    # Imported here: the call store's client must not be what keeps the doctor from speaking.
    from headwater.calls import queries

    subject = "Call store"
    try:
        total = queries.connect(config.calls_url).total()
    except Exception as error:  # noqa: BLE001 - any failure of the client is the finding
        yield Finding(
            Level.FAIL, subject, f"does not answer: {type(error).__name__}: {error}", "Read the log of calls."
        )
    else:
        yield Finding(Level.OK, subject, f"{total:,} records")


def _browser() -> Finding:
    found: Callable[[str], str | None] = shutil.which
    path = next((place for name in BROWSERS if (place := found(name))), None)
    if path is None:
        return Finding(Level.INFO, "Browser", "none for the browser tests", "Debian: apt-get install chromium")
    return Finding(Level.INFO, "Browser", f"{path} serves the browser tests")
