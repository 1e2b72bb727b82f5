"""A small inter-carrier network: who exists, who hands calls to whom, and how each carrier's switch behaves.

Deterministic from its seed. Codes (``X001`` ...) and addresses (RFC 2544 and RFC 5737 blocks) belong to nobody.
Parts are those of one call: a terminating carrier also originates calls of its own subscribers.
"""

import random
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from headwater.errors import Invalid

SMALLEST = 12
LARGEST = 60

_TREES = """
Alder Aspen Balsam Basswood Birch Blackhaw Boxelder Buckeye Butternut Catalpa Cedar Chestnut Cottonwood Cypress Dogwood
Elder Fir Hackberry Hawthorn Hazel Hemlock Hickory Holly Hornbeam Ironwood Juniper Larch Linden Locust Madrone Magnolia
Maple Mesquite Mulberry Oak Olive Palmetto Pawpaw Pecan Persimmon Pine Pinyon Poplar Quince Redbud Rowan Sassafras
Sequoia Serviceberry Silverbell Sourwood Spruce Sumac Sycamore Tamarack Torreya Tupelo Walnut Willow Witchhazel Yew
"""
#: Names by tree; the seed decides which of them takes which part.
NAMES = tuple(_TREES.split())


class Part(StrEnum):
    """What a carrier mostly does."""

    TERMINATING = "terminating"
    INTERMEDIATE = "intermediate"
    GATEWAY = "gateway"
    ORIGINATING = "originating"
    FOREIGN = "foreign"


class Answers(StrEnum):
    """How a carrier meets a traceback question."""

    BY_AGENT = "by_agent"
    BY_HAND = "by_hand"
    """No agent: a person reads the carrier pages and answers late."""
    FEED_LOST = "feed_lost"
    """An agent runs, but its capture loses the calls: it finds no record."""
    NOT_ASKED = "not_asked"
    """Abroad: outside the tracing consortium."""


class NumberForm(StrEnum):
    """How a switch writes a North American number."""

    PLUS = "+1NXXNXXXXXX"
    ELEVEN = "1NXXNXXXXXX"
    TEN = "NXXNXXXXXX"

    def write(self, number: str) -> str:
        """Return the canonical ``number`` in this form; a foreign number keeps its country code."""
        if self is NumberForm.PLUS:
            return "+" + number
        return number[1:] if self is NumberForm.TEN and number[0] == "1" and len(number) == 11 else number


class Sender(StrEnum):
    """Which capture agent a carrier runs: their HEP frames differ in order and in one quirk."""

    KAMAILIO = "kamailio"
    SIPGREP = "sipgrep"


class Transport(StrEnum):
    """How HEP frames travel."""

    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """One carrier and its switch."""

    spc: str
    name: str
    country: str
    part: Part
    answers: Answers
    proxy: str
    """Address of its SIP proxy, inside ``block``."""
    block: str
    number_form: NumberForm
    b2bua: bool
    """Its border element opens a new dialog (new Call-ID) towards the next carrier."""
    strips_identity: bool
    """Its onward trunks do not carry the Identity header."""
    sender: Sender
    transport: Transport
    capture_id: int
    clock_offset_s: float
    delay_s: float
    """Typical time between taking a call and handing it on."""
    office_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Who buys call origination from a carrier. Its name never leaves that carrier."""

    name: str
    address: str
    number_form: NumberForm
    user_agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The upstream part of a route: the caller's side, then carriers up to the one before the terminating one."""

    name: str
    customer: Customer
    carriers: tuple[str, ...]
    """SPCs in the direction of the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Everything that is fixed before the first call."""

    seed: int
    carriers: dict[str, Carrier]
    heads: dict[str, Head]
    ordinary: tuple[Head, ...]
    terminating: dict[str, str]
    """State -> SPC of the carrier that serves its subscribers."""

    def path(self, head: Head, state: str) -> tuple[str, ...]:
        """Return the carriers of a call to a subscriber in ``state``, in the direction of the call."""
        last = self.terminating[state]
        return head.carriers if head.carriers[-1] == last else (*head.carriers, last)

    def peers(self, spc: str) -> tuple[Carrier, ...]:
        """Return the carriers that hand calls to ``spc`` or take calls from it, in order of their codes."""
        found: set[str] = set()
        for head in (*self.heads.values(), *self.ordinary):
            for state in self.terminating:
                path = self.path(head, state)
                for one, other in pairwise(path):
                    if spc in (one, other):
                        found.add(other if one == spc else one)
        return tuple(self.carriers[code] for code in sorted(found))

    def customers(self, spc: str) -> tuple[Customer, ...]:
        """Return the customers whose calls enter the network at ``spc``."""
        heads = (*self.heads.values(), *self.ordinary)
        found = {head.customer.address: head.customer for head in heads if head.carriers[0] == spc}
        return tuple(found[address] for address in sorted(found))

    def observed(self, spc: str) -> bool:
        """Tell whether the carrier's capture reaches an agent."""
        return self.carriers[spc].answers is Answers.BY_AGENT

    def agents(self) -> tuple[Carrier, ...]:
        """Return the carriers that run an agent, also the one whose feed is lost."""
        running = (Answers.BY_AGENT, Answers.FEED_LOST)
        return tuple(carrier for carrier in self.carriers.values() if carrier.answers in running)

    def by_hand(self) -> tuple[Carrier, ...]:
        """Return the carriers where a person answers."""
        return tuple(carrier for carrier in self.carriers.values() if carrier.answers is Answers.BY_HAND)


#: States whose subscribers are called: Michigan and Ohio most, since the demo's agencies are theirs.
STATES = ("MI", "OH", "PA", "IN", "TX", "FL", "CA", "NY")

