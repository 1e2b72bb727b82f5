"""What is kept of tracebacks: events are the truth, traceback and hop rows are their projection."""

from functools import partial

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from headwater.campaigns.models import Campaign
from headwater.identifiers import new_id
from headwater.providers.models import Provider
from headwater.tracebacks.forward import ForwardGrade, ForwardState
from headwater.tracebacks.reminders import Step
from headwater.tracebacks.states import FlagKind, Grade, HopKind, HopRole, HopState, TellingWay, TracebackState
from headwater.wire.agents import AnswerCode
from headwater.wire.forward import ForwardCode

CODES = [(code.value, code.value) for code in AnswerCode]


class Traceback(models.Model):
    """One call being traced from the terminating provider upstream."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "TB"), editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, related_name="tracebacks")
    record_id = models.UUIDField(db_index=True)
    calling = models.CharField(max_length=18)
    called = models.CharField(max_length=18)
    """Masked at every door; opened to ask a carrier, and under an accepted process."""
    call_at = models.DateTimeField()
    terminating_provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=24, choices=TracebackState.choices(), default=TracebackState.SUBMITTED.value)
    grade = models.CharField(max_length=20, choices=Grade.choices(), default=Grade.NONE.value, blank=True)
    origin = models.ForeignKey(Provider, on_delete=models.PROTECT, null=True, related_name="+")
    """Set only with the grade *origin confirmed*."""
    outcome = models.TextField(blank=True)
    """The sentence that the grade allows."""
    opened_by = models.CharField(max_length=200)
    opened_at = models.DateTimeField(db_index=True)
    closed_at = models.DateTimeField(null=True)
    engine_version = models.CharField(max_length=32)


class TracebackEvent(models.Model):
    """One event that the engine took, in order; folding them gives the traceback again."""

    traceback = models.ForeignKey(Traceback, on_delete=models.PROTECT, related_name="events")
    sequence = models.PositiveIntegerField()
    at = models.DateTimeField()
    event = models.JSONField()
    answer = models.OneToOneField("Answer", on_delete=models.PROTECT, null=True, related_name="event")
    """The answer that this event took in, or refused: an answer without one still waits to be taken."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["traceback", "sequence"], name="one_event_a_step")]


class Hop(models.Model):
    """One provider asked about the call. The identifier is that of its question."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "Q"), editable=False)
    traceback = models.ForeignKey(Traceback, on_delete=models.PROTECT, related_name="hops")
    index = models.PositiveSmallIntegerField()
    """1 at the terminating provider, growing upstream; 0 of a signer that is asked beside the walk."""
    kind = models.CharField(max_length=10, choices=HopKind.choices(), default=HopKind.WALK.value)
    """Why it is asked."""
    attempt = models.PositiveSmallIntegerField(default=1)
    """How often the provider has been asked at this place; each time is a row of its own."""
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="hops")
    role = models.CharField(max_length=12, choices=HopRole.choices(), default=HopRole.UNKNOWN.value, blank=True)
    state = models.CharField(max_length=16, choices=HopState.choices(), default=HopState.NOTIFIED.value)
    question = models.JSONField()
    """The wire Question as it was asked."""
    asked_at = models.DateTimeField()
    viewed_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    legal_due_at = models.DateTimeField()
    platform_due_at = models.DateTimeField()
    final_due_at = models.DateTimeField()
    next_deadline_at = models.DateTimeField(null=True, db_index=True)
    """When a clock runs out next on this question; null while none runs."""
    withdrawn_at = models.DateTimeField(null=True)
    """When the question was asked again or the path left it."""
    downstream = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    """The question whose answer named this provider."""
    answer_code = models.CharField(max_length=24, blank=True, choices=CODES)
    upstream = models.ForeignKey(Provider, on_delete=models.PROTECT, null=True, related_name="+")
    upstream_named = models.JSONField(default=dict)
    """The upstream as the answer named it, also where it is in no register."""
    basis = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["traceback", "index", "provider", "attempt"], name="one_question_an_attempt"
            )
        ]


class Answer(models.Model):
    """One answer as it came in: never overwritten, a correction is a new version."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "RC"), editable=False)
    """Also the receipt's number."""
    hop = models.ForeignKey(Hop, on_delete=models.PROTECT, related_name="answers")
    version = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=24, choices=CODES)
    respondent = models.ForeignKey(Provider, on_delete=models.PROTECT, null=True, related_name="+")
    """The upstream that the answer names, where the register had it when the answer came."""
    payload = models.JSONField()
    octets = models.BinaryField()
    """As received: a JWS from an agent, a form from a person."""
    octets_sha256 = models.CharField(max_length=64)
    key_id = models.CharField(max_length=64, blank=True)
    """Which registered key signed it; "" where a person answered."""
    deposit = models.CharField(max_length=16, blank=True)
    """The deposit that it rests on, or the newest one that was looked at; "" where the provider answered."""
    answered_by = models.CharField(max_length=200)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hop", "version"], name="one_answer_a_version"),
            models.UniqueConstraint(fields=["hop", "octets_sha256"], name="a_retry_is_the_same_answer"),
        ]


