"""What each carrier's capture sees of one call: HEP frames of real SIP messages, received and sent.

Every carrier on the path reports two views of every message, the one it received and the one it sent, stamped by
its own clock. A B2BUA opens a new dialog (Call-ID, tags, CSeq, Via) towards the next carrier and hands the Identity
header on; a proxy stays in the dialog.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from headwater.simulator import frames, messages, passports
from headwater.simulator.messages import Dialog, Leg
from headwater.simulator.network import Carrier, Customer, Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, in full: what happened, not what anyone says of it."""

    number: int
    """Counts the calls of one run from 1."""
    at: datetime
    """When the caller's side sent the INVITE, by the true clock."""
    calling: str
    called: str
    state: str
    """Where the called subscriber is served."""
    customer: Customer
    path: tuple[str, ...]
    """SPCs from the origin to the terminating carrier."""
    ring_s: float
    talk_s: float
    """0.0 where nobody answered."""
    attest: str = ""
    """Attestation of the originating carrier; "" where it does not sign."""
    callee_ends: bool = False
    campaign: str = ""
    transcript: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One HEP frame and when it leaves which carrier."""

    at: datetime
    """By the true clock: when it is sent."""
    spc: str
    frame: bytes


@dataclass(frozen=True, slots=True)
class _Wire:
    """A leg with the times at which its INVITE left the sender and reached the receiver."""

    leg: Leg
    sent: datetime
    received: datetime


@dataclass(frozen=True, slots=True)
class _Sending:
    """One message on one leg, when its sender let it go, and whether that is the side nearer to the subscriber."""

    at: datetime
    octets: bytes
    backwards: bool


def captures(network: Network, call: Call, keys: Mapping[str, str]) -> list[Capture]:
    """Return the frames of ``call`` from every carrier whose capture works, in order of time.

    ``keys`` holds the HEP authentication key of each such carrier by its SPC.
    """
    wires = _wires(network, call)
    ends = ["", *call.path, ""]
    found: list[Capture] = []
    for index, wire in enumerate(wires):
        for sending in _exchange(call, wire, wires):
            near, far = ends[index], ends[index + 1]
            if sending.backwards:
                near, far = far, near
            seen = _seen(wire, sending)
            later = replace(seen, at=seen.at + (wire.received - wire.sent))
            views = ((near, seen), (far, later))
            found += [
                _capture(network.carriers[spc], view, keys) for spc, view in views if spc and network.observed(spc)
            ]
    return sorted(found, key=lambda capture: (capture.at, capture.spc, capture.frame))


def rings_at(network: Network, call: Call) -> datetime:
    """Return when the INVITE reached the subscriber, by the true clock."""
    return _wires(network, call)[-1].received


def sip_call_id(network: Network, call: Call) -> str:
    """Return the Call-ID on the subscriber's own leg."""
    return _wires(network, call)[-1].leg.dialog.call_id


def _seen(wire: _Wire, sending: _Sending) -> frames.Seen:
    source, destination = wire.leg.source, wire.leg.destination
    if sending.backwards:
        source, destination = destination, source
    return frames.Seen(at=sending.at, source=source, destination=destination, octets=sending.octets)


def _capture(carrier: Carrier, seen: frames.Seen, keys: Mapping[str, str]) -> Capture:
    stamped = replace(seen, at=seen.at + timedelta(seconds=carrier.clock_offset_s))
    frame = frames.encode(stamped, sender=carrier.sender, capture_id=carrier.capture_id, auth_key=keys[carrier.spc])
    return Capture(at=seen.at, spc=carrier.spc, frame=frame)


