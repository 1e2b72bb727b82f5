"""What a carrier lets its agent do: the tables ``policy`` and ``deposit`` of its configuration."""

from typing import Annotated, Final

import msgspec

FIELDS: Final = ("call_id", "source_ip", "destination_ip", "identity_digest", "attest", "origid", "duration", "record")
"""What a leg in an answer may hold beside its time and numbers."""


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a carrier lets its agent answer."""

    reasons: tuple[str, ...] = ("*",)
    """Shell patterns of the question's reason."""
    requesters: tuple[str, ...] = ("*",)
    """Shell patterns of who wants the call traced, as the question names it."""
    campaigns: tuple[str, ...] = ("*",)
    """Shell patterns of the campaign's name; a question without one matches ``*`` alone."""
    fields: tuple[str, ...] = FIELDS
    max_window_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 900
    retention_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 550
    settle_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 3.0
    numbers: bool = False
    """Whether the agent answers who serves a call-back number, from where calls to it were handed; else people do."""
    searches: bool = True
    """Whether blind searches are answered: who carried one call, asked of every agent without saying which."""


class Deposit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That a carrier's calls are deposited, sealed, and its questions are not answered here."""

    approver: Annotated[str, msgspec.Meta(pattern="^([0-9a-fA-F]{64})?$")] = ""
    """The approver's X25519 public key, hexadecimal: nothing is sealed to another. "" takes the hub's word."""
