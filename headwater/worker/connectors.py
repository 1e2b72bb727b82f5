"""The part of the worker that asks sources: one after the other, each when it is due."""

import asyncio
import contextlib
from pathlib import Path
from typing import Final

import structlog
from django.conf import settings
from django.db import close_old_connections
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from headwater import clock
from headwater.accounts.actors import system
from headwater.connectors import actions, queries
from headwater.errors import HeadwaterError
from headwater.intake.events import deliver

#: How often it is looked whether a source is due.
LOOK_S: Final = 5.0
#: Prometheus' text format for node_exporter's textfile collector: the worker opens no port.
METRICS_FILE: Final = "connectors.prom"
ACTOR: Final = system("connectors")

log = structlog.get_logger(__name__)


async def run(stop: asyncio.Event) -> None:
    """Ask sources until ``stop``."""
    while not stop.is_set():
        await asyncio.to_thread(_turn, stop)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_S)


def _turn(stop: asyncio.Event) -> None:
    """Do one turn in a thread of its own, and leave no connection to it."""
    try:
        turn(stop)
    finally:
        close_old_connections()


def turn(stop: asyncio.Event | None = None) -> int:
    """Ask every source that is due; return how many were asked."""
    config = settings.HEADWATER
    asked = 0
    for name in actions.due(config.home, clock.now()):
        if stop is not None and stop.is_set():
            break
        try:
            actions.pull(ACTOR, config.home, name, door_of=own_door)
            asked += 1
        except HeadwaterError as error:
            # The operator's file does not hold, or somebody else is at it: the others are asked all the same.
            log.warning("a connector was not asked", connector=name, error=str(error))
    if asked:
        write_metrics(config.run / METRICS_FILE)
    return asked


def own_door(token: str) -> deliver.FeedDoor:
    """Return this installation's feed door."""
    config = settings.HEADWATER
    return deliver.FeedDoor(f"http://{config.host}:{config.calls_port}", token)


def write_metrics(path: Path) -> None:
    """Write how the connectors stand, for Prometheus."""
    registry = CollectorRegistry()
    records = Gauge(
        "headwater_connector_records", "Records by connector and outcome.", ["connector", "outcome"], registry=registry
    )
    failures = Gauge(
        "headwater_connector_failures", "Failed pulls one after the other.", ["connector"], registry=registry
    )
    success = Gauge(
        "headwater_connector_last_success_seconds",
        "Last pull that worked, Unix time.",
        ["connector"],
        registry=registry,
    )
    for view in queries.connectors(ACTOR, settings.HEADWATER.home):
        for outcome in ("stored", "duplicates", "refused"):
            records.labels(view.name, outcome).set(getattr(view, outcome))
        failures.labels(view.name).set(view.failures)
        if view.last_success_at:
            success.labels(view.name).set(view.last_success_at.timestamp())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(path), registry)
