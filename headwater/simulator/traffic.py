"""Which calls are placed, when, and what blocking apps and honeypots report of them.

Deterministic from the network's seed and the time of the start. Every number is NPA-555-01xx, which the numbering
plan keeps for fiction; calling numbers are spoofed and rotate.
"""

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from enum import StrEnum

from headwater.simulator import network as net
from headwater.simulator import octets, scripts
from headwater.simulator.network import Head, Network
from headwater.simulator.octets import Call
from headwater.wire.events import Disposition, FeedEvent

#: State -> some of its area codes.
AREAS = {
    "MI": ("231", "248", "269", "313", "517", "586", "616", "734", "810", "989"),
    "OH": ("216", "330", "419", "440", "513", "614", "740", "937"),
    "PA": ("215", "412", "570", "717", "814"),
    "IN": ("219", "260", "317", "574"),
    "TX": ("210", "214", "512", "713", "915"),
    "FL": ("305", "407", "813", "904"),
    "CA": ("213", "415", "619", "916"),
    "NY": ("212", "315", "518", "716"),
}
_WEIGHTS = (30, 26, 8, 8, 8, 8, 6, 6)


class Partner(StrEnum):
    """Who reports calls to the hub."""

    APP = "app"
    """A call-blocking app on subscribers' telephones."""
    OTHER_APP = "other-app"
    """Another maker's app: a campaign that one sender alone tells of is not confirmed."""
    HONEYPOT = "honeypot"
    """Unassigned numbers that answer and record; it sees the SIP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Calls of one kind, in a random rhythm."""

    head: str
    """Name of the head of the route; "" for ordinary calls, which take any."""
    campaign: str
    per_minute: float
    starts_s: float
    attest: tuple[str, ...]
    """Attestations of the originating carrier to draw from; "" is an unsigned call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One event that a partner sends, and when."""

    partner: Partner
    at: datetime
    event: FeedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One call and what was reported of it."""

    call: Call
    report: Report | None


def streams(network: Network) -> tuple[Stream, ...]:
    """Return what rings in the network of this seed: five campaigns and ordinary calls.

    The main campaign is one with ten scripts or more, the others any of other families; which is which comes from
    the seed.
    """
    chance = random.Random(f"campaigns:{network.seed}")  # noqa: S311 - a simulation must repeat
    known = scripts.campaigns()
    main = chance.choice([name for name, told in known.items() if len(told) >= 10])
    families = {known[main][0].family}
    others = []
    for name in chance.sample(sorted(known), len(known)):
        if known[name][0].family not in families:
            families.add(known[name][0].family)
            others.append(name)
    signed = ("B", "C", "C", "")
    return (
        Stream(head=net.MAIN, campaign=main, per_minute=30, starts_s=2, attest=signed),
        Stream(head=net.FOREIGN, campaign=others[0], per_minute=10, starts_s=12, attest=("",)),
        Stream(head=net.LATE, campaign=others[1], per_minute=8, starts_s=20, attest=signed),
        Stream(head=net.LOST, campaign=others[2], per_minute=7, starts_s=30, attest=signed),
        Stream(head=net.SECOND, campaign=others[3], per_minute=6, starts_s=45, attest=signed),
        Stream(head="", campaign="", per_minute=24, starts_s=0, attest=("A", "A", "A", "B", "")),
    )


def plan(network: Network, start: datetime) -> Iterator[Placed]:
    """Yield every call from ``start`` on, without end, in order of time."""
    flows = [_flow(network, stream, start) for stream in streams(network)]
    calls = heapq.merge(*flows, key=lambda call: call.at)
    chance = random.Random(f"reports:{network.seed}")  # noqa: S311 - a simulation must repeat
    run = int(start.timestamp())
    for number, call in enumerate(calls, start=1):
        numbered = replace(call, number=number)
        yield Placed(call=numbered, report=_report(network, numbered, run, chance))


def _flow(network: Network, stream: Stream, start: datetime) -> Iterator[Call]:
    chance = random.Random(f"stream:{network.seed}:{stream.head}")  # noqa: S311 - a simulation must repeat
    everyday = scripts.Everyday(chance)
    texts = scripts.campaigns().get(stream.campaign, ())
    spoofed = _Rotation(chance)
    at = start + timedelta(seconds=stream.starts_s)
    while True:
        at += timedelta(seconds=round(min(20.0, chance.expovariate(stream.per_minute / 60)), 3))
        head = network.heads[stream.head] if stream.head else chance.choice(network.ordinary)
        state = _state(network, head, chance)
        area = chance.choice(AREAS[state])
        told = chance.choice(texts) if texts else everyday.draw()
        answered = chance.random() < (0.92 if texts else 0.8)
        words = len(told.text.split())
        yield Call(
            number=0,
            at=at,
            calling=spoofed.next(area) if texts else _number(chance.choice(AREAS[chance.choice(net.STATES)]), chance),
            called=_number(area, chance),
            state=state,
            customer=head.customer,
            path=network.path(head, state),
            ring_s=round(chance.uniform(1.5, 6.0), 3),
            # A recording says about 2.8 words a second; who is listened to, stays a little.
            talk_s=round(words / 2.8 + chance.uniform(0.5, 3.0), 3) if answered else 0.0,
            attest=chance.choice(stream.attest),
            callee_ends=chance.random() < 0.3,
            campaign=stream.campaign,
            transcript=told.text,
            language=told.language,
        )


def _state(network: Network, head: Head, chance: random.Random) -> str:
    """Return a state whose carrier is not on the head already: such a call would never leave that carrier."""
    away = [state for state in net.STATES if network.terminating[state] not in head.carriers]
    return chance.choices(away, weights=[_WEIGHTS[net.STATES.index(state)] for state in away])[0]


def _number(area: str, chance: random.Random) -> str:
    return f"1{area}55501{chance.randrange(100):02d}"


class _Rotation:
    """Spoofed calling numbers: two in five look like a neighbour; each serves a few calls."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._number = ""
        self._left = 0

    def next(self, area: str) -> str:
        if self._chance.random() < 0.4:
            return _number(area, self._chance)
        if not self._left:
            self._number = _number(self._chance.choice(AREAS[self._chance.choice(net.STATES)]), self._chance)
            self._left = self._chance.randint(1, 8)
        self._left -= 1
        return self._number


