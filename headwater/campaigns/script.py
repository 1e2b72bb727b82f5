"""What is compared of a call: the words of its transcript as weighted terms. Pure.

Terms are single words and pairs of neighbouring words. Scripts that put no space between words (Chinese,
Japanese, Korean, Thai, Lao, Khmer, Burmese) are read character by character, so that the same pairs hold there.
"""

import math
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise

#: Fewer words say too little to join calls by: five words are two seconds of speech.
MIN_WORDS = 5
#: Work on one transcript is bounded whatever a sender writes: 2,000 words are thirteen minutes of speech.
MAX_WORDS = 2_000
MAX_CHARACTERS = 20_000
_MAX_WORD = 40

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"  # kana, Han, Hangul
    "\U00020000-\U0003134f"  # rarer Han
)
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
#: 1 + ln(count) of small counts, taken once.
_LOGS = (0.0, *(1.0 + math.log(count) for count in range(1, 64)))
_APOSTROPHES = dict.fromkeys(map(ord, "'\u2019\u02bc\u2018"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One transcript, read: two calls that say the same words have equal scripts."""

    digest: str
    """SHA-256 (hex) of the words: what makes two transcripts exact duplicates."""
    tokens: tuple[str, ...]
    """The words in order, case and width folded."""
    terms: dict[str, float]
    """Term -> sublinear frequency, 1 + ln(count). Never changed after it is made."""
    text: str = field(default="", compare=False)
    """What was read, for what words alone do not hold: numbers, amounts, addresses."""

    @property
    def words(self) -> int:
        """How many words were read."""
        return len(self.tokens)

    @property
    def is_comparable(self) -> bool:
        """Tell whether there are words enough to group the call by."""
        return self.words >= MIN_WORDS


def legible(text: str) -> str:
    """Return the part of ``text`` that is read, as the database can hold it: no NUL, no lone surrogate."""
    return text[:MAX_CHARACTERS].replace("\x00", " ").encode("utf-8", "replace").decode()


def words_of(text: str) -> list[str]:
    """Return the words of ``text`` in order, case and width folded, at most ``MAX_WORDS``."""
    folded = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS]).casefold().translate(_APOSTROPHES)
    return [word[:_MAX_WORD] for word in _WORD.findall(folded)[:MAX_WORDS]]


def read(text: str) -> Script:
    """Read one transcript. Any text is taken; one without words gives a script that is not comparable."""
    words = words_of(text)
    counts = Counter(words)
    # A pair holds a space and a word none: words stand before pairs, whatever comes twice.
    counts.update(map(" ".join, pairwise(words)))
    return Script(
        digest=sha256(" ".join(words).encode("utf-8", "replace")).hexdigest(),
        tokens=tuple(words),
        text=text[:MAX_CHARACTERS],
        terms={term: _LOGS[count] if count < len(_LOGS) else 1.0 + math.log(count) for term, count in counts.items()},
    )
