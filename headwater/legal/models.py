"""Legal process: what an agency served, the documents as received, and each step since."""

from functools import partial

from django.db import models

from headwater.accounts.models import Organisation, User
from headwater.alerts.models import Alert
from headwater.campaigns.models import Campaign
from headwater.identifiers import new_id
from headwater.legal.rules import STATE_WORDS, TYPE_WORDS, ProcessState

_STATES = [(state.value, words) for state, words in STATE_WORDS.items()]
_TYPES = [(kind.value, words) for kind, words in TYPE_WORDS.items()]


class LegalProcess(models.Model):
    """One subpoena, demand or order of one agency, and the scope that it asks for."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "LP"), editable=False)
    agency = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="processes")
    submitted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, null=True, related_name="processes")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="processes")
    process_type = models.CharField(max_length=16, choices=_TYPES)
    state = models.CharField(max_length=16, choices=_STATES, default=ProcessState.DRAFT.value)
    case_number = models.CharField(max_length=200)
    authority = models.CharField(max_length=200)
    statute = models.CharField(max_length=200)
    signer = models.CharField(max_length=200)
    scope = models.TextField()
    covers_from = models.DateTimeField()
    covers_to = models.DateTimeField(null=True)
    """None: until the package is sealed."""
    return_date = models.DateField()
    called_numbers = models.BooleanField(default=True)
    """Whether the process asks for called parties' numbers in full."""
    customer_identity = models.BooleanField(default=False)
    """Whether the process asks for customer identity, the guarded disclosure class."""
    created_at = models.DateTimeField()
    served_at = models.DateTimeField(null=True, db_index=True)
    reviewer = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=200, blank=True)
    decision_reason = models.TextField(blank=True)
    identity_check = models.TextField(blank=True)
    """How the reviewer made sure who served it."""
    granted_called_numbers = models.BooleanField(default=False)
    granted_customer_identity = models.BooleanField(default=False)


class ProcessDocument(models.Model):
    """A document of a process, stored as received."""

    process = models.ForeignKey(LegalProcess, on_delete=models.PROTECT, related_name="documents")
    filename = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    octets = models.BinaryField()
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    notes = models.JSONField(default=list)
    """What the inspection found that a reviewer should know."""
    received_at = models.DateTimeField()


class ProcessStateChange(models.Model):
    """One step of a process, by whom and why."""

    process = models.ForeignKey(LegalProcess, on_delete=models.PROTECT, related_name="state_changes")
    from_state = models.CharField(max_length=16, blank=True)
    to_state = models.CharField(max_length=16, choices=_STATES)
    at = models.DateTimeField()
    by = models.CharField(max_length=200)
    reason = models.TextField(blank=True)
