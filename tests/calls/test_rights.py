"""What each reader of the facade may read, tried through the door by the names and secrets of the processes."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.calls import columns, grants, rights
from headwater.calls.facade import Facade, Readers
from headwater.calls.statements import RefusedStatement, check
from headwater.calls.store import CallStore
from headwater.site.secret_files import READERS
from tests.calls.samples import report
from tests.calls.test_facade import served

NAMES = ("admin", "carrier", "desk", "portal", "work", "a chart of the operator")
CALLED = "13105550007"


@pytest.fixture
def port(store: CallStore) -> Iterator[int]:
    store.insert([report(number) for number in range(10)])
    facade = Facade(store.engine, database=store.database, readers=Readers({name: f"of {name}" for name in NAMES}))
    with served(facade) as number:
        yield number
    facade.close()


def ask(port: int, reader: str, statement: str, **parameters: str) -> httpx.Response:
    values: dict[str, Any] = {f"param_{name}": value for name, value in parameters.items()}
    return httpx.post(
        f"http://127.0.0.1:{port}/", content=statement, auth=(reader, f"of {reader}"), params=values, timeout=30
    )


def test_the_worker_and_the_operator_read_everything(port: int) -> None:
    for reader in ("work", "admin"):
        answer = ask(port, reader, "SELECT called, raw FROM calls WHERE event_id = 'event-7'")
        assert CALLED in answer.text
        assert "event_id" in answer.text
        assert ask(port, reader, "SELECT * FROM calls LIMIT 1").status_code == 200


def test_the_desk_reads_called_numbers_and_no_octets(port: int) -> None:
    assert ask(port, "desk", "SELECT called FROM calls WHERE event_id = 'event-7'").text.strip() == CALLED
    all_but_octets = f"SELECT {columns.SELECT_LIST} FROM calls LIMIT 1"  # noqa: S608 - constants
    assert ask(port, "desk", all_but_octets).status_code == 200
    for statement in (
        "SELECT raw FROM calls",
        "SELECT `raw` FROM calls",
        'SELECT "raw" FROM calls',
        "SELECT calls.raw FROM calls",
        "SELECT c.`raw` FROM calls AS c",
        "SELECT event_id FROM calls WHERE raw LIKE '%a%'",
        "SELECT length(raw) FROM calls",
        "SELECT raw FROM rejects",
        "SELECT * FROM calls",
        "SELECT calls.* FROM calls",
        "SELECT DISTINCT * FROM calls",
        "SELECT event_id FROM (SELECT * FROM calls)",
        "SELECT COLUMNS('r.w') FROM calls",
        "SELECT {column:Identifier} FROM calls",
    ):
        answer = ask(port, "desk", statement, column="raw")
        assert answer.status_code == 400, statement
        assert "event_id" not in answer.text.replace(statement, ""), statement


@pytest.mark.parametrize("reader", ["portal", "carrier", "a chart of the operator"])
def test_who_needs_no_called_number_gets_none_by_any_way(port: int, reader: str) -> None:
    for statement in (
        "SELECT called FROM calls",
        "SELECT called_raw FROM calls",
        "SELECT called_digits FROM calls",
        "SELECT called_form FROM calls",
        "SELECT raw FROM calls",
        "SELECT headers FROM calls",
        "SELECT transcript FROM calls",
        "SELECT * FROM calls",
        "SELECT event_id FROM calls ORDER BY called",
        "SELECT event_id FROM calls WHERE right(called, 10) = '3105550007'",
        "SELECT count() FROM calls GROUP BY called",
        "SELECT a.event_id FROM calls AS a JOIN calls AS b USING (called)",
        "SELECT uniqCombinedMerge(called) FROM hours",
        "SELECT reason FROM rejects",
        "SELECT source_id FROM rejects",
    ):
        answer = ask(port, reader, statement)
        assert answer.status_code == 400, statement
        assert "3105550007" not in answer.text.replace(statement, "")
    counted = ask(port, reader, "SELECT count(*), 2 * 3 FROM calls WHERE calling = '12155550100'")
    assert counted.text.strip() == "10\t6"


def test_every_process_that_reads_has_its_rights_written() -> None:
    assert {process.value for process in READERS} == set(rights.READERS)
    held = {name for one in (*rights.READERS.values(), rights.NARROWEST) for name in one.withheld}
    there = {name for names in grants.columns().values() for name in names}
    assert held <= there, "a name that no column has withholds nothing"


def test_every_column_that_holds_a_called_number_is_withheld_however_the_table_keeps_it() -> None:
    kept = {name for name in (*columns.NAMES, *columns.STORED) if name.startswith("called")}
    assert len(kept) == 4, "a column was added: think of whether it holds a called number"
    assert kept <= rights.NARROWEST.withheld


PLAIN = "SELECT event_id , count ( ) AS x FROM calls WHERE call_id = 'x' GROUP BY event_id ORDER BY x"
WORDS = PLAIN.split()


@given(place=st.integers(1, len(WORDS)), withheld=st.sampled_from(["raw", "`raw`", '"raw"', "calls.raw", "RAW", "*"]))
def test_what_is_withheld_is_refused_wherever_it_stands(place: int, withheld: str) -> None:
    check(PLAIN, database="headwater", rights=rights.of("desk"))
    if (withheld, WORDS[place - 1 : place + 1]) == ("*", ["(", ")"]):
        return  # count(*) names no column
    with pytest.raises(RefusedStatement):
        check(" ".join([*WORDS[:place], withheld, *WORDS[place:]]), database="headwater", rights=rights.of("desk"))
