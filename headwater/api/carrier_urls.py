"""Routes of the carrier API, included by the carrier application."""

from django.urls import URLPattern, URLResolver, path

from headwater.api.carriers import api

urlpatterns: list[URLPattern | URLResolver] = [path("", api.urls)]
