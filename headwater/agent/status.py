"""What an agent says of itself: health for its operators and watchdogs, figures for Prometheus.

One small HTTP server on an address of the carrier's own, off unless the configuration names a port. It reads two
paths, writes nothing, and holds no number, no call and no name of a customer.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from headwater import __version__, clock
from headwater.agent.depositing import DepositStatus

#: A hub that has not answered for this long makes the agent unwell: it asks at least once a minute.
HUB_SILENT_S: Final = 180.0
#: Longest request head in octets, and the time that it may take to come.
HEAD_OCTETS: Final = 8_192
HEAD_S: Final = 5.0
#: Upper ends of the histogram of answers, seconds.
BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)


@dataclass(slots=True)
class Health:
    """What the health line says of one carrier."""

    hub_reached_at: str = ""
    hub_problem: str = ""
    answered: int = 0
    refused: int = 0
    failed: int = 0


@dataclass(slots=True)
class Times:
    """How long questions took from their coming to their answer, as a histogram."""

    counts: list[int]
    total: float = 0.0
    number: int = 0

    @classmethod
    def fresh(cls) -> "Times":
        """Return an empty histogram."""
        return cls(counts=[0] * len(BUCKETS))

    def took(self, seconds: float) -> None:
        """Count one answer."""
        self.total += seconds
        self.number += 1
        for place, end in enumerate(BUCKETS):
            if seconds <= end:
                self.counts[place] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierStatus:
    """How one carrier of the agent stands at a moment."""

    spc: str
    hub_reached_at: str
    hub_problem: str
    answered: Mapping[str, int]
    """Answers by code."""
    refused: int
    failed: int
    unsettled: int
    """Answers that wait for a receipt."""
    under_way: int
    records: Mapping[str, int]
    """Records read since the start, by door."""
    backlog: int
    """Records read and not durable yet."""
    files: int
    drifting: Sequence[str]
    """Neighbours whose clock is not steady against ours."""
    times: Times
    deposits: DepositStatus | None = None
    """Set where calls are deposited instead of questions answered."""
    dry_run: bool = False

    def faults(self, now: datetime) -> list[str]:
        """Return, in words, what keeps the carrier from answering; [] where it is well."""
        found = []
        if self.hub_problem:
            found.append(f"the hub does not answer: {self.hub_problem}")
        if not self.hub_reached_at:
            found.append("the hub has not been reached yet")
        elif (now - datetime.fromisoformat(self.hub_reached_at)).total_seconds() > HUB_SILENT_S:
            found.append(f"the hub was last reached at {self.hub_reached_at}")
        return found


Look = Callable[[], Sequence[CarrierStatus]]


def health(carriers: Sequence[CarrierStatus], now: datetime) -> tuple[bool, dict[str, Any]]:
    """Return whether every carrier is well, and the document that says so."""
    told = {
        one.spc: {
            "well": not one.faults(now),
            "faults": one.faults(now),
            "hub_reached_at": one.hub_reached_at,
            "answered": dict(one.answered),
            "refused": one.refused,
            "failed": one.failed,
            "waiting_for_a_receipt": one.unsettled,
            "under_way": one.under_way,
            "records": dict(one.records),
            "not_durable_yet": one.backlog,
            "unsteady_clocks": list(one.drifting),
            "dry_run": one.dry_run,
            **({"deposits": asdict(one.deposits)} if one.deposits else {}),
        }
        for one in carriers
    }
    well = bool(carriers) and all(not one.faults(now) for one in carriers)
    return well, {"well": well, "agent": __version__, "at": now.isoformat(timespec="seconds"), "carriers": told}


class Figures(Collector):
    """The same as Prometheus reads it. Labels are the carrier's code and words of ours, nothing of a call."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def collect(self) -> "list[Any]":
        """Return every figure as it stands."""
        answers = CounterMetricFamily("headwater_agent_answers", "Answers given, by code", labels=["carrier", "code"])
        refused = CounterMetricFamily("headwater_agent_refused", "Answers that the hub refused", labels=["carrier"])
        failed = CounterMetricFamily("headwater_agent_failures", "Questions that failed here", labels=["carrier"])
        records = CounterMetricFamily("headwater_agent_records", "Records read", labels=["carrier", "door"])
        files = CounterMetricFamily("headwater_agent_files", "Files of call records read", labels=["carrier"])
        waiting = GaugeMetricFamily("headwater_agent_waiting_answers", "Answers without a receipt", labels=["carrier"])
        backlog = GaugeMetricFamily("headwater_agent_backlog", "Records not durable yet", labels=["carrier"])
        drifting = GaugeMetricFamily("headwater_agent_unsteady_clocks", "Neighbours' clocks", labels=["carrier"])
        reached = GaugeMetricFamily("headwater_agent_hub_reached_seconds", "Last time, Unix", labels=["carrier"])
        well = GaugeMetricFamily("headwater_agent_well", "1 where nothing keeps it", labels=["carrier"])
        took = HistogramMetricFamily("headwater_agent_answer_seconds", "From question to answer", labels=["carrier"])
        deposited = CounterMetricFamily("headwater_agent_deposited_records", "Records deposited", labels=["carrier"])
        windows = GaugeMetricFamily("headwater_agent_waiting_deposits", "Windows not taken yet", labels=["carrier"])
        now = clock.now()
        for one in self._look():
            if one.deposits:
                deposited.add_metric([one.spc], one.deposits.deposited)
                windows.add_metric([one.spc], one.deposits.waiting)
            for code, number in sorted(one.answered.items()):
                answers.add_metric([one.spc, code], number)
            for door, number in sorted(one.records.items()):
                records.add_metric([one.spc, door], number)
            refused.add_metric([one.spc], one.refused)
            failed.add_metric([one.spc], one.failed)
            files.add_metric([one.spc], one.files)
            waiting.add_metric([one.spc], one.unsettled)
            backlog.add_metric([one.spc], one.backlog)
            drifting.add_metric([one.spc], len(one.drifting))
            at = datetime.fromisoformat(one.hub_reached_at).timestamp() if one.hub_reached_at else 0.0
            reached.add_metric([one.spc], at)
            well.add_metric([one.spc], 0.0 if one.faults(now) else 1.0)
            ends = [(str(end), float(count)) for end, count in zip(BUCKETS, one.times.counts, strict=True)]
            took.add_metric([one.spc], [*ends, ("+Inf", float(one.times.number))], one.times.total)
        return [
            answers,
            refused,
            failed,
            records,
            files,
            waiting,
            backlog,
            drifting,
            reached,
            well,
            took,
            deposited,
            windows,
        ]


