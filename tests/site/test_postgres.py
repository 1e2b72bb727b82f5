import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from headwater.errors import Unavailable
from headwater.site import postgres, secret_files
from headwater.site.config import Config


def test_nobody_gets_in_without_a_password_not_even_the_superuser(server: Config) -> None:
    folder = quote(str(postgres.socket_folder(server)))
    for role in ("postgres", "anybody"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://{role}@/postgres?host={folder}")


def test_a_wrong_password_is_refused(server: Config) -> None:
    folder = quote(str(postgres.socket_folder(server)))
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(f"postgresql://postgres:guess@/postgres?host={folder}")


def test_the_server_listens_on_no_network_and_keeps_what_it_acknowledged(server: Config) -> None:
    with psycopg.connect(postgres.superuser_url(server)) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()  # type: ignore[arg-type]
            for name in ("listen_addresses", "synchronous_commit", "fsync", "full_page_writes", "timezone")
        }
    assert shown == {
        "listen_addresses": ("",),
        "synchronous_commit": ("on",),
        "fsync": ("on",),
        "full_page_writes": ("on",),
        "timezone": ("UTC",),
    }


def test_a_running_server_is_found_again_not_started_twice(server: Config) -> None:
    pid = postgres.running(server)
    assert postgres.start(server) == postgres.superuser_url(server)
    assert postgres.running(server) == pid


def test_no_password_stands_in_the_servers_log(server: Config) -> None:
    password = server.secret(secret_files.POSTGRES_PASSWORD)
    assert password not in (server.postgres / "log").read_text()


def test_a_server_that_was_made_to_trust_again_is_locked_at_the_next_start(server: Config) -> None:
    hba = server.postgres / "pg_hba.conf"
    hba.write_text("local all all trust\n")
    with psycopg.connect(postgres.superuser_url(server), autocommit=True) as connection:
        connection.execute("SELECT pg_reload_conf()")
    time.sleep(0.3)
    postgres.start(server)
    assert hba.read_text() == postgres.HBA
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://postgres@/postgres?host={quote(str(postgres.socket_folder(server)))}")


def test_a_lost_superuser_password_is_said_with_its_place(server: Config) -> None:
    path = server.secrets / secret_files.POSTGRES_PASSWORD
    text = path.read_text()
    path.unlink()
    try:
        with pytest.raises(Unavailable, match="postgres-superuser is missing"):
            postgres.superuser_url(server)
    finally:
        secret_files.write(path, text)


def test_a_killed_server_comes_back_with_what_was_committed(server: Config) -> None:
    with psycopg.connect(postgres.superuser_url(server), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    pid = postgres.running(server)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.2)
    assert postgres.running(server) is None
    postgres.start(server)
    with psycopg.connect(postgres.superuser_url(server)) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1,)


def test_a_pid_file_whose_number_is_now_another_program_is_not_believed(server: Config) -> None:
    postgres.stop(server)
    (server.postgres / "postmaster.pid").write_text(
        f"{os.getpid()}\n{server.postgres}\n1\n5432\n{server.postgres}\n\n 0 0\nready\n"
    )
    (server.postgres / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    assert postgres.running(server) is None
    postgres.start(server)
    assert postgres.running(server) not in (None, os.getpid())


@pytest.mark.parametrize("words", [["sleep", "60"], ["postgres", "60"], ["postgres-backup", "{folder}"]])
def test_no_other_program_is_ever_taken_for_the_server_and_stopped(config: Config, words: list[str]) -> None:
    config.postgres.mkdir(parents=True)
    arguments = [word.format(folder=config.postgres) for word in words]
    other = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"] if arguments[0] == "sleep" else
        ["bash", "-c", f"exec -a {arguments[0]} {sys.executable} -c 'import time; time.sleep(60)' {arguments[1]}"]
    )  # fmt: skip
    try:
        time.sleep(0.3)
        (config.postgres / "postmaster.pid").write_text(f"{other.pid}\n{config.postgres}\n1\n5432\n/tmp\n\n\nready\n")
        assert postgres.running(config) is None
        postgres.stop(config)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait(10)


def test_a_stopped_server_is_said_to_be_stopped(config: Config) -> None:
    with pytest.raises(Unavailable, match="is not running"):
        postgres.superuser_url(config)
    postgres.stop(config)


def test_a_path_with_a_space_is_refused_in_words(config: Config, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="holds a space"):
        postgres.start(replace(config, home=tmp_path / "my data"))


def test_a_folder_that_holds_something_else_is_reported_with_the_servers_words(config: Config) -> None:
    secret_files.private_folder(config.home)
    config.postgres.mkdir()
    (config.postgres / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(Unavailable, match="did not start"):
        postgres.start(config)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root opens its parent folders")
def test_as_root_the_folders_above_can_be_passed_through_but_not_listed(tmp_path: Path, config: Config) -> None:
    outer = tmp_path / "outer"
    outer.mkdir(mode=0o700)
    inside = replace(config, home=outer / "var")
    secret_files.private_folder(inside.home)
    secret_files.ensure(inside)
    try:
        postgres.start(inside)
        assert outer.stat().st_mode & 0o777 == 0o711
        assert inside.home.stat().st_mode & 0o777 == 0o711
        assert inside.secrets.stat().st_mode & 0o777 == 0o700
    finally:
        postgres.stop(inside)


def test_a_path_too_long_for_a_socket_still_works(tmp_path: Path, config: Config) -> None:
    deep = tmp_path / ("long" * 25)
    far = replace(config, home=deep / "var")
    secret_files.private_folder(far.home)
    secret_files.ensure(far)
    try:
        url = postgres.start(far)
        assert postgres.socket_folder(far) != far.postgres
        psycopg.connect(url).close()
    finally:
        postgres.stop(far)
