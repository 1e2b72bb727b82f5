"""One or two carriers with an agent, before a hub of the tests."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from headwater.agent import keys
from headwater.agent.carrier import CarrierAgent
from headwater.agent.config import AgentConfig, checked
from headwater.agent.hub import client
from headwater.wire.agents import Party, Question
from tests.agent.fakehub import FakeHub, serving
from tests.calls.invites import ABROAD, CARRIER, DOWN, OTHER, SHOP
from tests.intake.senders import send_udp
from tests.intake.test_hep import chunk, frame

CALLING, CALLED = "13125550188", "12125550150"


def carrier_table(spc: str, **members: Any) -> dict[str, Any]:
    """The table of one carrier of the configuration file."""
    return {
        "spc": spc,
        "name": f"Carrier {spc}",
        "key_file": f"{spc}.pem",
        "own": ["10.0.0.0/24"],
        "hep": [{"port": 0, "auth_key": f"key-{spc}"}],
        "policy": {"settle_s": 1.0},
        "peer": [
            {"kind": "carrier", "spc": "111A", "name": "Upper", "addresses": [CARRIER]},
            {"kind": "carrier", "spc": "222B", "name": "Other", "addresses": [OTHER]},
            {"kind": "foreign", "name": "Abroad", "country": "IN", "addresses": [ABROAD]},
            {"kind": "customer", "name": "Shop 4711", "addresses": [SHOP]},
            {"kind": "carrier", "spc": "999D", "name": "Down", "addresses": [DOWN]},
        ],
        **members,
    }


def tables(hub_port: int, carriers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A whole configuration file."""
    return {"data": "data", "hub": {"url": f"http://127.0.0.1:{hub_port}", "wait_s": 1}, "carrier": list(carriers)}


def invite_frame(
    source: str, destination: str, *, at: datetime, call_id: str, key: str, calling: str = CALLING, called: str = CALLED
) -> bytes:
    """One captured INVITE as HEPv3."""
    payload = (
        f"INVITE sip:+{called}@x SIP/2.0\r\nFrom: <sip:+{calling}@x>;tag=1\r\nTo: <sip:+{called}@x>\r\n"
        f"Call-ID: {call_id}\r\nCSeq: 1 INVITE\r\n\r\n"
    )
    micros = int(at.timestamp() * 1_000_000)
    return frame(
        chunk(3, bytes(int(part) for part in source.split("."))),
        chunk(4, bytes(int(part) for part in destination.split("."))),
        chunk(9, (micros // 1_000_000).to_bytes(4, "big")),
        chunk(10, (micros % 1_000_000).to_bytes(4, "big")),
        chunk(11, b"\x01"),
        chunk(14, key.encode()),
        chunk(15, payload.encode()),
    )


def question(question_id: str, *, at: datetime, **members: Any) -> Question:
    """A question about the call of the scene."""
    stamp = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    defaults: dict[str, Any] = {
        "question_id": question_id,
        "traceback_id": "TB-1",
        "hop": 2,
        "calling": CALLING,
        "called": CALLED,
        "call_at": stamp,
        "window_s": 60,
        "downstream": Party(spc="999D"),
        "reason": "campaign",
        "asked_at": stamp,
        "legal_due_at": stamp,
        "platform_due_at": stamp,
    }
    return Question(**(defaults | members))


@dataclass
class Scene:
    """A hub and agents that run."""

    hub: FakeHub
    agents: dict[str, CarrierAgent]
    at: datetime

    def ring(
        self, spc: str, source: str = CARRIER, destination: str = DOWN, *, call_id: str = "c1", **members: Any
    ) -> None:
        """Show a carrier's door one call that passes through."""
        port = self.agents[spc].parts.doors[0].port
        at = members.pop("at", self.at)
        key = members.pop("key", f"key-{spc}")
        send_udp(
            port,
            [
                invite_frame(source, "10.0.0.1", at=at, call_id=call_id, key=key, **members),
                invite_frame(
                    "10.0.0.1", destination, at=at + timedelta(seconds=0.1), call_id=call_id, key=key, **members
                ),
            ],
        )


def written(folder: Path, hub_port: int, carriers: Sequence[dict[str, Any]], hub: FakeHub) -> AgentConfig:
    """Make keys where there are none, register them at the hub, and return the checked configuration."""
    for carrier in carriers:
        path = folder / carrier["key_file"]
        key = keys.load(path) if path.exists() else keys.create(path)
        hub.register(carrier["spc"], key.public_jwk)
    return checked(tables(hub_port, carriers), folder=folder)


@asynccontextmanager
async def agents(config: AgentConfig) -> AsyncIterator[dict[str, CarrierAgent]]:
    """Run the agents of a configuration."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(client(config.hub))
        running = {}
        for carrier in config.carriers:
            agent = CarrierAgent(config, carrier, http)
            await agent.start()
            stack.push_async_callback(agent.close)
            task = asyncio.create_task(agent.run())
            stack.push_async_callback(_stop, task)
            running[carrier.party.spc] = agent
        yield running


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def scene(folder: Path, *carriers: dict[str, Any], hub: FakeHub | None = None) -> AsyncIterator[Scene]:
    """A hub and agents for ``carriers`` (by default one, 709J)."""
    hub = hub or FakeHub()
    async with serving(hub) as port:
        config = written(folder, port, carriers or [carrier_table("709J")], hub)
        async with agents(config) as running:
            yield Scene(hub=hub, agents=running, at=datetime.now(UTC) - timedelta(seconds=30))