class Viewing(models.Model):
    """That a provider has seen a question: by its agent or a person, the first time."""

    hop = models.OneToOneField(Hop, on_delete=models.PROTECT, primary_key=True, related_name="viewing")
    at = models.DateTimeField()
    by = models.CharField(max_length=200)


class Telling(models.Model):
    """One message about a question that was sent, or that a later one made needless: each step once."""

    hop = models.ForeignKey(Hop, on_delete=models.PROTECT, related_name="tellings")
    step = models.CharField(max_length=12, choices=Step.choices())
    at = models.DateTimeField()
    way = models.CharField(max_length=8, choices=TellingWay.choices())
    address = models.CharField(max_length=254, blank=True)
    """Mail address, or number of endpoints as text; "" where nobody was to be written to."""
    message_id = models.CharField(max_length=16, blank=True)
    """The mail in the outbox."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hop", "step", "way", "address"], name="one_telling_a_step_and_address")
        ]


class TellingClock(models.Model):
    """When the next message about a question is due; null when none is any more."""

    hop = models.OneToOneField(Hop, on_delete=models.PROTECT, primary_key=True, related_name="telling_clock")
    next_at = models.DateTimeField(null=True, db_index=True)
    agent_present = models.BooleanField(default=False)
    """Whether the provider's agent was there when the question was put: its steps were planned by that."""


class DutyPerson(models.Model):
    """Somebody of the consortium who is mailed of overdue questions."""

    person_id = models.CharField(primary_key=True, max_length=16)
    email = models.EmailField()
    """As it was when the duty was taken: what the page shows. Mails go to the account's present address."""
    since = models.DateTimeField()


class DeskMail(models.Model):
    """One round of mails to the desk: what it was told of up to then."""

    at = models.DateTimeField()
    last_telling = models.BigIntegerField()
    """Number of the last telling that it took in."""
    questions = models.PositiveIntegerField()
    people = models.PositiveIntegerField()


class AnswerLink(models.Model):
    """A one-time link by which the reader of one mail may answer one question without signing in."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "AL"), editable=False)
    hop = models.ForeignKey(Hop, on_delete=models.PROTECT, related_name="answer_links")
    token_sha256 = models.CharField(max_length=64, unique=True)
    """The token itself is in the mail alone."""
    address = models.CharField(max_length=254)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    """When the question was first shown by it."""
    used_at = models.DateTimeField(null=True)
    """When an answer was given by it: it takes no other."""
    answer = models.OneToOneField("Answer", on_delete=models.PROTECT, null=True, related_name="link")


class AnswerSheet(models.Model):
    """One file of answers that a provider's person brought: what became of each row."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "AS"), editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="answer_sheets")
    name = models.CharField(max_length=200)
    octets_sha256 = models.CharField(max_length=64)
    brought_at = models.DateTimeField()
    brought_by = models.CharField(max_length=200)
    outcomes = models.JSONField()
    """A row each: line, question, code, what became of it, receipt, reason."""
    refused = models.BinaryField()
    """The refused rows as they came, with the reason, as CSV; empty where none was."""
    taken = models.PositiveIntegerField()
    repeated = models.PositiveIntegerField()
    rejected = models.PositiveIntegerField()


class RefusedAnswer(models.Model):
    """An answer that was refused, with its octets: what was sent stays on record."""

    hop = models.ForeignKey(Hop, on_delete=models.PROTECT, null=True, related_name="refused_answers")
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="+")
    octets = models.BinaryField()
    octets_sha256 = models.CharField(max_length=64)
    key_id = models.CharField(max_length=64, blank=True)
    reason = models.TextField()
    sent_by = models.CharField(max_length=200)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "octets_sha256"], name="a_refused_answer_is_kept_once"),
        ]


class Flag(models.Model):
    """What one question says about a provider's conduct: a fact with its evidence, not a judgement."""

    hop = models.ForeignKey(Hop, on_delete=models.PROTECT, related_name="flags")
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="flags")
    kind = models.CharField(max_length=16, choices=FlagKind.choices())
    detail = models.TextField(blank=True)
    at = models.DateTimeField()
    engine_version = models.CharField(max_length=32)


class CarrierRoot(models.Model):
    """The signed root that a carrier's agent published for one minute. Never changed."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="roots")
    minute = models.CharField(max_length=17)
    """``2026-06-09T16:00Z``."""
    root = models.CharField(max_length=64)
    jws = models.TextField()
    """As it was signed: what the next root's ``previous`` is the SHA-256 of."""
    received_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "minute"], name="one_root_a_minute")]


