import base64
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import clickhouse_connect
import httpx
import pytest
import uvicorn
from clickhouse_connect.driver.exceptions import DatabaseError

from headwater.calls import queries
from headwater.calls.engine import StoreUnavailable
from headwater.calls.facade import BODY_OCTETS, Facade, Readers
from headwater.calls.store import CallStore
from tests.calls.samples import NOON, invite, report

SECRET = "a secret of the desk"


@contextmanager
def served(app: Any) -> Iterator[int]:
    """Serve ``app`` on a free port of loopback, in a thread."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(128)
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def port(store: CallStore) -> Iterator[int]:
    store.insert([report(number) for number in range(50)] + [invite(900)])
    facade = Facade(
        store.engine, database=store.database, readers=Readers({"desk": SECRET, "work": SECRET, "empty": ""})
    )
    with served(facade) as number:
        yield number
    facade.close()


@pytest.fixture
def client(port: int) -> Iterator[Any]:
    opened = clickhouse_connect.get_client(host="127.0.0.1", port=port, username="desk", password=SECRET)
    yield opened
    opened.close()


def ask(port: int, statement: str, **more: Any) -> httpx.Response:
    return httpx.post(
        f"http://127.0.0.1:{port}/", content=statement, auth=("desk", SECRET), params=more.pop("params", {}), **more
    )


# -- the stock client ------------------------------------------------------------------------------------------------


def test_the_stock_client_connects_and_reads(client: Any) -> None:
    assert client.ping()
    assert client.query("SELECT count() FROM calls").first_row == (51,)
    assert client.command("SELECT count() FROM calls") == 51


def test_the_stock_client_binds_parameters(client: Any) -> None:
    found = client.query(
        "SELECT event_id FROM calls WHERE called = {called:String} AND call_at > {at:DateTime64(6, 'UTC')}",
        parameters={"called": "13105550007", "at": NOON},
    )
    assert found.result_rows == [("event-7",)]


def test_parameters_too_large_for_a_url_are_taken_from_a_form(client: Any) -> None:
    pairs = [(f"1310555{number:04d}", "12155550100") for number in range(4_000)]
    statement = "SELECT count() FROM calls WHERE (called, calling) IN {pairs:Array(Tuple(String, String))}"
    assert client.query(statement, parameters={"pairs": [*pairs, ("13105550007", "12155550100")]}).first_row[0] >= 1


def test_the_stock_client_gets_arrow_and_columns(client: Any) -> None:
    assert client.query_arrow("SELECT event_id, raw_sha256 FROM calls").num_rows == 51
    assert client.query("SELECT event_id FROM calls LIMIT 0").column_names == ("event_id",)


def test_an_error_of_the_engine_is_typed(client: Any) -> None:
    with pytest.raises(DatabaseError) as raised:
        client.query("SELECT nosuch FROM calls")
    assert raised.value.code == 47


def test_four_clients_at_once_are_answered(port: int) -> None:
    answers: list[int] = []

    def read() -> None:
        own = clickhouse_connect.get_client(host="127.0.0.1", port=port, username="desk", password=SECRET)
        answers.extend(own.query("SELECT count() FROM calls").first_row[0] for _ in range(10))
        own.close()

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [51] * 40


# -- who may ask -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic " + base64.b64encode(b"desk:wrong").decode()},
        {"Authorization": "Basic " + base64.b64encode(b"nobody:" + SECRET.encode()).decode()},
        {"Authorization": "Basic " + base64.b64encode(b"empty:").decode()},
        {"Authorization": "Basic " + base64.b64encode(b"nobody:" + b"\0" * 32).decode()},
        {"Authorization": "Basic not base64"},
        {"Authorization": "Bearer " + SECRET},
        {"X-ClickHouse-User": "desk"},
        {"X-ClickHouse-User": "desk", "X-ClickHouse-Key": "wrong"},
    ],
)
def test_without_the_secret_nothing_is_answered_on_loopback_either(port: int, headers: dict[str, str]) -> None:
    answer = httpx.post(f"http://127.0.0.1:{port}/", content="SELECT 1", headers=headers)
    assert answer.status_code == 403
    assert answer.headers["x-clickhouse-exception-code"] == "516"


def test_a_secret_in_the_url_is_not_taken_because_urls_are_logged(port: int) -> None:
    answer = httpx.get(f"http://127.0.0.1:{port}/", params={"query": "SELECT 1", "user": "desk", "password": SECRET})
    assert answer.status_code == 403


def test_clickhouses_own_headers_are_taken(port: int) -> None:
    headers = {"X-ClickHouse-User": "desk", "X-ClickHouse-Key": SECRET}
    answer = httpx.get(f"http://127.0.0.1:{port}/", params={"query": "SELECT 1"}, headers=headers)
    assert (answer.status_code, answer.text) == (200, "1\n")


# -- what may be asked -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO calls (event_id) VALUES ('x')",
        "SELECT file('/etc/passwd')",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1/', 'LineAsString')",
        "SELECT * FROM system.processes",
        "KILL QUERY WHERE 1",
        "SELECT 1 SETTINGS max_threads = 1",
    ],
)
def test_a_refused_statement_is_a_typed_error_of_the_stock_client(client: Any, statement: str) -> None:
    with pytest.raises(DatabaseError) as raised:
        client.query(statement)
    assert raised.value.code == 164


def test_into_outfile_writes_no_file(port: int, tmp_path: Any) -> None:
    answer = ask(port, f"SELECT 1 INTO OUTFILE '{tmp_path}/out'")
    assert answer.status_code == 400
    assert not list(tmp_path.iterdir())


def test_the_connection_below_is_read_only_even_where_a_statement_passed(store: CallStore) -> None:
    facade = Facade(store.engine, database=store.database, readers=Readers({"desk": SECRET}))
    connection = facade._connection()
    for statement in (
        "SET readonly = 0",
        "SET max_threads = 7",
        "INSERT INTO calls (event_id) VALUES ('x')",
        "DROP TABLE calls",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    ):
        with pytest.raises(RuntimeError, match="164"):
            connection.query(statement)
    facade.close()


@pytest.mark.parametrize(
    "setting", ["max_threads", "readonly", "max_memory_usage", "nosuch", "user", "password", "role"]
)
def test_a_setting_that_is_not_on_the_list_is_refused(port: int, setting: str) -> None:
    answer = ask(port, "SELECT 1", params={setting: "77"})
    assert answer.status_code == 400
    assert setting in answer.text


def test_another_database_is_not_read(port: int, store_url: str) -> None:
    other = CallStore.open(store_url, database="elsewhere")
    other.migrate()
    other.close()
    assert ask(port, "SELECT count() FROM calls", params={"database": "elsewhere"}).status_code == 404
    assert ask(port, "SELECT count() FROM elsewhere.calls").status_code == 400


# -- bounds ----------------------------------------------------------------------------------------------------------


def test_a_query_that_takes_too_long_is_ended_and_the_next_is_answered(store: CallStore) -> None:
    from headwater.calls import facade as module

    facade = Facade(
        store.engine,
        database=store.database,
        readers=Readers({"desk": SECRET}),
        held_to=module.HELD_TO | {"max_execution_time": 1},
    )
    store.insert([report(number) for number in range(3_000)])
    endless = (
        "SELECT count() FROM calls AS a JOIN calls AS b ON 1 = 1 JOIN calls AS c ON 1 = 1 "
        "WHERE sipHash64(a.event_id, b.event_id, c.event_id) = 1"
    )
    with served(facade) as port:
        answer = ask(port, endless, timeout=60)
        assert answer.headers["x-clickhouse-exception-code"] in {"159", "241"}
        assert ask(port, "SELECT 1").text == "1\n"
    facade.close()


def test_a_result_that_is_too_large_is_an_error_and_not_cut(store: CallStore) -> None:
    from headwater.calls import facade as module

    facade = Facade(
        store.engine,
        database=store.database,
        readers=Readers({"desk": SECRET}),
        held_to=module.HELD_TO | {"max_result_rows": 10},
    )
    store.insert([report(number) for number in range(3_000)])
    with served(facade) as port:
        assert ask(port, "SELECT event_id FROM calls").headers["x-clickhouse-exception-code"] == "396"
    facade.close()


def test_a_body_beyond_the_bound_is_refused(port: int) -> None:
    assert ask(port, "SELECT '" + "x" * BODY_OCTETS + "'").status_code == 413


@pytest.mark.parametrize("content", [b"\xff\xfe", b"SELECT \x00", b"", b"{" * 1_000])
def test_garbage_is_refused_and_the_facade_lives(port: int, content: bytes) -> None:
    assert httpx.post(f"http://127.0.0.1:{port}/", content=content, auth=("desk", SECRET)).status_code == 400
    assert ask(port, "SELECT 1").text == "1\n"


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data; boundary="]
)
def test_a_broken_form_is_refused(port: int, kind: str) -> None:
    assert ask(port, "--x\r\nnonsense", headers={"Content-Type": kind}).status_code == 400


def test_the_answer_tells_format_and_what_was_read(port: int) -> None:
    answer = ask(port, "SELECT count() FROM calls FORMAT JSONEachRow", params={"query_id": "mine"})
    assert answer.headers["x-clickhouse-format"] == "JSONEachRow"
    assert answer.headers["x-clickhouse-query-id"] == "mine"
    assert "read_rows" in json.loads(answer.headers["x-clickhouse-summary"])
    assert httpx.get(f"http://127.0.0.1:{port}/ping").text == "Ok.\n"


# -- our own reads through it ----------------------------------------------------------------------------------------


def test_every_read_of_ours_gives_the_same_through_the_facade(store: CallStore, store_url: str, port: int) -> None:
    far_url = f"http://work:{SECRET.replace(' ', '%20')}@127.0.0.1:{port}"  # the worker reads all, octets too
    near = queries.connect(store_url, database=store.database)
    far = queries.connect(far_url, database=store.database)
    ids = [report(number).record_id for number in range(50)]
    try:
        assert far.total() == near.total() == 51
        assert far.records(ids) == near.records(ids)
        assert far.raw([*ids, invite(900).record_id]) == near.raw([*ids, invite(900).record_id])
        assert far.received_since(NOON, limit=9) == near.received_since(NOON, limit=9)
        assert far.latest(9) == near.latest(9)
        assert far.per_minute(NOON) == near.per_minute(NOON)
        assert far.lag() == near.lag()
        one = invite(900)
        for reads in (near, far):
            assert reads.find_sip(called=one.called, calling=one.calling, at=one.call_at, window_s=5)
            assert reads.by_call_id(one.call_id, at=one.call_at, window_s=5)
            assert reads.by_identity(one.identity_digest, at=one.call_at + timedelta(seconds=3), window_s=5)
    finally:
        queries.disconnect(store_url, database=store.database)
        queries.disconnect(far_url, database=store.database)


def test_a_reader_with_a_wrong_secret_is_told_without_showing_it(port: int) -> None:
    with pytest.raises(StoreUnavailable) as raised:
        queries.connect(f"http://desk:hunter2@127.0.0.1:{port}")
    assert "hunter2" not in str(raised.value)
