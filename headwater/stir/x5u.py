"""Where a certificate may be fetched from: by the text of its address, and by what the name resolves to."""

import ipaddress
from urllib.parse import urlsplit


def x5u_fault(url: str) -> str:
    """Return why the rules forbid fetching ``url``, or "" (ATIS-1000074 5.3.1; addresses: our own rule).

    By the text alone: a host name may still resolve to an address that the fetch refuses.
    """
    if len(url) > 2_048 or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "characters or length that no certificate address has"
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return "it is no URL"
    rules = (
        (parts.scheme == "https", f"the scheme is {parts.scheme!r}, not https"),
        (bool(host), "it has no host"),
        (port in (None, 443, 8443), f"the port is {port}, not 443 or 8443"),
        ("@" not in parts.netloc, "it holds user information"),
        ("?" not in url, "it has a query"),
        ("#" not in url, "it has a fragment"),
    )
    return next((why for kept, why in rules if not kept), "") or host_fault(host)


def host_fault(host: str) -> str:
    """Return why ``host`` is no public host by its text alone, or "": a name may still resolve to another address."""
    try:
        public = is_public(host)
    except ValueError:
        # Resolvers read 0x7f000001 and 127.1 as addresses: a public name has a dot and ends in a word.
        last = host.rstrip(".").rpartition(".")
        named = last[1] and last[2][:1].isalpha() and last[2] not in ("local", "internal", "localhost", "onion")
        return "" if named else "the host is no public name"
    return "" if public else "the address is not a public one"


# The one block of IPv6 that is routed between networks (RFC 4291 section 2.5.4): outside it lie loopback, mapped,
# NAT64, unique-local, link-local, site-local and multicast addresses.
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
#: Blocks inside the public ones that carry another address or none: 6to4 and its relays, Teredo, ORCHID, documentation.
_NOT_ROUTED = tuple(
    map(ipaddress.ip_network, ("192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
)


def is_public(address: str) -> bool:
    """Tell whether ``address`` is a public unicast one (RFC 6890); those that carry another inside are not.

    Raises:
        ValueError: it is no IP address.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if parsed.version == 6 and parsed not in _GLOBAL_UNICAST:
        return False
    return (
        parsed.is_global
        and not parsed.is_multicast
        and not any(parsed.version == block.version and parsed in block for block in _NOT_ROUTED)
    )
