"""The file door on a real server with a real store: parts in, rows on disk, once."""

import gzip
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from prometheus_client import CollectorRegistry

from headwater import SOFTWARE
from headwater.api import files
from headwater.calls.queries import CallQueries
from headwater.calls.store import CallStore
from headwater.calls.writer import Writer
from headwater.errors import Forbidden, Invalid, Unauthenticated
from headwater.intake import capture
from headwater.intake.cdr import exchange, mapping
from headwater.intake.cdr.deliver import FileDoor
from headwater.intake.cdr.exchange import Part
from headwater.intake.cdr.runs import Choice, Run
from headwater.intake.sources import Source
from headwater.numbering.numbers import CalledNumbers
from headwater.site.bounded_http import BoundedHttp
from tests.intake.cdr.test_presets import DATA

GOOD = "good"
HEP_PCAP = DATA.parent / "hep" / "kamailio-sippy-kamailio.hep.pcap.gz"


async def authenticate(token: str) -> Source:
    if token == "good":
        return Source(source_id="709J", credential="CR-1")
    if token == "app":
        raise Forbidden("credential CR-2 is no carrier's")
    raise Unauthenticated("the credential is wrong, expired or revoked")


async def called_numbers_of(organisation: str) -> CalledNumbers:
    """Know one organisation that wants none kept."""
    return CalledNumbers.DROPPED if organisation == "ORG-DISCREET" else CalledNumbers.KEPT


