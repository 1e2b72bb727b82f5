"""Makes the product's rooms importable where no test runner has. Not a target itself."""

import os

import django
from django.apps import apps

if not apps.ready:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "headwater.site.settings")
    os.environ.setdefault("HEADWATER_PROCESS", "admin")
    django.setup()
