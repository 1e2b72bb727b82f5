"""Preparing the database: one role a process, the database itself, migrations, grants, and the URLs written down.

The server is the embedded one (``headwater.site.postgres``) or the operator's own PostgreSQL 15 or later, named by
``HEADWATER_DATABASE_URL`` with a role that may create roles and databases.
"""

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from headwater.errors import Conflict, Forbidden, Invalid, Unavailable
from headwater.site import postgres, secret_files
from headwater.site.config import Config, Process

OLDEST = 150000
"""PostgreSQL 15, as ``server_version`` counts: the first where PUBLIC may not create in the schema ``public``."""
NAME = "headwater"
"""The database on the embedded server, and where a URL names none."""
MIGRATE_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A PostgreSQL server and the database on it that is Headwater's."""

    admin_url: str
    """A role that may create roles and databases, on the maintenance database."""
    name: str
    embedded: bool

    def url(self, role: str, password: str) -> str:
        """Return the URL with which ``role`` signs in to Headwater's database."""
        parts = urlsplit(self.admin_url)
        place = parts.netloc.rpartition("@")[2]
        return urlunsplit(
            parts._replace(netloc=f"{role}:{quote(password, safe='')}@{place}", path=f"/{quote(self.name, safe='')}")
        )


def server(config: Config, given: str) -> Server:
    """Return the server to prepare: the one whose URL was ``given``, or the embedded one that runs.

    Raises:
        Invalid: the URL is not one of PostgreSQL, or names a database that cannot be Headwater's.
    """
    if not given:
        return Server(admin_url=postgres.superuser_url(config), name=NAME, embedded=True)
    parts = urlsplit(given)
    if parts.scheme not in ("postgres", "postgresql"):
        raise Invalid(f"HEADWATER_DATABASE_URL must start with postgresql://, not {parts.scheme!r}.")
    name = unquote(parts.path.lstrip("/")) or NAME
    if name in ("postgres", "template0", "template1"):
        raise Invalid(
            f"HEADWATER_DATABASE_URL names the database {name!r}, which PostgreSQL keeps for itself. Name the one that "
            f"Headwater is to use, such as /{NAME}; it is created if it is missing."
        )
    return Server(admin_url=urlunsplit(parts._replace(path="/postgres")), name=name, embedded=False)


def prepare(config: Config, target: Server) -> dict[str, str]:
    """Bring roles, database, tables and grants to what this version needs; return the URL of each process.

    Doing it again changes nothing that is right already. Passwords are kept.

    Raises:
        Unavailable: the server does not answer, or is too old.
        Forbidden: the role of the URL may not create roles or the database.
        Conflict: roles of these names belong to another data directory.
    """
    urls = _roles_and_database(config, target)
    _migrate(config, urls[Process.ADMIN.value])
    return urls


def _roles_and_database(config: Config, target: Server) -> dict[str, str]:
    path = config.secrets / secret_files.DATABASE_URLS
    held = {name: unquote(urlsplit(url).password or "") for name, url in secret_files.read_json(path).items()}
    passwords = {process: held.get(process.value) or secrets.token_urlsafe(32) for process in Process}
    urls = {process.value: target.url(process.database_role, passwords[process]) for process in Process}
    with _connect(target.admin_url) as connection:
        _check_server(connection)
        if not target.embedded and not held:
            _check_not_anothers(connection, config)
        # Written before the roles exist: a crash in between must not leave passwords that nobody knows.
        secret_files.write(path, json.dumps(urls, indent=2) + "\n")
        for process in Process:
            _role(connection, process.database_role, passwords[process])
        _database(connection, target)
    return urls


def _connect(url: str) -> psycopg.Connection:
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=15, application_name="headwater database prepare")
    except psycopg.OperationalError as error:
        parts = urlsplit(url)
        place = f"{parts.hostname or 'the socket'}{parts.path}"
        raise Unavailable(f"PostgreSQL at {place} does not let {parts.username or 'us'} in: {error}") from error


def _check_server(connection: psycopg.Connection) -> None:
    """Refuse a server that is too old, or a role that may not do what must be done."""
    if connection.info.server_version < OLDEST:
        raise Unavailable(
            f"PostgreSQL {connection.info.server_version // 10_000} is too old: Headwater needs 15 or later."
        )
    row = connection.execute(
        "SELECT rolsuper OR (rolcreaterole AND rolcreatedb) FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if row is None or not row[0]:
        raise Forbidden(
            f"The role {connection.info.user!r} of HEADWATER_DATABASE_URL may not create roles and databases. "
            f'As an administrator of the server run: ALTER ROLE "{connection.info.user}" CREATEROLE CREATEDB;'
        )


def _check_not_anothers(connection: psycopg.Connection, config: Config) -> None:
    """Refuse to change the passwords of roles that another data directory made."""
    names = [process.database_role for process in Process]
    there = [row[0] for row in connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [names])]
    if there:
        raise Conflict(
            f"The server has the roles {', '.join(sorted(there))} already, and {config.home} does not hold their "
            "passwords: they belong to another data directory. Use that one (HEADWATER_HOME), or drop the roles."
        )


def _role(connection: psycopg.Connection, name: str, password: str) -> None:
    """Create the role if need be and set its password; the server and its log see the SCRAM verifier only."""
    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    verb = "ALTER ROLE" if exists else "CREATE ROLE"
    statement = sql.SQL(verb + " {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {}")
    if exists and not _superuser(connection):
        # Only a superuser may name the attributes that it does not hold itself; these roles were made without them.
        statement = sql.SQL(verb + " {} LOGIN PASSWORD {}")
    elif not _superuser(connection):
        statement = sql.SQL(verb + " {} LOGIN NOCREATEDB NOCREATEROLE PASSWORD {}")
    connection.execute(statement.format(sql.Identifier(name), sql.Literal(verifier)))


def _superuser(connection: psycopg.Connection) -> bool:
    return connection.info.parameter_status("is_superuser") == "on"


def _database(connection: psycopg.Connection, target: Server) -> None:
    """Create the database if need be, owned by the admin role, and let in nobody but our roles."""
    owner = sql.Identifier(Process.ADMIN.database_role)
    name = sql.Identifier(target.name)
    if not _superuser(connection):
        # To give a database to a role, one must be able to act as it.
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(owner))
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [target.name]).fetchone() is None:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(name, owner)
        )
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    roles = sql.SQL(", ").join(sql.Identifier(process.database_role) for process in Process)
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, roles))
    if target.embedded:
        # The whole server is ours: the maintenance databases are the superuser's alone.
        connection.execute("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
    with _connect(urlunsplit(urlsplit(target.admin_url)._replace(path=f"/{quote(target.name)}"))) as inside:
        inside.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        inside.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(owner))
        inside.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(roles))


def _migrate(config: Config, admin_url: str) -> None:
    """Run the migrations and grants as the admin role, in a process of their own: Django stays out of this one."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")} | {
        "HEADWATER_HOME": str(config.home),
        "HEADWATER_PROCESS": Process.ADMIN.value,
        "HEADWATER_DATABASE_URL": admin_url,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", "headwater.site.migrate"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=MIGRATE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"The migrations were not done after {MIGRATE_S} s. See which lock they wait for.") from error
    if done.returncode != 0:
        raise Unavailable(f"The migrations failed:\n{done.stderr.strip()[-4_000:]}")
