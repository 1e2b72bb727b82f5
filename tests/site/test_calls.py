"""The ``calls`` process as it is deployed, run by the real supervisor beside a real PostgreSQL."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from headwater import SOFTWARE
from headwater.calls import queries
from headwater.intake import hep
from tests.product import Product

pytestmark = pytest.mark.fault

ISSUE = """
from headwater.accounts import actions, credentials
from headwater.accounts.actors import system
from headwater.accounts.permissions import OrganisationKind
who = system("operator")
partner = actions.create_organisation(who, kind=OrganisationKind.FEED_PARTNER, name="App")
carrier = actions.create_organisation(who, kind=OrganisationKind.PROVIDER, name="Carrier")
feed, token = credentials.issue(who, organisation_id=partner.id, scopes=["feed"], name="feed", source_kind="app")
switch, key = credentials.issue(
    who, organisation_id=carrier.id, scopes=["hep"], name="switch", source_kind="carrier", source_addresses=[])
near, _ = credentials.issue(
    who, organisation_id=carrier.id, scopes=["hep"], name="near", source_kind="carrier",
    source_addresses=["127.0.0.3/32"])
result = {"token": token, "key": key, "partner": partner.id, "carrier": carrier.id, "feed": feed.id}
result |= {"switch": switch.id, "near": near.id}
"""
REVOKE = """
from headwater.accounts import actions, credentials
from headwater.accounts.actors import system
credentials.revoke(system("operator"), credential_id=arguments["credential"])
"""


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Product() as running:
        yield running


@pytest.fixture(scope="module")
def issued(product: Product) -> dict[str, str]:
    """A feed partner and a carrier, with their credentials."""
    found: dict[str, str] = product.act(ISSUE)
    return found


@pytest.fixture
def reads(product: Product) -> Iterator[queries.CallQueries]:
    url = json.loads((product.home / "secrets" / "calls.json").read_text())["desk"]
    yield queries.connect(url)
    queries.disconnect(url)


def event(number: int) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "call_at": "2026-11-24T00:00:00Z",
        "calling": "+12155550100",
        "called": f"+1310555{number % 10_000:04d}",
        "transcript": f"call {number}",
    }


def post(product: Product, token: str, *numbers: int) -> httpx.Response:
    body = "\n".join(json.dumps(event(number)) for number in numbers)
    return httpx.post(product.feed_url, content=body, headers={"Authorization": f"Bearer {token}"}, timeout=30)


def test_a_partner_sends_and_the_desk_reads_it_through_the_facade(
    product: Product, issued: dict[str, str], reads: queries.CallQueries
) -> None:
    answer = post(product, issued["token"], *range(1_000))
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1_000)
    assert reads.total() >= 1_000
    newest = reads.latest(1)[0]
    assert newest.source_id == issued["partner"]
    assert (newest.credential, newest.software) == (issued["feed"], SOFTWARE)
    assert (datetime.now(UTC) - newest.received_at).total_seconds() < 60


def test_who_is_nobody_or_something_else_is_refused(product: Product, issued: dict[str, str]) -> None:
    assert post(product, "hwf_FP-0000000000_" + "x" * 43, 1).status_code == 401
    assert post(product, "nonsense", 1).status_code == 401
    assert post(product, issued["key"], 1).status_code == 403


def test_health_and_metrics_are_answered_to_whom_they_concern(product: Product, issued: dict[str, str]) -> None:
    assert httpx.get(product.url("calls", "/healthz")).status_code == 200
    assert httpx.get(product.url("calls", "/metrics")).status_code == 401
    assert httpx.get(product.url("calls", "/elsewhere")).status_code == 404
    secret = json.loads((product.home / "secrets" / "calls-readers.json").read_text())["desk"]
    text = httpx.get(product.url("calls", "/metrics"), auth=("desk", secret)).text
    assert "headwater_feed_requests_total" in text
    assert "headwater_hep_frames_total" in text
    assert "headwater_calls_waiting_octets" in text


def test_the_operator_is_told_what_would_go_and_a_bad_rule_deletes_nothing(
    product: Product, issued: dict[str, str], reads: queries.CallQueries
) -> None:
    assert post(product, issued["token"], 1).status_code == 202
    before = reads.total()
    told = product.headwater("calls", "retain", "--dry-run")
    assert (told.returncode, told.stdout.strip()) == (0, "nothing is past its time")
    held = product.headwater("calls", "hold", "--source", issued["partner"], "--start", "2026-01-01T00:00:00Z", "--end",
                             "2027-01-01T00:00:00Z", "--reason", "An inquiry")  # fmt: skip
    assert held.returncode == 0, held.stderr
    assert held.stdout.split()[0] in product.headwater("calls", "holds").stdout
    (product.home / "retention.toml").write_text("[default]\nrow_days = 1\n")
    refused = product.headwater("calls", "retain")
    assert refused.returncode != 0
    assert "row_days" in refused.stderr
    (product.home / "retention.toml").write_text("[default]\nrows_days = 1\n")
    assert product.headwater("calls", "retain").returncode == 0
    assert reads.total() >= before
    assert product.headwater("calls", "release", held.stdout.split()[0], "--reason", "Closed").returncode == 0
    secrets = json.loads((product.home / "secrets" / "calls-readers.json").read_text())
    for auth in (None, ("desk", secrets["desk"]), ("work", secrets["work"]), ("admin", "wrong")):
        assert httpx.post(product.url("calls", "/retain"), auth=auth).status_code == 403


def test_a_switch_with_its_key_is_heard_and_one_without_is_not(
    product: Product, issued: dict[str, str], reads: queries.CallQueries
) -> None:
    at = datetime.fromtimestamp(1_764_000_000, UTC)

    def heard() -> bool:
        send(product, frame(issued["key"], b"good@example"))
        return bool(reads.by_call_id("good@example", at=at, window_s=60))

    wait_until(heard)  # a new credential is known within seconds
    for key in (issued["key"] + "x", issued["token"], "", "hwf_FP-0000000000_" + "x" * 43):
        send(product, frame(key, b"bad@example"))
    send(product, b"GET / HTTP/1.1\r\n\r\n" * 100)
    wait_until(heard)
    (record,) = reads.by_call_id("good@example", at=at, window_s=60)
    assert (record.source_id, record.sip_method) == (issued["carrier"], "INVITE")
    assert (record.credential, record.software) == (f"hep/tcp key {issued['switch']}", SOFTWARE)
    assert reads.by_call_id("bad@example", at=at, window_s=60) == []


def test_a_switch_that_is_known_by_its_address_is_kept_under_that_rule(
    product: Product, issued: dict[str, str], reads: queries.CallQueries
) -> None:
    at = datetime.fromtimestamp(1_764_000_000, UTC)

    def heard() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.3", 0))
            sock.sendto(frame("", b"near@example"), ("127.0.0.1", product.ports["HEP"]))
        return bool(reads.by_call_id("near@example", at=at, window_s=60))

    wait_until(heard)
    (record,) = reads.by_call_id("near@example", at=at, window_s=60)
    assert (record.source_id, record.credential) == (issued["carrier"], f"hep/udp address {issued['near']}")


def send(product: Product, octets: bytes) -> None:
    with socket.create_connection(("127.0.0.1", product.ports["HEP"])) as sock:
        sock.sendall(octets)
        time.sleep(0.3)


def frame(key: str, call_id: bytes) -> bytes:
    """Return a HEPv3 frame of an INVITE, as kamailio writes one."""
    message = (
        b"INVITE sip:13105550111@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n"
        b"From: <sip:12155550100@192.0.2.9>;tag=1\r\nTo: <sip:13105550111@192.0.2.1>\r\n"
        b"Call-ID: " + call_id + b"\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
    chunks = [
        (1, b"\x02"),
        (2, b"\x11"),
        (3, bytes([192, 0, 2, 9])),
        (4, bytes([192, 0, 2, 1])),
        (7, (5_060).to_bytes(2, "big")),
        (8, (5_060).to_bytes(2, "big")),
        (9, (1_764_000_000).to_bytes(4, "big")),
        (10, b"\0\0\0\0"),
        (11, b"\x01"),
        (12, (3_001).to_bytes(4, "big")),
        (14, key.encode()),
        (15, message),
    ]
    body = b"".join(b"\0\0" + kind.to_bytes(2, "big") + (len(v) + 6).to_bytes(2, "big") + v for kind, v in chunks)
    octets = b"HEP3" + (len(body) + 6).to_bytes(2, "big") + body
    assert hep.decode(octets).payload == message
    return octets


def test_kill_9_in_the_middle_of_posts_loses_and_doubles_nothing_acknowledged(
    product: Product, issued: dict[str, str], reads: queries.CallQueries
) -> None:
    acknowledged: list[int] = []
    stop = threading.Event()

    def send() -> None:
        number = 100_000
        while not stop.is_set():
            batch = range(number, number + 200)
            try:
                if post(product, issued["token"], *batch).status_code != 202:
                    time.sleep(0.2)
                    continue
            except httpx.HTTPError:
                time.sleep(0.2)
                continue
            acknowledged.extend(batch)
            number += 200

    sender = threading.Thread(target=send)
    sender.start()
    wait_until(lambda: len(acknowledged) >= 1_000)
    pid = product.kill("calls")
    product.wait_until_back("calls", not_pid=pid)
    before = len(acknowledged)
    wait_until(lambda: len(acknowledged) >= before + 1_000)
    stop.set()
    sender.join()
    rows = reads.received_since(datetime(2020, 1, 1, tzinfo=UTC), limit=1_000_000)
    stored = [row.event_id for row in rows if int(row.event_id[1:]) >= 100_000]
    assert len(stored) == len(set(stored))
    assert set(stored) == {f"e{number}" for number in acknowledged}


def test_while_postgresql_is_away_a_known_partner_is_served_and_a_new_one_told_to_wait(
    product: Product, issued: dict[str, str]
) -> None:
    fresh = product.act(ISSUE)
    assert post(product, issued["token"], 1).status_code == 202
    postmaster = int((product.home / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGSTOP)
    backends = children(postmaster)
    for pid in backends:
        os.kill(pid, signal.SIGKILL)
    try:
        time.sleep(5.5)  # what is fresh has gone stale: the database is asked, and does not answer
        for _ in range(5):
            started = time.monotonic()
            assert post(product, issued["token"], 1, 2).status_code == 202
            assert time.monotonic() - started < 5
        assert post(product, fresh["token"], 7).status_code == 503
    finally:
        os.kill(postmaster, signal.SIGCONT)
    wait_until(lambda: post(product, fresh["token"], 7).status_code == 202, 60)


def test_a_revoked_credential_ends_within_seconds(product: Product, issued: dict[str, str]) -> None:
    wait_until(lambda: post(product, issued["token"], 1).status_code == 202)
    product.act(REVOKE, credential=issued["feed"])
    wait_until(lambda: post(product, issued["token"], 1).status_code == 401, 15)


def test_the_log_holds_no_number_and_no_secret(product: Product, issued: dict[str, str]) -> None:
    log = product.log("calls")
    assert log
    for word in ("2155550100", "310555", issued["token"], issued["key"]):
        assert word not in log


def children(pid: int) -> list[int]:
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and f"\nPPid:\t{pid}\n" in (entry / "status").read_text()
    ]


def wait_until(condition: Any, patience_s: float = 30) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
