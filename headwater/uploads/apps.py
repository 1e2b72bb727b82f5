"""The uploads as a Django application."""

from django.apps import AppConfig


class UploadsConfig(AppConfig):
    """Its tables are ``uploads_...``."""

    name = "headwater.uploads"
    label = "uploads"
