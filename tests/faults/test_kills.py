"""What a kill, a crash or rubbish may cost: never an event that was acknowledged, never one twice."""

import json
import os
import signal
import socket
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest

from tests.product import PROCESSES, Product, lives

pytestmark = [pytest.mark.fault, pytest.mark.timeout(240)]


def event(number: int) -> str:
    """Return one feed event as a line."""
    return json.dumps(
        {
            "event_id": f"e-{number}",
            "call_at": datetime.now(UTC).isoformat(),
            "calling": f"+1202555{number % 10_000:04d}",
            "called": "+13035550123",
            "disposition": "answered",
        }
    )


@dataclass
class Sender:
    """A feed partner that keeps sending, and sends again what was not acknowledged, as its contract says."""

    product: Product
    token: str
    batch: int = 20
    acknowledged: set[str] = field(default_factory=set)
    failures: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        number = 0
        with httpx.Client(timeout=5, headers={"Authorization": f"Bearer {self.token}"}) as client:
            while not self.stop.is_set():
                numbers = range(number, number + self.batch)
                body = "\n".join(event(n) for n in numbers)
                if self._send(client, body):
                    self.acknowledged |= {f"e-{n}" for n in numbers}
                    number += self.batch

    def _send(self, client: httpx.Client, body: str) -> bool:
        while not self.stop.is_set():
            try:
                answer = client.post(self.product.feed_url, content=body)
            except httpx.TransportError:
                self.failures += 1
                time.sleep(0.05)
                continue
            if answer.status_code == 202:
                return True
            assert answer.status_code in (500, 503), answer.text
            self.failures += 1
            time.sleep(0.05)
        return False


STORED = """
from headwater.calls import queries
from headwater.site.config import load
from datetime import datetime, UTC

calls = queries.connect(load().calls_url)
records = calls.received_since(datetime(2020, 1, 1, tzinfo=UTC), limit=100_000)
result = {"total": calls.total(), "events": [record.event_id for record in records]}
"""


@pytest.fixture(scope="module")
def product():
    with Product() as product:
        yield product


def test_a_kill_of_calls_in_the_middle_of_posts_loses_and_doubles_nothing(product: Product) -> None:
    sender = Sender(product, product.feed_token())
    thread = threading.Thread(target=sender.run)
    thread.start()
    try:
        for _kill in range(3):
            seen = len(sender.acknowledged)
            product.wait_for(lambda: len(sender.acknowledged) >= seen + 100, 60, "a hundred more events")  # noqa: B023
            pid = product.kill("calls")
            product.wait_until_back("calls", not_pid=pid)
        seen = len(sender.acknowledged)
        product.wait_for(lambda: len(sender.acknowledged) >= seen + 100, 60, "events after the last kill")
    finally:
        sender.stop.set()
        thread.join(30)
    assert sender.failures > 0, "no kill was ever met by a sender: the test proves nothing"
    stored = product.act(STORED)
    assert len(stored["events"]) == len(set(stored["events"])) == stored["total"]
    assert sender.acknowledged <= set(stored["events"])
    # What was stored without an acknowledgement is the last batch at most.
    assert len(set(stored["events"]) - sender.acknowledged) <= sender.batch
    assert product.state()["processes"]["calls"]["restarts"] == 3
    assert "calls ended (killed by SIGKILL). Starting it again" in product.output()
    assert "calls is back." in product.output()


@pytest.mark.parametrize("process", ["desk", "work"])
def test_a_killed_process_is_started_again_and_the_others_do_not_notice(product: Product, process: str) -> None:
    others = {name: product.pid(name) for name in PROCESSES if name != process}
    pid = product.kill(process)
    product.wait_until_back(process, not_pid=pid)
    assert {name: product.pid(name) for name in others} == others
    assert httpx.get(product.url("desk", "/healthz"), timeout=10).status_code == 200


