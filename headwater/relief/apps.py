"""Relief as a Django application: what it and the rooms under it tell of cases is registered here."""

from django.apps import AppConfig


class ReliefConfig(AppConfig):
    """Its tables are ``relief_...``."""

    name = "headwater.relief"
    label = "relief"

    def ready(self) -> None:
        """Let cases and deconfliction ask for process, packages, notices and measures."""
        # Imported here: models can be imported only now.
        from headwater.relief import lanes

        lanes.register()