class BlindSearch(models.Model):
    """One search among all agents for who carried a call; they are shown the beginning of a label (``calls.blind``)."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "SR"), editable=False)
    hop = models.ForeignKey(Hop, on_delete=models.PROTECT, related_name="searches")
    """The question whose provider does not lead on."""
    far = models.BooleanField()
    """Whether whoever carried the call at all is wanted."""
    same_as = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    """An earlier search of the traceback that asked the same: its hits count here too, and nobody is asked again."""
    key = models.BinaryField()
    prefix = models.BinaryField()
    begin = models.DateTimeField()
    end = models.DateTimeField()
    asked = models.PositiveIntegerField()
    """Agents that were there when it was opened."""
    opened_at = models.DateTimeField()
    closes_at = models.DateTimeField(db_index=True)
    closed_at = models.DateTimeField(null=True)


class BlindHit(models.Model):
    """What one carrier's agent proved to one search: the first time counts."""

    search = models.ForeignKey(BlindSearch, on_delete=models.PROTECT, related_name="hits")
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="+")
    carried = models.JSONField()
    handed = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["search", "provider"], name="one_hit_a_search")]


class DepositEpoch(models.Model):
    """The label key of one provider's epoch, sealed to the approver. Never changed."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="deposit_epochs")
    epoch = models.CharField(max_length=16)
    sender = models.BinaryField()
    wrapped = models.BinaryField()
    first_at = models.DateTimeField()
    """When the first batch of it came."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "epoch"], name="one_label_key_an_epoch")]


class Deposit(models.Model):
    """One sealed batch of a provider's records, as it came; deleted after its time (``calls.deposits``)."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "DP"), editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="deposits")
    epoch = models.CharField(max_length=16)
    root = models.CharField(max_length=64)
    octets = models.BinaryField()
    labels = ArrayField(models.BigIntegerField())
    """Of each record; several records may have one."""
    records = models.PositiveIntegerField()
    key_id = models.CharField(max_length=64)
    """Key of the provider that signed it."""
    deposited_at = models.DateTimeField()
    """By the provider's clock."""
    received_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "root"], name="one_deposit_a_root")]
        indexes = [GinIndex(fields=["labels"], name="deposit_by_label")]


class ForwardTracing(models.Model):
    """One call-back number being traced forward. Its events are the truth; the other columns follow from them."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "TF"), editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, related_name="forwards")
    number = models.CharField(max_length=18)
    state = models.CharField(max_length=24, choices=ForwardState.choices(), default=ForwardState.SUBMITTED.value)
    grade = models.CharField(max_length=20, choices=ForwardGrade.choices(), default="", blank=True)
    server = models.ForeignKey(Provider, on_delete=models.PROTECT, null=True, related_name="+")
    """Set only with the grade *serving provider confirmed*."""
    outcome = models.TextField(blank=True)
    events = models.JSONField(default=list)
    opened_by = models.CharField(max_length=200)
    opened_at = models.DateTimeField(db_index=True)
    closed_at = models.DateTimeField(null=True)
    next_due_at = models.DateTimeField(null=True, db_index=True)
    engine_version = models.CharField(max_length=32)


class ForwardQuestion(models.Model):
    """One provider asked about one call-back number; the identifier is that of its question."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "NQ"), editable=False)
    forward = models.ForeignKey(ForwardTracing, on_delete=models.PROTECT, related_name="questions")
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="number_questions")
    question = models.JSONField()
    """The wire NumberQuestion as it was asked."""
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)
    """When the provider saw it first, by its agent or a person."""
    seen_by = models.CharField(max_length=200, blank=True)
    withdrawn_at = models.DateTimeField(null=True)
    """When nothing pointed at the provider any more, or the trace was called off."""
    told = models.JSONField(default=list)
    """Steps of ``reminders`` that were told."""
    tell_at = models.DateTimeField(null=True, db_index=True)
    """When the next message about it is due; null when none is any more."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["forward", "provider"], name="one_question_a_number")]


class ForwardAnswer(models.Model):
    """One answer of a provider about a number, as it came in: a correction is a new version."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "RC"), editable=False)
    """Also the receipt's number."""
    question = models.ForeignKey(ForwardQuestion, on_delete=models.PROTECT, related_name="answers")
    version = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=16, choices=[(code.value, code.value) for code in ForwardCode])
    payload = models.JSONField()
    octets = models.BinaryField()
    octets_sha256 = models.CharField(max_length=64)
    key_id = models.CharField(max_length=64, blank=True)
    """Which registered key signed it; "" where a person answered."""
    answered_by = models.CharField(max_length=200)
    received_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, db_index=True)
    """When the trace took it in, or refused it; null while it waits."""
    refused_because = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["question", "version"], name="one_number_answer_a_version"),
            models.UniqueConstraint(fields=["question", "octets_sha256"], name="a_number_retry_is_the_same"),
        ]
