from datetime import date

import pytest

from headwater import clock
from headwater.publication import rules
from headwater.publication.models import PublishedWeek
from headwater.web.public.urls import urlpatterns
from tests.conftest import Browser

pytestmark = pytest.mark.django_db


def test_every_public_page_is_opened_to_all_on_purpose() -> None:
    assert urlpatterns
    for pattern in urlpatterns:
        assert getattr(pattern.callback, "open", False), pattern


def test_the_public_reads_without_a_session_and_is_given_no_cookie() -> None:
    answer = Browser("public").get("/")
    assert answer.status_code == 200
    assert not answer.cookies
    assert "Nothing has been published yet" in answer.content.decode()
    assert answer.headers["Cache-Control"].startswith("public")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_nothing_can_be_sent_to_the_public_pages() -> None:
    for method in ("post", "put", "delete", "patch"):
        assert getattr(Browser("public"), method)("/").status_code == 405


def test_an_unknown_address_is_a_page_that_says_so() -> None:
    answer = Browser("public").get("/campaigns/")
    assert answer.status_code == 404
    assert "no such page" in answer.content.decode()


def test_programs_read_the_same_totals() -> None:
    PublishedWeek.objects.create(
        monday=date(2026, 11, 16),
        totals=rules.totals(rules.Counts(reports={"app": 12})),
        made_at=clock.now(),
        closed=True,
        rule_version=rules.RULE_VERSION,
    )
    told = Browser("public").get("/totals.json").json()
    assert told["weeks"][0]["reports"] == {"app": 12}
