"""A message as those who send it see it. Pure."""

from dataclasses import dataclass
from datetime import datetime

from headwater.outbox.rules import Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class Sendable:
    """All that leaves."""

    id: str
    address: str
    subject: str
    text: str
    endpoint: str
    created_at: datetime
    files: tuple[Attachment, ...] = ()