MAIN, FOREIGN, LATE, LOST, SECOND = "main", "foreign", "late", "lost", "second"


def build(seed: int, size: int = SMALLEST) -> Network:
    """Return the network of ``seed`` with ``size`` carriers and, besides, one foreign operator.

    Raises:
        Invalid: ``size`` is below 12 (every part once would not fit) or above 60 (there are no more names).
    """
    if not SMALLEST <= size <= LARGEST:
        raise Invalid(
            f"A simulated network has {SMALLEST} to {LARGEST} carriers, not {size}; choose another --carriers."
        )
    chance = random.Random(f"network:{seed}")  # noqa: S311 - a simulation must repeat; nothing secret comes from it
    names = chance.sample(NAMES, size + 1)
    parts = _parts(size)
    carriers = {}
    for index, (name, (part, answers)) in enumerate(zip(names, parts, strict=True), start=1):
        carrier = _carrier(index, name, part, answers, chance)
        carriers[carrier.spc] = carrier
    heads, ordinary = _heads(carriers, chance)
    ends = [spc for spc, carrier in carriers.items() if carrier.part is Part.TERMINATING]
    served = {state: ends[min(position, len(ends) - 1)] for position, state in enumerate(STATES)}
    return Network(seed=seed, carriers=carriers, heads=heads, ordinary=ordinary, terminating=served)


def _parts(size: int) -> list[tuple[Part, Answers]]:
    """Return part and way of answering of each carrier; the foreign operator is last."""
    agent = Answers.BY_AGENT
    fixed = [(Part.TERMINATING, agent)] * 3 + [(Part.INTERMEDIATE, agent)] * 3
    fixed += [(Part.INTERMEDIATE, Answers.BY_HAND), (Part.INTERMEDIATE, Answers.FEED_LOST)]
    fixed += [(Part.GATEWAY, agent)] + [(Part.ORIGINATING, agent)] * 3
    more = [(part, agent) for part in (Part.INTERMEDIATE, Part.ORIGINATING)]
    extra = [more[index % 2] for index in range(size - len(fixed))]
    return [*fixed, *extra, (Part.FOREIGN, Answers.NOT_ASKED)]


_TRADE = {
    Part.TERMINATING: "Telephone",
    Part.INTERMEDIATE: "Carrier Services",
    Part.GATEWAY: "Gateway",
    Part.ORIGINATING: "Voice",
    Part.FOREIGN: "Global Telecom",
}


def _carrier(index: int, name: str, part: Part, answers: Answers, chance: random.Random) -> Carrier:
    border = part in (Part.INTERMEDIATE, Part.GATEWAY)
    return Carrier(
        spc=f"X{index:03d}",
        name=f"{name} {_TRADE[part]}",
        country="PH" if part is Part.FOREIGN else "US",
        part=part,
        answers=answers,
        proxy=f"198.18.{index}.10",
        block=f"198.18.{index}.0/24",
        number_form=chance.choices(list(NumberForm), weights=(50, 28, 22))[0],
        b2bua=border and chance.random() < 0.5,
        strips_identity=border and chance.random() < 0.2,
        sender=chance.choices(list(Sender), weights=(70, 30))[0],
        # The seed's order, not its chance: both transports are always there.
        transport=Transport.TCP if index % 2 else Transport.UDP,
        capture_id=2000 + index,
        clock_offset_s=round(max(-0.3, min(0.3, chance.gauss(0, 0.12))), 3),
        delay_s=round(min(0.4, chance.lognormvariate(-2.4, 0.5)), 3),
        office_zone=chance.choice(("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles")),
    )


def _heads(carriers: dict[str, Carrier], chance: random.Random) -> tuple[dict[str, Head], tuple[Head, ...]]:
    """Return the heads of the campaigns' routes by name, and those of ordinary calls."""

    def of(part: Part, answers: Answers = Answers.BY_AGENT) -> list[str]:
        return [spc for spc, c in carriers.items() if c.part is part and c.answers is answers]

    first, second, third = of(Part.ORIGINATING)[:3]
    transit = of(Part.INTERMEDIATE)
    one, two, three = chance.sample(transit[:3], 3)
    (hand,), (lost,) = of(Part.INTERMEDIATE, Answers.BY_HAND), of(Part.INTERMEDIATE, Answers.FEED_LOST)
    routes = {
        MAIN: (first, one, two, three),
        FOREIGN: (*of(Part.FOREIGN, Answers.NOT_ASKED), *of(Part.GATEWAY), two),
        LATE: (second, hand, one),
        LOST: (third, lost, three),
        SECOND: (second, two, three),
    }
    heads = {
        name: Head(name=name, customer=_customer(index, name, chance), carriers=route)
        for index, (name, route) in enumerate(routes.items(), start=1)
    }
    sources = [*of(Part.ORIGINATING), *of(Part.TERMINATING)]
    ordinary = []
    for index, source in enumerate([*sources, *sources], start=21):
        middle = tuple(chance.sample(transit, 1 + index % 2))
        ordinary.append(
            Head(name=f"ordinary-{index}", customer=_customer(index, "ordinary", chance), carriers=(source, *middle))
        )
    return heads, tuple(ordinary)


def _customer(index: int, kind: str, chance: random.Random) -> Customer:
    dialler = chance.choice(("VICIdial 2.14", "Asterisk PBX 18.9.0", "FPBX-16.0", "GoAutoDial"))
    handset = chance.choice(("Cisco-CP8841/12.8.1", "Yealink SIP-T46S", "Polycom/5.9.6", "Grandstream GXP2170"))
    return Customer(
        name=f"Account {4700 + index}",
        address=f"203.0.113.{index}",
        number_form=chance.choice(list(NumberForm)),
        user_agent=handset if kind == "ordinary" else dialler,
    )
