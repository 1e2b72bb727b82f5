"""Django's session engine over one table an application."""

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore

from headwater.accounts.models import ApplicationSession, CarrierSession, DeskSession, PortalSession

MODELS: dict[str, type[ApplicationSession]] = {
    "desk": DeskSession,
    "portal": PortalSession,
    "carrier": CarrierSession,
}


class SessionStore(DatabaseSessionStore):
    """Keeps the sessions of the application that this process serves."""

    @classmethod
    def get_model_class(cls) -> type[ApplicationSession]:
        """Return the session model of this application."""
        return MODELS[settings.WEB_APPLICATION]
