"""Relief as a Django application: what it tells of cases and puts into packages is registered here."""

from django.apps import AppConfig


class ReliefConfig(AppConfig):
    """Its tables are ``relief_...``."""

    name = "headwater.relief"
    label = "relief"

    def ready(self) -> None:
        """Let cases, deconfliction and packages ask for process, packages, notices and measures."""
        # Imported here: models can be imported only now.
        from headwater.evidence import told_to_stop
        from headwater.relief import in_packages, lanes

        lanes.register()
        told_to_stop.register(in_packages.told)
