"""Whose mail address may be invited to which organisation. Pure."""

import re
from collections.abc import Collection
from typing import Final

from headwater.accounts.permissions import OrganisationKind
from headwater.errors import Invalid

#: Top-level domains that the United States give to governments and armed forces alone.
_GOVERNMENT: Final = frozenset({"gov", "mil"})
#: Postal abbreviations of states, the District and territories: the second level of the .us locality names
#: (RFC 1480 section 2), under which ``state``, ``co``, ``ci`` and the like stand for governments.
_STATES: Final = frozenset(
    {
        "al", "ak", "az", "ar", "ca", "co", "ct", "de", "fl", "ga", "hi", "id", "il", "in", "ia", "ks", "ky",
        "la", "me", "md", "ma", "mi", "mn", "ms", "mo", "mt", "ne", "nv", "nh", "nj", "nm", "ny", "nc", "nd",
        "oh", "ok", "or", "pa", "ri", "sc", "sd", "tn", "tx", "ut", "vt", "va", "wa", "wv", "wi", "wy", "dc",
        "pr", "vi", "gu", "as", "mp",
    }
)  # fmt: skip
#: Third levels of a .us locality name that are a government's: state agencies, counties, cities, towns, districts.
_LOCAL: Final = frozenset({"state", "co", "ci", "town", "vil", "twp", "parish", "borough", "dst", "cog", "courts"})
#: Where anybody may have an address: never an organisation's own domain.
_OPEN_TO_ALL: Final = frozenset(
    {
        "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com",
        "ymail.com", "aol.com", "icloud.com", "me.com", "mac.com", "proton.me", "protonmail.com", "gmx.com",
        "gmx.de", "gmx.net", "mail.com", "zoho.com", "yandex.com", "qq.com", "163.com", "web.de",
        "comcast.net", "verizon.net", "att.net", "sbcglobal.net", "bellsouth.net", "cox.net", "charter.net",
        "earthlink.net",
    }
)  # fmt: skip
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?").fullmatch


def is_government(domain: str) -> bool:
    """Tell whether a domain can only be a government's of the United States, by its name alone.

    ``.gov`` and ``.mil`` are given to governments alone; of the locality names under ``.us`` (RFC 1480) those of
    states, counties, cities and districts: ``ag.state.oh.us``, ``co.wayne.mi.us``, ``ci.toledo.oh.us``.
    """
    labels = domain.lower().rstrip(".").split(".")
    if not all(map(_LABEL, labels)):
        return False
    if len(labels) >= 2 and labels[-1] in _GOVERNMENT:
        return True
    if len(labels) < 3 or labels[-1] != "us" or labels[-2] not in _STATES:
        return False
    # Either state.<st>.us, or <kind>.<place>.<st>.us.
    return labels[-3] in {"state", "dst", "cog"} or (len(labels) >= 4 and labels[-4] in _LOCAL)


def check_domain(domain: str) -> str:
    """Return a mail domain in lower case, or refuse what is none or is open to all."""
    domain = domain.strip().lower().removeprefix("@").rstrip(".")
    labels = domain.split(".")
    if len(domain) > 253 or len(labels) < 2 or not all(map(_LABEL, labels)) or labels[-1].isdigit():
        message = f"{domain[:80]!r} is no domain. Write the part after the @, such as michigan.gov."
        raise Invalid(message)
    if domain in _OPEN_TO_ALL:
        message = f"Anybody may have an address at {domain}: it is no organisation's own."
        raise Invalid(message)
    return domain


def check_invited(email: str, *, kind: OrganisationKind, domains: Collection[str]) -> str:
    """Return by what an address may be invited to an organisation, or refuse it.

    Where an organisation has a list of verified domains, the list alone decides (a domain admits its sub-domains).
    Without a list an agency's people need an address that can only be a government's; others cannot be invited.
    """
    domain = email.rpartition("@")[2].lower()
    fitting = [own for own in domains if domain == own or domain.endswith(f".{own}")]
    if fitting:
        return f"verified domain {max(fitting, key=len)}"
    if domains:
        known = ", ".join(sorted(domains))
        message = f"{email} is not at a verified domain of this organisation ({known}). Verify {domain} first."
        raise Invalid(message)
    if kind is OrganisationKind.AGENCY and is_government(domain):
        return "government domain"
    message = (
        f"{domain} is not known to be this organisation's: "
        + ("it is no .gov, .mil or .us government domain. " if kind is OrganisationKind.AGENCY else "")
        + "Verify the domain on the organisation's page first, and say how."
    )
    raise Invalid(message)
