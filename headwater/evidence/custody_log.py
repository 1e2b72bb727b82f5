"""Gathers part 10: the audit's entries about what is in the package, and nothing of another matter."""

import re
from collections.abc import Collection
from typing import Final

from django.db.models import Q

from headwater.accounts.models import Organisation
from headwater.accounts.permissions import OrganisationKind
from headwater.audit.models import AuditEntry
from headwater.evidence.custody import Entry
from headwater.evidence.models import Package
from headwater.identifiers import ALPHABET, LENGTH
from headwater.legal.models import LegalProcess

#: What names somebody's matter: process, package, addendum, hold, case, joint case, matter, alert, report, agency.
_MATTER: Final = re.compile(rf"\b(?:LP|EP|AD|LH|CS|JC|DM|AL|AR|ORG)-[{ALPHABET}]{{{LENGTH}}}\b")


def gather(process: LegalProcess, subjects: Collection[str], last: int) -> tuple[Entry, ...]:
    """Return the entries about ``subjects`` up to the ``last`` that is signed.

    What another agency did is theirs; what Headwater did for another matter, or for another process of this agency
    that a reader of the package may not know of, names that matter. Neither is shown, and none is counted.
    """
    others = Q(kind=OrganisationKind.AGENCY) & ~Q(id=process.agency_id)
    theirs = list(Organisation.objects.filter(others).values_list("id", flat=True))
    known = Organisation.objects.exclude(others).values_list("id", flat=True)
    entries = AuditEntry.objects.filter(subject__in=subjects, seq__lte=last).exclude(organisation__in=theirs)
    packages = Package.objects.filter(process=process).values_list("id", flat=True)
    own = {process.id, process.alert_id, process.hold_id, *packages, *known}
    return tuple(
        Entry(sequence=seq, entry=text, previous_hash=before, hash=digest)
        for seq, text, before, digest in entries.order_by("seq").values_list("seq", "entry", "prev_hash", "hash")
        if own.issuperset(_MATTER.findall(text))
    )
