"""What is kept of campaigns: the campaign, its members with their reasons, its exemplars, its states."""

from functools import partial

from django.db import models

from headwater.accounts.models import choices
from headwater.campaigns.states import CampaignState, HearingState, NameStatus
from headwater.identifiers import new_id


class Campaign(models.Model):
    """Calls that belong together. The identifier never changes, whatever the name becomes."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "C"), editable=False)
    name = models.CharField(max_length=120)
    name_status = models.CharField(max_length=8, choices=choices(NameStatus), default=NameStatus.PROPOSED)
    name_is_new = models.BooleanField(default=True)
    """True where no campaign of the reference is near enough: an explicit "new"."""
    name_basis = models.JSONField(default=dict)
    """Nearest reference exemplar, cosine, rule version: why this name."""
    family = models.CharField(max_length=48, blank=True)
    state = models.CharField(max_length=10, choices=choices(CampaignState), default=CampaignState.SUSPECTED)
    sources = models.JSONField(default=dict)
    """Source -> calls that it reported: a campaign that one sender alone tells of is not confirmed."""
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="merged_from")
    """Where its calls are counted now; its identifier stays, and still leads there."""
    split_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="split_into")
    priority = models.CharField(max_length=8, default="normal")
    """``low`` where a person knows it for a lawful sender (``allowed_because``): shown last, never hidden."""
    allowed_because = models.CharField(max_length=500, blank=True)
    first_call_at = models.DateTimeField()
    last_call_at = models.DateTimeField(db_index=True)
    detected_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    calls = models.PositiveBigIntegerField(default=0)
    states_hit = models.JSONField(default=dict)
    """Two-letter state of the called number's area -> calls; "" counts calls to an unknown area."""
    rule_version = models.CharField(max_length=32)

    class Meta:
        constraints = [
            # A script seen once or twice may be called as another; a campaign's name is its own.
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(confirmed_at__isnull=False) | models.Q(name_status=NameStatus.ACCEPTED),
                name="one_name_a_campaign",
            )
        ]
        indexes = [models.Index(fields=["state", "last_call_at"], name="campaign_by_state")]

    def __str__(self) -> str:
        return self.name


class CampaignMember(models.Model):
    """One call's membership, with what made it: replayable to the same answer."""

    record_id = models.UUIDField(primary_key=True)
    """The call record in the call store."""
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="members")
    call_at = models.DateTimeField()
    joined_at = models.DateTimeField()
    source_id = models.CharField(max_length=64)
    source_kind = models.CharField(max_length=16, blank=True)
    """``calls.records.SourceKind``: the vantage point. Counts of several are shown side by side, never summed."""
    calling = models.CharField(max_length=18)
    called_masked = models.CharField(max_length=24)
    """The called number with its area alone readable; the number itself is only in the call store."""
    called_state = models.CharField(max_length=2, blank=True)
    terminating_spc = models.CharField(max_length=16, blank=True)
    score = models.FloatField()
    """Cosine to the nearest exemplar; 1.0 for the call that founded the campaign."""
    nearest_record_id = models.UUIDField(null=True)
    rule_version = models.CharField(max_length=32)
    reasons = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["campaign", "-call_at"], name="member_by_time")]


class CampaignExemplar(models.Model):
    """A member's text that new calls are compared with (at most K a campaign)."""

    record_id = models.UUIDField(primary_key=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="exemplars")
    text = models.TextField()
    added_at = models.DateTimeField()
    added = models.PositiveBigIntegerField(unique=True)
    """The detector's clock (calls placed) when it was taken; the order in which it is compared."""
    used = models.PositiveBigIntegerField()
    """The clock when it was last the nearest of a call."""
    retired = models.PositiveBigIntegerField(null=True)
    """The clock when it gave way to another; ``None`` while calls are compared with it."""


class CampaignEdit(models.Model):
    """One merge or split by a person, with all that undoes it. What was decided is what weights are learnt from."""

    kind = models.CharField(max_length=8)
    """``merge`` or ``split``."""
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="edits")
    """The campaign that is left of a merge; the one that was split."""
    other = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, related_name="+")
    """The campaign that went into it; the one that came of the split, once it did."""
    asked_at = models.DateTimeField()
    by = models.CharField(max_length=64)
    why = models.CharField(max_length=500, blank=True)
    exemplars = models.JSONField(default=list)
    """Record ids of the exemplars that a split takes out, with the calls that joined by them."""
    done_at = models.DateTimeField(null=True)
    """When the detector, which alone moves calls, did it."""
    refused = models.CharField(max_length=500, blank=True)
    moved = models.JSONField(default=list)
    """Record ids of the calls that moved."""
    undo_asked_at = models.DateTimeField(null=True)
    undo_by = models.CharField(max_length=64, blank=True)
    undone_at = models.DateTimeField(null=True)


class LearntWeights(models.Model):
    """Weights of evidence that were learnt from what people decided here. A version is never changed."""

    version = models.CharField(primary_key=True, max_length=32)
    weights = models.JSONField()
    decisions = models.PositiveIntegerField()
    right = models.PositiveIntegerField()
    """Decided pairs that these weights judge as people did."""
    right_before = models.PositiveIntegerField()
    """Decided pairs that the shipped weights do."""
    learnt_at = models.DateTimeField()
    by = models.CharField(max_length=200)
    adopted_at = models.DateTimeField(null=True)
    """Since when calls are placed by it; of one version at most."""


