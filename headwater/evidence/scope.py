"""The accepted scope as the gathering applies it: which calls, which classes of disclosure. Pure."""

from dataclasses import dataclass
from datetime import datetime

from headwater.legal.scope import Subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Calls of one campaign from ``start`` up to and without ``end``, and what may be opened of them."""

    campaign_id: str
    agency_id: str
    start: datetime
    end: datetime
    called_numbers: bool
    customer_identity: bool
    opened: Subjects | None = None
    """What the acceptance opened; None, or with the campaign in it: all of the campaign."""

    @property
    def whole(self) -> bool:
        """Whether the campaign itself was opened, and not single tracebacks and numbers of it."""
        return self.opened is None or self.campaign_id in self.opened.campaigns


#: Call examples that one package carries in full; all other calls in the scope are in the table of members.
MOST_EXAMPLES = 1_000
#: Rows in the table of members.
MOST_MEMBERS = 100_000
#: Calls whose octets are fetched at once.
BATCH = 200

SIGNALLED_CALLER = "A calling number is as it was signalled; it may be spoofed and need not be the caller's."
NPA_CAVEAT = "A state is that of the called number's area code: where the number was assigned, not where its holder is."
