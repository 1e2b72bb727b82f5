"""``headwater database prepare``: roles, tables and grants, without starting anything that serves."""

import os

import typer

from headwater.site import database, locks, postgres, preflight, secret_files
from headwater.site.config import load


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="The relational database: prepare it.", no_args_is_help=True)
    commands.command("prepare")(prepare)
    app.add_typer(commands, name="database")


def prepare() -> None:
    """Create roles and database, run migrations and grants, write each process's URL under HEADWATER_HOME.

    With HEADWATER_DATABASE_URL this is done on your PostgreSQL 15 or later, else on the embedded one.
    """
    os.umask(0o077)
    config = load()
    preflight.python()
    preflight.folder(config)
    own = os.environ.get("HEADWATER_DATABASE_URL", "")
    lock = locks.take_home(config.run / "up.lock", config.home)
    try:
        secret_files.ensure(config, calls_url=os.environ.get("HEADWATER_CALLS_URL", ""))
        found = postgres.running(config) is not None
        if not own:
            postgres.start(config)
        try:
            target = database.server(config, own)
            database.prepare(config, target)
        finally:
            if not own and not found:
                postgres.stop(config)
    finally:
        lock.release()
    print(f"The database {target.name} is ready. The URL of each process is in {config.secrets / 'database.json'}.")
