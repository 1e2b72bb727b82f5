"""Telephone numbers: canonical form, masking, area and state. Pure; knows no carrier."""

import csv
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import NewType

import phonenumbers

#: A number in canonical form: country code and national number, digits only, no "+"
#: (RFC 8224 section 8.3 writes telephone numbers this way). "" stands for unknown or absent.
E164 = NewType("E164", str)

UNKNOWN = E164("")


class CalledNumbers(StrEnum):
    """What is kept of the numbers that a source's subscribers were called at."""

    KEPT = "kept"
    SHORTENED = "shortened"
    """Area code and central office of a North American number, country code of another."""
    DROPPED = "dropped"


_SEPARATORS = str.maketrans("", "", "-.() \t\u00a0")


def canonical(raw: str) -> E164:
    """Return ``raw`` in canonical form, or ``UNKNOWN`` where it holds no dialable number.

    Takes ``+1 (215) 555-1212``, ``12155551212``, ``2155551212``, ``011…``/``00…`` + E.164, ``tel:`` and
    ``sip:`` URIs with parameters. A ten-digit North American number gets its country code.
    Short codes and service codes (911, 811) stay as they are.
    """
    plain = raw[1:]
    if raw[:1] == "+" and 3 <= len(plain) <= 15 and plain.isascii() and plain.isdigit():
        return E164(plain)  # the form of nearly all senders; the steps below give the same, at five times the cost
    text = raw.strip()
    for scheme in ("sips:", "sip:", "tel:"):
        if text[: len(scheme)].lower() == scheme:
            text = text[len(scheme) :]
            break
    text = text.split("@", 1)[0].split(";", 1)[0].translate(_SEPARATORS)
    international = text.startswith("+")
    digits = text.removeprefix("+")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        return UNKNOWN
    if not international:
        if digits.startswith("011"):
            digits = digits[3:]
        elif digits.startswith("00"):
            digits = digits[2:]
        elif len(digits) == 10 and digits[0] in "23456789":
            digits = "1" + digits
    return E164(digits) if 3 <= len(digits) <= 15 else UNKNOWN


@lru_cache(maxsize=65_536)  # the same numbers call again and again, and each answer costs 25 microseconds
def is_possible(number: E164) -> bool:
    """Tell whether ``number`` is valid in its numbering plan (libphonenumber's metadata)."""
    if not number:
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse("+" + number))
    except phonenumbers.NumberParseException:
        return False


def shortened(number: E164) -> E164:
    """Return ``number`` without what tells its subscriber: ``1215555`` of a North American one, ``44`` of another.

    Seven digits that begin with 1 are no other country's number, so a shortened one is never taken for a whole one.
    """
    if npa(number):
        return E164(number[:7])
    try:
        return E164(str(phonenumbers.parse("+" + number).country_code)) if number else UNKNOWN
    except phonenumbers.NumberParseException:
        return UNKNOWN


def npa(number: E164) -> str:
    """Return the North American area code of ``number``, whole or shortened, or "" for any other number."""
    return number[1:4] if len(number) in (11, 7) and number[0] == "1" else ""


def npa_nxx(number: E164) -> str:
    """Return the six digits of the central-office block of ``number``, whole or shortened, or ""."""
    return number[1:7] if len(number) in (11, 7) and number[0] == "1" else ""


@cache
def _areas() -> dict[str, tuple[str, str]]:
    text = files(__package__).joinpath("npa.csv").read_text("ascii")
    return {row["npa"]: (row["region"], row["state"]) for row in csv.DictReader(text.splitlines())}


def state(number: E164) -> str:
    """Return the two-letter US state or territory of the number's area code, or "".

    The area code tells where the number was assigned, not where its holder is.
    """
    return _areas().get(npa(number), ("", ""))[1]


def masked(number: E164) -> str:
    """Return ``number`` as every door shows a subscriber's number: area kept, the rest starred."""
    if not number:
        return "unknown"
    area = npa(number)
    return f"+1 {area} *** ****" if area else f"+{number[:3]}" + "*" * max(len(number) - 3, 0)


def display(number: E164) -> str:
    """Return ``number`` for reading: ``+1 215 555 1212``, or ``+`` and the digits."""
    if not number:
        return "unknown"
    if npa(number):
        return f"+1 {number[1:4]} {number[4:7]} {number[7:] or '…'}"
    return "+" + number
