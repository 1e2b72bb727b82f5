"""Words that weigh nothing in a password here: an attacker of this very site tries them first. Pure.

Rule: OWASP ASVS 5.0 lines 6.1.2 and 6.2.11; NIST SP 800-63B-4 section 3.1.1.2 (context-specific words). The estimate of
``accounts.breaches`` takes each as one guess, in any case and with the usual swaps (``H3adwater``).
"""

import re
from collections.abc import Iterable
from typing import Final

from headwater.accounts.permissions import OrganisationKind, Permission, Role

#: The product, its parts and the trade.
PRODUCT: Final = (
    "headwater", "traceback", "robocall", "robocaller", "campaign", "subpoena", "evidence", "portal", "desk", "carrier",
    "consortium", "custodian", "stirshaken", "passport", "attestation", "spoofing", "callerid", "telecom", "voip",
)  # fmt: skip


def standing() -> list[str]:
    """Return the words that hold for everybody: product, roles, kinds of organisation, names of rights; sorted."""
    named = (str(each.value) for kind in (Role, OrganisationKind, Permission) for each in kind)
    return sorted({*PRODUCT, *(word for name in named for word in _words(name))})


def of_person(*, email: str, name: str, organisations: Iterable[str]) -> list[str]:
    """Return the words of one person: their address, name and organisations, each also joined and as initials."""
    local, _, domain = email.lower().partition("@")
    found = {email.lower(), local, domain, *_words(local), *_words(domain), *_forms(name)}
    for organisation in organisations:
        found |= _forms(organisation)
    return sorted(word for word in found if len(word) > 1)


def words_page() -> str:
    """Return the page of docs/reference, generated from the code."""
    rows = "\n".join(f"* `{word}`" for word in standing())
    return (
        "# Words that weigh nothing in a password\n\n"
        "The estimate of how soon a password is guessed takes each of these as one guess, in any case and with the\n"
        "usual swaps (`H3adwater`). The list is that of `headwater/accounts/password_words.py`; a password made\n"
        "of them and little else is refused. Rule: OWASP ASVS 5.0 lines 6.1.2 and 6.2.11, NIST SP 800-63B-4\n"
        "section 3.1.1.2.\n\n"
        "For each person these come to them: the address, its parts and its domain; the words of their name, of their\n"
        "organisation's name and of the consortium's, each also joined and as initials.\n\n"
        f"{rows}\n"
    )


def _words(text: str) -> set[str]:
    return {word for word in re.split(r"[\W_]+", text.lower()) if len(word) > 2}


def _forms(name: str) -> set[str]:
    parts = [word for word in re.split(r"[\W_]+", name.lower()) if word]
    return {*parts, "".join(parts), "".join(word[0] for word in parts)}