class CampaignStateChange(models.Model):
    """One change of state, with when and why."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="state_changes")
    from_state = models.CharField(max_length=10, blank=True)
    to_state = models.CharField(max_length=10, choices=choices(CampaignState))
    at = models.DateTimeField()
    evidence = models.JSONField(default=dict)


class CampaignNode(models.Model):
    """One thing that calls of a campaign have (``fusion``): a node of the evidence graph with the edge to it."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="nodes")
    kind = models.CharField(max_length=12)
    value = models.CharField(max_length=120)
    calls = models.PositiveBigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "kind", "value"], name="one_node_a_campaign")]
        indexes = [models.Index(fields=["kind", "value"], name="node_by_value")]


class CampaignSignal(models.Model):
    """A key that rang unlike its past (``metadata.Signal``): evidence beside what calls say, and a suspect without."""

    kind = models.CharField(max_length=16)
    """What was counted: number, block, exchange, signer, origid, provider, called_block."""
    name = models.CharField(max_length=80)
    """The key as it is shown; called numbers by their block alone."""
    key = models.CharField(max_length=20)
    bin = models.BigIntegerField()
    """Five-second bin since 1970: with ``key`` what makes the same signal the same after a restart."""
    at = models.DateTimeField(db_index=True)
    calls = models.PositiveIntegerField()
    """Calls of the key within two minutes."""
    expected = models.FloatField()
    """How many its own past explains."""
    reasons = models.JSONField(default=list)
    """Sentences, the burst first."""
    figures = models.JSONField(default=dict)
    record_ids = models.JSONField(default=list)
    """The newest of the calls, in the call store."""
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, related_name="signals")
    """The campaign that most of these calls belong to, where one does."""
    members = models.PositiveIntegerField(default=0)
    """How many of ``record_ids`` belong to it."""
    rule_version = models.CharField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "bin"], name="one_signal_a_key_and_bin")]


class DetectorCheckpoint(models.Model):
    """How far the detector has read the call store, and its clock: one row, ``id`` 1."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    received_at = models.DateTimeField()
    """When the newest record that was taken had been received."""
    clock = models.PositiveBigIntegerField(default=0)
    """Steps taken so far: one for each call placed and each campaign given up."""
    epoch = models.PositiveBigIntegerField(default=0)
    """The clock when the word weights were last renewed."""
    placed = models.PositiveBigIntegerField(default=0)
    """Calls that joined or founded a campaign."""
    without_text = models.PositiveBigIntegerField(default=0)
    """Reports without a transcript: not grouped by text."""
    too_short = models.PositiveBigIntegerField(default=0)
    """Reports with fewer words than can be compared."""


class RecordingTranscript(models.Model):
    """What a recording says, by speech to text: one a recording, with what heard it and how sure that is."""

    recording = models.CharField(primary_key=True, max_length=64)
    """Its name: the SHA-256 of the first file in which this sound was known."""
    state = models.CharField(max_length=8, choices=choices(HearingState), default=HearingState.WAITING)
    asked_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    heard_at = models.DateTimeField(null=True)
    text = models.TextField(blank=True)
    language = models.CharField(max_length=8, blank=True)
    """As Whisper writes it: ``en``, ``es``, ``zh``; empty where nothing was said."""
    language_probability = models.FloatField(default=0.0)
    confidence = models.FloatField(default=0.0)
    """Mean probability of a token, 0 to 1."""
    seconds = models.FloatField(default=0.0)
    model = models.CharField(max_length=64, blank=True)
    version = models.CharField(max_length=64, blank=True)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = [models.Index(fields=["state", "asked_at"], name="transcript_by_state")]


class AwaitedCall(models.Model):
    """A report without words whose recording is being listened to: it is placed when that is done."""

    record_id = models.UUIDField(primary_key=True)
    recording = models.ForeignKey(RecordingTranscript, on_delete=models.PROTECT, related_name="awaited_by")
    at = models.DateTimeField()
    placed_at = models.DateTimeField(null=True)


class JoinedReport(models.Model):
    """A complaint or tag without words, and the campaign that it speaks for (``joining``): evidence, never a member."""

    record_id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=9)
    """``complaint`` or ``tag``."""
    source_id = models.CharField(max_length=64)
    calling = models.CharField(max_length=18)
    office_code = models.CharField(max_length=7)
    """NPA-NXX of the calling number, digits alone."""
    at = models.DateTimeField()
    whole_day = models.BooleanField(default=False)
    """Only the day is known; ``at`` is its noon."""
    category = models.CharField(max_length=32, blank=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, related_name="joined_reports")
    probability = models.FloatField(null=True)
    reasons = models.JSONField(default=dict)
    joined_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["campaign", "-at"], name="joined_by_campaign"),
            models.Index(fields=["office_code", "at"], name="joined_by_code"),
        ]


class SetAsideCall(models.Model):
    """A report that could not be placed by an error of Headwater's: passed over, so that it stops no other."""

    record_id = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    error = models.CharField(max_length=500)
