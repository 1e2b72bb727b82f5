"""What the trade knows of each family of campaigns, before any call: how names begin, and telling words. Pure.

A family is a wider group of campaigns (tax, student loans, orders of goods). Labelled scripts teach which scripts
belong to it, but a scheme of which none was labelled yet is known to the trade by its words all the same: "internal
revenue service" is tax. These words ("cues", ``data/families.toml``) have a strength of 1 to 4 each and are added up.
"""

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from headwater.campaigns.script import Script

FAMILIES_VERSION = "families/1"

#: Cues squared, of one family against all, and what stands for "none of them". Chosen by cross-validation within the
#: known halves of grouped splits (docs/explanation/campaigns.md).
_POWER = 2.0
_NONE = 2.0
#: From this share of Han characters on a transcript is Chinese; that alone is as telling as five strong cues.
_HAN_SHARE = 0.3
_HAN_STRENGTH = 20.0

Strengths = npt.NDArray[np.float64]


@cache
def _shipped() -> dict[str, dict[str, object]]:
    return tomllib.loads(files("headwater.campaigns").joinpath("data/families.toml").read_text("utf-8"))


@cache
def names() -> tuple[str, ...]:
    """Return the families, in the order of every array here."""
    return tuple(sorted(_shipped()))


def beginning(family: str) -> str:
    """Return how the names of a family's campaigns begin, or "" where the family is not known."""
    return str(_shipped().get(family, {}).get("word", ""))


@cache
def _cues() -> dict[str, tuple[tuple[int, float], ...]]:
    """Return each cue with (place of the family, strength)."""
    found: dict[str, list[tuple[int, float]]] = {}
    for place, family in enumerate(names()):
        for key, words in _shipped()[family].items():
            if key.startswith("strength-") and isinstance(words, list):
                strength = float(key.removeprefix("strength-"))
                for cue in words:
                    found.setdefault(str(cue), []).append((place, strength))
    return {cue: tuple(told) for cue, told in found.items()}


@cache
def _written_in_han() -> tuple[int, ...]:
    return tuple(place for place, family in enumerate(names()) if _shipped()[family].get("script") == "Han")


def cues(script: Script) -> Strengths:
    """Return for each of ``names()`` the strengths of the different cues that the script speaks, added up."""
    known, tokens = _cues(), script.tokens
    # Pairs and single words are the script's terms already.
    spoken = known.keys() & script.terms.keys()
    spoken |= known.keys() & {" ".join(tokens[at : at + 3]) for at in range(len(tokens) - 2)}
    found = np.zeros(len(names()))
    for cue in spoken:
        for place, strength in known[cue]:
            found[place] += strength
    han = sum("\u4e00" <= word[0] <= "\u9fff" for word in tokens)
    if tokens and han > _HAN_SHARE * len(tokens):
        found[list(_written_in_han())] += _HAN_STRENGTH
    return found


def of_each(scripts: Sequence[Script]) -> Strengths:
    """Return the cues of every script: a row each."""
    return np.array([cues(script) for script in scripts]).reshape(len(scripts), len(names()))


def shares(strengths: Strengths) -> Strengths:
    """Return strengths as shares of 1 a row; what is missing to 1 is the share of "none of them"."""
    powers = strengths**_POWER
    return np.asarray(powers / (_NONE**_POWER + powers.sum(axis=1, keepdims=True)))


def directions(strengths: Strengths) -> Strengths:
    """Return each row at length 1, or 0 where nothing was spoken: the cosine of two rows says how alike their cues."""
    length = np.linalg.norm(strengths, axis=1, keepdims=True)
    return np.asarray(strengths / np.where(length > 0, length, 1.0))
