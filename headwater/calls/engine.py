"""Connections to the engine that keeps the calls: the embedded one (``chdb``) or a ClickHouse server.

What the embedded engine asks of its user, all kept here: one process opens a folder and one folder is open in a
process; a connection serves one thread at a time, so there is a pool; the process is never forked afterwards;
it takes its zone from the process, which is therefore UTC; it sets no memory limit by itself.
"""

import atexit
import os
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from headwater.errors import HeadwaterError, Invalid, Unavailable

#: Octets of memory that one statement may take.
STATEMENT_MEMORY = 2_000_000_000
#: Seconds that one statement may take.
STATEMENT_SECONDS = 120

#: What every connection is opened with. Inserts are synchronous, so that an error belongs to the one who sent it.
SETTINGS: dict[str, Any] = {
    "max_memory_usage": STATEMENT_MEMORY,
    "max_execution_time": STATEMENT_SECONDS,
    "async_insert": 0,
    # A record's day is part of its sorting key: rows of one key never stand in two partitions.
    "do_not_merge_across_partitions_select_final": 1,
    # What a look-up reads is small and mostly cached: handed to a pool of threads, each column would wait for its turn.
    "local_filesystem_read_method": "pread",
}

#: Niceness of the threads that merge: what they put off costs nothing, what a sender waits for does. Where merges fall
#: too far behind, the engine itself slows the inserts.
MERGES_NICE = 15
_MERGING = "MergeMutate"

_POOL = 8
_WAIT_S = 30.0

# Server error codes and words of a disk that is full.
_DISK_FULL = 243
_NO_SPACE = "No space left on device"
# Server error codes: a value that the schema refuses is the sender's fault, all else is a store that cannot now.
_SENDERS_FAULT = frozenset({6, 26, 27, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 407, 441, 469})


class StoreUnavailable(Unavailable):
    """The call store does not take or give records now; nothing was acknowledged."""


class DiskFull(StoreUnavailable):
    """The disk of the call store is full; nothing was acknowledged, and intake goes on by itself when space returns."""


class RefusedByStore(Invalid):
    """The call store's bounds refuse a value; the message names the bound."""


def failure(error: Exception) -> HeadwaterError:
    """Return our error for one of the engine's, by its code: whose fault it is decides what the sender hears."""
    code = getattr(error, "code", None)
    text = str(error).split("(version", maxsplit=1)[0].strip()
    if isinstance(error, DatabaseError) and code in _SENDERS_FAULT:
        return RefusedByStore(f"the call store refuses the value: {text}")
    if code == _DISK_FULL or _NO_SPACE in text:
        return DiskFull(
            "the disk of the call store is full: nothing of this was stored. Send the same again later; the operator "
            "must free space on it, and nothing need be restarted"
        )
    return StoreUnavailable(f"the call store failed ({text}); send again later")


class Engine:
    """The shared, counted, pooled door to one folder or server. ``open`` and ``close`` come in pairs."""

    _open: dict[str, "Engine"] = {}  # noqa: RUF012 - the registry is the point: one engine a folder and process
    _registry = threading.Lock()

    def __init__(self, key: str, dsn: str) -> None:
        self.key = key
        self.dsn = dsn
        self.users = 0
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        self._made = 0
        self._lock = threading.Lock()
        self._closed = False

    @classmethod
    def open(cls, url: str) -> "Engine":
        """Return the engine of ``url``, opening it if nobody in this process has yet.

        Raises:
            Invalid: the URL is neither ``chdb:///folder`` nor ``http(s)://``.
            StoreUnavailable: it cannot be opened; for a folder usually because another process has it.
        """
        parts = urlsplit(url)
        if parts.scheme == "chdb":
            folder = os.path.realpath(unquote(parts.netloc + parts.path))
            key = f"chdb://{folder}"
        elif parts.scheme in {"http", "https"}:
            folder = ""
            key = url
        else:
            raise Invalid(f"a call store's URL begins with chdb:///, http:// or https://, not {parts.scheme!r}")
        with cls._registry:
            engine = cls._open.get(key)
            if engine is None:
                if folder:
                    _prepare(Path(folder))
                engine = cls(key, key if folder else url)
                engine._give_back(engine._connect())
                cls._open[key] = engine
            engine.users += 1
            return engine

    @classmethod
    def is_open(cls, url: str) -> bool:
        """Tell whether this process has the folder of a ``chdb:///`` URL open."""
        return f"chdb://{os.path.realpath(unquote(urlsplit(url).path))}" in cls._open

    @property
    def folder(self) -> str:
        """The folder of an embedded engine, "" for a server."""
        return self.key.removeprefix("chdb://") if self.key.startswith("chdb://") else ""

    @contextmanager
    def client(self, database: str | None = None) -> Iterator[Any]:
        """Lend a connection to the calling thread; unqualified tables are those of ``database``.

        Raises:
            StoreUnavailable: every connection is busy for too long, or the engine is closed.
        """
        client = self._take()
        try:
            client.database = database
            yield client
        finally:
            self._give_back(client)

    def let_merges_wait(self) -> None:
        """Let the embedded engine's merges give way to all that answers somebody. Call it when tables are open."""
        tasks = Path("/proc/self/task")
        if not self.folder or not tasks.is_dir():  # elsewhere threads have no niceness of their own
            return
        for task in tasks.iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended since
                if (task / "comm").read_text().strip() == _MERGING:
                    os.setpriority(os.PRIO_PROCESS, int(task.name), MERGES_NICE)

    def close(self) -> None:
        """Give the engine up; the last user's call closes the connections and frees the folder."""
        with self._registry:
            self.users -= 1
            if self.users > 0:
                return
            self._open.pop(self.key, None)
        self.end()

    @classmethod
    def end_all(cls) -> None:
        """Close every engine of the process, whoever uses it: for the end of the interpreter."""
        with cls._registry:
            engines = list(cls._open.values())
            cls._open.clear()
        for engine in engines:
            engine.end()

    def end(self) -> None:
        """Close the connections, whoever uses them."""
        self._closed = True
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def _connect(self) -> Any:
        # A server's settings are its operator's, and the read-only facade admits none; a session would make the
        # client refuse two requests at once.
        mode: dict[str, Any] = {"settings": dict(SETTINGS)} if self.folder else {"autogenerate_session_id": False}
        try:
            client = clickhouse_connect.get_client(dsn=self.dsn, tz_mode="aware", **mode)
        except ClickHouseError as error:
            raise StoreUnavailable(f"the call store at {_public(self.dsn)} cannot be opened: {error}") from error
        self._made += 1
        return client

    def _take(self) -> Any:
        if self._closed:
            raise StoreUnavailable("the call store is closed")
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            with self._lock:
                if self._made < _POOL:
                    return self._connect()
        try:
            return self._idle.get(timeout=_WAIT_S)
        except queue.Empty:
            raise StoreUnavailable("the call store is busy: every connection is in use; try again") from None

    def _give_back(self, client: Any) -> None:
        if self._closed:
            client.close()
        else:
            self._idle.put(client)


# The embedded engine crashes in its own shutdown when the interpreter ends under open connections.
atexit.register(Engine.end_all)


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.environ.get("TZ") != "UTC":
        # The embedded engine reports the process's zone as the server's, and clients convert by it.
        os.environ["TZ"] = "UTC"
        time.tzset()


def _public(dsn: str) -> str:
    """Return a URL without its secret, for messages."""
    parts = urlsplit(dsn)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
