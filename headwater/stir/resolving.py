"""From a name that an outsider wrote to the one address that is connected to."""

import socket
from collections.abc import Callable, Sequence

from headwater.stir.x5u import is_public

Resolve = Callable[[str, int], Sequence[str]]
"""From a name and a port to every address of that name."""


class NotPublic(Exception):
    """A name leads to an address of a network of one's own; the message names both."""


def resolve_name(host: str, port: int) -> Sequence[str]:
    """Return every address of ``host`` by the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def public_address(host: str, port: int, *, resolve: Resolve = resolve_name, internal: bool = False) -> str:
    """Return the address to connect to: the name is resolved once, and that very address is dialled.

    Args:
        host: The name, or a numeric address.
        port: Handed to the resolver.
        resolve: The resolver.
        internal: The operator calls this host their own: it may lie in a private network.

    Raises:
        OSError: the name has no address.
        NotPublic: one of its addresses is not public. One private answer among public ones is how rebinding starts.
    """
    try:
        addresses = resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise OSError(f"{host} has no address: {error}") from error
    if not addresses:
        raise OSError(f"{host} has no address: the resolver knows none")
    private = next((each for each in addresses if not is_public(each)), None)
    if private is not None and not internal:
        raise NotPublic(f"{host} resolves to {private}, which is no public address")
    return addresses[0]
