"""How often a machine may ask at a door of ours: per credential, and per address for what proves nothing.

Whoever floods a door with wrong tokens is told to wait before anything is looked up for them. That must lock nobody
else out: what has proven itself from there lately is let through to the check whatever its neighbours do.
"""

import math
from collections import OrderedDict
from hashlib import sha256
from threading import Lock
from time import monotonic
from typing import Final

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from prometheus_client import Counter

from headwater.errors import TooMany
from headwater.metering import Meter, neighbourhood

#: Wrong tokens from one address: at once, and each minute.
WRONG_AT_ONCE: Final = 20
WRONG_A_MINUTE: Final = 10.0
#: How long a proof is remembered, in seconds, and how many.
KNOWN_S: Final = 3_600.0
KNOWN_MOST: Final = 10_000
LIMITED = Counter("headwater_api_limited", "Requests of machines that were told to wait", ["door", "because"])


class Door:
    """The counters of one door in this process."""

    def __init__(self, name: str, *, burst: int, per_minute: float) -> None:
        """Let each credential ask ``burst`` times at once and ``per_minute`` times in the long run."""
        self._name = name
        self._wrong = Meter(burst=WRONG_AT_ONCE, per_minute=WRONG_A_MINUTE)
        self._asked = Meter(burst=burst, per_minute=per_minute)
        self._known: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def start_anew(self) -> None:
        """Forget everything, as a restart of the process does."""
        self._wrong.clear()
        self._asked.clear()
        with self._lock:
            self._known.clear()

    def check(self, address: str, proof: str) -> None:
        """Refuse an address that showed too many wrong tokens, unless ``proof`` was a right one there lately.

        Args:
            address: Where the request comes from.
            proof: What tells one machine from another before it is verified: its token, or the name of its key.

        Raises:
            TooMany: It has to wait.
        """
        wait = self._wrong.wait(neighbourhood(address), monotonic())
        if wait and not self._is_known(address, proof):
            self._refuse("wrong tokens", wait, f"Too many wrong tokens came from {neighbourhood(address)}.")

    def wrong(self, address: str) -> None:
        """Count a token that proved nothing."""
        self._wrong.take(neighbourhood(address), monotonic())

    def right(self, address: str, proof: str, *, credential: str) -> None:
        """Remember a proof that held, and count the request of its credential.

        Raises:
            TooMany: The credential asks too often.
        """
        now = monotonic()
        with self._lock:
            self._known[_mark(address, proof)] = now + KNOWN_S
            self._known.move_to_end(_mark(address, proof))
            while len(self._known) > KNOWN_MOST:
                self._known.popitem(last=False)
        if wait := self._asked.take(credential, now):
            self._refuse("credential", wait, f"{credential} asks too often.")

    def _is_known(self, address: str, proof: str) -> bool:
        with self._lock:
            return self._known.get(_mark(address, proof), 0.0) > monotonic()

    def _refuse(self, because: str, wait: float, message: str) -> None:
        LIMITED.labels(self._name, because).inc()
        seconds = math.ceil(wait)
        raise TooMany(f"{message} Wait {seconds} s, then try again.", retry_after_s=seconds)


#: The doors of agencies' systems, of their threat-intelligence platforms, and of carriers' agents.
AGENCIES: Final = Door("agency API", burst=200, per_minute=600)
TAXII: Final = Door("TAXII", burst=100, per_minute=300)
CARRIERS: Final = Door("carrier API", burst=1_000, per_minute=6_000)


def address_of(request: HttpRequest) -> str:
    """Return where a request comes from, as far as the proxies in front are to be believed."""
    try:
        return str(get_adapter().get_client_ip(request))
    except PermissionDenied:
        # A server on a socket file, behind a proxy that is not believed: all who come are one.
        return ""


def _mark(address: str, proof: str) -> str:
    return sha256(f"{neighbourhood(address)} {proof}".encode("utf-8", "replace")).hexdigest()
