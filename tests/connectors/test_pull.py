"""Pulls from a source that may answer anything, into a twin of the feed door that reads as the real one does."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.audit.models import AuditEntry
from headwater.calls.records import SourceKind
from headwater.connectors import actions, queries
from headwater.connectors.config import BadConnector, ConnectorNotFound
from headwater.connectors.fetch import Fetcher, FetchFailed
from headwater.connectors.models import Connector, Pull
from headwater.connectors.queries import Outcome, PullView
from headwater.errors import Forbidden, Unavailable
from headwater.intake import feed
from headwater.intake.events.deliver import Answer, LineFault
from headwater.intake.sources import Source as FeedSource
from tests.connectors.hostile import Asked, Reply, Source, json_of, source

pytestmark = pytest.mark.django_db
OPERATOR = system("operator")
PARTNER = FeedSource(source_id="ORG-FTC", source_kind=SourceKind.COMPLAINT)


class Door:
    """The feed door in memory: the real reader, and a dictionary for a store."""

    def __init__(self) -> None:
        self.held: dict[Any, bytes] = {}
        self.closed = 0
        self.fails_after = -1

    def send(self, lines: list[bytes], /) -> Answer:
        if self.fails_after == 0:
            raise Unavailable("the door is away")
        self.fails_after -= 1
        batch = feed.read_lines(b"\n".join(lines), PARTNER, clock.now())
        fresh = {record.record_id: record.raw for record in batch.records if record.record_id not in self.held}
        self.held |= fresh
        faults = [LineFault(line=one.line, reason=one.reason) for one in batch.rejects]
        return Answer(len(fresh), len(batch.records) - len(fresh), len(faults), faults)

    def close(self) -> None:
        self.closed += 1


class Bench:
    """One connector in a data directory of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.door = Door()
        self.tokens: list[str] = []
        (home / "connectors").mkdir()
        (home / "token").write_text("feed-token\n")
        (home / "key").write_text("their-key\n")

    def configure(self, here: Source, kind: str = "ftc", mapping: str = "ftc-dnc-api", **more: Any) -> None:
        values = {
            "name": "one",
            "kind": kind,
            "url": here.url,
            "mapping": mapping,
            "token_file": "token",
            "page_size": 2,
        }
        values |= {"internal": True, "since": (clock.now() - timedelta(days=1)).date().isoformat()} | more
        lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]  # JSON's values are TOML's here
        (self.home / "connectors" / "one.toml").write_text("\n".join(lines))

    def pull(self, **bounds: Any) -> PullView:
        def door_of(token: str) -> Door:
            self.tokens.append(token)
            return self.door

        fetcher = Fetcher(internal=True, **bounds) if bounds else None
        return actions.pull(OPERATOR, self.home, "one", door_of=door_of, fetcher=fetcher)

    @property
    def state(self) -> Connector:
        return Connector.objects.get(name="one")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def complaint(number: int) -> dict[str, Any]:
    at = "2026-11-20 10:00:00"
    attributes = {"company-phone-number": f"21555501{number:02d}", "created-date": at, "violation-date": at}
    return {"type": "dnc_complaint", "id": f"{number:032x}", "attributes": attributes}


def ftc(days: dict[str, list[dict[str, Any]]]) -> Any:
    def answer(asked: Asked) -> Reply:
        start, size = int(asked.query["offset"]), int(asked.query["items_per_page"])
        return json_of(
            {"data": days.get(asked.query["created_date"], [])[start : start + size], "meta": {"total": 999}}
        )

    return answer


def test_a_pull_reads_page_by_page_and_remembers_where_it_was(bench: Bench) -> None:
    yesterday, today = (clock.now() - timedelta(days=back) for back in (1, 0))
    days = {f"{yesterday:%Y-%m-%d}": [complaint(n) for n in range(5)], f"{today:%Y-%m-%d}": [complaint(9)]}
    with source(ftc(days)) as here:
        bench.configure(here, key_file="key")
        done = bench.pull()
        assert (done.outcome, done.stored, done.duplicates, done.refused) == (Outcome.DONE, 6, 0, 0)
        assert bench.tokens == ["feed-token"]
        assert bench.door.closed == 1
        assert {asked.headers.get("X-Api-Key") for asked in here.asked} == {"their-key"}
        again = bench.pull()
        assert (again.stored, again.duplicates) == (0, 6)
    assert len(bench.door.held) == 6
    assert bench.state.next_at > clock.now() + timedelta(minutes=30)
    assert AuditEntry.objects.filter(tag="connector:pull:done").count() == 2


def test_a_pull_that_breaks_goes_on_after_the_last_page_that_was_stored(bench: Bench) -> None:
    today = f"{clock.now():%Y-%m-%d}"
    with source(ftc({today: [complaint(n) for n in range(6)]})) as here:
        bench.configure(here, since=today)
        bench.door.fails_after = 2
        done = bench.pull()
        assert (done.outcome, done.pages, done.stored) == (Outcome.FAILED, 2, 4)
        assert "the door is away" in done.error
        assert bench.state.cursor["at"] == {"day": today, "offset": 4}
        bench.door.fails_after = -1
        here.asked.clear()
        assert bench.pull().stored == 2
        assert here.asked[0].query["offset"] == "4"


