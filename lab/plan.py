"""Who calls whom: the ground truth of a run, made before a single packet is sent."""

import random
from dataclasses import dataclass
from enum import StrEnum


class End(StrEnum):
    """How carrier C or the called side ends a call; the called number's last block chooses it."""

    ANSWERED = "answered"
    NETWORK_BLOCKED = "603+"
    REJECTED = "608"
    NOT_FOUND = "404"

    @property
    def status(self) -> int:
        """The final status that the caller hears."""
        return {"answered": 200, "603+": 603, "608": 608, "404": 404}[self.value]


#: First digits of the last four -> end. Fictitious numbers: NPA-555-01xx.
ENDS = {"010": End.ANSWERED, "011": End.ANSWERED, "012": End.NETWORK_BLOCKED, "013": End.REJECTED, "014": End.NOT_FOUND}
AGENTS = ("Asterisk PBX 18.9", "VICIdial", "FreeSWITCH-mod_sofia/1.10", "pjsip")
SIGNED_IN_FULL = "313"
"""Calling numbers of this area code get attestation A, others C."""


@dataclass(frozen=True, kw_only=True)
class PlannedCall:
    """One call as it will be made."""

    name: str
    """Sent as ``X-Lab-Call``, which no joining rule reads: the truth travels with the call."""
    calling: str
    called: str
    agent: str
    end: End

    @property
    def attest(self) -> str:
        """What carrier A signs."""
        return "A" if self.calling.startswith(SIGNED_IN_FULL) else "C"


def plan(calls: int, seed: int) -> list[PlannedCall]:
    """Return so many calls: strangers, redials of one number by one caller, and one caller who dials many."""
    chance = random.Random(seed)
    planned: list[PlannedCall] = []
    for number in range(calls):
        before = planned[-1] if planned else None
        if before is not None and number % 10 == 4:
            calling, called = before.calling, before.called  # the same caller, the same number, 0.2 s later
        elif number % 10 == 9 and number > 10:
            calling, called = planned[-10].calling, planned[-10].called  # the same 2 s later
        elif before is not None and number % 5 == 3:
            calling, called = before.calling, _number(chance, "616", chance.choice(list(ENDS)))
        else:
            calling = _number(chance, chance.choice(["313", "404"]), "018")
            called = _number(chance, chance.choice(["212", "616"]), chance.choice(list(ENDS)))
        planned.append(
            PlannedCall(
                name=f"lab-{seed}-{number}",
                calling=calling,
                called=called,
                agent=chance.choice(AGENTS),
                end=ENDS[called[6:9]],
            )
        )
    return planned


def _number(chance: random.Random, area: str, block: str) -> str:
    return f"{area}555{block}{chance.randrange(10)}"


def csv(planned: list[PlannedCall]) -> str:
    """Return what SIPp reads: one call a line, in their order."""
    lines = [f"+1{call.calling};+1{call.called};{call.agent};{call.name}" for call in planned]
    return "\n".join(["SEQUENTIAL", *lines, ""])
