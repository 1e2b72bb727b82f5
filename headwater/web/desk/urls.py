"""Routes of the desk application."""

from django.urls import URLPattern, URLResolver, include, path

from headwater.web import downloads, trends
from headwater.web.desk import (
    audit,
    calls,
    campaign_review,
    campaigns,
    live,
    outbox,
    process_acts,
    processes,
    registries,
    relief,
    signers,
    sources,
    stir,
    tracebacks,
)

handler400 = "headwater.web.failures.bad_request"
handler403 = "headwater.web.failures.permission_denied"
handler404 = "headwater.web.failures.page_not_found"
handler429 = "headwater.web.failures.too_many_requests"
handler500 = "headwater.web.failures.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("headwater.web.signin.urls")),
    path("", live.live, name="live"),
    path("live/", live.fragment, name="live-fragment"),
    path("audit/", audit.log, name="audit"),
    path("campaigns/", campaigns.index, name="campaigns"),
    path("campaigns/review/", campaign_review.review, name="campaign-review"),
    path("campaigns/signals/", campaign_review.signal_list, name="campaign-signals"),
    path("campaigns/edits/<int:edit_id>/undo/", campaign_review.undo, name="campaign-undo"),
    path("campaigns/<str:campaign_id>/merge/", campaign_review.merge, name="campaign-merge"),
    path("campaigns/<str:campaign_id>/split/", campaign_review.split, name="campaign-split"),
    path("campaigns/<str:campaign_id>/allow/", campaign_review.allow, name="campaign-allow"),
    path("campaigns/<str:campaign_id>/calls/<uuid:record_id>/", campaign_review.membership, name="campaign-membership"),
    path("campaigns/<str:campaign_id>/", campaigns.campaign, name="campaign"),
    path("campaigns/<str:campaign_id>/exemplars/<uuid:record_id>/", campaigns.exemplar, name="campaign-exemplar"),
    path("campaigns/<str:campaign_id>/name/", campaigns.name, name="campaign-name"),
    path("campaigns/<str:campaign_id>/open-traceback/", campaigns.open_traceback, name="campaign-open-traceback"),
    path("campaigns/<str:campaign_id>/relief/", relief.relief, name="relief"),
    path("campaigns/<str:campaign_id>/relief/notice/", relief.send, name="relief-notice"),
    path("campaigns/<str:campaign_id>/relief/measure/", relief.measure, name="relief-measure"),
    path("campaigns/<str:campaign_id>/relief/block/", relief.block, name="relief-block"),
    path("campaigns/<str:campaign_id>/relief/block/<int:entry_id>/", relief.unblock, name="relief-unblock"),
    path("process/", processes.index, name="processes"),
    path("process/figures/", processes.measured, name="process_figures"),
    path("process/<str:process_id>/", processes.process, name="process"),
    path("process/<str:process_id>/begin/", process_acts.begin, name="process_begin"),
    path("process/<str:process_id>/decide/", process_acts.decide, name="process_decide"),
    path("process/<str:process_id>/produce/", process_acts.produce, name="process_produce"),
    path("process/<str:process_id>/identity/", process_acts.identity, name="process_identity"),
    path("process/<str:process_id>/certify/", process_acts.certify, name="process_certify"),
    path("process/<str:process_id>/close/", process_acts.close, name="process_close"),
    path("process/<str:process_id>/time/", process_acts.ask_time, name="process_ask_time"),
    path("process/<str:process_id>/time/<int:extension_id>/", process_acts.answer_time, name="process_answer_time"),
    path("process/<str:process_id>/letters/<int:letter_id>/", downloads.letter, name="process_letter"),
    path("process/<str:process_id>/documents/<int:document_id>/", downloads.document, name="process_document"),
    path("calls/", calls.find, name="calls"),
    path("calls/<uuid:record_id>/", signers.call, name="call"),
    path("certificates/<str:sha256>/", signers.certificate, name="certificate"),
    path("certificates/<str:sha256>/octets/", signers.certificate_octets, name="certificate-octets"),
    path("signers/", signers.index, name="signers"),
    path("signers/hosts/", signers.hosts, name="signer-hosts"),
    path("signers/hosts/decide/", signers.decide_host, name="signer-host-decide"),
    path("signers/<str:spc>/", signers.signer, name="signer"),
    path("registries/", registries.registries, name="registries"),
    path("registries/provider/<str:provider_id>/", registries.provider, name="registry-provider"),
    path("sources/", sources.sources, name="sources"),
    path("stir/", stir.verify, name="stir"),
    path("trends/", trends.desk, name="trends"),
    path("tracebacks/", tracebacks.listing, name="tracebacks"),
    path("tracebacks/open/", tracebacks.open_by_hand, name="traceback-open"),
    path("tracebacks/<str:traceback_id>/", tracebacks.detail, name="traceback"),
    path("tracebacks/<str:traceback_id>/cancel/", tracebacks.cancel, name="traceback-cancel"),
    path("tracebacks/<str:traceback_id>/reopen/", tracebacks.reopen, name="traceback-reopen"),
    path("outbox/", outbox.outbox, name="outbox"),
    path("packages/<str:package_id>/", downloads.package, name="package"),
]
