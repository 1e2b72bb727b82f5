"""IP addresses and the blocks they lie in, as carriers list their own and their peers'. Pure."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from headwater.errors import Invalid

Network = IPv4Network | IPv6Network


class BadNetwork(Invalid):
    """A text that should be an address or a CIDR block is neither."""


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return addresses and CIDR blocks as networks; a single address is a block of one.

    Raises:
        BadNetwork: one of ``texts`` is neither, or has bits set beyond its prefix.
    """
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ip_network(text.strip()))
        except ValueError as error:
            raise BadNetwork(f"{text!r} is neither an address nor a CIDR block such as 192.0.2.0/24") from error
    return tuple(found)


@lru_cache(maxsize=16_384)
def within(address: str, blocks: tuple[Network, ...]) -> bool:
    """Tell whether ``address`` lies in one of ``blocks``; a text that is no address lies in none."""
    try:
        value = ip_address(address)
    except ValueError:
        return False
    # A dual-stack socket shows an IPv4 sender as ::ffff:192.0.2.1; the operator wrote 192.0.2.1.
    value = getattr(value, "ipv4_mapped", None) or value
    return any(value in block for block in blocks)


def overlap(some: Sequence[Network], others: Sequence[Network]) -> Network | None:
    """Return a block of ``some`` that shares an address with one of ``others``, or ``None``."""
    for block in some:
        for other in others:
            if block.version == other.version and block.overlaps(other):
                return block
    return None
