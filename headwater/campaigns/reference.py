"""The labelled scripts that ship with Headwater: what it knows of campaigns before the first call."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from headwater.campaigns.script import Script, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One labelled script. ``campaign`` is "" where only the wider family is known."""

    number: int
    """Its line in data/reference.jsonl, from 1: what a name's basis cites."""
    script: Script
    text: str = ""
    """The transcript that was read."""
    campaign: str
    family: str


@cache
def reference() -> tuple[Labelled, ...]:
    """Read the shipped reference once. Its origin and licence: data/README.md beside it."""
    text = files("headwater.campaigns").joinpath("data/reference.jsonl").read_text("utf-8")
    rows = enumerate((json.loads(line) for line in text.splitlines()), start=1)
    return tuple(
        Labelled(
            number=number,
            script=read(row["transcript"]),
            text=row["transcript"],
            campaign=row["campaign"],
            family=row["family"],
        )
        for number, row in rows
    )