class StatusServer:
    """Answers ``GET /healthz`` (200 or 503, JSON) and ``GET /metrics``; everything else is 404, every body unread."""

    def __init__(self, host: str, port: int, look: Look) -> None:
        self._host, self._port, self._look = host, port, look
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(Figures(look))
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        sockets = self._server.sockets if self._server else ()
        return int(sockets[0].getsockname()[1]) if sockets else 0

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address is taken, or is none of this machine.
        """
        self._server = await asyncio.start_server(self._serve, self._host, self._port, limit=HEAD_OCTETS)

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
            status, kind, body = self._answer(head.split(b"\r\n", 1)[0].decode("latin-1"))
            writer.write(
                f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                "Cache-Control: no-store\r\nConnection: close\r\n\r\n".encode()
                + body
            )
            await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    def _answer(self, line: str) -> tuple[HTTPStatus, str, bytes]:
        method, _, rest = line.partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        if method not in {"GET", "HEAD"}:
            return HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"GET alone\n"
        if path == "/healthz":
            well, document = health(self._look(), datetime.now(UTC))
            status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
            return status, "application/json", json.dumps(document, indent=1).encode() + b"\n"
        if path == "/metrics":
            return HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", generate_latest(self._registry)
        return HTTPStatus.NOT_FOUND, "text/plain", b"/healthz and /metrics\n"
