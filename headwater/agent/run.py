"""The agent's process: every carrier of one configuration, until it is told to stop."""

import asyncio
import signal
from collections.abc import Callable
from typing import Final

import structlog

from headwater.agent.carrier import CarrierAgent
from headwater.agent.config import AgentConfig
from headwater.agent.hub import client
from headwater.agent.status import StatusServer
from headwater.intake.collector import calm_collector

HEALTH_EVERY_S: Final = 60.0

log = structlog.get_logger(__name__)


async def serve(config: AgentConfig, *, ready: Callable[[list[CarrierAgent]], None] | None = None) -> None:
    """Serve all carriers until SIGTERM or SIGINT; then stop reading, make durable what was read, and return.

    Raises:
        HeadwaterError: a carrier cannot be started: key, journal, store or door.
    """
    config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with client(config.hub) as http:
        agents = [CarrierAgent(config, carrier, http) for carrier in config.carriers]
        status = StatusServer(*config.status, lambda: [agent.status() for agent in agents]) if config.status else None
        started: list[CarrierAgent] = []
        try:
            for agent in agents:
                await agent.start()
                started.append(agent)
            if status is not None:
                await status.start()
            log.info("agent serves", carriers=[agent.carrier.party.spc for agent in agents], hub=config.hub.url)
            calm_collector()
            if ready is not None:
                ready(agents)
            await _until(stop, agents)
        finally:
            if status is not None:
                await status.close()
            await asyncio.gather(*(agent.close() for agent in started))
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
    log.info("agent stopped")


async def _until(stop: asyncio.Event, agents: list[CarrierAgent]) -> None:
    """Run the carriers' loops and the health line until ``stop``; a loop that ends by itself ends the process."""
    work = [asyncio.create_task(agent.run(), name=f"carrier-{agent.carrier.party.spc}") for agent in agents]
    work.append(asyncio.create_task(_report(agents), name="health"))
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        done, _ = await asyncio.wait([*work, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (*work, stopping):
            task.cancel()
        await asyncio.gather(*work, stopping, return_exceptions=True)


async def _report(agents: list[CarrierAgent]) -> None:
    while True:
        await asyncio.sleep(HEALTH_EVERY_S)
        for agent in agents:
            parts, health = agent.parts, agent.health
            log.info(
                "health",
                carrier=agent.carrier.party.spc,
                hub_reached_at=health.hub_reached_at,
                hub_problem=health.hub_problem,
                answered=health.answered,
                refused=health.refused,
                failed=health.failed,
                unsettled=len(parts.journal.unsettled()),
                doors={door.counters.door: door.counters.summary() for door in parts.doors},
                backlog=sum(door.backlog_records for door in parts.doors),
            )
