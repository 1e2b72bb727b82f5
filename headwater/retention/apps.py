"""The register of holds as a Django application."""

from django.apps import AppConfig


class RetentionConfig(AppConfig):
    """Its tables are ``retention_...``."""

    name = "headwater.retention"
    label = "retention"
