"""The agent as a process of its own: started by its command, killed, told to stop."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headwater.agent import keys
from headwater.wire.agents import AnswerCode
from tests.agent.fakehub import FakeHub, serving
from tests.agent.scenes import carrier_table, invite_frame, question
from tests.calls.invites import CARRIER, DOWN
from tests.intake.senders import run, send_tcp, until

pytestmark = pytest.mark.fault


def toml(table: dict[str, Any]) -> str:
    """One carrier's configuration, written as an operator would."""
    carrier = table["carrier"]
    lines = [f"data = {json.dumps(table['data'])}", "[hub]", *_members(table["hub"])]
    lines += [
        "[[carrier]]",
        *_members({k: v for k, v in carrier.items() if not isinstance(v, dict) and k not in {"hep", "peer"}}),
    ]
    lines += ["[carrier.policy]", *_members(carrier["policy"])]
    for name in ("hep", "peer"):
        for one in carrier[name]:
            lines += [f"[[carrier.{name}]]", *_members(one)]
    return "\n".join(lines) + "\n"


def _members(table: dict[str, Any]) -> list[str]:
    return [f"{name} = {json.dumps(value)}" for name, value in table.items()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def process(folder: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run ``headwater agent`` until its door is open; kill it at the end."""
    with (folder / "agent.log").open("ab") as log:
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "headwater", "agent", "--config", str(folder / "agent.toml"), stderr=log
        )
    try:
        async with asyncio.timeout(30):
            while running.returncode is None:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                break
        assert running.returncode is None, (folder / "agent.log").read_text()
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


def prepared(folder: Path, hub: FakeHub, hub_port: int) -> int:
    """Write key and configuration; return the port of the HEP door."""
    port = free_port()
    carrier = carrier_table("709J", hep=[{"port": port, "auth_key": "key-709J"}])
    hub.register("709J", keys.create(folder / "709J.pem").public_jwk)
    table = {"data": "data", "hub": {"url": f"http://127.0.0.1:{hub_port}", "wait_s": 1}, "carrier": carrier}
    (folder / "agent.toml").write_text(toml(table))
    return port


def calls(number: int, at: datetime) -> list[bytes]:
    return [
        invite_frame(
            *way, at=at + timedelta(seconds=lag), call_id=f"c{call}", key="key-709J", called=f"1212555{call:04}"
        )
        for call in range(number)
        for way, lag in (((CARRIER, "10.0.0.1"), 0.0), (("10.0.0.1", DOWN), 0.1))
    ]


def test_killed_between_writing_an_answer_down_and_handing_it_in_it_says_the_same_afterwards(tmp_path):
    async def play() -> None:
        hub = FakeHub(errors=[(503, b"away")] * 10_000)
        at = datetime.now(UTC) - timedelta(seconds=30)
        async with serving(hub) as hub_port:
            port = prepared(tmp_path, hub, hub_port)
            async with process(tmp_path, port) as agent:
                await send_tcp(port, [b"".join(calls(3, at))])
                hub.ask("709J", question("Q-1", at=at, called="12125550001"))
                await until(lambda: len(hub.posts) >= 1, within_s=20)
                os.kill(agent.pid, signal.SIGKILL)
                await agent.wait()
            hub.errors.clear()
            async with process(tmp_path, port):
                await until(lambda: "Q-1" in hub.accepted, within_s=20)
                hub.ask("709J", question("Q-2", at=at, called="12125550002"))
                await until(lambda: "Q-2" in hub.accepted, within_s=20)
            assert len({octets for _, octets in hub.posts[:-1]}) == 1
            assert hub.answer("Q-1").code is AnswerCode.UPSTREAM_US
            assert hub.answer("Q-2").code is AnswerCode.UPSTREAM_US  # records of before the kill are still there
            assert not hub.problems

    run(play())


def test_told_to_stop_it_stores_what_it_read_and_ends_well(tmp_path):
    async def play() -> None:
        hub = FakeHub()
        at = datetime.now(UTC) - timedelta(seconds=30)
        async with serving(hub) as hub_port:
            port = prepared(tmp_path, hub, hub_port)
            async with process(tmp_path, port) as agent:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"".join(calls(500, at)))
                await writer.drain()
                await asyncio.sleep(0.3)  # read, perhaps not yet stored
                agent.terminate()
                assert await asyncio.wait_for(agent.wait(), 20) == 0, (tmp_path / "agent.log").read_text()
                writer.close()
                del reader
            async with process(tmp_path, port):
                for number in (0, 250, 499):
                    hub.ask("709J", question(f"Q-{number}", at=at, called=f"1212555{number:04}"))
                await until(lambda: len(hub.accepted) == 3, within_s=20)
            assert {hub.answer(f"Q-{number}").code for number in (0, 250, 499)} == {AnswerCode.UPSTREAM_US}

    run(play())


def test_rubbish_at_the_door_does_not_keep_it_from_answering(tmp_path):
    async def play() -> None:
        hub = FakeHub()
        at = datetime.now(UTC) - timedelta(seconds=30)
        async with serving(hub) as hub_port:
            port = prepared(tmp_path, hub, hub_port)
            async with process(tmp_path, port) as agent:
                for _ in range(20):
                    await send_tcp(port, [os.urandom(100_000)])
                await send_tcp(port, [b"".join(calls(2, at))])
                hub.ask("709J", question("Q-1", at=at, called="12125550001"))
                await until(lambda: "Q-1" in hub.accepted, within_s=20)
                assert hub.answer("Q-1").code is AnswerCode.UPSTREAM_US
                assert agent.returncode is None

    run(play())


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "709J.pem").chmod(0o644), "chmod 600"),
        (lambda folder: (folder / "agent.toml").write_text("data = 1"), "agent configuration"),
        (lambda folder: (folder / "agent.toml").unlink(), "cannot be read"),
    ],
)
def test_what_keeps_it_from_starting_is_said_in_one_line(tmp_path, spoil, says):
    async def play() -> None:
        prepared(tmp_path, FakeHub(), 1)
        spoil(tmp_path)
        agent = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "headwater",
            "agent",
            "--config",
            str(tmp_path / "agent.toml"),
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await asyncio.wait_for(agent.communicate(), 30)
        assert agent.returncode == 1
        assert says in said.decode()
        assert "Traceback" not in said.decode()

    run(play())
