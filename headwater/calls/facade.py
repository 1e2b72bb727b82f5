"""ClickHouse's HTTP form over the embedded store, read-only: the other processes read calls through it.

A real server takes its place by changing one URL, so the stock client must not notice a difference. Who asks must
show a secret, on loopback too, and may name only the columns that are open to it (``rights``). Three walls stand
between a reader and the engine: the list of statements (``statements``), a fixed list of settings, and a connection
that was made read-only.
"""

import asyncio
import base64
import email.parser
import email.policy
import hmac
import json
import os
import re
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import chdb
import structlog

from headwater.calls import rights, schema, statements
from headwater.calls.engine import Engine

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: Octets of one request: a statement of a thousand pairs of numbers is 26 KB.
BODY_OCTETS: Final = 4_194_304
BODY_S: Final = 15.0
#: Queries that run at once, and that wait for their turn.
RUNNING: Final = 4
WAITING: Final = 64

#: What every reading connection is held to, before it is made read-only for good.
HELD_TO: Final[dict[str, int | str]] = {
    "max_execution_time": 30,
    "max_memory_usage": 1_500_000_000,
    "max_result_bytes": 200_000_000,
    "max_result_rows": 2_000_000,
    "result_overflow_mode": "throw",
    "max_threads": max(1, (os.cpu_count() or 2) // 2),
    "do_not_merge_across_partitions_select_final": 1,
    "local_filesystem_read_method": "pread",  # for the reason that ``engine.SETTINGS`` gives
}
#: Parameters of the HTTP form itself: served here or without effect on a result.
_TRANSPORT: Final = frozenset(
    {
        "buffer_size",
        "client_protocol_version",
        "database",
        "default_format",
        "enable_http_compression",
        "http_headers_progress_interval_ms",
        "query",
        "query_id",
        "send_progress_in_http_headers",
        "session_check",
        "session_id",
        "session_timeout",
        "wait_end_of_query",
    }
)

# Error codes of the engine that the facade itself answers with.
_SYNTAX, _READONLY, _TOO_MANY, _DATABASE, _AUTHENTICATION, _ABORTED = 62, 164, 202, 81, 516, 236
_CODE = re.compile(r"Code: (\d+)")
_PARAMETER = re.compile(r"param_[A-Za-z_][A-Za-z0-9_]*")

log = structlog.get_logger(__name__)


class _Refused(Exception):
    """An answer that is an error in ClickHouse's form."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    statement: str
    output: str
    parameters: Mapping[str, str]
    query_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    octets: bytes
    summary: str


class Readers:
    """Who may ask: names and secrets, as the operator's file has them. Without a reader nobody may."""

    def __init__(self, readers: Mapping[str, str]) -> None:
        # An empty secret would be a password of no characters: it opens nothing.
        self._readers = {name: secret.encode() for name, secret in readers.items() if secret}

    def secret(self, name: str) -> str:
        """Return the secret of one of our own processes, by which it opens other doors of this one; "" without one."""
        return self._readers.get(name, b"").decode()

    def knows(self, headers: Mapping[bytes, bytes]) -> bool:
        """Tell whether a request shows a reader's name and secret."""
        return bool(self.named(headers))

    def named(self, headers: Mapping[bytes, bytes]) -> str:
        """Return the name of the reader whose name and secret a request shows, "" where it shows none's."""
        user, secret = _shown(headers)
        held = self._readers.get(user, b"")
        # Compared also for an unknown name, so that the time does not tell names apart.
        return user if hmac.compare_digest(held or b"\0" * 32, secret) and held else ""


class Facade:
    """The ASGI application at ``/``: answers the readers' SELECTs on one database."""

    def __init__(
        self, engine: Engine, *, database: str, readers: Readers, held_to: Mapping[str, int | str] = HELD_TO
    ) -> None:
        self._held_to = held_to
        self._folder = engine.folder
        self.database = schema.database_name(database)
        self._readers = readers
        self._threads = ThreadPoolExecutor(max_workers=RUNNING, thread_name_prefix="calls-facade")
        self._own = threading.local()
        self._connections: list[Any] = []
        self._under_way = 0

    def close(self) -> None:
        """Finish what runs and close the reading connections."""
        self._threads.shutdown(wait=True)
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            if scope["path"] == "/ping":
                await _respond(send, 200, b"Ok.\n", ())
                return
            reader = self._require_reader(dict(scope["headers"]))
            query = await self._query(scope, receive, rights.of(reader))
            result = await self._run(query)
        except _Refused as error:
            await _refuse(send, error)
            return
        headers = (
            (b"x-clickhouse-query-id", query.query_id.encode("latin-1", "replace")),
            (b"x-clickhouse-format", query.output.encode()),
            (b"x-clickhouse-timezone", b"UTC"),
            (b"x-clickhouse-summary", result.summary.encode()),
        )
        await _respond(send, 200, result.octets, headers)

    def _require_reader(self, headers: Mapping[bytes, bytes]) -> str:
        reader = self._readers.named(headers)
        if not reader:
            raise _Refused(
                403, _AUTHENTICATION, "Authentication failed: user or secret is wrong. (AUTHENTICATION_FAILED)"
            )
        return reader

    async def _query(self, scope: Scope, receive: Receive, allowed: rights.Rights) -> _Query:
        if scope["method"] not in {"GET", "POST"}:
            raise _Refused(405, _READONLY, "only GET and POST are answered")
        given = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        body = await _body(receive)
        kind = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1")
        if kind.lower().startswith("multipart/form-data"):
            given |= _form(kind, body)
            body = b""
        try:
            statement = given.get("query", "") + body.decode()
        except UnicodeDecodeError:
            raise _Refused(400, _SYNTAX, "the statement is not UTF-8") from None
        try:
            output = statements.check(statement, database=self.database, rights=allowed)
        except statements.RefusedStatement as error:
            raise _Refused(400, _READONLY, f"{error}. (READONLY)") from error
        fallback = given.get("default_format", "TabSeparated")
        if fallback not in statements.FORMATS:
            raise _Refused(400, 73, f"output format {fallback[:64]} is not offered. (UNKNOWN_FORMAT)")
        return _Query(
            statement=statement,
            output=output or fallback,
            parameters=self._parameters(given),
            query_id=given.get("query_id", "")[:64] or str(uuid.uuid4()),
        )

    def _parameters(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the bound values; refuse every setting that is not what it is anyway."""
        values: dict[str, str] = {}
        for name, value in given.items():
            if _PARAMETER.fullmatch(name):
                values[name.removeprefix("param_")] = value
            elif name == "database":
                if value not in {self.database, "default", ""}:
                    raise _Refused(404, _DATABASE, f"database {value[:64]} is not read here. (UNKNOWN_DATABASE)")
            elif name not in _TRANSPORT and str(self._held_to.get(name)) != value:
                raise _Refused(400, _READONLY, f"setting {name[:64]} cannot be changed here. (READONLY)")
        return values

    async def _run(self, query: _Query) -> _Result:
        if self._under_way >= RUNNING + WAITING:
            raise _Refused(503, _TOO_MANY, "too many queries at once; try again. (TOO_MANY_SIMULTANEOUS_QUERIES)")
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._execute, query)
        finally:
            self._under_way -= 1

    def _execute(self, query: _Query) -> _Result:
        """Run one query on this thread's own connection."""
        started = time.monotonic()
        try:
            found = self._connection().query(query.statement, query.output, params=dict(query.parameters))
            octets: bytes = found.bytes() or b""
            read = {"read_rows": str(found.rows_read()), "read_bytes": str(found.bytes_read())}
        except RuntimeError as error:  # the engine's one kind of error
            raise _of_engine(error) from error
        elapsed = {"elapsed_ns": str(int((time.monotonic() - started) * 1e9)), "result_bytes": str(len(octets))}
        return _Result(octets=octets, summary=json.dumps(read | elapsed))

    def _connection(self) -> Any:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = chdb.connect(self._folder)  # type: ignore[no-untyped-call]  # it ships no types
            connection.query(f"USE {self.database}")
            for name, value in self._held_to.items():
                connection.query(f"SET {name} = {value!r}")
            connection.query("SET readonly = 1")  # cannot be undone
            self._own.connection = connection
            self._connections.append(connection)
        return connection


def _shown(headers: Mapping[bytes, bytes]) -> tuple[str, bytes]:
    """Return the user and the secret of a request: HTTP Basic, or ClickHouse's own headers. Never from the URL."""
    scheme, _, encoded = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"basic":
        with suppress(ValueError):
            user, _, secret = base64.b64decode(encoded, validate=True).partition(b":")
            return user.decode("latin-1"), secret
        return "", b""
    user = headers.get(b"x-clickhouse-user", b"")
    return user.decode("latin-1"), headers.get(b"x-clickhouse-key", b"")


def _of_engine(error: RuntimeError) -> _Refused:
    text = str(error)
    found = _CODE.search(text)
    code = int(found[1]) if found else _ABORTED
    status = {60: 404, 81: 404, 159: 408, 241: 500, 396: 400}.get(code, 400 if found else 500)
    if not found:
        log.error("the engine failed without a code", error=text[:500])
    return _Refused(status, code, text[text.find("Code:") :] if found else "the engine failed")


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Refused(400, _ABORTED, "the request was cut off")
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > BODY_OCTETS:
                    raise _Refused(413, _SYNTAX, f"a request has at most {BODY_OCTETS} octets")
    except TimeoutError:
        raise _Refused(408, _ABORTED, "the request did not come to its end in time") from None
    return bytes(body)


def _form(kind: str, body: bytes) -> dict[str, str]:
    """Return the fields of a form: the stock client sends large parameters so."""
    head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace")
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    fields: dict[str, str] = {}
    if not message.is_multipart():
        raise _Refused(400, _SYNTAX, "the form cannot be read")
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        value = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(value, bytes):
            try:
                fields[name] = value.decode()
            except UnicodeDecodeError:
                raise _Refused(400, _SYNTAX, "a form's field is not UTF-8") from None
    return fields


async def _refuse(send: Send, error: _Refused) -> None:
    text = str(error)
    message = text if text.startswith("Code:") else f"Code: {error.code}. DB::Exception: {text}"
    headers: list[tuple[bytes, bytes]] = [(b"x-clickhouse-exception-code", str(error.code).encode())]
    if error.status in {408, 413}:
        headers.append((b"connection", b"close"))
    await _respond(send, error.status, message.encode() + b"\n", tuple(headers))


async def _respond(send: Send, status: int, octets: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"text/plain; charset=UTF-8" if status != 200 else b"application/octet-stream"),
                (b"content-length", str(len(octets)).encode()),
                (b"cache-control", b"no-store"),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": octets})
