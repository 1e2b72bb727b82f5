"""The roles as PostgreSQL enforces them: real roles, real connections, real refusals."""

import os
import re
from collections.abc import Iterator
from typing import LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.apps import apps
from django.db import connection
from psycopg import sql

from headwater.site import grants
from headwater.site.config import Process
from headwater.site.grants import COLUMNS, FUNCTIONS, READ_COLUMNS, SEQUENCES, SERVED, TABLES, VIEWS, apply_grants

PASSWORD = "a password of the tests alone"


@pytest.fixture(scope="module")
def roles(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[dict[Process, str]]:
    """Make the roles, apply the grants, return a URL for each."""
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            for process in Process:
                cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [process.database_role])
                verb = "ALTER" if cursor.fetchone() else "CREATE"
                cursor.execute(f"{verb} ROLE {process.database_role} LOGIN PASSWORD '{PASSWORD}'")
            cursor.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        apply_grants()
        database = str(connection.settings_dict["NAME"])
    parts = urlsplit(os.environ["HEADWATER_DATABASE_URL"])
    place = parts.netloc.rpartition("@")[2]
    yield {
        process: urlunsplit(
            parts._replace(
                netloc=f"{process.database_role}:{PASSWORD.replace(' ', '%20')}@{place}", path=f"/{database}"
            )
        )
        for process in Process
    }
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute("GRANT ALL ON SCHEMA public TO PUBLIC")
        connection.close()


def attempt(roles: dict[Process, str], process: Process, statement: LiteralString) -> str:
    """Return "" where ``process`` may run ``statement``, else PostgreSQL's refusal."""
    with psycopg.connect(roles[process]) as opened:
        try:
            opened.execute(statement)
        except psycopg.errors.InsufficientPrivilege as error:
            return str(error)
        finally:
            opened.rollback()
    return ""


