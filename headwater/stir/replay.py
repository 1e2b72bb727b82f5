"""Whether a token was used for another call (RFC 8224 section 12.1): a memory of those met, bounded."""

from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b


@dataclass(slots=True)
class ReplayMemory:
    """Tokens met, each with where and when first (RFC 8224 section 12.1); the time is always an argument.

    Every hop of a call delivers the same token to the same number within the freshness: that is no replay. The
    longest unmet go first when ``capacity`` is reached; one entry takes about 250 octets.
    """

    freshness_s: float = 60
    """How long after its first use a token may still be met (RFC 8224 section 6.2: 60 s)."""
    capacity: int = 100_000
    _met: "OrderedDict[bytes, tuple[float, str]]" = field(default_factory=OrderedDict, init=False)

    def meet(self, token: bytes, called: str, now: float) -> str:
        """Remember ``token`` at the canonical number ``called``; return how it was used before, or "".

        ``token`` are the octets that were signed, ``now`` is the call's time in Unix seconds. Calls may be told in
        any order of their times: what counts is how far apart they are.
        """
        key = blake2b(token, digest_size=16).digest()
        # One operation, so that two threads that meet the same token at once agree on which came first.
        at, first = self._met.setdefault(key, (now, called))
        if len(self._met) > self.capacity:
            self._met.popitem(last=False)
        if called and first and called != first:
            return "the same token was used for a call to another number"
        if abs(now - at) > self.freshness_s:
            return f"the same token was used {abs(now - at):.0f} s {'before' if now > at else 'after'} this call"
        return ""
