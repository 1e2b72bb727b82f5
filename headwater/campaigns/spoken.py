"""What a recording asks for and in whose name: callback numbers, addresses, amounts, keys to press, brands. Pure."""

import re
from dataclasses import dataclass

from headwater.campaigns.script import MAX_CHARACTERS, Script
from headwater.numbering.numbers import E164

#: Brands and programmes, as spoken -> as campaigns' names write them.
BRANDS = {
    "amazon": "Amazon",
    "apple": "Apple",
    "at&t": "ATT",
    "bank of america": "BankOfAmerica",
    "capital one": "CapitalOne",
    "cash app": "CashApp",
    "chase": "Chase",
    "comcast": "Comcast",
    "costco": "Costco",
    "customs and border": "CBP",
    "directv": "DirecTV",
    "direct tv": "DirecTV",
    "dish network": "DISH",
    "ebay": "eBay",
    "facebook": "Facebook",
    "federal reserve": "FederalReserve",
    "fedex": "FedEx",
    "geek squad": "GeekSquad",
    "google": "Google",
    "hilton": "Hilton",
    "internal revenue": "IRS",
    "irs": "IRS",
    "marriott": "Marriott",
    "medicare": "Medicare",
    "microsoft": "Microsoft",
    "mcafee": "McAfee",
    "navient": "Navient",
    "nelnet": "Nelnet",
    "netflix": "Netflix",
    "norton": "Norton",
    "paypal": "PayPal",
    "social security": "SSA",
    "spectrum": "Spectrum",
    "t-mobile": "TMobile",
    "t mobile": "TMobile",
    "venmo": "Venmo",
    "verizon": "Verizon",
    "walmart": "Walmart",
    "wells fargo": "WellsFargo",
    "xfinity": "Xfinity",
    "zelle": "Zelle",
}
_DIGITS = {
    "zero": "0",
    "oh": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
}
_BRAND = re.compile(r"\b(?:" + "|".join(sorted(map(re.escape, BRANDS), key=len, reverse=True)) + r")\b")
_SPELT = re.compile(rf"\b(?:(?:{'|'.join(_DIGITS)})[\s,.-]+){{6,}}(?:{'|'.join(_DIGITS)})\b", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\d$])1?[\s.(-]{0,2}([2-9]\d\d)[\s.)-]{0,3}([2-9]\d\d)[\s.-]{0,2}(\d{4})(?!\d)")
_ADDRESS = re.compile(
    r"\b(?:www\.)?([a-z0-9][a-z0-9-]{1,40}(?:\.[a-z0-9-]{2,40})*\.(?:com|net|org|us|info|biz|gov|io|co))\b",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    r"\$\s?(\d{1,3}(?:,\d{3})+|\d{1,7})(\.\d\d)?|(\d{1,3}(?:,\d{3})+|\d{1,7})(\.\d\d)? dollars", re.IGNORECASE
)
_PRESS = re.compile(
    r"\b(?:press|dial|hit|push)(?:ing)?\s+(?:the\s+)?(?:number\s+|key\s+|button\s+)?(\d|" + "|".join(_DIGITS) + r")\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What was heard; each in canonical form."""

    callback: frozenset[E164] = frozenset()
    """North American numbers that the recording speaks."""
    addresses: frozenset[str] = frozenset()
    """Host names, lower case, without ``www.``."""
    amounts: frozenset[str] = frozenset()
    """Dollars, digits only, with cents where spoken."""
    keys: frozenset[str] = frozenset()
    """Digits that the callee is told to press."""
    brands: frozenset[str] = frozenset()


def heard(text: str) -> Spoken:
    """Return what ``text`` speaks of. Any text is taken; its first 20,000 characters are read."""
    read = _SPELT.sub(_as_digits, text[:MAX_CHARACTERS])
    folded = " ".join(read.casefold().split())
    return Spoken(
        callback=frozenset(E164("1" + "".join(found.groups())) for found in _NUMBER.finditer(read)),
        addresses=frozenset(found[1].lower() for found in _ADDRESS.finditer(read)),
        amounts=frozenset(_dollars(found) for found in _AMOUNT.finditer(read)),
        keys=frozenset(_DIGITS.get(found[1].lower(), found[1]) for found in _PRESS.finditer(read)),
        brands=frozenset(BRANDS[found[0]] for found in _BRAND.finditer(folded)),
    )


def _as_digits(found: re.Match[str]) -> str:
    return "".join(_DIGITS[word.lower()] for word in re.findall(r"[A-Za-z]+", found[0]))


def _dollars(found: re.Match[str]) -> str:
    whole, cents = (found[1] or found[3]), (found[2] or found[4] or "")
    return whole.replace(",", "") + cents


def brand_of(scripts: list[Script]) -> str:
    """Return the brand that most of the scripts speak, or ""."""
    spoken = {brand: sum(brand in script.terms for script in scripts) for brand in BRANDS}
    brand = max(sorted(spoken), key=lambda name: spoken[name])
    return BRANDS[brand] if spoken[brand] * 2 > len(scripts) else ""