class Hub:
    """The door, its store and its server."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.port = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._door(scope, receive, send)
            return
        await receive()
        self.store = CallStore.open(self._url)
        self.store.migrate()
        self.writer = Writer(self.store)
        metrics = files.FileMetrics(CollectorRegistry())
        self._door = files.FileDoor(
            authenticate=authenticate,
            called_numbers_of=called_numbers_of,
            page_secret="page-secret",
            writer=self.writer,
            metrics=metrics,
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.writer.close()
        self.store.close()
        await send({"type": "lifespan.shutdown.complete"})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def reads(self) -> CallQueries:
        return CallQueries(self.store.engine, "headwater")

    def post(self, content: bytes, part: Part | None, shown: str | None = None, **headers: str) -> httpx.Response:
        said = {"Headwater-Part": exchange.encoded(part)} if part else {}
        return httpx.post(
            self.url + files.PARTS,
            content=content,
            headers={"Authorization": f"Bearer {shown or GOOD}"} | said | headers,
            timeout=60,
        )


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(16)
        one = Hub(f"chdb://{tmp_path_factory.mktemp('calls')}")
        server = uvicorn.Server(uvicorn.Config(one, http=BoundedHttp, ws="none", log_level="critical", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        one.port = sock.getsockname()[1]
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield one
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture
def door(hub: Hub) -> Iterator[FileDoor]:
    opened = FileDoor(hub.url, "good")
    yield opened
    opened.close()


def copied(name: Path, folder: Path) -> Path:
    path = folder / name.name
    path.write_bytes(name.read_bytes())
    return path


def test_a_file_goes_in_once_with_its_provenance_and_its_octets(hub: Hub, door: FileDoor, tmp_path: Path) -> None:
    path = copied(DATA / "kamailio-acc-carrierA.csv", tmp_path)
    seen: list[int] = []
    done = Run(path, Choice()).deliver(door, on_part=lambda _, octets: seen.append(octets))
    assert (done.stored, done.duplicates, done.refused, done.rows) == (38, 0, 0, 38)
    assert seen[-1] == path.stat().st_size
    again = Run(path, Choice()).deliver(door, on_part=lambda *_: None)
    assert (again.stored, again.duplicates) == (0, 38)
    row = next(one for one in hub.reads.latest(100) if one.headers.get("file-row") == "1")
    said = row.headers
    assert said["file-name"] == "kamailio-acc-carrierA.csv"
    assert (row.credential, row.software) == ("CR-1", SOFTWARE)
    assert said["file-sha256"] == Run(path, Choice()).sha256
    assert said["mapping"].startswith("kamailio-acc/1 ")
    raw = hub.reads.raw([row.record_id])[row.record_id]
    offset = int(said["file-offset"])
    assert path.read_bytes()[offset : offset + len(raw)] == raw


def test_a_preview_shows_the_first_rows_as_understood_with_called_numbers_masked_and_stores_nothing(hub: Hub) -> None:
    before = hub.reads.total()
    address, shown = f"{hub.url}{files.PREVIEW}", {"Authorization": f"Bearer {GOOD}"}
    octets = (DATA / "kamailio-acc-carrierA.csv").read_bytes()
    answer = httpx.post(address, content=octets, headers=shown, timeout=60)
    said = answer.json()
    assert (answer.status_code, said["format"]) == (200, "kamailio-acc")
    assert "of the first" in said["explained"]
    assert said["rows"][0]["fields"]["Called"].endswith("*** ****")
    assert said["rows"][0]["fields"]["Call at (UTC)"].startswith("20")
    own = mapping.preset("asterisk-csv")
    part = Part(format=own.name, zone="America/New_York")
    rows = b"x\n" + (DATA / "asterisk-Master.csv").read_bytes()
    named = httpx.post(
        address, content=rows, headers=shown | {"Headwater-Part": exchange.encoded(part)}, timeout=60
    ).json()
    assert (named["format"], named["refused"], bool(named["rows"][0]["reason"])) == ("asterisk-csv", 1, True)
    assert named["sources"]["called"]
    assert httpx.post(address, content=b"nothing known", headers=shown, timeout=60).status_code == 422
    assert httpx.post(address, content=octets, headers={"Authorization": "Bearer no"}, timeout=60).status_code == 401
    assert hub.reads.total() == before


def test_a_capture_goes_in_as_the_messages_that_it_holds_and_equals_the_live_feed(
    hub: Hub, door: FileDoor, tmp_path: Path
) -> None:
    done = Run(copied(HEP_PCAP, tmp_path), Choice()).deliver(door, on_part=lambda *_: None)
    with HEP_PCAP.open("rb") as file:
        held = len(list(capture.sip_frames(file.read(4), file)))
    assert held >= 969
    assert done.rows == done.stored + done.duplicates + done.passed == held
    again = Run(tmp_path / HEP_PCAP.name, Choice()).deliver(door, on_part=lambda *_: None)
    assert (again.stored, again.refused) == (0, 0)


def test_a_page_sends_for_its_organisation_and_nobody_else_may(hub: Hub) -> None:
    part = Part(format="kamailio-acc-syslog", last=True)
    line = (DATA / "kamailio-acc-syslog-carrierC.log").read_bytes()
    assert hub.post(line, part, "page-secret").status_code == 401
    answer = hub.post(line, part, "page-secret", **{"Headwater-Organisation": "ORG-7"})
    assert answer.status_code == 202
    assert {one.source_id for one in hub.reads.latest(10)} == {"ORG-7"}
    discreet = hub.post(line, part, "page-secret", **{"Headwater-Organisation": "ORG-DISCREET"})
    assert discreet.json()["stored"] == answer.json()["stored"]
    kept = [one for one in hub.reads.latest(30) if one.source_id == "ORG-DISCREET"]
    assert {(one.called, one.called_raw, one.headers["called-number"]) for one in kept} == {("", "", "dropped")}
    assert hub.reads.raw([one.record_id for one in kept]) == {}
    stranger = hub.post(line, part, "good", **{"Headwater-Organisation": "ORG-8"})
    assert stranger.status_code == 202
    assert "ORG-8" not in {one.source_id for one in hub.reads.latest(30)}


@pytest.mark.parametrize(("token", "status"), [("app", 403), ("wrong", 401)])
def test_a_stranger_is_refused_before_anything_is_read(hub: Hub, token: str, status: int) -> None:
    assert hub.post(b"x" * 100, None, token).status_code == status


@pytest.mark.parametrize("part", [
    None, Part(format="no-such"), Part(mapping={"name": "x"}), Part(format="asterisk-csv", zone="Mars/One"),
])  # fmt: skip
def test_a_part_that_does_not_say_what_it_is_is_refused(hub: Hub, part: Part | None) -> None:
    answer = hub.post(b"a,b\n", part)
    assert answer.status_code in {404, 422}
    assert answer.json()["detail"]


def test_a_part_larger_than_one_may_be_is_refused_and_so_is_a_bomb(hub: Hub) -> None:
    part = Part(format="kamailio-acc")
    assert hub.post(b"x" * (exchange.PART_OCTETS + 1), part).status_code == 413
    bomb = gzip.compress(bytes(exchange.PART_OCTETS * 4), 9)
    assert hub.post(bomb, part, **{"Content-Encoding": "gzip"}).status_code == 413


def test_local_times_without_a_zone_are_a_plain_error_to_the_sender(hub: Hub, door: FileDoor) -> None:
    octets = (DATA / "asterisk-Master.csv").read_bytes()
    with pytest.raises(Invalid, match="--zone"):
        door.take(Part(format="asterisk-csv", last=True), octets)
    tables = {"name": "x", "title": "x", "row": [{"times": {"start": {"column": 1}}}]}
    with pytest.raises(Invalid, match="--zone"):
        door.take(Part(mapping=tables, last=True), b"2026-11-20 14:00:00\n")
    assert mapping.preset("asterisk-csv").zone == ""


def test_a_watcher_that_is_killed_again_and_again_by_the_system_loses_and_doubles_nothing(
    hub: Hub, tmp_path: Path
) -> None:
    drop, token = tmp_path / "drop", tmp_path / "token"
    drop.mkdir()
    token.write_text("good")
    before = hub.reads.total()
    for number in range(30):
        rows = "".join(
            f"{number}-{row},INVITE,f,t,kill-{number}-{row}@h,200,OK,2461368.36,+12155550100,+13105550111\n"
            for row in range(1_000)
        )
        header = "id,method,from_tag,to_tag,callid,sip_code,sip_reason,time,src_user,dst_user\n"
        (drop / f"{number:02}.csv").write_text(header + rows)
    command = [sys.executable, "-m", "headwater", "intake", "watch", str(drop), "--token-file", str(token)]
    command += ["--to", hub.url, "--settle-s", "0", "--once"]
    chance = random.Random(3)
    for _ in range(4):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(chance.randrange(1, 6)):
            child.stdout.readline()  # it has settled a file: it is in the middle of the next one, or between two
        child.kill()
        child.communicate()
    subprocess.run(command, check=True, timeout=240)
    assert hub.reads.total() - before == 30_000
    assert sorted(path.name for path in drop.iterdir()) == ["done", "failed"]
    assert len(list((drop / "done").glob("*.csv"))) == 30
