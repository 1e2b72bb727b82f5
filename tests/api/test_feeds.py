import asyncio
import gzip
import json
import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from prometheus_client import CollectorRegistry, generate_latest

from headwater import SOFTWARE
from headwater.api import feeds, mapped
from headwater.api.feeds import FeedDoor, FeedMetrics, Limits
from headwater.api.mapped import Formats
from headwater.calls.queries import CallQueries
from headwater.calls.records import SourceKind
from headwater.calls.store import CallStore
from headwater.calls.writer import Writer
from headwater.errors import Forbidden, Unauthenticated, Unavailable
from headwater.intake.events import mapping as feed_presets
from headwater.intake.sources import Source
from headwater.numbering.numbers import CalledNumbers
from headwater.site.bounded_http import BoundedHttp

HEADERS = {"Authorization": "Bearer good"}
PLAIN = {
    "call_at": (datetime.now(UTC) - timedelta(minutes=1)).isoformat(),
    "calling": "+12155550100",
    "called": "+13105550111",
}


async def authenticate(token: str) -> Source:
    """Know two partners; refuse the rest as the composition does."""
    if token in {"good", "other"}:
        return Source(source_id=f"ORG-{token.upper()}", source_kind=SourceKind.APP, credential=f"FP-{token.upper()}")
    if token == "discreet":
        return Source(source_id="ORG-DISCREET", source_kind=SourceKind.APP, called_numbers=CalledNumbers.SHORTENED)
    if token == "hep":
        raise Forbidden("credential FP-1 does not open the feed door")
    if token == "unknowable":
        raise Unavailable("the register of credentials does not answer")
    raise Unauthenticated("the credential is wrong, expired or revoked")


def event(number: int, **changes: Any) -> bytes:
    return json.dumps(PLAIN | {"event_id": f"e{number}"} | changes).encode()


class Door:
    """The feed door on a real server, with a real store."""

    def __init__(self, url: str, database: str, limits: Limits) -> None:
        self._url, self._database, self._limits = url, database, limits
        self.registry = CollectorRegistry()
        self.port = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._door(scope, receive, send)
            return
        await receive()
        self.store = CallStore.open(self._url, database=self._database)
        self.store.migrate()
        self.writer = Writer(self.store)
        self._door = FeedDoor(
            authenticate=authenticate,
            writer=self.writer,
            metrics=FeedMetrics(self.registry),
            limits=self._limits,
            formats=Formats(Path(self._url.removeprefix("chdb://")).parent),
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.writer.close()
        self.store.close()
        await send({"type": "lifespan.shutdown.complete"})

    @property
    def reads(self) -> CallQueries:
        return CallQueries(self.store.engine, self._database)

    def post(self, content: Any, path: str = feeds.PATH, **headers: str) -> httpx.Response:
        return httpx.post(f"http://127.0.0.1:{self.port}{path}", content=content, headers=HEADERS | headers, timeout=60)

    def rejects(self) -> list[Any]:
        with self.store.engine.client(self._database) as client:
            return list(
                client.query(
                    "SELECT position, raw, raw_length FROM rejects ORDER BY position", query_formats={"String": "bytes"}
                ).result_rows
            )

    def break_store(self) -> None:
        with self.store.engine.client(self._database) as client:
            client.command("RENAME TABLE calls TO away")

    def mend_store(self) -> None:
        with self.store.engine.client(self._database) as client:
            client.command("RENAME TABLE away TO calls")


@contextmanager
def open_door(folder: Any, limits: Limits | None = None) -> Iterator[Door]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(128)
        door = Door(f"chdb://{folder}", "headwater", limits or Limits())
        config = uvicorn.Config(door, http=BoundedHttp, ws="none", log_level="critical", lifespan="on")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        door.port = sock.getsockname()[1]
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield door
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture
def door(tmp_path: Any) -> Iterator[Door]:
    with open_door(tmp_path / "calls") as opened:
        yield opened


# -- the answer ------------------------------------------------------------------------------------------------------


def test_events_are_stored_when_202_is_heard(door: Door) -> None:
    answer = door.post(b"\n".join(event(number) for number in range(1_000)))
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 1_000, "duplicates": 0, "rejected": 0, "errors": []}
    assert door.reads.total() == 1_000


