"""Errors as pages: the right status, what happened, what to do, and the same headers as every other answer."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from django.db import OperationalError
from django.http import HttpRequest
from django.test import RequestFactory

import headwater.web
from headwater import errors
from headwater.accounts.permissions import Permission
from headwater.campaigns.states import CampaignState
from headwater.legal.rules import ProcessState
from headwater.tracebacks.forward import ForwardGrade, ForwardState
from headwater.tracebacks.states import Grade, HopState, TracebackState
from headwater.web.components.status import STATUSES, status
from headwater.web.failures import server_error
from headwater.web.middleware import ANSWERS, CONTENT_SECURITY_POLICY, ErrorPages
from tests.conftest import Browser

VENDOR = Path(headwater.web.__file__).parent / "static" / "vendor"


def asked(**headers: str) -> HttpRequest:
    request = RequestFactory(headers=headers).get("/")
    request.session = {}
    return request


def unreachable(request: HttpRequest) -> None:
    raise AssertionError


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ANSWERS)
def test_each_kind_of_error_has_its_page(kind: type[errors.HeadwaterError], desk_client: Browser) -> None:
    answer = ErrorPages(unreachable).process_exception(asked(), kind("The case <b>X</b> is gone. Ask for another."))
    assert answer is not None
    assert answer.status_code == ANSWERS[kind][0]
    assert "The case &lt;b&gt;X&lt;/b&gt; is gone. Ask for another." in answer.content.decode()


def test_every_kind_of_error_has_an_answer() -> None:
    assert set(ANSWERS) == set(errors.HeadwaterError.__subclasses__()) & {
        getattr(errors, name) for name in dir(errors) if isinstance(getattr(errors, name), type)
    }


@pytest.mark.django_db
def test_a_database_that_does_not_answer_is_said_without_its_address() -> None:
    answer = ErrorPages(unreachable).process_exception(asked(), OperationalError("password of 10.0.0.1 failed"))
    assert answer is not None
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert "10.0.0.1" not in answer.content.decode()


@pytest.mark.django_db
def test_a_fragment_gets_a_fragment() -> None:
    answer = ErrorPages(unreachable).process_exception(asked(**{"HX-Request": "true"}), errors.Conflict("No."))
    assert answer is not None
    assert "<html" not in answer.content.decode()


def test_what_is_no_error_of_ours_is_left_to_the_page_that_tells_nothing() -> None:
    assert ErrorPages(unreachable).process_exception(asked(), ValueError("a secret")) is None
    page = server_error(asked())
    assert page.status_code == 500
    assert "secret" not in page.content.decode()


@pytest.mark.django_db
def test_every_answer_carries_the_headers(desk_client: Browser) -> None:
    for path in ("/campaigns/", "/nope/", "/account/sign-in/", "/audit/", "/static/headwater.css"):
        answer = desk_client.get(path)
        # A static file is a stream, which must be read to its end to be closed.
        b"".join(answer)
        headers = answer.headers
        assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY, path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert ("max-age=60" if path.startswith("/static/") else "no-store") in headers["Cache-Control"], path


@pytest.mark.django_db
def test_a_missing_page_tells_no_more_than_that(desk_client: Browser) -> None:
    answer = desk_client.get("/nope/")
    assert answer.status_code == 404
    assert "There is no such page or record" in answer.content.decode()
    assert "urlpatterns" not in answer.content.decode()


@pytest.mark.parametrize("states", [CampaignState, TracebackState, HopState, ForwardState, ProcessState])
def test_every_status_of_every_room_is_drawn_by_the_table(states: type) -> None:
    assert {state.value for state in states} <= set(STATUSES)


def test_every_grade_is_drawn_by_the_table() -> None:
    assert {grade.value for grade in (*Grade, *ForwardGrade)} - {""} <= set(STATUSES)


def test_an_unknown_status_is_shown_neutrally() -> None:
    assert status("some_new_state").word == "Some new state"


def test_vendored_files_are_those_of_the_manifest() -> None:
    manifest = json.loads((VENDOR / "MANIFEST.json").read_text())
    listed = {name: digest for package in manifest.values() for name, digest in package["files"].items()}
    there = {
        str(file.relative_to(VENDOR)): sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.rglob("*")
        if file.is_file() and file.name != "MANIFEST.json"
    }
    assert there == listed


def test_pages_hold_nothing_that_the_policy_forbids() -> None:
    templates = (VENDOR.parent.parent / "templates").rglob("*.html")
    for template in templates:
        text = template.read_text()
        assert ' style="' not in text, template
        assert "<style" not in text, template
        assert " onclick=" not in text, template
        assert "<script>" not in text, template
        assert "usa-banner" not in text, template
        assert "fficial website" not in text, template


def test_only_the_consortiums_administrator_manages_accounts_and_reads_no_call() -> None:
    from headwater.accounts.permissions import ROLE_PERMISSIONS, Role

    holders = {role for role, held in ROLE_PERMISSIONS.items() if Permission.ACCOUNT_MANAGE in held}
    assert holders == {Role.ADMINISTRATOR}
    assert ROLE_PERMISSIONS[Role.ADMINISTRATOR] == {Permission.ACCOUNT_MANAGE, Permission.OUTBOX_READ}
