"""Routes of the public pages: every view is an ``open_page``."""

from django.urls import URLPattern, URLResolver, path

from headwater.web.public import totals

handler400 = "headwater.web.failures.bad_request"
handler403 = "headwater.web.failures.permission_denied"
handler404 = "headwater.web.failures.page_not_found"
handler500 = "headwater.web.failures.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", totals.totals, name="totals"),
    path("totals.json", totals.totals_json, name="totals-json"),
]