def test_the_bound_of_pages_ends_a_pull_and_not_the_source(bench: Bench) -> None:
    today = f"{clock.now():%Y-%m-%d}"
    with source(ftc({today: [complaint(n) for n in range(9)]})) as here:
        bench.configure(here, since=today, most_pages=2)
        assert [bench.pull().stored for _ in range(3)] == [4, 4, 1]


RUBBISH = [
    (Reply(b"<html><body>We are sorry</body></html>", headers={"Content-Type": "text/html"}), "HTML or XML"),
    (Reply(b'{"data": [{"type": "dnc_compl'), "no JSON document"),
    (Reply(b'{"data": [', cut=500), "does not answer"),
    (Reply(b'{"error": {"code": "API_KEY_INVALID"}}', status=403), "answered 403"),
    (Reply(b"oops", status=500), "answered 500"),
    (Reply(b'{"errors": []}'), "nothing at 'data'"),
    (Reply(status=302, headers={"Location": "ftp://127.0.0.1/x"}), "is not https"),
    (Reply(status=302), "redirects to nowhere"),
    (Reply(status=302, headers={"Location": "/data"}), "one redirect to the next"),
    (Reply(status=302, headers={"Location": "http://[broken"}), "redirects to what is no address"),
    (Reply(endless=True), "sent more than 1000000 octets"),
    (Reply(gzip.compress(b"x" * 5_000_000), headers={"Content-Encoding": "gzip"}), "sent more than 1000000 octets"),
    (Reply(gzip.compress(b"{}")[:10], headers={"Content-Encoding": "gzip"}), "cut off"),
    (Reply(b"rubbish", headers={"Content-Encoding": "gzip"}), "damaged gzip"),
    (Reply(b"x", headers={"Content-Encoding": "br"}), "not asked for"),
    (Reply(b""), "no JSON document"),
    (Reply(b"[" * 100_000), "no JSON document"),
    (Reply(b"\xff\xfe\x00"), "no JSON document"),
]


@pytest.mark.parametrize(("reply", "said"), RUBBISH)
def test_rubbish_ends_the_pull_leaves_the_cursor_and_is_told(bench: Bench, reply: Reply, said: str) -> None:
    with source(lambda _: reply) as here:
        bench.configure(here)
        Connector.objects.create(name="one", cursor={"at": {"day": "2026-11-20", "offset": 2}})
        done = bench.pull(most_octets=1_000_000)
    assert done.outcome is Outcome.FAILED
    assert said in done.error
    assert bench.state.cursor == {"at": {"day": "2026-11-20", "offset": 2}}
    assert bench.state.failures == 1
    assert bench.door.held == {}


def test_a_source_that_asks_us_to_wait_is_left_alone_as_long_as_it_says(bench: Bench) -> None:
    with source(lambda _: Reply(status=429, headers={"Retry-After": "7200"})) as here:
        bench.configure(here)
        done = bench.pull()
    assert done.outcome is Outcome.LATER
    assert bench.state.failures == 0
    assert bench.state.next_at - done.ended_at >= timedelta(seconds=7_200)
    assert actions.due(bench.home, clock.now()) == []
    assert actions.due(bench.home, clock.now() + timedelta(hours=3)) == ["one"]


def test_a_slow_source_is_given_up(bench: Bench) -> None:
    with source(lambda _: Reply(endless=True)) as here:
        bench.configure(here)
        assert "took longer" in bench.pull(total_s=0.0).error


def test_a_document_is_not_sent_again_while_it_is_the_same(bench: Bench) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.headers.get("If-None-Match") == '"v1"':
            return Reply(status=304)
        return Reply(b"1/2065552000\tSPAM\t\n1/4255553000\tFRAUD\t6\nnonsense\n", headers={"ETag": '"v1"'})

    with source(answer) as here:
        bench.configure(here, kind="document", mapping="hiya-spammer-cache")
        first = bench.pull()
        assert (first.outcome, first.stored, first.refused) == (Outcome.DONE, 2, 1)
        assert bench.pull().outcome is Outcome.UNCHANGED
    rejects = bench.home / "rejects" / "one.ndjson"
    assert b"nonsense" in rejects.read_bytes()
    assert rejects.stat().st_mode & 0o77 == 0


def test_documents_are_followed_at_the_same_host_and_no_other(bench: Bench) -> None:
    rows = {
        "/data": {"items": [complaint(1)], "next": "/2"},
        "/2": {"items": [complaint(2)], "next": "http://evil.example"},
    }

    def answer(asked: Asked) -> Reply:
        page = dict(rows[asked.path])
        if str(page["next"]).startswith("/"):
            page["next"] = f"http://127.0.0.1:{here.port}{page['next']}"
        return json_of(page)

    own = (Path(actions.__file__).parents[1] / "intake" / "events" / "presets" / "ftc-dnc-api.toml").read_text()
    (bench.home / "mappings").mkdir()
    text = own.replace('name = "ftc-dnc-api"', 'name = "acme"').replace('records = "data"', 'records = "items"')
    (bench.home / "mappings" / "acme.toml").write_text(text)
    with source(answer) as here:
        bench.configure(here, kind="document", mapping="acme", next_path="next")
        done = bench.pull()
    assert "at another host" in done.error
    assert done.stored == 1
    assert bench.state.cursor["at"]["next"].endswith("/2")


