"""Passwords that an attacker tries first: known from breaches, or built from words that everybody knows. All offline.

Three sources, from the smallest to the largest:

* Django's ``CommonPasswordValidator``: the 20,000 most frequent passwords of the breaches known to Have I
  Been Pwned.
* ``zxcvbn`` (MIT): 47,000 passwords of breaches, names and words, and what people make of them (``P@ssw0rd2026!``,
  keyboard walks, dates, repeats); it estimates how many guesses an attacker needs who knows how people choose.
* ``HEADWATER_BREACHED_PASSWORDS``: the whole list of Have I Been Pwned (900 million), which the operator fetches with
  its downloader as one file of ``SHA-1:count`` lines in order of the hash; a look-up reads some forty lines.

Rule: NIST SP 800-63B-4 section 3.1.1.2 (compare with a blocklist of breached, frequent and context-specific words).
"""

import os
from hashlib import sha1
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

from headwater.accounts import password_words
from headwater.accounts.models import Organisation
from headwater.accounts.permissions import OrganisationKind

#: Powers of ten of guesses that a password must need: beyond what the lock-out and the slow hash let anybody try.
GUESSES_LOG10: Final = 10.0
#: ``zxcvbn`` looks at no more: its cost grows with the square, and a longer password is no weaker for its beginning.
_LOOKED_AT: Final = 72
_HASH: Final = 40
#: Longest line of the file: hash, colon, count, line break.
_LINE: Final = 80


class BreachedPassword:
    """Django's validator of passwords: refuses those that are known or easily guessed."""

    def validate(self, password: str, user: Any = None) -> None:
        """Refuse ``password`` where a list has it, or a guesser comes to it soon.

        Raises:
            ValidationError: It is known or too easily guessed; the message says why.
        """
        known = breached(password)
        if known:
            raise ValidationError(f"This password is in {known:,} breached accounts: others know it. Choose another.")
        found = zxcvbn(password[:_LOOKED_AT], user_inputs=_context(user), max_length=_LOOKED_AT)
        if float(found["guesses_log10"]) < GUESSES_LOG10:
            said = str(found["feedback"]["warning"] or "it is made of what many people choose").rstrip(".")
            raise ValidationError(f"This password is guessed too easily: {said}. A sentence of your own is good.")

    def get_help_text(self) -> str:
        """Return the rule in words."""
        return "It must not be known from a breach, nor be made of words and patterns that are tried first."


def breached(password: str) -> int:
    """Return in how many breached accounts the operator's list has ``password``; 0 where it has it not, or none is set.

    Raises:
        OSError: The list is set and cannot be read: no password is taken unseen.
    """
    path = settings.HEADWATER.breached_passwords
    if path is None:
        return 0
    # The list's own hash; nothing is guarded by it.
    wanted = sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with Path(path).open("rb") as file:
        return _look_up(file, wanted)


def _look_up(file: BinaryIO, wanted: bytes) -> int:
    """Find a hash in a file of sorted lines by halving; lines have different lengths."""
    low, high = 0, file.seek(0, os.SEEK_END)
    while low < high:
        middle = (low + high) // 2
        line = _line_from(file, middle)
        if not line or line[:_HASH].upper() >= wanted:
            high = middle
        else:
            low = middle + 1
    line = _line_from(file, low)
    if line[:_HASH].upper() != wanted:
        return 0
    count = line[_HASH + 1 :].strip()
    return int(count) if count.isdigit() else 1


def _line_from(file: BinaryIO, at: int) -> bytes:
    """Return the first line that begins at ``at`` or after it."""
    file.seek(max(at - 1, 0))
    if at:
        file.readline(_LINE)
    return file.readline(_LINE)


def _context(user: Any) -> list[str]:
    """Return the words of this site and of the person, who may not be saved yet."""
    if user is None:
        return password_words.standing()
    consortium = Organisation.objects.filter(kind=OrganisationKind.CONSORTIUM).values_list("name", flat=True)[:20]
    own = getattr(user, "organisation", None)
    names = [*([own.name] if own else []), *consortium]
    return password_words.standing() + password_words.of_person(email=user.email, name=user.name, organisations=names)
