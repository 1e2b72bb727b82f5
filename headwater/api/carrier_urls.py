"""Routes of the carrier API, included by the carrier application."""

from django.urls import URLPattern, URLResolver, path

from headwater.api import carrier_answers, carrier_records  # noqa: F401 - their doors stand on the same API
from headwater.api.carriers import api

urlpatterns: list[URLPattern | URLResolver] = [path("", api.urls)]