@pytest.mark.parametrize("lines", [1, feeds.COLUMNS_LINES])
def test_each_record_says_by_which_credential_it_came_and_what_read_it(door: Door, lines: int) -> None:
    door.post(b"\n".join(event(number) for number in range(lines)))
    again = door.post(b"\n".join(event(number) for number in range(lines)), Authorization="Bearer other")
    assert again.json()["accepted"] == lines
    kept = door.reads.latest(1_000)
    came = Counter((record.source_id, record.credential, record.software) for record in kept)
    assert came == {("ORG-GOOD", "FP-GOOD", SOFTWARE): lines, ("ORG-OTHER", "FP-OTHER", SOFTWARE): lines}


def test_the_octets_of_each_event_are_those_of_its_line_however_many_posts_came_at_once(door: Door) -> None:
    posts = [[event(number, transcript=f"press {number}") for number in range(n, n + 40)] for n in range(0, 800, 30)]
    sent = {f"e{number}": line for post in posts for number, line in enumerate(post, start=posts.index(post) * 30)}

    async def send_all() -> list[httpx.Response]:
        async with httpx.AsyncClient(timeout=60) as client:
            url = f"http://127.0.0.1:{door.port}{feeds.PATH}"
            return list(
                await asyncio.gather(*(client.post(url, content=b"\n".join(post), headers=HEADERS) for post in posts))
            )

    for _ in range(2):  # what comes again is known, and its octets stay those of the first
        assert {answer.status_code for answer in asyncio.run(send_all())} == {202}
    kept = door.reads.latest(1_000)
    octets = door.reads.raw([record.record_id for record in kept])
    assert {record.event_id: octets[record.record_id] for record in kept} == sent
    assert all(record.raw_sha256 == sha256(sent[record.event_id]).digest() for record in kept)


def test_the_same_body_again_changes_nothing(door: Door) -> None:
    body = b"\n".join(event(number) for number in range(10))
    door.post(body)
    assert door.post(body).json() == {"accepted": 0, "duplicates": 10, "rejected": 0, "errors": []}
    assert door.reads.total() == 10


def test_the_same_event_id_of_another_partner_is_another_event(door: Door) -> None:
    door.post(event(1))
    assert door.post(event(1), Authorization="Bearer other").json()["accepted"] == 1


def test_a_conflict_is_named_on_its_line_and_not_stored(door: Door) -> None:
    door.post(event(1))
    answer = door.post(event(2) + b"\n\n" + event(1, called="+13105550999"))
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1
    (error,) = answer.json()["errors"]
    assert (error["line"], error["event_id"]) == (3, "e1")
    assert "stored already" in error["reason"]
    assert door.reads.total() == 2


@pytest.mark.parametrize("lines", [1, 30, 500])
def test_a_partner_whose_called_numbers_are_shortened_leaves_none_on_the_disk(door: Door, lines: int) -> None:
    body = (
        b"\n".join(event(number, called=f"+1310555{number:04}") for number in range(lines - 1)) + b"\n{bad 3105550111"
    )
    answers = [door.post(body, Authorization="Bearer discreet") for _ in range(2)]
    assert [answer.json()["accepted"] for answer in answers] == [lines - 1, 0]
    assert answers[1].json()["duplicates"] == lines - 1
    assert {record.called for record in door.reads.latest(1_000)} <= {"1310555"}
    assert [row[1] for row in door.rejects()] == [b"", b""]


def test_bad_lines_are_named_and_kept_and_good_ones_stored(door: Door) -> None:
    answer = door.post(b"\n".join([event(1), b"{bad", event(2, called="x"), event(3)]))
    assert answer.status_code == 202
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (2, 2)
    assert [(error["line"], error.get("event_id", "")) for error in answer.json()["errors"]] == [(2, ""), (3, "e2")]
    assert [row[:2] for row in door.rejects()] == [(2, b"{bad"), (3, event(2, called="x"))]