def test_every_table_of_the_database_is_in_the_matrix(roles: dict[Process, str], db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        there = {row[0] for row in cursor.fetchall()}
    assert there == set(TABLES)
    assert {model._meta.db_table for model in apps.get_models(include_auto_created=True)} <= set(TABLES)


def test_each_view_is_read_by_those_whom_the_matrix_names_alone(roles: dict[Process, str], db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT viewname FROM pg_views WHERE schemaname = 'public'")
        assert {row[0] for row in cursor.fetchall()} == set(VIEWS)
    for process in SERVED:
        with psycopg.connect(roles[process]) as opened:
            for view, readers in VIEWS.items():
                held = opened.execute("SELECT has_table_privilege(%s, 'SELECT')", [view]).fetchone()
                assert held == (process in readers,), (process, view)
                writes = opened.execute("SELECT has_table_privilege(%s, 'INSERT, UPDATE, DELETE')", [view]).fetchone()
                assert writes == (False,), (process, view)


def test_sequences_and_functions_of_the_matrix_exist(roles: dict[Process, str], db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'")
        assert set(SEQUENCES) <= {row[0] for row in cursor.fetchall()}
        cursor.execute(
            "SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'public'"
        )
        assert set(FUNCTIONS) <= {row[0] for row in cursor.fetchall()}


@pytest.mark.parametrize("process", SERVED)
def test_each_process_may_do_what_the_matrix_says_and_nothing_else(roles: dict[Process, str], process: Process) -> None:
    with psycopg.connect(roles[process]) as opened:
        for table, processes in TABLES.items():
            granted = {
                letter
                for letter, verb in grants.VERBS.items()
                if opened.execute("SELECT has_table_privilege(%s, %s)", [table, verb]).fetchone() == (True,)
            }
            assert granted == set(processes.get(process, "")), table
            refused = opened.execute(
                "SELECT has_table_privilege(%s, 'TRUNCATE') OR has_table_privilege(%s, 'TRIGGER')", [table, table]
            )
            assert refused.fetchone() == (False,), table


@pytest.mark.parametrize("process", SERVED)
def test_column_grants_cover_their_columns_alone(roles: dict[Process, str], process: Process) -> None:
    with psycopg.connect(roles[process]) as opened:
        for table, processes in COLUMNS.items():
            if "U" in TABLES[table].get(process, ""):
                continue
            columns = opened.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
                "AND has_column_privilege(attrelid, attnum, 'UPDATE')",
                [table],
            ).fetchall()
            assert {name for (name,) in columns} == set(processes.get(process, ())), table


@pytest.mark.parametrize("process", SERVED)
def test_grants_to_read_columns_cover_their_columns_alone(roles: dict[Process, str], process: Process) -> None:
    with psycopg.connect(roles[process]) as opened:
        for table, processes in READ_COLUMNS.items():
            if "S" in TABLES[table].get(process, ""):
                continue
            columns = opened.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
                "AND has_column_privilege(attrelid, attnum, 'SELECT')",
                [table],
            ).fetchall()
            assert {name for (name,) in columns} == set(processes.get(process, ())), table


@pytest.mark.parametrize(
    ("process", "statement"),
    [
        (Process.CARRIER, "SELECT * FROM legal_legalprocess"),
        (Process.CARRIER, "SELECT * FROM legal_processdocument"),
        (Process.CARRIER, "SELECT * FROM evidence_package"),
        (Process.CARRIER, "SELECT * FROM campaigns_campaignmember"),
        (Process.CARRIER, "UPDATE tracebacks_answer SET code = 'x'"),
        (Process.CARRIER, "DELETE FROM tracebacks_answer"),
        (Process.CARRIER, "UPDATE tracebacks_hop SET state = 'x'"),
        (Process.PORTAL, "SELECT octets FROM tracebacks_answer"),
        (Process.PORTAL, "SELECT * FROM tracebacks_hop"),
        (Process.PORTAL, "SELECT * FROM legal_open_process"),
        (Process.CARRIER, "SELECT * FROM legal_scoped_call"),
        (Process.DESK, "SELECT * FROM legal_scoped_hop"),
        (Process.PORTAL, "UPDATE retention_legalhold SET released_at = NULL"),
        (Process.PORTAL, "SELECT * FROM tracebacks_traceback"),
        (Process.PORTAL, "SELECT * FROM accounts_desksession"),
        (Process.PORTAL, "UPDATE accounts_machinecredential SET scopes = '[]'"),
        (Process.PORTAL, "INSERT INTO accounts_invitation (id) VALUES ('x')"),
        (Process.PORTAL, "UPDATE accounts_identityprovider SET issuer = 'https://evil.example'"),
        (Process.PORTAL, "UPDATE evidence_package SET state = 'sealed'"),
        (Process.DESK, "UPDATE accounts_machinecredential SET organisation_id = 'x'"),
        (Process.DESK, "SELECT * FROM accounts_portalsession"),
        (Process.DESK, "DELETE FROM legal_processdocument"),
        (Process.CALLS, "SELECT * FROM accounts_user"),
        (Process.CALLS, "SELECT * FROM campaigns_campaign"),
        (Process.CALLS, "UPDATE accounts_machinecredential SET revoked_at = NULL"),
        (Process.WORK, "UPDATE accounts_user SET role = 'reviewer'"),
        (Process.WORK, "SELECT * FROM mfa_authenticator"),
        (Process.PORTAL, "UPDATE accounts_user SET role = 'agency_administrator'"),
        (Process.CARRIER, "UPDATE accounts_user SET role = 'provider_administrator'"),
        (Process.DESK, "UPDATE accounts_user SET organisation_id = 'x'"),
        (Process.PORTAL, "UPDATE accounts_user SET organisation_id = 'x'"),
    ],
)
def test_what_a_compromised_process_cannot_do(
    roles: dict[Process, str], process: Process, statement: LiteralString
) -> None:
    assert "permission denied" in attempt(roles, process, statement)


@pytest.mark.parametrize("process", SERVED)
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_entry SELECT * FROM audit_entry",
        "UPDATE audit_entry SET actor = 'x'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "UPDATE audit_head SET seq = 0",
        "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "CREATE TABLE mine (a int)",
        "CREATE OR REPLACE FUNCTION audit_append(entry text) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
    ],
)
def test_nobody_writes_the_audit_but_through_its_function(
    roles: dict[Process, str], process: Process, statement: LiteralString
) -> None:
    assert re.search("permission denied|must be owner", attempt(roles, process, statement))


