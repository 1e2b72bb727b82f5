"""Entries, appeals and publication: from a number that is entered to what a client of the feed reads."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client, override_settings
from typer.testing import CliRunner

from examples import block_feed_client
from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.calls.store import CallStore
from headwater.cli.main import build
from headwater.errors import Conflict, Forbidden, Invalid, NotFound
from headwater.evidence import keys
from headwater.numbering.numbers import E164
from headwater.relief import block_list, blocking, feed, feed_check
from headwater.relief.models import BlockEntry, FeedVersion
from headwater.relief.states import AppealState, BlockReason, ListKind, Removal
from tests.evidence.scenery import Scene
from tests.evidence.scenery import build as build_scene

pytestmark = pytest.mark.django_db

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = keys.raw(KEY.public_key())
HELD = E164("12025550100")
LETTER = blocking.Ground(reason=BlockReason.HOLDER_REQUEST, evidence="Letter of the IRS, 2026-11-02")


@pytest.fixture
def scene(call_store: tuple[str, CallStore], agency: Actor, settings: Any) -> Scene:
    settings.HEADWATER = replace(settings.HEADWATER, calls_url=call_store[0])
    return build_scene(call_store[1], agency)


def publish(operator: Actor, *, later: timedelta = timedelta(0)) -> int | None:
    return blocking.publish(operator, KEY, appeals="tel:+1-555", now=clock.now() + later)


def entered(desk: Actor, *numbers: E164) -> list[block_list.BlockView]:
    blocking.enter_do_not_originate(desk, numbers or [HELD], ground=LETTER, days=100)
    return block_list.blocks()


def test_a_holder_s_number_is_entered_once_and_says_what_it_rests_on(desk: Actor):
    assert blocking.enter_do_not_originate(desk, [HELD, HELD], ground=LETTER, days=10) == 1
    assert blocking.enter_do_not_originate(desk, [HELD], ground=LETTER, days=10) == 0
    (entry,) = block_list.blocks()
    assert (entry.listed, entry.evidence) == (ListKind.DO_NOT_ORIGINATE, LETTER.evidence)
    assert AuditEntry.objects.get(tag=Tag.BLOCK_ENTERED).detail["numbers"] == [HELD]


@pytest.mark.parametrize(
    ("number", "reason", "days", "evidence"),
    [
        ("12025550100", BlockReason.INVALID, 10, "plan"),
        ("19995550100", BlockReason.HOLDER_REQUEST, 10, "letter"),
        ("12025550100", BlockReason.HOLDER_REQUEST, 1_000, "letter"),
        ("12025550100", BlockReason.HOLDER_REQUEST, 10, " "),
        ("12025550100", BlockReason.HOLDER_REQUEST, 10, "=cmd|' /C calc'!A0\x00"),
        ("12025550100", BlockReason.CAMPAIGN_CALLS, 10, "calls"),
        ("", BlockReason.HOLDER_REQUEST, 10, "letter"),
    ],
)
def test_an_entry_whose_ground_does_not_fit_is_refused(
    desk: Actor, number: str, reason: BlockReason, days: int, evidence: str
):
    with pytest.raises(Invalid):
        blocking.enter_do_not_originate(
            desk, [E164(number)], ground=blocking.Ground(reason=reason, evidence=evidence), days=days
        )
    assert not BlockEntry.objects.exists()


def test_only_the_desk_enters_and_decides(agency: Actor, custodian: Actor, provider: Actor, desk: Actor):
    (entry,) = entered(desk)
    found = blocking.appeal(desk, entry.reference, text="It is ours.", appellant="A school", contact="a@school.example")
    for stranger in (agency, custodian, provider):
        with pytest.raises(Forbidden):
            entered(stranger, E164("12025550101"))
        with pytest.raises(Forbidden):
            blocking.decide_appeal(stranger, found.id, upheld=True, reason="yes")
    with pytest.raises(Forbidden):
        blocking.appeal(agency, entry.reference, text="x", appellant="x", contact="x")


def test_a_version_is_published_when_an_entry_comes_or_goes_and_else_only_when_it_grows_old(
    desk: Actor, operator: Actor
):
    assert publish(operator) == 1
    assert publish(operator) is None
    (entry,) = entered(desk)
    assert publish(operator) == 2
    assert publish(operator, later=feed.REFRESH + timedelta(seconds=1)) == 3
    blocking.withdraw_block(desk, entry.id, reason="The holder asked.")
    assert publish(operator, later=feed.REFRESH + timedelta(seconds=2)) == 4
    heads = [feed_check.read_head(row.head.encode(), PUBLIC) for row in FeedVersion.objects.order_by("version")]
    assert [head.entries for head in heads] == [0, 1, 1, 0]
    assert [head.previous for head in heads] == ["", *(head.sha256 for head in heads[:-1])]
    _, rows = feed.read_lines(block_list.published(4).delta)
    assert [(row["op"], row["why"]) for row in rows] == [("remove", Removal.WITHDRAWN)]
    assert AuditEntry.objects.filter(tag=Tag.BLOCK_FEED_PUBLISHED).count() == 4


def test_an_entry_leaves_the_feed_on_its_day_without_anybody_doing_anything(desk: Actor, operator: Actor):
    entered(desk)
    publish(operator)
    assert publish(operator, later=timedelta(days=100, seconds=1)) == 2
    found = block_list.published()
    assert found.entries == 0
    _, rows = feed.read_lines(found.delta)
    assert [row["why"] for row in rows] == [Removal.ENDED]


def test_the_numbers_of_a_traced_campaign_are_in_the_feed_with_its_number_as_evidence(
    desk: Actor, operator: Actor, scene: Scene
):
    number = E164(str(scene.campaign.members.values_list("calling", flat=True).first()))
    blocking.block_numbers(desk, scene.campaign.id, [number], days=3)
    publish(operator)
    (entry,) = feed_check.entries_of(feed_check.read_head(block_list.published().head, PUBLIC), _snapshot())
    assert (entry.number, entry.evidence) == (number, f"campaign {scene.campaign.id}")
    assert entry.calls > 0


def test_a_provider_s_appeal_that_is_upheld_takes_the_entry_out_of_the_feed(
    desk: Actor, operator: Actor, provider: Actor, other_provider: Actor
):
    (entry,) = entered(desk)
    publish(operator)
    mine = blocking.appeal(provider, entry.reference, text="Our subscriber's, who places calls.")
    assert [one.id for one in block_list.appeals(provider)] == [mine.id]
    assert block_list.appeals(other_provider) == []
    assert [one.id for one in block_list.appeals(desk)] == [mine.id]
    decided = blocking.decide_appeal(desk, mine.id, upheld=True, reason="The holder confirms it.")
    assert decided.state is AppealState.UPHELD
    assert block_list.blocks() == []
    publish(operator)
    _, rows = feed.read_lines(block_list.published().delta)
    assert [row["why"] for row in rows] == [Removal.APPEAL_UPHELD]
    with pytest.raises(NotFound):
        blocking.decide_appeal(desk, mine.id, upheld=False, reason="again")


def test_an_appeal_that_is_refused_leaves_the_entry_and_tells_why(desk: Actor, provider: Actor):
    (entry,) = entered(desk)
    mine = blocking.appeal(provider, entry.reference, text="It is ours.")
    blocking.decide_appeal(desk, mine.id, upheld=False, reason="The holder's letter stands.")
    (seen,) = block_list.appeals(provider)
    assert (seen.state, seen.decision) == (AppealState.REFUSED, "The holder's letter stands.")
    assert len(block_list.blocks()) == 1


def test_appeals_are_bounded_and_name_an_entry_in_force(desk: Actor, provider: Actor):
    (entry,) = entered(desk)
    with pytest.raises(NotFound):
        blocking.appeal(provider, "BE-NONE", text="x")
    with pytest.raises(Invalid):
        blocking.appeal(provider, entry.reference, text=" ")
    with pytest.raises(Invalid, match="who appeals"):
        blocking.appeal(desk, entry.reference, text="They wrote to us.")
    for _ in range(blocking.MOST_OPEN_APPEALS):
        blocking.appeal(provider, entry.reference, text="x")
    with pytest.raises(Conflict):
        blocking.appeal(provider, entry.reference, text="x")


def _snapshot() -> bytes:
    return block_list.published().snapshot


@pytest.fixture
def public() -> Iterator[Client]:
    """A browser at the public pages."""
    with override_settings(ROOT_URLCONF="headwater.web.public.urls"):
        yield Client()


def test_anybody_reads_the_feed_and_asks_again_without_moving_octets(public: Client, desk: Actor, operator: Actor):
    assert public.get("/block-feed/").status_code == 200
    assert public.get("/block-feed/v1/head.jws").status_code == 404
    entered(desk)
    publish(operator)
    first = public.get("/block-feed/v1/head.jws")
    assert (first.status_code, first.headers["Content-Type"]) == (200, "application/jose")
    again = public.get("/block-feed/v1/head.jws", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    page = public.get("/block-feed/").content.decode()
    assert "Its holder asks" in page
    assert keys.key_id(KEY.public_key()) in page
    for name in (feed.SNAPSHOT, feed.TABLE, feed.DELTA):
        octets = public.get(f"/block-feed/v1/{name}").content
        feed_check.check_detached(octets, public.get(f"/block-feed/v1/{name}.sig").content, PUBLIC)
    assert public.get("/block-feed/v1/nothing.txt").status_code == 404
    assert public.post("/block-feed/v1/head.jws").status_code == 405
    publish(operator, later=feed.REFRESH + timedelta(seconds=1))
    assert public.get("/block-feed/v1/versions/1/delta.jsonl").status_code == 200
    assert public.get("/block-feed/v1/versions/1/block-feed.jsonl").status_code == 404
    assert public.get("/block-feed/v1/head.jws", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


@pytest.fixture
def mirror(public: Client) -> Iterator[tuple[str, list[str]]]:
    """The public pages on a real socket, and the paths that were asked for."""
    asked: list[str] = []
    files: dict[str, tuple[bytes, str]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            octets, etag = files.get(self.path, (b"", ""))
            same = bool(etag) and self.headers.get("If-None-Match") == etag
            self.send_response(304 if same else 200 if octets else 404)
            self.send_header("ETag", etag)
            self.end_headers()
            if not same:
                self.wfile.write(octets)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    def refresh() -> None:
        latest = block_list.published().version
        for at in ("", *(f"versions/{number}/" for number in range(1, latest + 1))):
            for name in (
                "head.jws",
                feed.SNAPSHOT,
                feed.TABLE,
                feed.DELTA,
                f"{feed.SNAPSHOT}.sig",
                f"{feed.TABLE}.sig",
            ):
                response = public.get(f"/block-feed/v1/{at}{name}")
                if response.status_code == 200:
                    files[f"/block-feed/v1/{at}{name}"] = response.content, response.headers["ETag"]

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    server.refresh = refresh  # type: ignore[attr-defined]
    yield f"http://127.0.0.1:{server.server_port}/block-feed/v1", asked, refresh  # type: ignore[misc]
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_example_client_follows_the_feed_by_snapshot_then_delta(mirror: Any, desk: Actor, operator: Actor):
    base, asked, refresh = mirror
    (first,) = entered(desk)
    publish(operator)
    refresh()
    state = block_feed_client.follow(base, KEY.public_key(), {})
    assert set(state["entries"]) == {first.reference}
    asked.clear()
    assert block_feed_client.follow(base, KEY.public_key(), state) == state
    assert asked == ["/block-feed/v1/head.jws"]
    entered(desk, E164("12025550177"))
    blocking.withdraw_block(desk, first.id, reason="x")
    publish(operator)
    refresh()
    asked.clear()
    state = block_feed_client.follow(base, KEY.public_key(), state)
    assert [row["number"] for row in state["entries"].values()] == ["+12025550177"]
    assert asked == ["/block-feed/v1/head.jws", "/block-feed/v1/versions/2/delta.jsonl"]
    with pytest.raises(block_feed_client.Refused, match="older"):
        block_feed_client.follow(base, KEY.public_key(), state | {"version": 9, "etag": ""})
    with pytest.raises(block_feed_client.Refused, match="signature"):
        block_feed_client.follow(base, Ed25519PrivateKey.generate().public_key(), {})


def test_the_command_checks_the_whole_feed_and_refuses_a_changed_file(
    mirror: Any, desk: Actor, operator: Actor, tmp_path: Path
):
    base, _, refresh = mirror
    entered(desk)
    publish(operator)
    refresh()
    pem, state = tmp_path / "key.pem", tmp_path / "state.json"
    pem.write_bytes(keys.pem(KEY.public_key()))
    arguments = ["relief", "feed", "verify", base, "--key", str(pem), "--state", str(state)]
    good = CliRunner().invoke(build(arguments), arguments)
    assert (good.exit_code, good.output.split(",")[:2]) == (0, ["Version 1", " 1 entries"])
    assert json.loads(state.read_text())["version"] == 1
    for name in ("head.jws", feed.SNAPSHOT, feed.TABLE, f"{feed.SNAPSHOT}.sig", f"{feed.TABLE}.sig"):
        (tmp_path / name).write_bytes(block_feed_client.fetch(f"{base}/{name}")[0])  # type: ignore[index]
    local = [*arguments[:3], str(tmp_path), *arguments[4:]]
    assert CliRunner().invoke(build(local), local).exit_code == 0
    table = (tmp_path / feed.TABLE).read_bytes()
    (tmp_path / feed.TABLE).write_bytes(table.replace(b"12025550100", b"12025550101"))
    bad = CliRunner().invoke(build(local), local)
    assert bad.exit_code == 1
    assert "block-feed.csv is not the file" in bad.output
    state.write_text('{"version": 5}')
    assert CliRunner().invoke(build(arguments), arguments).exit_code == 1


def test_a_provider_holds_the_permission_to_appeal(provider: Actor, agency: Actor):
    assert provider.may(Permission.BLOCK_APPEAL)
    assert not agency.may(Permission.BLOCK_APPEAL)
