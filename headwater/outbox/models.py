"""Messages, the files that go with them, and each attempt to deliver one."""

from functools import partial

from django.db import models

from headwater.identifiers import new_id


class Message(models.Model):
    """One mail or webhook. It is never deleted: it proves what was sent, to whom and when it was taken."""

    id = models.CharField(primary_key=True, max_length=16, default=partial(new_id, "MS"), editable=False)
    key = models.CharField(max_length=200, unique=True)
    """What causes it, in the words of the room that queued it: the same cause queues nothing twice."""
    way = models.CharField(max_length=8)
    address = models.CharField(max_length=2_048)
    """Mail address, or URL."""
    kind = models.CharField(max_length=64, blank=True)
    """Type of a webhook's event."""
    endpoint = models.CharField(max_length=16, blank=True, db_index=True)
    """The webhook endpoint, by which the worker finds the secret that signs."""
    subject = models.CharField(max_length=200, blank=True)
    text = models.TextField()
    """Body of the mail, or the event as JSON. Once it is settled, without ``secret_part``."""
    text_sha256 = models.CharField(max_length=64)
    """Of the whole text as it was sent."""
    secret_part = models.CharField(max_length=400, blank=True)
    """A one-time link in the text; it is taken out when the message is settled."""
    about = models.CharField(max_length=200, db_index=True)
    organisation_id = models.CharField(max_length=16, blank=True, db_index=True)
    """Whose people or machines it is for; "" for nobody registered."""
    state = models.CharField(max_length=12)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    receipt = models.TextField(blank=True)
    """The last answer, or why there was none."""

    class Meta:
        indexes = [
            models.Index(fields=["next_at"], condition=models.Q(state="waiting"), name="outbox_waiting"),
        ]


class MessageFile(models.Model):
    """A file that goes with a mail; deleted when the mail was taken: what it holds stands in the room that made it."""

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="files")
    name = models.CharField(max_length=120)
    media_type = models.CharField(max_length=170)
    sha256 = models.CharField(max_length=64)
    octets = models.BinaryField()


class Attempt(models.Model):
    """One attempt to deliver a message, with what came of it."""

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="tries")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=12)
    answer = models.TextField()
