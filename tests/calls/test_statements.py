import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.calls import queries, statements
from headwater.calls.statements import RefusedStatement, check


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "select version(), timezone()",
        "SELECT name, value, readonly FROM system.settings LIMIT 10000\n FORMAT Native",
        "SELECT count() FROM calls FINAL WHERE right(called, 10) = right({called:String}, 10);",
        "SELECT count() FROM headwater.calls AS c WHERE c.call_at > now() - INTERVAL 1 HOUR",
        "SELECT 'file(\\'x\\') INTO OUTFILE ; it''s text' FROM calls",
        "SELECT settings FROM (SELECT 1 AS one) AS s JOIN calls ON one = 1 -- a comment; file('x')".replace(
            "settings", "s.settings"
        ),
        "WITH named AS (SELECT event_id FROM calls) SELECT event_id FROM named WHERE 1 IN (SELECT 1 FROM calls)",
        "SELECT quantile(0.9)(duration_ms), CAST(1 AS Nullable(Int64)) FROM `calls` GROUP BY called HAVING count() > 1",
        "SELECT a FROM (SELECT 1 AS a UNION ALL SELECT 2) ORDER BY a DESC FORMAT JSONEachRow",
        "SELECT record_id, called FROM calls WHERE (called, calling) IN {pairs:Array(Tuple(String, String))}",
    ],
)
def test_readers_may_select_from_our_tables(statement: str) -> None:
    check(statement, database="headwater")


@pytest.mark.parametrize(
    "statement",
    [
        "",
        ";",
        "INSERT INTO calls SELECT * FROM calls",
        "DROP TABLE calls",
        "SET readonly = 0",
        "KILL QUERY WHERE 1",
        "SYSTEM FLUSH LOGS",
        "USE default",
        "EXPLAIN SELECT 1",
        "SHOW TABLES",
        "(SELECT 1)",
        "FROM calls SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE calls",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SELECT 1 InTo/**/oUtFiLe '/tmp/x'",
        "SELECT file('/etc/passwd')",
        "SELECT `file`('/etc/passwd')",
        "SELECT \"file\"('/etc/passwd')",
        "SELECT file/**/('/etc/passwd')",
        "SELECT file -- \n ('/etc/passwd')",
        "SELECT FILE('/etc/passwd')",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1/', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM s3('http://x/')",
        "SELECT * FROM executable('x', 'TSV', 'a String')",
        "SELECT * FROM merge('.*')",
        "SELECT * FROM eval('x')",
        "SELECT * FROM numbers(10)",
        "SELECT * FROM system.processes",
        "SELECT * FROM `system`.query_log",
        "SELECT * FROM system . processes",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM other.calls",
        'SELECT * FROM "/etc/passwd"',
        "SELECT * FROM `/etc/passwd`",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM passwd.csv",
        "SELECT * FROM calls, system.processes",
        "SELECT * FROM calls AS c, system.processes",
        "SELECT * FROM calls FINAL, system.processes",
        "SELECT * FROM (SELECT 1), system.processes",
        "SELECT * FROM (SELECT 1) AS a, system.processes",
        "SELECT * FROM calls JOIN system.processes ON 1",
        "SELECT * FROM (EXPLAIN SELECT 1)",
        "SELECT * FROM (system.processes)",
        "SELECT 1 WHERE 1 IN system.processes",
        "SELECT 1 WHERE 1 IN (SELECT query FROM system.processes)",
        "SELECT 1 SETTINGS max_threads = 1",
        "SELECT 1 FORMAT Pretty",
        "SELECT * FROM {table:Identifier}",
        "SELECT dictGet('d', 'a', 1)",
        "SELECT aiGenerate('x')",
        "SELECT getServerSetting('x'), joinGet('x', 'y', 1)",
        "SELECT sleep(3)",
        "SELECT COLUMNS('raw') FROM calls",
        "SELECT $$file$$",
        "SELECT 'unterminated",
        "SELECT 1 /* unterminated",
        "SELECT \x00",
        "WITH file AS (SELECT 1) SELECT * FROM file('/etc/passwd')",
        "SELECT " + "1," * 200_000 + "1",
    ],
)
def test_whatever_else_is_refused(statement: str) -> None:
    with pytest.raises(RefusedStatement):
        check(statement, database="headwater")


@given(st.text(max_size=200))
def test_any_text_is_either_refused_or_a_select(text: str) -> None:
    try:
        check(text, database="headwater")
    except RefusedStatement:
        return
    assert re.match(r"\s*(--.*\n|#.*\n|/\*|select|with)", text, re.IGNORECASE)


@given(
    st.sampled_from(["SELECT ", "SELECT * FROM "]),
    st.lists(
        st.sampled_from(
            [
                "file",
                "(",
                "'/etc/passwd'",
                ")",
                "`",
                '"',
                "/*",
                "*/",
                "--",
                "\n",
                ",",
                "calls",
                "system",
                ".",
                "processes",
                "AS",
                "x",
                "FINAL",
                "JOIN",
                "FROM",
                "SELECT",
                "IN",
                "'",
                "\\",
                "ON",
                "1",
                " ",
            ]
        ),
        max_size=14,
    ),
)
def test_no_shuffle_of_hostile_pieces_calls_file_or_reads_system(start: str, pieces: list[str]) -> None:
    text = start + " ".join(pieces)
    try:
        check(text, database="headwater")
    except RefusedStatement:
        return
    bare = re.sub(r"'(?:[^'\\]|\\.|'')*'|--[^\n]*|/\*.*?\*/|#[ !][^\n]*", " ", text, flags=re.DOTALL)
    assert not re.search(r"[`\"]?file[`\"]?\s*\(", bare)
    assert not re.search(r"(from|join|in)\s*[`\"]?system", bare, re.IGNORECASE)


def test_every_function_that_is_offered_exists_in_the_engine_and_none_is_a_door_to_elsewhere(store_url: str) -> None:
    from headwater.calls.engine import Engine

    engine = Engine.open(store_url)
    try:
        with engine.client() as client:
            known = {row[0].lower() for row in client.query("SELECT name FROM system.functions").result_rows}
            tables = {row[0].lower() for row in client.query("SELECT name FROM system.table_functions").result_rows}
    finally:
        engine.close()
    # SQL forms that the parser turns into functions of other names.
    conditional = {name for name in statements.FUNCTIONS if name.endswith("if") and name[:-2] in known}
    conditional |= {name for name in statements.FUNCTIONS if name.endswith("merge") and name[:-5] in known}
    assert statements.FUNCTIONS - known - conditional <= {"cast", "date_diff", "date_trunc", "row_number", "rank"}
    assert not statements.FUNCTIONS & tables


def test_every_statement_of_our_own_queries_passes() -> None:
    source = Path(queries.__file__).read_text()
    assert "SETTINGS" not in source
    assert "system." not in source
