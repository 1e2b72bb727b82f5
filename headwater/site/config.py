"""What an operator can set: environment variables, with defaults that suit one machine.

Everything that Headwater keeps is under one data directory (``HEADWATER_HOME``, default ``./var``).
Each variable is described in docs/reference/settings.md.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from headwater.errors import Invalid


class Process(StrEnum):
    """The processes, cut by security context. Each has a database role of its name."""

    CALLS = "calls"
    DESK = "desk"
    PORTAL = "portal"
    CARRIER = "carrier"
    PUBLIC = "public"
    """Pages that anybody may read: totals, and what the law makes public. Nobody signs in."""
    WORK = "work"
    ADMIN = "admin"
    """The operator's command line and migrations: owns the tables."""

    @property
    def database_role(self) -> str:
        """The PostgreSQL role that this process signs in as."""
        return f"headwater_{self.value}"

    @property
    def url_setting(self) -> str:
        """The variable with the address at which people reach this process, for ``headwater up``."""
        # HEADWATER_PUBLIC_URL is the address of whichever process reads it.
        return f"HEADWATER_{'PUBLIC_PAGES' if self is Process.PUBLIC else self.name}_URL"


#: The processes whose pages people open.
_SITES = (Process.DESK, Process.PORTAL, Process.CARRIER)


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
    hep_tls_port: int
    """Port of HEP over TLS; 0 where there is none."""
    hep_tls: tuple[str, str, str]
    """Files of its certificate and key, and of the CA of its senders' certificates ("" asks for none)."""
    database_url: str
    """PostgreSQL URL of this process's own role."""
    calls_url: str
    """``chdb:///folder`` in the ``calls`` process, ``http(s)://user:secret@host:port`` elsewhere."""
    agent_target_s: int = 60
    """The platform's own target for an answer by an agent, in seconds."""
    pages_target_minutes: int = 240
    """The platform's own target for an answer by a person, in minutes of the office's business hours."""
    tsa_url: str = ""
    """Time-stamp authority (RFC 3161) that stamps each seal; "" for none."""
    tsa_root: Path = Path()
    """Its root certificate (PEM): a stamp that does not chain to it does not count."""
    smtp_url: str = ""
    """Server that takes our mail (``outbox.mail.MailServer.of``); "" for none: mails then wait."""
    mail_from: str = ""
    """Who mails are from."""
    clamd: str = ""
    """The virus scanner that files of outsiders are shown to (``uploads.scanning``); "" for none."""
    idle_minutes: int = 60
    """After so many minutes without a person's act a session ends."""
    breached_passwords: Path | None = None
    """The list of Have I Been Pwned, sorted by hash (``accounts.breaches``); None for the shipped lists alone."""
    identity_hosts: frozenset[str] = frozenset()
    """Hosts of identity providers that the operator calls their own: they may be private or speak plain HTTP."""
    webhook_hosts: frozenset[str] = frozenset()
    """Hosts that the operator calls their own: webhooks may go to them though they are private or speak plain HTTP."""
    urls: Mapping[str, str] = field(default_factory=dict)
    """Process -> address at which people reach it, for links in mails; where it is missing, ``host`` and port."""
    extra_holidays: tuple[str, ...] = ()
    """Days (``2026-11-27``) that do not run in the 24-hour clock beside the federal legal holidays."""
    calls_users: bool = False
    """On a ClickHouse server of the operator's own each process has a user of its own: ``headwater calls grants``."""
    deposit_days: int = 90
    """Days that deposits of carriers are kept."""
    public_port: int = 8405
    block_feed_appeals: str = ""
    """Where the block feed says that its entries are appealed against."""

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

    @property
    def postgres(self) -> Path:
        """Folder of the embedded PostgreSQL."""
        return self.home / "postgres"

    @property
    def calls(self) -> Path:
        """Folder of the embedded call store."""
        return self.home / "calls"

    @property
    def logs(self) -> Path:
        """Folder of one bounded log a process."""
        return self.home / "logs"

    @property
    def run(self) -> Path:
        """Folder of locks and of what is true only while ``headwater up`` runs."""
        return self.home / "run"

    @property
    def host(self) -> str:
        """Where this machine itself reaches what listens on ``bind``, as it stands in a URL."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.bind, self.bind)  # noqa: S104 - recognised, not bound
        return f"[{host}]" if ":" in host else host

    def url(self, process: Process | str) -> str:
        """Return the address at which people reach ``process``, without a slash at its end."""
        return self.urls.get(process) or f"http://{self.host}:{self.port(process)}"

    @property
    def appeals(self) -> str:
        """Where the block feed says that its entries are appealed against."""
        return self.block_feed_appeals or f"{self.url(Process.CARRIER)}/block-feed/"

    def port(self, process: Process | str) -> int:
        """Return the HTTP port of ``process``; 0 where it opens none."""
        return {
            Process.CALLS: self.calls_port,
            Process.DESK: self.desk_port,
            Process.PORTAL: self.portal_port,
            Process.CARRIER: self.carrier_port,
            Process.PUBLIC: self.public_port,
        }.get(Process(process), 0)


def load() -> Config:
    """Read the settings from the environment and, where ``headwater up`` wrote them, from the data directory.

    For the operator's command line (``admin``) the written database URL wins, since there
    ``HEADWATER_DATABASE_URL`` is the administrator's URL with which the database is prepared.

    Raises:
        Invalid: a variable holds something that cannot be what it says.
    """
    env = os.environ
    home = Path(env.get("HEADWATER_HOME") or "var").expanduser().resolve()
    word = env.get("HEADWATER_PROCESS") or Process.ADMIN.value
    if word not in [member.value for member in Process]:
        raise Invalid(f"HEADWATER_PROCESS is {word!r}; it must be one of {', '.join(Process)}.")
    process = Process(word)
    given = env.get("HEADWATER_DATABASE_URL", "")
    written = _written(home, "database.json", process)
    return Config(
        home=home,
        process=process,
        bind=env.get("HEADWATER_BIND") or "127.0.0.1",
        calls_port=_port("HEADWATER_CALLS_PORT", 8404),
        desk_port=_port("HEADWATER_DESK_PORT", 8401),
        portal_port=_port("HEADWATER_PORTAL_PORT", 8402),
        carrier_port=_port("HEADWATER_CARRIER_PORT", 8403),
        hep_port=_port("HEADWATER_HEP_PORT", 9060),
        hep_tls_port=_port("HEADWATER_HEP_TLS_PORT", 0),
        hep_tls=(
            env.get("HEADWATER_HEP_TLS_CERT", ""),
            env.get("HEADWATER_HEP_TLS_KEY", ""),
            env.get("HEADWATER_HEP_TLS_CLIENT_CA", ""),
        ),
        database_url=(written or given) if process is Process.ADMIN else (given or written),
        calls_url=env.get("HEADWATER_CALLS_URL") or _written(home, "calls.json", process),
        agent_target_s=_count("HEADWATER_AGENT_TARGET_S", 60),
        pages_target_minutes=_count("HEADWATER_PAGES_TARGET_MINUTES", 240),
        tsa_url=_web_address("HEADWATER_TSA_URL"),
        tsa_root=Path(env.get("HEADWATER_TSA_ROOT") or home / "secrets" / "tsa-root.pem").expanduser(),
        smtp_url=env.get("HEADWATER_SMTP_URL", ""),
        mail_from=env.get("HEADWATER_MAIL_FROM") or "headwater@localhost",
        calls_users=_yes("HEADWATER_CALLS_USERS"),
        deposit_days=_count("HEADWATER_DEPOSIT_DAYS", 90),
        clamd=_local_socket("HEADWATER_CLAMD"),
        idle_minutes=_count("HEADWATER_IDLE_MINUTES", 60),
        breached_passwords=_file("HEADWATER_BREACHED_PASSWORDS"),
        identity_hosts=frozenset(env.get("HEADWATER_IDENTITY_HOSTS", "").replace(",", " ").split()),
        webhook_hosts=frozenset(env.get("HEADWATER_WEBHOOK_HOSTS", "").replace(",", " ").split()),
        urls={each.value: _web_address(f"HEADWATER_{each.name}_URL").rstrip("/") for each in _SITES},
        extra_holidays=_days("HEADWATER_EXTRA_HOLIDAYS"),
        public_port=_port("HEADWATER_PUBLIC_PORT", 8405),
        block_feed_appeals=_line("HEADWATER_BLOCK_FEED_APPEALS"),
    )


def _count(name: str, default: int) -> int:
    """Return the positive number that the variable ``name`` holds."""
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 1_000_000:
        raise Invalid(f"{name} is {text!r}; it must be a number from 1 to 1000000.")
    return int(text)


def _yes(name: str) -> bool:
    """Return whether the variable ``name`` says yes; unset it says no."""
    text = os.environ.get(name) or "no"
    if text not in {"yes", "no"}:
        raise Invalid(f"{name} is {text!r}; it must be yes or no.")
    return text == "yes"


def _line(name: str) -> str:
    """Return the one line of at most 200 characters that the variable ``name`` holds, "" where it is not set."""
    text = os.environ.get(name) or ""
    if len(text) > 200 or not text.isprintable():
        raise Invalid(f"{name} must be one line of at most 200 characters.")
    return text


def _web_address(name: str) -> str:
    """Return the address that the variable ``name`` holds, "" where it is not set."""
    text = os.environ.get(name) or ""
    if text and not text.startswith(("https://", "http://")):
        raise Invalid(f"{name} is {text!r}; it must begin with https:// or http://.")
    return text


def _local_socket(name: str) -> str:
    """Return the socket of this machine that the variable ``name`` holds, "" where it is not set."""
    text = os.environ.get(name) or ""
    parts = urlsplit(text)
    local = parts.scheme == "tcp" and parts.hostname in {"127.0.0.1", "::1", "localhost"}
    if text and not local and not (parts.scheme == "unix" and parts.path.startswith("/")):
        raise Invalid(f"{name} is {text!r}; it must be unix:///path or tcp://127.0.0.1:port.")
    return text


def _file(name: str) -> Path | None:
    """Return the path of the file that the variable ``name`` names, None where it is not set."""
    text = os.environ.get(name) or ""
    if not text:
        return None
    path = Path(text).expanduser()
    if not path.is_file():
        raise Invalid(f"{name} is {text!r}; there is no such file.")
    return path


def _days(name: str) -> tuple[str, ...]:
    """Return the days that the variable ``name`` lists, separated by commas."""
    days = tuple(day.strip() for day in (os.environ.get(name) or "").split(",") if day.strip())
    for day in days:
        try:
            date.fromisoformat(day)
        except ValueError:
            raise Invalid(f"{name} holds {day!r}; it must list days such as 2026-11-27, separated by commas.") from None
    return days


def _port(name: str, default: int) -> int:
    """Return the port that the variable ``name`` holds; 0, for none, only where that is the default."""
    text = os.environ.get(name) or str(default)
    if text == "0" == str(default):
        return 0
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 65_535:
        raise Invalid(f"{name} is {text!r}; it must be a port number from 1 to 65535.")
    return int(text)


def _written(home: Path, file: str, process: Process) -> str:
    """Return the URL that ``headwater up`` wrote for ``process``, or "" where nothing is set up yet."""
    path = home / "secrets" / file
    try:
        text = path.read_text()
    except (FileNotFoundError, PermissionError):
        # Nothing set up yet, or not this user's to read: whoever needs the URL then says so.
        return ""
    try:
        urls: dict[str, str] = json.loads(text)
    except ValueError as error:
        raise Invalid(f"{path} is not JSON ({error}). Delete it and run `headwater database prepare`.") from error
    return urls.get(process.value, "")