def _report(network: Network, call: Call, run: int, chance: random.Random) -> Report | None:
    """Return what is reported of ``call``: most calls of a campaign, few ordinary ones, not all with a transcript."""
    kind = chance.random()
    if call.campaign:
        app, honeypot, silent = 0.60, 0.75, 0.85
    else:
        app, honeypot, silent = 0.08, 0.08, 0.20
    if kind >= silent or not call.talk_s:
        return None
    apps = (Partner.APP, Partner.OTHER_APP)
    partner = Partner.HONEYPOT if app <= kind < honeypot else apps[call.number % 2]
    told = kind < honeypot
    rung = octets.rings_at(network, call)
    ended = rung + timedelta(seconds=call.ring_s + (call.talk_s if told else 0))
    event = _event(network, call, partner, f"{run}-{call.number:06d}", chance)
    if not told:
        event = _blocked(event)
    return Report(partner=partner, at=ended + timedelta(seconds=chance.uniform(0.4, 1.6)), event=event)


def _event(network: Network, call: Call, partner: Partner, event_id: str, chance: random.Random) -> FeedEvent:
    # The clock of a telephone or of a recorder, which is neither the true one nor the carrier's.
    seen = octets.rings_at(network, call) + timedelta(seconds=chance.gauss(0, 0.15))
    honeypot = partner is Partner.HONEYPOT
    zone = timezone(timedelta(hours=-5))
    return FeedEvent(
        event_id=f"{partner.value}-{event_id}",
        call_at=seen.isoformat(timespec="microseconds")
        if honeypot
        else seen.astimezone(zone).isoformat("T", "milliseconds"),
        calling="+" + call.calling,
        called="+" + call.called,
        duration_s=round(call.talk_s, 1),
        ring_s=round(call.ring_s, 1),
        disposition=Disposition.ANSWERED if honeypot else Disposition.VOICEMAIL,
        transcript=call.transcript,
        language=call.language,
        is_recorded_message=True if call.campaign else None,
        terminating_spc=call.path[-1],
        call_id=octets.sip_call_id(network, call) if honeypot else "",
        identity=octets.delivered_identity(network, call),
    )


def _blocked(event: FeedEvent) -> FeedEvent:
    """Return ``event`` as an app sends it that refused the call: nothing was said."""
    return FeedEvent(
        event_id=event.event_id,
        call_at=event.call_at,
        calling=event.calling,
        called=event.called,
        disposition=Disposition.BLOCKED,
        labels=["blocked:by-user-list"],
        terminating_spc=event.terminating_spc,
        identity=event.identity,
    )
