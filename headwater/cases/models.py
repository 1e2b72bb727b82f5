"""What is kept of cases, joint cases, and the matters that agencies have checked against each other's."""

from functools import partial

from django.db import models

from headwater.accounts.models import Organisation, User
from headwater.cases.states import CaseState, Lane, MatterKind, MemberRole, PartyState, Precision, SubjectKind
from headwater.identifiers import new_id


class Case(models.Model):
    """One investigation of one organisation; no other organisation sees it."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "CS"), editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="cases")
    title = models.CharField(max_length=200)
    reference = models.CharField(max_length=200, blank=True)
    """The organisation's own matter number."""
    state = models.CharField(max_length=8, choices=CaseState.choices(), default=CaseState.OPEN.value)
    restricted = models.BooleanField(default=False)
    """Only its members see it; otherwise its organisation's people read it."""
    opened_at = models.DateTimeField()
    opened_by = models.CharField(max_length=200)
    closed_at = models.DateTimeField(null=True)
    closed_because = models.TextField(blank=True)


class CaseMember(models.Model):
    """A person who works on a case, from when and until when."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=12, choices=MemberRole.choices())
    added_at = models.DateTimeField()
    added_by = models.CharField(max_length=200)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "user"], condition=models.Q(removed_at__isnull=True), name="one_role_a_member"
            )
        ]


class CaseItem(models.Model):
    """Something that belongs to a case; what was taken out stays on record."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="items")
    kind = models.CharField(max_length=12, choices=SubjectKind.choices())
    reference = models.CharField(max_length=16)
    name = models.CharField(max_length=200)
    """As it was called when it was added."""
    why = models.CharField(max_length=400, blank=True)
    added_at = models.DateTimeField()
    added_by = models.CharField(max_length=200)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "kind", "reference"],
                condition=models.Q(removed_at__isnull=True),
                name="one_item_a_case",
            )
        ]


class CaseNote(models.Model):
    """What a person wrote down; one that names a moment stands in the timeline. Never changed: a correction is new."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="notes")
    text = models.TextField()
    at = models.DateTimeField(null=True)
    """The moment that it is about, at its beginning."""
    precision = models.CharField(max_length=8, choices=Precision.choices(), default=Precision.EXACT.value)
    lane = models.CharField(max_length=12, choices=Lane.choices(), default=Lane.NOTES.value)
    written_at = models.DateTimeField()
    written_by = models.CharField(max_length=200)


class CaseTask(models.Model):
    """Something to be done, by whom and until when."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="tasks")
    text = models.CharField(max_length=400)
    assignee = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    due_on = models.DateField(null=True)
    entered_at = models.DateTimeField()
    entered_by = models.CharField(max_length=200)
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=200, blank=True)


class CaseDocument(models.Model):
    """A document as it was received: its octets are never changed and never shown in our pages."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="documents")
    filename = models.CharField(max_length=200)
    octets = models.BinaryField()
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    received_at = models.DateTimeField()
    received_by = models.CharField(max_length=200)


class CaseRequest(models.Model):
    """One request of an agency's own system that was carried out: its key again gives the same case."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=128)
    request_sha256 = models.CharField(max_length=64)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "key"], name="one_case_request_a_key")]


class JointCase(models.Model):
    """A case that several agencies work on together: shared notes, and nothing else of their own cases."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "JC"), editable=False)
    title = models.CharField(max_length=200)
    opened_at = models.DateTimeField()
    opened_by = models.CharField(max_length=200)


class JointParty(models.Model):
    """One agency in a joint case: invited, joined, declined or gone."""

    joint = models.ForeignKey(JointCase, on_delete=models.PROTECT, related_name="parties")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, related_name="+")
    """Its own case, which the others do not see."""
    state = models.CharField(max_length=8, choices=PartyState.choices())
    since = models.DateTimeField()
    by = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["joint", "organisation"], name="one_party_an_agency")]


class JointNote(models.Model):
    """A shared note of a joint case."""

    joint = models.ForeignKey(JointCase, on_delete=models.PROTECT, related_name="notes")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    written_at = models.DateTimeField()
    written_by = models.CharField(max_length=200)


class Consent(models.Model):
    """Whether an agency takes part in deconfliction at all, and whom the others call."""

    organisation = models.OneToOneField(Organisation, on_delete=models.PROTECT, primary_key=True, related_name="+")
    given = models.BooleanField()
    contact_name = models.CharField(max_length=200)
    contact_telephone = models.CharField(max_length=40)
    contact_email = models.EmailField()
    since = models.DateTimeField()
    by = models.CharField(max_length=200)


class Matter(models.Model):
    """One open matter that its agency has checked against those of others, until it is taken out."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "DM"), editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=MatterKind.choices())
    reference = models.CharField(max_length=16)
    entered_at = models.DateTimeField()
    entered_by = models.CharField(max_length=200)
    indexed_at = models.DateTimeField(null=True)
    """When the worker last put its pointers into the index."""
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "reference"], condition=models.Q(withdrawn_at__isnull=True), name="one_matter_in_force"
            )
        ]


class Pointer(models.Model):
    """A keyed hash of something that a matter is about. The worker alone writes it; nobody reads back what it was."""

    matter = models.ForeignKey(Matter, on_delete=models.PROTECT, related_name="pointers")
    digest = models.CharField(max_length=64, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["matter", "digest"], name="one_pointer_a_thing")]


class Match(models.Model):
    """Two matters of two agencies that point at the same thing. It says that they do, not at what."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "DX"), editable=False)
    one = models.ForeignKey(Matter, on_delete=models.PROTECT, related_name="+")
    other = models.ForeignKey(Matter, on_delete=models.PROTECT, related_name="+")
    found_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["one", "other"], name="one_match_a_pair")]
