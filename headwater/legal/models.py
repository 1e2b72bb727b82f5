"""Legal process: what an agency served, the documents as received, what was opened to whom, and each step since."""

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
    """One subpoena, demand, order or request of one agency, and the scope that it asks for."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "LP"), editable=False)
    agency = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="processes")
    submitted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    submitted_via = models.CharField(max_length=200, blank=True)
    """The machine credential that sent it for ``submitted_by``, as the audit names it; "" for the pages."""
    idempotency_key = models.CharField(max_length=128, blank=True)
    """Of the agency's machine: the same key again gives the same process."""
    request_sha256 = models.CharField(max_length=64, blank=True)
    """Of what that machine sent: the same key with other content is refused."""
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, null=True, related_name="processes")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="processes")
    """The campaign that it is about; what it opens stands in ``subjects``."""
    process_type = models.CharField(max_length=16, choices=_TYPES)
    state = models.CharField(max_length=20, choices=_STATES, default=ProcessState.DRAFT.value)
    case_number = models.CharField(max_length=200)
    authority = models.CharField(max_length=200)
    statute = models.CharField(max_length=200, blank=True)
    signer = models.CharField(max_length=200)
    signed_on = models.DateField(null=True)
    badge_number = models.CharField(max_length=200, blank=True)
    telephone = models.CharField(max_length=200, blank=True)
    scope = models.TextField()
    zone = models.CharField(max_length=64, default="UTC")
    covers_from = models.DateTimeField()
    covers_to = models.DateTimeField(null=True)
    """None: until the package is sealed."""
    return_date = models.DateField()
    called_numbers = models.BooleanField(default=True)
    """Whether the process asks for called parties' numbers in full."""
    customer_identity = models.BooleanField(default=False)
    """Whether the process asks for customer identity, the guarded disclosure class."""
    sealed = models.BooleanField(default=False)
    nondisclosure_until = models.DateField(null=True)
    order_reference = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    served_at = models.DateTimeField(null=True, db_index=True)
    identity_check = models.TextField(blank=True)
    """How the reviewer made sure who served it."""
    identity_method = models.CharField(max_length=24, blank=True)
    identity_checked_at = models.DateTimeField(null=True)
    identity_checked_by = models.CharField(max_length=200, blank=True)
    reviewer = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=200, blank=True)
    decision_reason = models.TextField(blank=True)
    in_part = models.BooleanField(default=False)
    """Whether the acceptance leaves something out that was asked for."""
    granted_called_numbers = models.BooleanField(default=False)
    granted_customer_identity = models.BooleanField(default=False)
    granted_from = models.DateTimeField(null=True)
    granted_to = models.DateTimeField(null=True)
    access_until = models.DateTimeField(null=True)
    """When the access that an acceptance opened ends by itself."""
    hold_id = models.CharField(max_length=16, blank=True)
    """The legal hold that it placed."""
    hold_until = models.DateTimeField(null=True)
    hold_renewals = models.PositiveSmallIntegerField(default=0)
    warned = models.JSONField(default=list)
    """Ends that people were told of before they came."""
    certified_by = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["agency", "idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="one_process_a_key",
            )
        ]


class ProcessSubject(models.Model):
    """One campaign, traceback or calling number that a process is about, and whether an acceptance opened it."""

    process = models.ForeignKey(LegalProcess, on_delete=models.PROTECT, related_name="subjects")
    kind = models.CharField(max_length=10)
    """``campaign``, ``traceback`` or ``number``."""
    value = models.CharField(max_length=18)
    granted = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["process", "kind", "value"], name="one_subject_a_process")]
        indexes = [models.Index(fields=["kind", "value"], name="process_by_subject")]


class ProcessPerson(models.Model):
    """One person to whom an accepted process is open, from when and until when they were taken off."""

    process = models.ForeignKey(LegalProcess, on_delete=models.PROTECT, related_name="people")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()
    added_by = models.CharField(max_length=200)
    removed_at = models.DateTimeField(null=True)
    removed_by = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["process", "user"], condition=models.Q(removed_at__isnull=True), name="named_once_a_process"
            )
        ]


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


class ProcessLetter(models.Model):
    """A paper that Headwater made: the receipt of service, a decision, an answer. As it was sent, never made again."""

    process = models.ForeignKey(LegalProcess, on_delete=models.PROTECT, related_name="letters")
    kind = models.CharField(max_length=16)
    title = models.CharField(max_length=200)
    text = models.TextField()
    octets = models.BinaryField()
    """The PDF."""
    sha256 = models.CharField(max_length=64)
    at = models.DateTimeField()


class ProcessExtension(models.Model):
    """More time, asked for by one side and granted or refused by the other."""

    process = models.ForeignKey(LegalProcess, on_delete=models.PROTECT, related_name="extensions")
    what = models.CharField(max_length=16)
    """``return_date``, ``access`` or ``preservation``."""
    until = models.DateTimeField()
    asked_by_agency = models.BooleanField()
    reason = models.TextField()
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=200)
    granted = models.BooleanField(null=True)
    """None while nobody answered."""
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=200, blank=True)


class ProcessStateChange(models.Model):
    """One step of a process, by whom and why."""

    process = models.ForeignKey(LegalProcess, on_delete=models.PROTECT, related_name="state_changes")
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20, choices=_STATES)
    at = models.DateTimeField()
    by = models.CharField(max_length=200)
    reason = models.TextField(blank=True)