def test_a_killed_postgresql_comes_back_and_so_does_everything_that_needs_it(product: Product) -> None:
    os.kill(int((product.home / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    product.wait_for(lambda: "PostgreSQL is back." in product.output(), 60, "PostgreSQL to be back")
    for process in ("desk", "portal", "carrier", "public"):
        product.wait_for(
            lambda: httpx.get(product.url(process, "/healthz"), timeout=10).status_code == 200,  # noqa: B023
            60,
            f"{process} to reach its database again",
        )
    assert product.feed_token("After the crash").startswith("hwf_")


def test_rubbish_at_the_hep_door_is_counted_and_the_door_lives(product: Product) -> None:
    address = ("127.0.0.1", product.ports["HEP"])
    pid = product.pid("calls")
    for rubbish in (
        b"\x00" * 100_000,
        b"HEP3\xff\xff" + b"\xff" * 70_000,
        b"GET / HTTP/1.1\r\n\r\n",
        os.urandom(50_000),
    ):
        with socket.create_connection(address, timeout=5) as tcp:
            try:
                tcp.sendall(rubbish)
                tcp.shutdown(socket.SHUT_WR)
                tcp.recv(1)
            except OSError:
                pass
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.sendto(rubbish[:60_000], address)
    with socket.create_connection(address, timeout=5):
        pass
    assert product.pid("calls") == pid
    url = httpx.URL(product.call_urls()["admin"])
    metrics = httpx.get(product.url("calls", "/metrics"), auth=(url.username, url.password), timeout=10).text
    for transport in ("tcp", "udp"):
        refused = [
            float(line.rpartition(" ")[2])
            for line in metrics.splitlines()
            if line.startswith("headwater_hep_frames_total") and 'outcome="malformed"' in line and transport in line
        ]
        assert sum(refused) == 4, metrics


@pytest.mark.parametrize(
    ("body", "status"),
    [("{", 202), ("\x00\x01", 202), (json.dumps({"event_id": "x"}), 202), ("[]\n" * 3, 202), ("", 202)],
)
def test_bad_lines_at_the_feed_are_answered_line_by_line(product: Product, body: str, status: int) -> None:
    before = product.act(STORED)["total"]
    token = product.feed_token("A clumsy app")
    answer = httpx.post(product.feed_url, content=body, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert answer.status_code < 500
    assert answer.status_code == status or 400 <= answer.status_code < 500
    assert product.act(STORED)["total"] == before


def test_a_line_without_end_is_refused_in_bounded_memory(product: Product) -> None:
    token = product.feed_token("An endless app")
    pid = product.pid("calls")
    before = resident(pid)

    def endless():
        for _part in range(1_000):
            yield b"x" * 1_000_000

    headers = {"Authorization": f"Bearer {token}"}
    try:
        status = httpx.post(product.feed_url, content=endless(), headers=headers, timeout=60).status_code
    except httpx.TransportError:
        status = 413
    assert status == 413
    assert product.pid("calls") == pid
    assert resident(pid) - before < 300_000_000


def test_a_restart_keeps_everything(product: Product) -> None:
    before = product.act(STORED)
    secrets = {path.name: path.read_bytes() for path in (product.home / "secrets").iterdir()}
    product.restart()
    assert product.act(STORED) == before
    assert {path.name: path.read_bytes() for path in (product.home / "secrets").iterdir()} == secrets


def test_a_killed_supervisor_takes_its_processes_along_and_the_next_up_recovers(product: Product) -> None:
    before = product.act(STORED)
    left = product.kill_supervisor()
    product.wait_for(
        lambda: not any(lives(pid) for pid in left.values()), 30, "the children of a killed supervisor to end"
    )
    product.start()
    assert product.act(STORED) == before
    assert product.headwater("doctor").returncode == 0


def test_an_up_that_is_started_at_once_after_the_kill_waits_for_the_orphans(product: Product) -> None:
    left = product.kill_supervisor()
    product.start()
    assert not any(lives(pid) for pid in left.values())
    assert httpx.get(product.url("calls", "/healthz"), timeout=10).status_code == 200


def resident(pid: int) -> int:
    """Return the resident memory of a process in octets."""
    with open(f"/proc/{pid}/status") as file:  # noqa: PTH123 - a line of the kernel's
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))
