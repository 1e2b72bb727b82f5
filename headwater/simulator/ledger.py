"""What carriers write down of the calls that pass them: each its own record, in its own clock and digits."""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

import msgspec

from headwater.calls.matching import Side
from headwater.numbering.numbers import canonical
from headwater.simulator import noise as noises
from headwater.simulator.callers import shown
from headwater.simulator.graphs import Tier
from headwater.simulator.noise import Clocks, Noise
from headwater.simulator.world import Role, Signing, World, number

DAY: Final = 86_400.0
#: Instant at which every simulated day begins: a Tuesday, 13:00 UTC, business hours in New York.
DAWN: Final = 1_781_010_000.0
SETUP_MEDIAN_S: Final = 0.12
SETUP_SIGMA: Final = 1.15
"""Of the logarithm: 0.12 s in the median, 0.8 s at the 95th percentile."""
#: Routes that a switch tries at most.
MOST_ROUTES: Final = 12
#: Calls of each hour of the day (UTC) beside one another, of ordinary traffic: quiet at night, most in the afternoon.
HOURLY: Final = (20, 14, 9, 6, 4, 3, 3, 3, 4, 6, 12, 24, 40, 58, 70, 76, 80, 82, 82, 80, 74, 62, 46, 30)


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One call detail record: both sides of one call at one carrier."""

    entry_id: str
    session: str
    """The switch's own identifier of the call: every route that it tried for it has the same one."""
    carrier: int
    switch: int
    ingress: Side
    egress: Side
    upstream: int
    """Carrier that handed the call over; -1 where it came from a customer."""
    downstream: int
    """Carrier that it was handed to; -1 at the called subscriber."""
    call: int
    """Of the truth: which call it is. Read by nothing that answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """The truth of one call."""

    number: int
    path: tuple[int, ...]
    """From the origin to the terminating carrier."""
    operation: int
    at: float
    calling: str
    called: str
    signer: int = -1
    attest: str = ""
    signed_at_end: bool = False
    signed_by_origin: bool = False
    """Its originator signed it, whether or not the token arrived."""
    token: tuple[str, str] = ("", "")
    """Calling and called number of its token; "" where it has none at its end."""
    forwarded: bool = False
    diverted: bool = False
    """It was forwarded, and who forwarded it says so (div, Diversion or History-Info)."""
    boxed: bool = False
    """It came through a SIM box: who called is behind the mobile subscriber of the first carrier."""
    started: float = 0.0
    """When the first carrier took it; ``at`` is when it rang."""


@dataclass(slots=True)
class Ledger:
    """Every record of a world, as each carrier would find it."""

    world: World
    noise: Noise
    by_called: dict[tuple[int, str], list[Entry]] = field(default_factory=lambda: defaultdict(list))
    by_identifier: dict[tuple[int, str], list[Entry]] = field(default_factory=lambda: defaultdict(list))
    by_digits: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    """Called digits -> records of carrying a call to them: what a blind search can find."""
    calls: int = 0
    records: int = 0

    def add(self, entry: Entry) -> None:
        """Keep one record."""
        self.records += 1
        self.by_called[entry.carrier, entry.egress.called[-7:]].append(entry)
        for side in (entry.egress,):
            for identifier in (side.call_id, side.session_id, side.identity):
                if identifier:
                    self.by_identifier[entry.carrier, identifier].append(entry)
        self.by_digits[entry.egress.called[-10:]].append(entry)


def place(ledger: Ledger, chance: random.Random, operation: int) -> Happened:
    """Let one call of a campaign happen, with what rings around it; every carrier writes its records."""
    world = ledger.world
    goal = chance.choice(world.terminating)
    called = number(chance)
    at = DAWN + chance.uniform(0, 0.3 * DAY)
    made = _campaign_call(ledger, chance, operation=operation, goal=goal, called=called, at=at)
    redials = _poisson(chance, world.knobs.redials)
    for _ in range(redials):
        near = chance.random() < 0.2
        when = at + (chance.uniform(-300, 300) if near else chance.uniform(-0.5 * DAY, 0.5 * DAY))
        _campaign_call(ledger, chance, operation=operation, goal=goal, called=called, at=when)
    if chance.random() < world.knobs.crowded:
        for _ in range(20):
            other = chance.randrange(len(world.operations))
            when = at + chance.uniform(-600, 600)
            _campaign_call(ledger, chance, operation=other, goal=goal, called=called, at=when)
    return made


def again(ledger: Ledger, chance: random.Random, first: Happened) -> Happened:
    """Let another call of the burst of ``first`` happen: same campaign, another target, within a minute."""
    goal = chance.choice(ledger.world.terminating)
    at = first.at + chance.uniform(-60, 60)
    return _campaign_call(ledger, chance, operation=first.operation, goal=goal, called=number(chance), at=at)


def ordinary(ledger: Ledger, chance: random.Random) -> Happened:
    """Let one call of a subscriber to another happen, by the daily curve, from and to carriers by their size."""
    world = ledger.world
    voice = [m.index for m in world.members if m.tier is not Tier.FOREIGN and Role.VOICE in m.role]
    origin, goal = chance.choices(voice, [world.degree(one) for one in voice])[0], chance.choice(world.terminating)
    while goal == origin:
        goal = chance.choice(world.terminating)
    hour = chance.choices(range(24), HOURLY)[0]
    at = DAWN - DAWN % DAY + 3_600 * (hour + chance.random())
    path = world.route(origin, goal, chance.randrange(3), day=int(at // DAY), ordinary=True)
    return _ring(ledger, chance, operation=-1, path=path, numbers=(number(chance), number(chance)), at=at)


def _poisson(chance: random.Random, mean: float) -> int:
    count, left = 0, chance.expovariate(1.0)
    while left < mean:
        count, left = count + 1, left + chance.expovariate(1.0)
    return count


def _campaign_call(  # noqa: PLR0913 - one argument a fact of the call
    ledger: Ledger, chance: random.Random, *, operation: int, goal: int, called: str, at: float
) -> Happened:
    """Let one call of a campaign happen, through the carrier that its calls enter at in this hour."""
    world = ledger.world
    plan = world.operations[operation]
    origin = plan.entries[int(at // 3_600) % len(plan.entries)]
    while goal == origin:  # calls through a SIM box leave its carrier
        goal = chance.choice(world.terminating)
    path = world.route(origin, goal, chance.randrange(3), day=int(at // DAY))
    numbers = shown(plan.owned, called, world.knobs, chance), called
    return _ring(ledger, chance, operation=operation, path=path, numbers=numbers, at=at)


def _ring(  # noqa: PLR0913 - one argument a fact of the call
    ledger: Ledger,
    chance: random.Random,
    *,
    operation: int,
    path: tuple[int, ...],
    numbers: tuple[str, str],
    at: float,
) -> Happened:
    """Let one call happen that shows (calling, called) numbers; ``operation`` -1 is an ordinary one."""
    world, noise, knobs = ledger.world, ledger.noise, ledger.world.knobs
    calling, called = numbers
    ledger.calls += 1
    serial = ledger.calls
    signer, attest = _signer(world, path, chance)
    duration = _lasting(chance, knobs.short if operation >= 0 else 0.2)
    answered = chance.random() < knobs.answered
    not_ip = knobs.not_ip if operation >= 0 else knobs.ordinary_not_ip
    walked = _looped(path, chance, noise)
    signed = False
    now, digits, seen = at, called, calling
    turned = chance.randrange(1, len(walked)) if chance.random() < noise.forwarded and len(walked) > 2 else -1
    if turned > 0:
        digits = number(chance)  # the call was to another number until a carrier forwarded it
    wire: Side | None = None
    token, attested = "", ("", "")
    for place_, here in enumerate(walked):
        before = walked[place_ - 1] if place_ else -1
        after = walked[place_ + 1] if place_ + 1 < len(walked) else -1
        if here == signer and not token:
            token, attested = f"tok{serial}", (seen, digits)
        ingress_digits, ingress_seen = digits, seen
        if place_ == turned:
            digits = called
        elif 0 < place_ < len(walked) - 1:
            digits, seen = _rewritten(chance, noise, digits, seen, settled=turned < place_)
        stripped = chance.random() < not_ip
        entry, wire = _entry(
            ledger,
            chance,
            serial=serial,
            here=here,
            before=before,
            after=after,
            at=now,
            digits=(ingress_digits, digits),
            shown=(ingress_seen, seen),
            wire=wire,
            stripped=stripped,
            token=token,
            duration=duration if answered else 0.0,
            answered=answered,
        )
        _written(ledger, chance, entry)
        signed = bool(token)
        if stripped and after >= 0 and chance.random() >= knobs.out_of_band:
            token = ""
        now += min(4.0, chance.lognormvariate(0, SETUP_SIGMA) * knobs.setup_s * (knobs.tdm if stripped else 1.0))
    return Happened(
        number=serial,
        path=path,
        operation=operation,
        at=now,
        calling=seen,
        called=digits,
        signer=signer if signed else -1,
        attest=attest if signed else "",
        signed_at_end=signed,
        signed_by_origin=signer == path[0],
        token=attested if signed else ("", ""),
        forwarded=turned > 0,
        diverted=turned > 0 and chance.random() < noise.forwarding_told,
        boxed=operation >= 0 and world.operations[operation].boxed,
        started=at,
    )


def _lasting(chance: random.Random, short: float) -> float:
    return chance.expovariate(1 / 7.0) + 1 if chance.random() < short else chance.expovariate(1 / 60.0) + 15


def _rewritten(chance: random.Random, noise: Noise, digits: str, shown: str, *, settled: bool) -> tuple[str, str]:
    """Let a transit change the called or the calling number; ``settled``: no forwarding is still to come."""
    if chance.random() < noise.called_rewritten and settled:
        digits = number(chance)
    if chance.random() < noise.calling_rewritten:
        shown = number(chance)
    return digits, shown


def _written(ledger: Ledger, chance: random.Random, entry: Entry) -> None:
    """Keep a record, or lose it, or keep it twice; and the record of a route that failed before."""
    noise = ledger.noise
    if chance.random() >= noise.missing:
        ledger.add(entry)
        if chance.random() < noise.duplicated:
            ledger.add(msgspec.structs.replace(entry, entry_id=entry.entry_id + "d"))
    tried = 1
    while entry.downstream >= 0 and tried < MOST_ROUTES and chance.random() < noise.failover:
        _tried(ledger, chance, entry, tried)
        tried += 1


def _looped(path: tuple[int, ...], chance: random.Random, noise: Noise) -> tuple[int, ...]:
    """Let the call come back to a carrier once: A to B to A to C."""
    if len(path) < 4 or chance.random() >= noise.looped:
        return path
    turn = chance.randrange(1, len(path) - 2)
    return (*path[: turn + 2], path[turn], *path[turn + 2 :]) if path[turn] != path[turn + 2] else path


def _signer(world: World, path: tuple[int, ...], chance: random.Random) -> tuple[int, str]:
    """Return who signs the call and how: the originator mostly, else one further down."""
    knobs = world.knobs
    for place_, here in enumerate(path[:-1]):
        signing = world.members[here].signing
        can = {Signing.FULL: knobs.signs_full, Signing.PARTIAL: knobs.signs_partial, Signing.NONE: 0.0}[signing]
        if world.members[here].tier is Tier.FOREIGN or chance.random() >= can:
            continue
        if place_ == 0:
            return here, chance.choices("AB", (70, 30))[0]
        draw = chance.random()
        if draw < knobs.signs_downstream_a:
            return here, "A"
        if draw < knobs.signs_downstream_a + knobs.signs_downstream:
            return here, chance.choice("BC")
    return -1, ""


def _entry(  # noqa: PLR0913 - one argument a fact of the record
    ledger: Ledger,
    chance: random.Random,
    *,
    serial: int,
    here: int,
    before: int,
    after: int,
    at: float,
    digits: tuple[str, str],
    shown: tuple[str, str],
    wire: Side | None,
    stripped: bool,
    token: str,
    duration: float,
    answered: bool,
) -> tuple[Entry, Side]:
    """Return a carrier's record of one call, and its leg out as the next carrier meets it."""
    world, noise = ledger.world, ledger.noise
    seed = world.seed
    place_ = (here * 31 + max(after, 0)) % 2  # two switches a carrier; the trunk decides which
    clock = noises.switch(seed, here, place_, noise.clocks)
    form = noises.number_form(seed, here, noise.formats)
    keeps = random.Random(f"{seed}/keeps/{here}")  # noqa: S311 - a world, not a secret
    keeps_call_id, keeps_token, b2bua = keeps.random() < 0.5, keeps.random() < 0.4, keeps.random() < 0.6
    jitter = 0.0
    if noise.clocks is Clocks.SWITCHES and duration:
        jitter = chance.uniform(-1, 1) if chance.random() >= 0.02 else chance.uniform(2, 5)
    length = -(-max(0.0, duration + jitter) // clock.rounding_s) * clock.rounding_s if duration else 0.0
    start = clock.stamp(at)
    came = wire.call_id if wire else f"c{serial}.{here}"
    leaves = f"c{serial}.{here}" if b2bua or not came else came
    present = noise.identifiers
    ingress = Side(
        start=start,
        calling=_read(form, shown[0]),
        called=_read(form, digits[0]),
        resolution_s=clock.resolution_s,
        duration_s=length,
        rounding_s=clock.rounding_s,
        peer=world.members[before].spc if before >= 0 else "",
        trunk=_trunk(here, place_),
        call_id=came if wire is not None and keeps_call_id and chance.random() < present else "",
        identity=token if wire is not None and wire.identity and keeps_token else "",
        answered=answered,
    )
    egress = Side(
        start=start,
        calling=_read(form, shown[1]),
        called=_read(form, digits[1]),
        resolution_s=clock.resolution_s,
        duration_s=length,
        rounding_s=clock.rounding_s,
        peer=world.members[after].spc if after >= 0 else "",
        trunk=_trunk(here, place_),
        call_id=leaves if keeps_call_id and not stripped else "",
        identity=token if keeps_token and not stripped else "",
        answered=answered,
    )
    entry = Entry(
        entry_id=f"{here}.{serial}.{place_}.{before}",
        session=f"{here}.{serial}.{before}",
        carrier=here,
        switch=place_,
        ingress=ingress,
        egress=egress,
        upstream=before,
        downstream=after,
        call=serial,
    )
    out = Side(start=at, call_id="" if stripped else leaves, identity="" if stripped else token)
    return entry, out


def _tried(ledger: Ledger, chance: random.Random, entry: Entry, turn: int) -> None:
    """Leave the record of a route that failed before the one that answered."""
    world = ledger.world
    others = [one for one in world.links[entry.carrier] if one not in {entry.downstream, entry.upstream}]
    if not others:
        return
    skipped = chance.choice(others)
    tried = msgspec.structs.replace(
        entry.egress,
        start=entry.egress.start - turn,
        peer=world.members[skipped].spc,
        call_id="",
        identity="",
        duration_s=0.0,
        answered=False,
    )
    ledger.add(
        msgspec.structs.replace(
            entry, entry_id=f"{entry.entry_id}f{turn}", egress=tried, downstream=skipped, call=-entry.call
        )
    )


def _trunk(carrier: int, place_: int) -> str:
    return f"{carrier}:{place_}"


def _read(form: str, digits: str) -> str:
    """Write digits in a carrier's form and read them again, as its intake does: a technical prefix is cut off."""
    if form == "+{0}":
        return digits
    written = form.format(digits, digits[-10:])
    return canonical(written.rpartition("#")[2])