def test_the_public_pages_can_write_nothing_not_even_the_audit(roles: dict[Process, str]) -> None:
    assert attempt(roles, Process.PUBLIC, "SELECT audit_append('{}')")
    assert attempt(roles, Process.PUBLIC, "INSERT INTO publication_publishedweek DEFAULT VALUES")
    assert attempt(roles, Process.PUBLIC, "SELECT * FROM campaigns_campaign")
    assert not attempt(roles, Process.PUBLIC, "SELECT * FROM publication_publishedweek")


@pytest.mark.parametrize("process", [process for process in SERVED if process is not Process.PUBLIC])
def test_every_process_may_append_to_the_audit_in_its_own_name(roles: dict[Process, str], process: Process) -> None:
    def entry(name: str) -> str:
        return (
            '{"actor":"a","at":"2026-07-30T00:00:00.000000Z","detail":{},"organisation":"",'
            f'"process":"{name}","subject":"","tag":"t"}}'
        )

    with psycopg.connect(roles[process]) as opened:
        found = opened.execute("SELECT audit_append(%s)", [entry(process.database_role)]).fetchone()
        assert found is not None
        opened.rollback()
        with pytest.raises(psycopg.errors.RaiseException, match="is signed in"):
            opened.execute("SELECT audit_append(%s)", [entry("headwater_admin")])