def test_our_key_is_not_carried_to_another_host(bench: Bench) -> None:
    def first(asked: Asked) -> Reply:
        return Reply(
            status=307,
            headers={
                "Location": f"http://localhost:{other.port}/data?{'&'.join(f'{k}={v}' for k, v in asked.query.items())}"
            },
        )

    with source(ftc({})) as other, source(first) as here:
        bench.configure(here, key_file="key")
        assert bench.pull().outcome is Outcome.DONE
        assert "X-Api-Key" in here.asked[0].headers
        assert other.asked
        assert all("X-Api-Key" not in asked.headers for asked in other.asked)


@pytest.mark.parametrize(
    ("url", "addresses", "said"),
    [
        ("https://source.example/", ["10.0.0.7"], "no public address"),
        ("https://source.example/", ["93.184.216.34", "127.0.0.1"], "no public address"),
        ("https://source.example/", ["::ffff:169.254.169.254"], "no public address"),
        ("http://source.example/", ["93.184.216.34"], "is not https"),
        ("https://me:secret@source.example/", ["93.184.216.34"], "holds a login"),
        ("https://source.example/", [], "has no address"),
    ],
)
def test_an_address_in_our_own_network_is_not_asked(url: str, addresses: list[str], said: str) -> None:
    with pytest.raises(FetchFailed, match=said):
        Fetcher(resolve=lambda _host, _port: addresses).get(url, parameters={}, headers={})


def test_a_redirect_into_our_own_network_is_not_followed(bench: Bench) -> None:
    # The first answer comes from loopback, as it must in a test; the rule is that of a public source from then on.
    with source(lambda _: Reply(status=302, headers={"Location": "https://metadata.example/"})) as here:
        fetcher = Fetcher(internal=True, resolve=lambda host, _: ["127.0.0.1"] if host == "127.0.0.1" else [])
        with pytest.raises(FetchFailed, match="has no address"):
            fetcher.get(here.url, parameters={}, headers={})


def test_one_flight_and_what_the_operator_wrote_must_hold(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(ConnectorNotFound):
        bench.pull()
    with source(ftc({})) as here:
        bench.configure(here, token_file="nowhere")
        with pytest.raises(BadConnector, match="nowhere cannot be read"):
            bench.pull()
        bench.configure(here)
        with pytest.raises(Forbidden):
            actions.pull(Actor(label="user:x"), bench.home, "one", door_of=lambda _: bench.door)
        assert here.asked == []


def test_what_breaks_in_one_source_is_told_and_the_others_are_asked(bench: Bench) -> None:
    (bench.home / "connectors" / "broken.toml").write_text("name = [")
    with source(ftc({})) as here:
        bench.configure(here)
        assert actions.due(bench.home, clock.now()) == ["one"]
        bench.pull()
    views = {view.name: view for view in queries.connectors(OPERATOR, bench.home)}
    assert (views["broken"].state, views["one"].state) == ("broken", "working")
    assert "connector broken" in views["broken"].fault
    assert views["one"].place.startswith("day ")
    assert [pull.connector for pull in queries.pulls(OPERATOR)] == ["one"]
    assert Pull.objects.count() == 1


def test_socrata_pages_until_the_data_set_ends(bench: Bench) -> None:
    plain = {
        ":updated_at": "2026-11-20T00:00:00.000Z",
        "issue_date": "2026-11-19T00:00:00.000",
        "issue": "Unwanted Calls",
    }
    rows = [plain | {":id": f"row-{n}", "id": f"{n}", "caller_id_number": f"21555501{n:02d}"} for n in range(5)]

    def answer(asked: Asked) -> Reply:
        after = asked.query.get("$where", "").rpartition(":id > '")[2].rstrip("')")
        return json_of([row for row in rows if row[":id"] > after][:2])

    with source(answer) as here:
        bench.configure(here, kind="socrata", mapping="fcc-complaints", since="")
        assert bench.pull().stored == 5
        assert bench.state.cursor["at"]["id"] == "row-4"
        rows.append(rows[0] | {":id": "row-9", "id": "9"})
        assert bench.pull().stored == 1


def test_the_time_of_a_source_without_any_is_the_answers_own() -> None:
    answer = actions.Fetched(octets=b"", last_modified="Fri, 20 Nov 2026 10:00:00 GMT")
    assert actions._observed_at(answer) == "2026-11-20T10:00:00+00:00"
    assert datetime.fromisoformat(actions._observed_at(actions.Fetched(octets=b"", date="rubbish"))).tzinfo is UTC
