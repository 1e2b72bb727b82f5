"""Routes of the public pages: every view is an ``open_page``."""

from django.urls import URLPattern, URLResolver, path

from headwater.web.public import block_feed, totals, traced

handler400 = "headwater.web.failures.bad_request"
handler403 = "headwater.web.failures.permission_denied"
handler404 = "headwater.web.failures.page_not_found"
handler500 = "headwater.web.failures.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", totals.totals, name="totals"),
    path("totals.json", totals.totals_json, name="totals-json"),
    path("traced-calls/", traced.traced, name="traced"),
    path("traced-calls/index.json", traced.traced_index, name="traced-index"),
    path("traced-calls/<str:week>.<str:form>", traced.traced_file, name="traced-file"),
    path("traced-calls/<str:week>/", traced.traced, name="traced-week"),
    path("block-feed/", block_feed.about, name="block-feed"),
    path("block-feed/v1/versions/<int:version>/<str:name>", block_feed.of_version, name="block-feed-version"),
    path("block-feed/v1/<str:name>", block_feed.newest, name="block-feed-file"),
]