def test_a_body_of_bad_lines_alone_is_422_and_kept(door: Door) -> None:
    answer = door.post(b"{bad\n\xff\n\x00")
    assert answer.status_code == 422
    assert answer.json()["rejected"] == 3
    assert [row[1] for row in door.rejects()] == [b"{bad", b"\xff", b"\x00"]


@pytest.mark.parametrize("body", [b"", b"\n\n"])
def test_a_body_without_lines_is_422(door: Door, body: bytes) -> None:
    answer = door.post(body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_many_errors_are_counted_and_the_first_listed(door: Door) -> None:
    answer = door.post(b"x\n" * 3_000)
    assert answer.json()["rejected"] == 3_000
    assert len(answer.json()["errors"]) == feeds.LISTED_ERRORS


# -- who may send ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("", 401),
        ("Bearer", 401),
        ("Basic good", 401),
        ("Bearer wrong", 401),
        ("Bearer \xff", 401),
        ("Bearer hep", 403),
        ("Bearer unknowable", 503),
    ],
)
def test_strangers_are_refused_and_nothing_is_stored(door: Door, authorization: str, status: int) -> None:
    answer = httpx.post(
        f"http://127.0.0.1:{door.port}{feeds.PATH}",
        content=event(1),
        headers={"Authorization": authorization.encode("latin-1")} if authorization else {},  # type: ignore[dict-item]  # httpx takes octets
    )
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert ("retry-after" in answer.headers) == (status == 503)
    assert door.reads.total() == 0


def test_a_stranger_is_answered_before_his_body_is_read(door: Door) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as sock:
        sock.sendall(f"POST {feeds.PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n".encode())
        sock.settimeout(5)
        assert sock.recv(100).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_405(door: Door, method: str) -> None:
    answer = httpx.request(method, f"http://127.0.0.1:{door.port}{feeds.PATH}", headers=HEADERS)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


# -- hostile bodies --------------------------------------------------------------------------------------------------


def alive(door: Door) -> bool:
    return door.post(event(int(time.monotonic() * 1e6))).status_code == 202


def memory_octets() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024


