"""Routes of the portal application."""

from django.urls import URLPattern, URLResolver, include, path

from headwater.web import addendum, cases, downloads, own_organisation, recordings, trends, webhooks, why
from headwater.web.portal import alerts, deconfliction, process_new, processes, record, reports, scope, subscriptions

handler400 = "headwater.web.failures.bad_request"
handler403 = "headwater.web.failures.permission_denied"
handler404 = "headwater.web.failures.page_not_found"
handler429 = "headwater.web.failures.too_many_requests"
handler500 = "headwater.web.failures.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("headwater.web.signin.urls")),
    path("why/<str:kind>/<str:record_id>/", why.why, name="why"),
    path("organisation/", own_organisation.organisation, name="own-organisation"),
    path("organisation/confirm/", own_organisation.confirm, name="own-organisation-confirm"),
    path("organisation/close/", own_organisation.close, name="own-organisation-close"),
    path(
        "organisation/credentials/issue/", own_organisation.issue_credential, name="own-organisation-issue-credential"
    ),
    path(
        "organisation/credentials/change/",
        own_organisation.change_credential,
        name="own-organisation-change-credential",
    ),
    path("", alerts.index, name="alerts"),
    path("alerts/<str:alert_id>/", alerts.alert, name="alert"),
    path("alerts/<str:alert_id>/ringing/", alerts.ringing, name="alert_ringing"),
    path("alerts/<str:alert_id>/calls/<uuid:record_id>/recording/", recordings.of_sample, name="alert-recording"),
    path("alerts/<str:alert_id>/serve/", process_new.start, name="process_new"),
    path("requests/", processes.index, name="processes"),
    path("requests/new/", process_new.start_on, name="process_new_on"),
    path("requests/<str:process_id>/", processes.process, name="process"),
    path("requests/<str:process_id>/change/", process_new.revise, name="process_revise"),
    path("requests/<str:process_id>/review/", process_new.review, name="process_review"),
    path("requests/<str:process_id>/ringing/", processes.ringing, name="process_ringing"),
    path("requests/<str:process_id>/withdraw/", processes.withdraw, name="process_withdraw"),
    path("requests/<str:process_id>/supply/", processes.supply, name="process_supply"),
    path("requests/<str:process_id>/people/", processes.name_person, name="process_name_person"),
    path("requests/<str:process_id>/people/remove/", processes.remove_person, name="process_remove_person"),
    path("requests/<str:process_id>/time/", processes.ask_time, name="process_ask_time"),
    path("requests/<str:process_id>/time/<int:extension_id>/", processes.answer_time, name="process_answer_time"),
    path("requests/<str:process_id>/open/", scope.live, name="process_scope"),
    path("requests/<str:process_id>/open/ringing/", scope.ringing, name="process_scope_ringing"),
    path("requests/<str:process_id>/open/now/", scope.part, name="process_scope_part"),
    path("requests/<str:process_id>/open/calls/", scope.calls, name="process_scope_calls"),
    path("requests/<str:process_id>/open/<str:traceback_id>/", scope.traceback, name="process_scope_traceback"),
    path("requests/<str:process_id>/letters/<int:letter_id>/", downloads.letter, name="process_letter"),
    path("requests/<str:process_id>/documents/<int:document_id>/", downloads.document, name="process_document"),
    path("subscriptions/", subscriptions.index, name="subscriptions"),
    path("subscriptions/stop/<str:token>/", subscriptions.stop, name="subscription-stop"),
    path("subscriptions/<str:subscription_id>/", subscriptions.subscription, name="subscription"),
    path("subscriptions/<str:subscription_id>/act/", subscriptions.act, name="subscription-act"),
    path("taxii2/", include("headwater.api.taxii")),
    path("trends/", trends.portal, name="trends"),
    path("api/agencies/v1/", include("headwater.api.agency_urls")),
    path("reports/", reports.index, name="reports"),
    path("reports/calls/", reports.calls, name="report-calls"),
    path("reports/file/", reports.file, name="report-file"),
    path("reports/recording/", reports.recording, name="report-recording"),
    path("reports/<str:report_id>/", reports.report, name="report"),
    path("reports/<str:report_id>/tracebacks/", reports.ask, name="report-ask"),
    path("record/", record.record, name="record"),
    *cases.urls(),
    *addendum.urls(),
    path("deconfliction/", deconfliction.deconfliction, name="deconfliction"),
    path("deconfliction/<slug:deed>/", deconfliction.act, name="deconfliction-act"),
    path("joint/<str:joint_id>/", deconfliction.joint_case, name="joint-case"),
    path("joint/<str:joint_id>/<slug:deed>/", deconfliction.joint_act, name="joint-act"),
    path("webhooks/", webhooks.listing, name="webhooks"),
    path("webhooks/<str:endpoint_id>/", webhooks.endpoint, name="webhook"),
    path("webhooks/<str:endpoint_id>/rotate/", webhooks.rotate, name="webhook-rotate"),
    path("webhooks/<str:endpoint_id>/test/", webhooks.test, name="webhook-test"),
    path("webhooks/<str:endpoint_id>/remove/", webhooks.remove, name="webhook-remove"),
    path("packages/<str:package_id>/", downloads.package, name="package"),
    path("packages/public/<str:version_id>/", downloads.public_version, name="public-version"),
]