@pytest.fixture
def people(roles: dict[Process, str], django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """A person of each audience, committed, so that other connections see them."""
    organisations = """
        INSERT INTO accounts_organisation (id, kind, name, state, address, time_zone, created_at, called_numbers)
        VALUES ('T-c', 'consortium', '', '', '', '', now(), 'masked'),
            ('T-a', 'agency', '', '', '', '', now(), 'masked'),
            ('T-p', 'provider', '', '', '', '', now(), 'masked')
    """
    users = """
        INSERT INTO accounts_user (
            id, email, password, name, title, organisation_id, role, is_active, created_at, session_salt
        )
        SELECT id || 'u', id, 'secret', '', '', id, '', true, now(), '' FROM accounts_organisation WHERE id LIKE 'T-_'
    """
    factors = """
        INSERT INTO mfa_authenticator (user_id, type, data, created_at)
        SELECT id, 'totp', '{}', now() FROM accounts_user WHERE id LIKE 'T-_u'
    """
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for statement in (organisations, users, factors):
            cursor.execute(statement)
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM mfa_authenticator WHERE user_id LIKE 'T-_u'")
        cursor.execute("DELETE FROM accounts_user WHERE id LIKE 'T-_u'")
        cursor.execute("DELETE FROM accounts_organisation WHERE id LIKE 'T-_'")


@pytest.mark.parametrize(("process", "sees"), [(Process.PORTAL, "T-a"), (Process.CARRIER, "T-p")])
def test_portal_and_carrier_pages_see_and_change_their_own_audience_alone(
    roles: dict[Process, str], people: None, process: Process, sees: str
) -> None:
    with psycopg.connect(roles[process]) as opened:
        seen = opened.execute("SELECT organisation_id FROM accounts_user WHERE organisation_id LIKE 'T-_'").fetchall()
        assert {row[0] for row in seen} == {sees}
        changed = opened.execute("UPDATE accounts_user SET password = 'stolen' RETURNING organisation_id").fetchall()
        assert {row[0] for row in changed} & {"T-a", "T-c", "T-p"} == {sees}
        factors = opened.execute("DELETE FROM mfa_authenticator RETURNING user_id").fetchall()
        assert {row[0] for row in factors} & {"T-au", "T-cu", "T-pu"} == {f"{sees}u"}
        opened.rollback()


def test_the_desk_closes_and_resets_everybody_but_sets_its_own_people_s_passwords_alone(
    roles: dict[Process, str], people: None
) -> None:
    own: LiteralString = "UPDATE accounts_user SET password = 'new' WHERE organisation_id = 'T-c'"
    assert attempt(roles, Process.DESK, own) == ""
    for closed in ("T-a", "T-c", "T-p"):
        with psycopg.connect(roles[Process.DESK]) as opened:
            done = opened.execute("UPDATE accounts_user SET is_active = false WHERE organisation_id = %s", [closed])
            assert done.rowcount == 1
            assert opened.execute("DELETE FROM mfa_authenticator WHERE user_id = %s", [closed + "u"]).rowcount == 1
            opened.rollback()
    for others in ("T-a", "T-p"):
        with psycopg.connect(roles[Process.DESK]) as opened, pytest.raises(psycopg.errors.InsufficientPrivilege):
            opened.execute("UPDATE accounts_user SET password = 'stolen' WHERE organisation_id = %s", [others])
    forged: LiteralString = (
        "INSERT INTO mfa_authenticator (user_id, type, data, created_at) VALUES ('T-au', 'totp', '{}', now())"
    )
    assert "row-level security" in attempt(roles, Process.DESK, forged)


ACCOUNT: LiteralString = """
    INSERT INTO accounts_user (
        id, email, password, name, title, organisation_id, role, is_active, created_at, session_salt, confirmed_at
    ) VALUES ('T-new', 'new@t.example', '!', '', '', %s, %s, true, now(), '', %s)
"""
INVITATION: LiteralString = """
    INSERT INTO accounts_invitation (
        id, organisation_id, purpose, email, name, title, role, token_sha256, created_by, created_at, expires_at
    ) VALUES ('T-inv', %s, 'join', 'new@t.example', '', '', 'agency_officer', 'x', '', now(), now() + interval '1 hour')
"""


@pytest.mark.parametrize(
    ("organisation", "role", "confirmed", "invited"),
    [
        ("T-a", "agency_officer", None, False),
        ("T-a", "agency_administrator", None, True),
        ("T-a", "agency_officer", "2026-01-01T00:00:00Z", True),
        ("T-c", "agency_officer", None, True),
    ],
)
def test_a_compromised_portal_makes_no_account_that_the_desk_did_not_invite(
    *,
    roles: dict[Process, str],
    people: None,
    django_db_blocker: pytest.FixtureRequest,
    organisation: str,
    role: str,
    confirmed: str | None,
    invited: bool,
) -> None:
    try:
        if invited:
            with psycopg.connect(roles[Process.DESK]) as desk:
                desk.execute(INVITATION, ["T-a"])
        with psycopg.connect(roles[Process.PORTAL]) as opened, pytest.raises(psycopg.errors.InsufficientPrivilege):
            opened.execute(ACCOUNT, [organisation, role, confirmed])
        if invited:
            with psycopg.connect(roles[Process.PORTAL]) as opened:
                assert opened.execute(ACCOUNT, ["T-a", "agency_officer", None]).rowcount == 1
                opened.rollback()
    finally:
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM accounts_invitation WHERE id = 'T-inv'")


def test_applying_the_grants_again_changes_nothing(roles: dict[Process, str], db: None) -> None:
    def privileges() -> list[tuple[str, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT relname, relacl::text, relrowsecurity FROM pg_class "
                "WHERE relnamespace = 'public'::regnamespace ORDER BY relname"
            )
            tables = cursor.fetchall()
            cursor.execute("SELECT policyname, tablename, qual, with_check FROM pg_policies ORDER BY 1, 2")
            return tables + cursor.fetchall()

    before = privileges()
    apply_grants()
    assert privileges() == before


def test_every_name_in_the_matrix_is_a_plain_identifier() -> None:
    # They are written into SQL as they stand.
    names = [*TABLES, *SEQUENCES, *FUNCTIONS, *(column for of in COLUMNS.values() for c in of.values() for column in c)]
    assert all(re.fullmatch(r"[a-z_0-9]+", name) for name in names)
    assert sql.Identifier("x").as_string() == '"x"'
