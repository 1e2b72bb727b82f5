"""Routes of the carrier application."""

from django.urls import URLPattern, URLResolver, include, path

from headwater.web import own_organisation, webhooks, why
from headwater.web.carrier import block_feed, contacts, links, notices, numbers, questions, record, sheets, uploads

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
    path("", questions.waiting, name="questions"),
    path("answered/", questions.answered, name="answered"),
    path("questions/<str:question_id>/", questions.question, name="question"),
    path("questions/<str:question_id>/receipts/<str:receipt_id>/", questions.receipt, name="receipt"),
    path(
        "questions/<str:question_id>/receipts/<str:receipt_id>/signed/", questions.signed_receipt, name="receipt-signed"
    ),
    path("numbers/<str:question_id>/", numbers.number, name="number"),
    path("numbers/<str:question_id>/receipts/<str:receipt_id>/", numbers.receipt, name="number-receipt"),
    path(
        "numbers/<str:question_id>/receipts/<str:receipt_id>/signed/",
        numbers.signed_receipt,
        name="number-receipt-signed",
    ),
    path("bulk/", sheets.bulk, name="answer-bulk"),
    path("bulk/questions.csv", sheets.export, name="answer-export"),
    path("bulk/<str:sheet_id>/", sheets.sheet, name="answer-sheet"),
    path("bulk/<str:sheet_id>/refused.csv", sheets.refused, name="answer-sheet-refused"),
    path("link/<str:token>/", links.link, name="answer-link"),
    path("link/<str:token>/receipt/", links.signed_receipt, name="answer-link-receipt"),
    path("contacts/", contacts.listing, name="contacts"),
    path("contacts/<str:contact_id>/remove/", contacts.remove, name="contact-remove"),
    path("record/", record.own, name="own-record"),
    path("record/questions/<str:question_id>/dispute/", record.dispute, name="record-dispute"),
    path("record/disputes/<str:dispute_id>/withdraw/", record.withdraw, name="record-dispute-withdraw"),
    path("agent/", record.agent, name="own-agent"),
    path("block-feed/", block_feed.entries, name="carrier-block-feed"),
    path("block-feed/appeal/", block_feed.appeal, name="carrier-block-feed-appeal"),
    path("notices/", notices.listing, name="notices"),
    path("notices/<str:notice_id>/", notices.notice, name="notice"),
    path("notices/<str:notice_id>/documents/<int:document_id>/", notices.document, name="notice-document"),
    path("notices/<str:notice_id>/acknowledge/", notices.acknowledge, name="notice-acknowledge"),
    path("uploads/", uploads.listing, name="uploads"),
    path("uploads/new", uploads.receive, name="upload-receive"),
    path("uploads/<str:upload_id>/", uploads.upload, name="upload"),
    path("uploads/<str:upload_id>/refused.csv", uploads.rejects, name="upload-rejects"),
    path("uploads/<str:upload_id>/withdraw", uploads.withdraw, name="upload-withdraw"),
    path("webhooks/", webhooks.listing, name="webhooks"),
    path("webhooks/<str:endpoint_id>/", webhooks.endpoint, name="webhook"),
    path("webhooks/<str:endpoint_id>/rotate/", webhooks.rotate, name="webhook-rotate"),
    path("webhooks/<str:endpoint_id>/test/", webhooks.test, name="webhook-test"),
    path("webhooks/<str:endpoint_id>/remove/", webhooks.remove, name="webhook-remove"),
    path("api/agents/v1/", include("headwater.api.carrier_urls")),
]