def send_without_end(port: int, head: bytes, piece: bytes, octets: int) -> bytes:
    """Send ``octets`` in pieces until the other side answers or hangs up; return the beginning of its answer."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.settimeout(30)
        sock.sendall(head)
        try:
            for _ in range(octets // len(piece)):
                sock.sendall(b"%x\r\n" % len(piece) + piece + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        return sock.recv(4_096)


def test_a_line_of_a_gigabyte_costs_bounded_memory_and_gets_413(door: Door) -> None:
    assert alive(door)
    before = memory_octets()
    head = (
        f"POST {feeds.PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    answer = send_without_end(door.port, head, b"x" * 1_000_000, 1_000_000_000)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer
    assert memory_octets() - before < 150_000_000
    assert alive(door)


def test_an_announced_gigabyte_gets_413_at_once(door: Door) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as sock:
        sock.settimeout(5)
        sock.sendall(
            f"POST {feeds.PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n"
            "Content-Length: 1000000000\r\n\r\n".encode()
        )
        assert sock.recv(100).startswith(b"HTTP/1.1 413")
    assert alive(door)


def test_an_overlong_line_within_the_bound_is_refused_by_its_number(door: Door) -> None:
    answer = door.post(event(1) + b"\n" + b"y" * 5_000_000 + b"\n" + event(2))
    assert (answer.json()["accepted"], answer.json()["errors"][0]["line"]) == (2, 2)
    assert door.rejects()[0][2] == 5_000_000


def test_too_many_lines_are_413(door: Door) -> None:
    assert door.post(b"\n" * 5_000_000).status_code == 413
    assert alive(door)


def test_a_sender_that_dawdles_is_given_up(tmp_path: Any) -> None:
    with (
        open_door(tmp_path / "calls", Limits(body_s=0.5)) as door,
        socket.create_connection(("127.0.0.1", door.port)) as sock,
    ):
        sock.settimeout(10)
        sock.sendall(
            f"POST {feeds.PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n"
            "Content-Length: 999\r\n\r\n".encode()
        )
        assert sock.recv(100).startswith(b"HTTP/1.1 408")
        assert alive(door)


def test_a_sender_that_hangs_up_half_way_stores_nothing(door: Door) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as sock:
        sock.sendall(
            f"POST {feeds.PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n"
            "Content-Length: 99999\r\n\r\n".encode()
            + event(1)
            + b"\n"
        )
    time.sleep(0.3)
    assert door.reads.total() == 0
    assert alive(door)


def test_bodies_at_once_are_bounded_and_a_single_sender_cannot_take_it_all(tmp_path: Any) -> None:
    with open_door(tmp_path / "calls", Limits(held_octets=200_000)) as door:
        with socket.create_connection(("127.0.0.1", door.port)) as sock:
            sock.sendall(
                f"POST {feeds.PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n"
                "Content-Length: 199999\r\n\r\n".encode()
                + b"x" * 90_000
            )
            time.sleep(0.3)
            refused = door.post(b"x" * 50_000)
            assert refused.status_code == 503
            assert "retry-after" in refused.headers
            assert door.post(event(1), Authorization="Bearer other").status_code == 202
        time.sleep(0.3)
        assert alive(door)


# -- gzip ------------------------------------------------------------------------------------------------------------


def test_gzip_is_read(door: Door) -> None:
    body = gzip.compress(event(1) + b"\n") + gzip.compress(event(2))
    assert door.post(body, **{"Content-Encoding": "gzip"}).json()["accepted"] == 2


def test_a_gzip_bomb_stops_at_the_bound(door: Door) -> None:
    assert alive(door)
    before = memory_octets()
    bomb = gzip.compress(b"x" * 100_000_000, 1)
    assert door.post(bomb, **{"Content-Encoding": "gzip"}).status_code == 413
    assert memory_octets() - before < 250_000_000  # this process made the bomb: 100 MB of it are the test's own
    assert alive(door)


@pytest.mark.parametrize(
    "body",
    [b"not gzip", gzip.compress(event(1))[:-9], gzip.compress(event(1))[:20] + b"x" * 30, b""],
    ids=["text", "cut off", "rubbish within", "empty"],
)
def test_bad_gzip_is_422_and_stores_nothing(door: Door, body: bytes) -> None:
    assert door.post(body, **{"Content-Encoding": "gzip"}).status_code == 422
    assert door.reads.total() == 0


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "x"])
def test_another_encoding_is_415(door: Door, encoding: str) -> None:
    assert door.post(event(1), **{"Content-Encoding": encoding}).status_code == 415


# -- a store that fails ----------------------------------------------------------------------------------------------


def test_a_store_that_cannot_write_gives_503_and_the_retry_is_stored_once(door: Door) -> None:
    door.post(event(0))
    door.break_store()
    answer = door.post(event(1))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "accepted" not in answer.text
    door.mend_store()
    assert door.post(event(1)).json()["accepted"] == 1
    assert door.reads.total() == 2


def test_a_store_that_hangs_gives_503_in_time(tmp_path: Any) -> None:
    with open_door(tmp_path / "calls", Limits(store_s=0.5)) as door:
        alive(door)
        with door.store._lock:
            started = time.monotonic()
            assert door.post(event(1)).status_code == 503
            assert time.monotonic() - started < 10
        # What was said to be unknown is written after all, and recognised.
        for _ in range(100):
            if door.reads.total() == 2:
                break
            time.sleep(0.05)
        assert door.post(event(1)).json()["duplicates"] == 1


# -- many at once, and counting --------------------------------------------------------------------------------------


def test_many_senders_of_the_same_events_store_each_once(door: Door) -> None:
    bodies = [b"\n".join(event(number) for number in range(n, n + 60)) for n in range(0, 200, 5)]

    async def send_all() -> list[httpx.Response]:
        async with httpx.AsyncClient(timeout=60) as client:
            url = f"http://127.0.0.1:{door.port}{feeds.PATH}"
            return list(await asyncio.gather(*(client.post(url, content=body, headers=HEADERS) for body in bodies)))

    answers = asyncio.run(send_all())
    assert {answer.status_code for answer in answers} == {202}
    distinct = 200 - 5 + 60
    assert sum(answer.json()["accepted"] for answer in answers) == distinct
    assert sum(answer.json()["duplicates"] for answer in answers) == len(bodies) * 60 - distinct
    assert door.reads.total() == distinct


def test_what_came_is_counted(door: Door) -> None:
    door.post(event(1) + b"\n{bad")
    door.post(event(1))
    httpx.post(f"http://127.0.0.1:{door.port}{feeds.PATH}", content=b"x")
    text = generate_latest(door.registry).decode()
    assert 'headwater_feed_events_total{outcome="accepted",source="ORG-GOOD"} 1.0' in text
    assert 'headwater_feed_events_total{outcome="rejected",source="ORG-GOOD"} 1.0' in text
    assert 'headwater_feed_requests_total{status="401"} 1.0' in text
    assert "headwater_feed_seconds_count 3.0" in text


def test_cloud_events_are_taken_one_by_one_and_in_batches(tmp_path: Any) -> None:
    data = {"call_at": PLAIN["call_at"], "calling": {"raw": PLAIN["calling"]}}
    one = {"specversion": "1.0", "id": "1", "source": "app", "type": "call.reported", "data": data}
    with open_door(tmp_path) as door:
        kinds = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
        assert door.post(json.dumps(one, indent=2), **kinds).json()["accepted"] == 1
        several = [one, one | {"id": "2"}, one | {"id": "3", "type": "nonsense"}]
        answer = door.post(json.dumps(several), **{"Content-Type": "application/cloudevents-batch+json"}).json()
        assert (answer["accepted"], answer["duplicates"], answer["rejected"]) == (1, 1, 1)
        assert answer["errors"][0]["line"] == 3
        assert door.post("7", **{"Content-Type": "application/cloudevents-batch+json"}).status_code == 422
        assert door.reads.total() == 2


def test_a_partners_own_webhook_is_read_by_its_mapping(tmp_path: Any) -> None:
    (tmp_path / "mappings").mkdir()
    own = (Path(feed_presets.__file__).parent / "presets" / "webhook.toml").read_text()
    file = tmp_path / "mappings" / "acme.toml"
    file.write_text(own.replace('name = "webhook"', 'name = "acme"').replace('"recording"', '"audio"'))
    hook = {"id": "h1", "from": "2155550100", "to": "3105550111", "time": PLAIN["call_at"], "transcript": "press one"}
    path = mapped.PREFIX + "acme"
    with open_door(tmp_path / "calls") as door:
        assert door.post(json.dumps(hook), path).json()["accepted"] == 1
        assert door.post(json.dumps(hook), path).json()["duplicates"] == 1
        bad = door.post(json.dumps([hook | {"id": "h2"}, hook | {"from": "nobody"}, 7]), path).json()
        assert (bad["accepted"], [error["line"] for error in bad["errors"]]) == (1, [2, 3])
        assert len(door.rejects()) == 2
        assert door.post("<html>", path).status_code == 422
        assert door.post(json.dumps(hook), mapped.PREFIX + "nobody").status_code == 404
        assert door.post(json.dumps(hook), mapped.PREFIX + "..%2Facme").status_code == 404
        file.write_text("broken [")
        assert door.post(json.dumps(hook), path).status_code == 422
        (found,) = door.reads.received_since(datetime(2020, 1, 1, tzinfo=UTC), limit=1)
        assert (found.calling, found.called, found.transcript) == ("12155550100", "13105550111", "press one")
