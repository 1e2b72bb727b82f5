"""What the doctor says of the HEP door: lost datagrams are a warning with what to do."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from headwater.site.config import load
from headwater.site.doctor import Level, _hep


@contextmanager
def calls_process(told: dict[str, object]) -> Iterator[int]:
    """A process that answers ``/healthz`` as ``calls`` does."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("dropped", "level", "said"),
    [
        ({"kernel": 0, "backlog": 0}, Level.OK, "no datagram was lost"),
        ({"kernel": 7, "backlog": 2}, Level.WARN, "7 by the kernel, 2 by a slow store"),
        (None, Level.OK, "is open"),
    ],
)
def test_lost_datagrams_are_a_warning(dropped, level, said):
    told = {"status": "ok"} | ({"hep_dropped": dropped} if dropped is not None else {})
    with calls_process(told) as port:
        finding = _hep(replace(load(), calls_port=port, bind="127.0.0.1"))
    assert finding.level is level
    assert said in finding.what
    assert bool(finding.todo) == (level is Level.WARN)
