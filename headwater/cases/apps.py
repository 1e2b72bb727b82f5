"""Cases as a Django application."""

from django.apps import AppConfig


class CasesConfig(AppConfig):
    """Its tables are ``cases_...``."""

    name = "headwater.cases"
    label = "cases"