def _exchange(call: Call, wire: _Wire, wires: list[_Wire]) -> Iterator[_Sending]:
    """Yield every message on one leg.

    What the caller does reaches this leg after ``forth``, what the subscriber does after ``back``: the same delays
    that the INVITE met.
    """
    leg, start, end = wire.leg, wires[0].sent, wires[-1].received
    forth, back, through = wire.sent - start, end - wire.received, end - start
    yield _Sending(wire.sent, messages.invite(leg), backwards=False)
    yield _Sending(wire.received + timedelta(milliseconds=4), messages.response(leg, 100, "Trying"), backwards=True)
    yield _Sending(end + timedelta(milliseconds=180) + back, messages.response(leg, 180, "Ringing"), backwards=True)
    decided = end + timedelta(seconds=call.ring_s)
    if not call.talk_s:
        refused = decided + back
        yield _Sending(refused, messages.response(leg, 486, "Busy Here"), backwards=True)
        late = refused + timedelta(milliseconds=12)
        yield _Sending(late, messages.acknowledge(leg, refused=True), backwards=False)
        return
    yield _Sending(decided + back, messages.response(leg, 200, "OK"), backwards=True)
    yield _Sending(decided + through + forth, messages.acknowledge(leg), backwards=False)
    callee = call.callee_ends
    over = decided + through + timedelta(seconds=call.talk_s)
    yield _Sending(over + (back if callee else forth), messages.bye(leg, by_callee=callee), backwards=callee)
    done = messages.response(leg, 200, "OK", method="BYE", by_callee=callee)
    yield _Sending(over + through + (forth if callee else back), done, backwards=not callee)


def _wires(network: Network, call: Call) -> list[_Wire]:
    # With the time, so that a second run on the same day does not repeat a Call-ID.
    chance = random.Random(f"call:{network.seed}:{call.number}:{call.at.isoformat()}")  # noqa: S311 - must repeat
    carriers = [network.carriers[spc] for spc in call.path]
    wires: list[_Wire] = []
    at = call.at
    for index, leg in enumerate(_legs(network, call, carriers, chance)):
        flight = timedelta(microseconds=chance.randint(1_000, 12_000))
        wires.append(_Wire(leg, at, at + flight))
        if index < len(carriers):
            at += flight + timedelta(microseconds=round(carriers[index].delay_s * chance.uniform(0.7, 1.3) * 1e6))
    return wires


def _legs(network: Network, call: Call, carriers: list[Carrier], chance: random.Random) -> Iterator[Leg]:
    subscriber = f"192.0.2.{10 + call.number % 240}"
    hosts = [call.customer.address, *(carrier.proxy for carrier in carriers), subscriber]
    # A dialog ends where a B2BUA stands: it is the far end of one and the near end of the next.
    breaks = [0, *(index for index, carrier in enumerate(carriers, start=1) if carrier.b2bua), len(hosts) - 1]
    identity = _identity(network, call)
    for start, end in pairwise(breaks):
        dialog = _dialog(hosts[start], chance)
        for index in range(start, end):
            sender = carriers[index - 1] if index else None
            identity = "" if sender and sender.strips_identity else identity
            yield Leg(
                source=hosts[index],
                destination=hosts[index + 1],
                calling=call.calling,
                called=call.called,
                form=sender.number_form if sender else call.customer.number_form,
                dialog=dialog,
                upstream=tuple(reversed(hosts[start : index + 1])),
                downstream=tuple(hosts[index + 1 : end + 1]),
                max_forwards=70 - index,
                user_agent=f"{carriers[start - 1].name} SBC 9.2" if start else call.customer.user_agent,
                asserted=sender is not None,
                # The originating carrier signs: its customer's leg has no Identity yet.
                identity=identity if sender else "",
                media=hosts[start],
                session=call.number,
            )


def _dialog(host: str, chance: random.Random) -> Dialog:
    return Dialog(
        call_id=f"{chance.getrandbits(96):024x}@{host}",
        caller_tag=f"{chance.getrandbits(40):010x}",
        callee_tag=f"{chance.getrandbits(40):010x}",
        cseq=chance.randint(100, 20_000),
    )


def delivered_identity(network: Network, call: Call) -> str:
    """Return the Identity header with which the call reaches its subscriber, "" where none is left."""
    stripped = any(network.carriers[spc].strips_identity for spc in call.path)
    return "" if stripped else _identity(network, call)


def _identity(network: Network, call: Call) -> str:
    if not call.attest:
        return ""
    return passports.identity(
        passports.Claim(
            seed=network.seed,
            signer=call.path[0],
            customer=call.customer.address,
            attest=call.attest,
            calling=call.calling,
            called=call.called,
            at=call.at,
        )
    )
