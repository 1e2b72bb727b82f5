"""The audit room as a Django application."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    """Sees to it that the chain has its beginning."""

    name = "headwater.audit"

    def ready(self) -> None:
        """Have the head row made after every migration where it is missing."""
        post_migrate.connect(begin_chain, sender=self)


def begin_chain(using: str, **_: Any) -> None:
    """Make the head row of an empty log. Where entries stand, the trigger refuses a new head."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regclass('audit_head') IS NOT NULL AND NOT EXISTS (SELECT 1 FROM audit_entry)")
        (empty,) = cursor.fetchone()
        if empty:
            cursor.execute(
                "INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, repeat('0', 64)) ON CONFLICT (id) DO NOTHING"
            )
