"""Routes of the agency API, included by the portal."""

from django.urls import URLPattern, URLResolver, path

from headwater.api.agencies import api

urlpatterns: list[URLPattern | URLResolver] = [path("", api.urls)]
