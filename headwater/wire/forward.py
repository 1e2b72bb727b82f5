"""What the hub and a carrier say to each other of a call-back number: who serves it. Questions and answers.

They travel as those of ``wire.agents`` do, by the same doors: the question beside the questions of calls, the answer as
the payload of a JWS that the provider signed. An answer that names a ``forward_id`` is one of these.
"""

from enum import StrEnum
from typing import Final

import msgspec

from headwater.wire.parties import Party

#: Version of these messages.
VERSION: Final = 1


class ForwardCode(StrEnum):
    """What a provider can say of a number."""

    SERVES = "SERVES"
    """A customer of its own has the number; who that is needs legal process."""
    RESOLD = "RESOLD"
    """Its customer is itself a provider, which it names."""
    PORTED = "PORTED"
    """The number was ported to the provider that it names."""
    ROUTED = "ROUTED"
    """It does not serve the number; its records show that it hands calls to it to the provider that it names."""
    NOT_SERVED = "NOT_SERVED"
    NOT_IN_SERVICE = "NOT_IN_SERVICE"
    """It holds the number and has assigned it to nobody."""
    DECLINED = "DECLINED"


class NumberQuestion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call-back number: does a customer of yours have it, and if not, who serves it?"""

    version: int = VERSION
    question_id: str
    forward_id: str
    number: str
    """The number that calls ask to be called back on. Not a subscriber's: it is shown in clear."""
    sources: list[str]
    """Everything that points at the provider, in words."""
    campaign: str = ""
    reason: str = ""
    requester: str = ""
    asked_at: str
    legal_due_at: str


class NumberAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A provider's answer. Of the customer itself nothing is said here: who that is needs legal process."""

    version: int = VERSION
    question_id: str
    forward_id: str
    provider: Party
    code: ForwardCode
    names: Party | None = None
    """With RESOLD, PORTED and ROUTED: the provider that the number or its calls went to."""
    basis: list[str] = msgspec.field(default_factory=list)
    """What of its records says so, one plain sentence each."""
    note: str = ""
    answered_at: str
    agent: str = ""
    """Software name and version; empty where a person answered."""
