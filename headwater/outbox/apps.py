"""The outbox as a Django application."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """Its tables are ``outbox_...``."""

    name = "headwater.outbox"
    label = "outbox"
