"""Reports of agencies as a Django application."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Its tables are ``reports_...``."""

    name = "headwater.reports"
    label = "reports"
