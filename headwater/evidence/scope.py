"""The accepted scope as the gathering applies it: which calls, which classes of disclosure. Pure."""

from dataclasses import dataclass
from datetime import datetime

from headwater.legal.scope import Subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What was opened, from ``start`` up to and without ``end``, and which classes of it.

    The same union as ``legal.scope.Scope``: calls of campaigns, single tracebacks, calls that show a number.
    """

    campaign_id: str
    """The campaign that the process is about; it need not be opened."""
    agency_id: str
    start: datetime
    end: datetime
    called_numbers: bool
    customer_identity: bool
    opened: Subjects
    """What the acceptance opened, under each number that a merge gave it."""
    left_out: Subjects
    """What was asked for and not opened."""


#: Call examples that one package carries in full; all other calls in the scope are in the table of members.
MOST_EXAMPLES = 1_000
#: Rows in the table of members.
MOST_MEMBERS = 100_000
#: Calls whose octets are fetched at once.
BATCH = 200

SIGNALLED_CALLER = "A calling number is as it was signalled; it may be spoofed and need not be the caller's."
NPA_CAVEAT = "A state is that of the called number's area code: where the number was assigned, not where its holder is."
