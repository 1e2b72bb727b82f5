"""The connectors as a Django application."""

from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    """Its tables are ``connectors_...``."""

    name = "headwater.connectors"
    label = "connectors"
