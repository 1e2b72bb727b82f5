import json
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from headwater.errors import Conflict, Forbidden, Invalid, Unavailable
from headwater.site import database, postgres, secret_files
from headwater.site.config import Config, Process


@pytest.fixture(scope="module")
def prepared(server: Config) -> dict[str, str]:
    return database.prepare(server, database.server(server, ""))


@pytest.fixture
def guest(server: Config, prepared: dict[str, str]) -> Iterator[str]:
    """The URL of a role without rights on the server, as a hoster may hand one out."""
    del prepared
    with psycopg.connect(postgres.superuser_url(server), autocommit=True) as connection:
        connection.execute("GRANT CONNECT ON DATABASE postgres TO PUBLIC")
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    yield database.Server(admin_url=postgres.superuser_url(server), name="postgres", embedded=False).url(
        "guest", "guest"
    )
    with psycopg.connect(postgres.superuser_url(server), autocommit=True) as connection:
        connection.execute("DROP ROLE guest")


def test_each_process_signs_in_as_its_own_role(prepared: dict[str, str]) -> None:
    for process in Process:
        with psycopg.connect(prepared[process.value]) as connection:
            assert connection.execute("SELECT current_user, current_database()").fetchone() == (
                process.database_role,
                "headwater",
            )


def test_no_role_may_make_others_or_pass_by_the_rules(server: Config, prepared: dict[str, str]) -> None:
    del prepared
    with psycopg.connect(postgres.superuser_url(server)) as connection:
        rows = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'headwater%'"
            " AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication OR NOT rolcanlogin)"
        ).fetchall()
    assert rows == []


def test_only_the_admin_role_may_change_tables(prepared: dict[str, str]) -> None:
    for process in Process:
        with psycopg.connect(prepared[process.value], autocommit=True) as connection:
            if process is Process.ADMIN:
                connection.execute("CREATE TABLE made_here (n int)")
                connection.execute("DROP TABLE made_here")
                continue
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("CREATE TABLE made_here (n int)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("DROP TABLE accounts_user")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("CREATE SCHEMA mine")


def test_no_process_reaches_the_maintenance_database(server: Config, prepared: dict[str, str]) -> None:
    del server
    for url in prepared.values():
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(url.replace("/headwater?", "/postgres?"))


def test_preparing_again_keeps_passwords_and_changes_nothing(server: Config, prepared: dict[str, str]) -> None:
    assert database.prepare(server, database.server(server, "")) == prepared
    written = json.loads((server.secrets / secret_files.DATABASE_URLS).read_text())
    assert written == prepared


def test_lost_urls_of_the_embedded_server_are_made_anew(server: Config, prepared: dict[str, str]) -> None:
    path = server.secrets / secret_files.DATABASE_URLS
    text = path.read_text()
    path.unlink()
    renewed = database.prepare(server, database.server(server, ""))
    assert renewed["desk"] != prepared["desk"]
    psycopg.connect(renewed["desk"]).close()
    secret_files.write(path, text)
    database.prepare(server, database.server(server, ""))
    psycopg.connect(prepared["desk"]).close()


def test_no_password_of_a_role_stands_in_the_servers_log(server: Config, prepared: dict[str, str]) -> None:
    log = (server.postgres / "log").read_text()
    passwords = [url.split(":")[2].split("@")[0] for url in prepared.values()]
    assert not [password for password in passwords if password in log]


def test_a_role_that_may_not_create_roles_is_told_what_to_ask_for(config: Config, guest: str) -> None:
    secret_files.ensure(config)
    target = database.server(config, guest.replace("/postgres?", "/headwater?"))
    with pytest.raises(Forbidden, match='ALTER ROLE "guest" CREATEROLE CREATEDB'):
        database.prepare(config, target)
    assert not (config.secrets / secret_files.DATABASE_URLS).exists()


def test_roles_of_another_data_directory_are_left_alone(
    server: Config, prepared: dict[str, str], config: Config
) -> None:
    secret_files.ensure(config)
    target = replace(database.server(server, ""), embedded=False)
    with pytest.raises(Conflict, match="belong to another data directory"):
        database.prepare(config, target)
    psycopg.connect(prepared["desk"]).close()


def test_a_server_of_the_operators_own_is_prepared_by_a_role_that_is_no_superuser(
    tmp_path_factory: pytest.TempPathFactory, config: Config
) -> None:
    hoster = replace(config, home=tmp_path_factory.mktemp("own") / "var")
    secret_files.private_folder(hoster.home)
    secret_files.ensure(hoster)
    secret_files.ensure(config)
    postgres.start(hoster)
    try:
        with psycopg.connect(postgres.superuser_url(hoster), autocommit=True) as connection:
            connection.execute("CREATE ROLE owner LOGIN CREATEROLE CREATEDB PASSWORD 'p@ss/word'")
        given = database.Server(admin_url=postgres.superuser_url(hoster), name="calls", embedded=False).url(
            "owner", "p@ss/word"
        )
        for _time in range(2):
            urls = database.prepare(config, database.server(config, given))
        with psycopg.connect(urls["desk"]) as connection:
            assert connection.info.dbname == "calls"
        with psycopg.connect(urls["admin"]) as connection:
            assert connection.execute("SELECT count(*) FROM accounts_organisation").fetchone() == (0,)
    finally:
        postgres.stop(hoster)


@pytest.mark.parametrize("url", ["mysql://root@localhost/x", "sqlite:///x", "localhost/headwater"])
def test_a_url_of_something_else_is_refused(config: Config, url: str) -> None:
    with pytest.raises(Invalid, match="postgresql://"):
        database.server(config, url)


def test_a_database_of_postgresqls_own_is_refused(config: Config) -> None:
    with pytest.raises(Invalid, match="keeps for itself"):
        database.server(config, "postgresql://postgres@localhost/postgres")


def test_a_server_that_does_not_answer_is_said_without_its_password(config: Config) -> None:
    secret_files.ensure(config)
    target = database.server(config, "postgresql://me:hidden@127.0.0.1:1/headwater")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as caught:
        database.prepare(config, target)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("place", ["h/x", "h:5432/x", "/x?host=/run/pg", "[::1]:5432/x?sslmode=require"])
def test_a_processs_url_keeps_the_place_and_changes_who(place: str) -> None:
    target = database.Server(admin_url=f"postgresql://admin:a@{place}", name="hw", embedded=False)
    info = psycopg.conninfo.conninfo_to_dict(target.url("headwater_desk", "p:/@?#w"))
    given = psycopg.conninfo.conninfo_to_dict(f"postgresql://admin:a@{place}")
    assert info == {**given, "user": "headwater_desk", "password": "p:/@?#w", "dbname": "hw"}


def test_a_table_owner_is_the_admin_role(prepared: dict[str, str]) -> None:
    with psycopg.connect(prepared["admin"]) as connection:
        owners = connection.execute(
            sql.SQL("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
        ).fetchall()
    assert owners == [("headwater_admin",)]
