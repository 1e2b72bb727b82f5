"""Which matters of different agencies point at the same thing, found without telling anybody at what. Pure.

Each thing that a matter is about becomes a pointer: an HMAC-SHA256 under a key that the worker alone holds, so that a
telephone number cannot be found by hashing all of them. Two matters match where they share a pointer, their agencies
differ, and both have opted in: the agency as a whole, and this matter. What a match says is that the other matter
exists and whom to call.
"""

import hmac
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

VERSION = "headwater-deconfliction/1"
#: Calls of a campaign with which a number counts as its own, and not as one spoofed by chance.
CALLS_OF_A_NUMBER = 3
#: Numbers and other marks of one campaign that become pointers, those of the most calls first.
MARKS_OF_A_CAMPAIGN = 500
#: Reported calls in an agency's own state with which a campaign of its alerts is a real ground.
CALLS_OF_A_GROUND = 10
#: Matters that one agency may enter in a day: a search of the index by trial is no use of it.
MATTERS_A_DAY = 10
#: How long a matter that was taken out stays out: what comes and goes with it would tell too much.
REST = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that a matter is about: a campaign, a provider, a number, a script, a recording."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """One matter in force, with whether its agency takes part, and its pointers."""

    matter: str
    organisation: str
    takes_part: bool
    pointers: frozenset[str]


def pointer(key: bytes, thing: Thing) -> str:
    """Return the pointer of a thing, in hexadecimal. Parts are told apart by length: no two things read alike."""
    parts = (VERSION, thing.kind, thing.value)
    said = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hmac.new(key, said, sha256).hexdigest()


def pairs(matters: Iterable[Open]) -> frozenset[tuple[str, str]]:
    """Return the matters that match, each pair once, the smaller identifier first."""
    by_pointer: dict[str, list[Open]] = defaultdict(list)
    for matter in matters:
        if matter.takes_part:
            for one in matter.pointers:
                by_pointer[one].append(matter)
    return frozenset(
        (min(one.matter, other.matter), max(one.matter, other.matter))
        for sharing in by_pointer.values()
        for place, one in enumerate(sharing)
        for other in sharing[place + 1 :]
        if one.organisation != other.organisation
    )


def may_enter(entered: Iterable[datetime], withdrawn: datetime | None, now: datetime) -> str:
    """Return why a matter may not be entered now, "" where it may.

    Args:
        entered: When the agency entered its matters.
        withdrawn: When this one was last taken out by its agency.
        now: The present.
    """
    if sum(at > now - timedelta(days=1) for at in entered) >= MATTERS_A_DAY:
        return f"Your agency entered {MATTERS_A_DAY} matters within a day. Enter more tomorrow."
    if withdrawn is not None and withdrawn > now - REST:
        until = (withdrawn + REST).strftime("%Y-%m-%d %H:%M UTC")
        return f"This matter was taken out; it can be entered again from {until} on."
    return ""
