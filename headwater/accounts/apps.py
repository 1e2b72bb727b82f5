"""The accounts room as a Django application."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Connects the sign-in signals once the models stand."""

    name = "headwater.accounts"

    def ready(self) -> None:
        """Load the receivers."""
        # Imported here: receivers touch models, which exist only from here on.
        from headwater.accounts import sign_in  # noqa: F401
