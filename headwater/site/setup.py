"""Readying Django for processes that Django does not start: the command line, the worker, the ASGI apps."""

import os


def django() -> None:
    """Load settings and rooms, once. Call it before anything that touches a model is imported."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "headwater.site.settings")
    # Imported here: commands that need no database (agent, evidence verify) must start without Django.
    from django import setup
    from django.apps import apps

    if not apps.ready:
        setup()
