"""What is said in simulated calls: real robocalls by campaign, and everyday messages.

A label of a real robocall is ground truth. It goes into the truth file and nowhere else.
"""

import random
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec

#: A campaign needs this many recorded calls to ring for minutes without saying one text again and again.
ENOUGH = 6
_SLOTS = {
    "name": ("Ann", "Marcus", "Dolores", "Kenji", "Ruth", "Abdul", "Sofia", "Walter", "Grace", "Leon", "Mei", "Oscar"),
    "time": ("nine", "half past ten", "eleven fifteen", "two", "a quarter to four", "five thirty", "six", "seven"),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}


class Recorded(msgspec.Struct, frozen=True):
    """One line of ``data/calls.jsonl``, as far as the simulator reads it."""

    transcript: str
    label_kind: str
    language: str
    family: str = ""
    campaign: str | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """What a recording says."""

    text: str
    language: str
    family: str = ""
    """The scheme behind the campaign, wider than its name."""


def _data(name: str) -> list[str]:
    text = files(__package__).joinpath("data", name).read_text("utf-8")
    return [line for line in text.splitlines() if line.strip()]


@cache
def campaigns() -> dict[str, tuple[Script, ...]]:
    """Return the scripts of each campaign that the ITG named and that has enough of them, by its name.

    A script occurs as often as it was recorded; a transcript of fewer than eight words is left out, since the
    people who hang up at once are not what makes a campaign.
    """
    decode = msgspec.json.Decoder(Recorded).decode
    rows = [row for row in map(decode, _data("calls.jsonl")) if row.label_kind == "itg-campaign" and row.campaign]
    told = [row for row in rows if len(row.transcript.split()) >= 8]
    counts = Counter(row.campaign for row in told)
    found: dict[str, list[Script]] = {}
    for row in told:
        if row.campaign and counts[row.campaign] >= ENOUGH:
            found.setdefault(row.campaign, []).append(Script(row.transcript, row.language, row.family))
    return {name: tuple(found[name]) for name in sorted(found)}


@cache
def _everyday() -> tuple[str, ...]:
    return tuple(_data("everyday.txt"))


class Everyday:
    """Everyday messages, private ones and legitimate robocalls, each told once before any is told again."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._deck: list[str] = []

    def draw(self) -> Script:
        """Return the next message, its gaps filled."""
        if not self._deck:
            self._deck = list(_everyday())
            self._chance.shuffle(self._deck)
        filled = {slot: self._chance.choice(words) for slot, words in _SLOTS.items()}
        return Script(self._deck.pop().format(**filled), "en")
