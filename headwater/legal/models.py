"""Legal process: what an agency served, the documents as received, and each step since."""

from functools import partial

from django.db import models

from headwater.accounts.models import Organisation, User
from headwater.alerts.models import Alert
from headwater.campaigns.models import Campaign
from headwater.identifiers import new_id


class ProcessType(models.TextChoices):
    """What kind of process was served."""

    SUBPOENA = "subpoena", "Subpoena"
    CID = "cid", "Civil investigative demand"
    COURT_ORDER = "court_order", "Court order"


class ProcessState(models.TextChoices):
    """Where a process stands (domain reference, section 9)."""

    SERVED = "served", "Served"
    UNDER_REVIEW = "under_review", "Under review"
    DEFICIENT = "deficient", "Deficient: more is needed"
    ACCEPTED = "accepted", "Accepted"
    OBJECTED = "objected", "Objected"
    PRODUCING = "producing", "Being produced"
    PRODUCED = "produced", "Produced"
    WITHDRAWN = "withdrawn", "Withdrawn"


class LegalProcess(models.Model):
    """One subpoena, demand or order of one agency, and the scope that it asks for."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "LP"), editable=False)
    agency = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="processes")
    submitted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, null=True, related_name="processes")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="processes")
    process_type = models.CharField(max_length=16, choices=ProcessType)
    state = models.CharField(max_length=16, choices=ProcessState, default=ProcessState.SERVED)
    case_number = models.CharField(max_length=80)
    authority = models.CharField(max_length=200)
    statute = models.CharField(max_length=200)
    signer = models.CharField(max_length=200)
    scope = models.TextField()
    covers_from = models.DateTimeField()
    covers_to = models.DateTimeField(null=True)
    return_date = models.DateField()
    customer_identity = models.BooleanField(default=False)
    """Whether the process asks for customer identity, the guarded disclosure class."""
    served_at = models.DateTimeField(db_index=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=200, blank=True)
    decision_reason = models.TextField(blank=True)


class ProcessDocument(models.Model):
    """A document of a process, stored as received."""

    process = models.ForeignKey(LegalProcess, on_delete=models.PROTECT, related_name="documents")
    filename = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    octets = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    received_at = models.DateTimeField()


class ProcessStateChange(models.Model):
    """One step of a process, by whom and why."""

    process = models.ForeignKey(LegalProcess, on_delete=models.PROTECT, related_name="state_changes")
    from_state = models.CharField(max_length=16, blank=True)
    to_state = models.CharField(max_length=16, choices=ProcessState)
    at = models.DateTimeField()
    by = models.CharField(max_length=200)
    reason = models.TextField(blank=True)
