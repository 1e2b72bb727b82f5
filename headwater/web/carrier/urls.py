"""Routes of the carrier application."""

from django.urls import URLPattern, URLResolver, include, path

handler400 = "headwater.web.failures.bad_request"
handler403 = "headwater.web.failures.permission_denied"
handler404 = "headwater.web.failures.page_not_found"
handler429 = "headwater.web.failures.too_many_requests"
handler500 = "headwater.web.failures.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("headwater.web.signin.urls")),
    path("api/agents/v1/", include("headwater.api.carrier_urls")),
]
