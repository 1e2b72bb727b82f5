"""Each part does its work under the database role of its own process, and no more than its grants."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.conduct import actions, publishing
from headwater.conduct.models import ConductFlag
from headwater.providers import contacts, statements
from headwater.providers import queries as providers
from headwater.providers.models import ContactTier
from headwater.site.config import Process
from headwater.site.secret_files import _ed25519
from headwater.tracebacks import answer_links, sheets, telling
from headwater.tracebacks.models import AnswerLink, Hop, Telling
from tests.conduct.scenery import OPERATOR, campaign, traced
from tests.conftest import Browser
from tests.site.test_grants import roles  # noqa: F401 - a fixture
from tests.tracebacks.support import register

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]


@contextmanager
def acting_as(process: Process) -> Iterator[None]:
    """Let every statement run as the role of ``process``."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {process.database_role}")
        try:
            yield
        finally:
            cursor.execute("RESET ROLE")


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, settings: Any) -> None:
    (tmp_path / "secrets").mkdir()
    for name in (statements.PUBLICATION_KEY, statements.RECEIPT_KEY):
        (tmp_path / "secrets" / name).write_text(_ed25519())
    settings.HEADWATER = replace(settings.HEADWATER, home=tmp_path)


@pytest.fixture
def asked(provider: Actor) -> list[Hop]:
    """A provider with a record, two questions that wait, and contacts."""
    own = providers.by_id(provider.provider_id)
    assert own is not None
    alder, birch = register("111A"), register("222B")
    begin = clock.now() - timedelta(days=40)
    for day in range(3):
        traced([alder, birch, own], of=campaign(f"C{day}"), at=begin + timedelta(days=day))
    waiting = [traced([alder, own], at=clock.now() - timedelta(minutes=9 + n), end=None) for n in range(2)]
    return [Hop.objects.get(traceback_id=one, provider_id=own.id) for one in waiting]


def test_the_worker_tells_assesses_and_publishes(asked: list[Hop], provider: Actor) -> None:
    contacts.add(provider, name="Night desk", email="noc@first.example", tier=ContactTier.FIRST)
    with acting_as(Process.WORK):
        assert telling.turn(carrier_url="https://carrier.example") >= 2
        assert actions.assess(OPERATOR)
        publishing.publish(OPERATOR)
    assert Telling.objects.filter(way="mail").count() == 2
    with acting_as(Process.PUBLIC):
        assert Browser("public").get("/traced-calls/").status_code == 200


def test_the_carrier_pages_answer_dispute_and_name_contacts(
    asked: list[Hop], provider: Actor, provider_client: Client
) -> None:
    actions.assess(OPERATOR)
    token = answer_links.make(asked[0], "noc@first.example", now=clock.now())
    disputed = Hop.objects.filter(provider_id=provider.provider_id, answer_code="ORIGINATED").first()
    assert disputed is not None
    with acting_as(Process.CARRIER):
        for path in ("/", "/bulk/", "/bulk/questions.csv", "/record/", "/contacts/", "/agent/"):
            assert provider_client.get(path).status_code == 200, path
        said = {"name": "Night desk", "email": "noc@first.example", "tier": "first"}
        assert provider_client.post("/contacts/", said).status_code == 302
        assert (
            provider_client.post(f"/record/questions/{disputed.id}/dispute/", {"statement": "wrong"}).status_code == 302
        )
        anybody = Browser("carrier")
        assert anybody.get(f"/link/{token}/").status_code == 200
        assert anybody.post(f"/link/{token}/", {"show": "1"}).status_code == 200
        done = anybody.post(f"/link/{token}/", {"code": "RECORD_NOT_FOUND", "upstream_country": "US"})
        assert b"Your answer was received" in done.content
        assert anybody.get(f"/link/{token}/receipt/").status_code == 200
        found = sheets.bring(provider, name="a.csv", octets=f"question_id,code\n{asked[1].id},NOT_OURS\n".encode())
        assert found.taken == 1
        assert provider_client.get(f"/bulk/{found.id}/").status_code == 200
    assert AnswerLink.objects.get().used_at is not None


def test_the_desk_reads_records_decides_disputes_and_makes_reports(
    asked: list[Hop], provider: Actor, desk_client: Client, reviewer_client: Client
) -> None:
    actions.assess(OPERATOR)
    question = Hop.objects.filter(provider_id=provider.provider_id, answer_code="ORIGINATED").first()
    assert question is not None
    dispute = actions.open_dispute(provider, question.id, statement="wrong")
    flag = ConductFlag.objects.filter(provider_id=provider.provider_id).first()
    assert flag is not None
    year = clock.now().year
    with acting_as(Process.DESK):
        for path in (
            "/providers/", f"/providers/{provider.provider_id}/", f"/providers/flags/{flag.id}/", "/providers/graph/",
            "/providers/graph.json", "/providers/disputes/", "/providers/reports/",
            f"/tracebacks/{question.traceback_id}/",
            f"/providers/reports/annual/{year}/0/pdf/",
        ):  # fmt: skip
            assert desk_client.get(path).status_code == 200, path
        decided = {"decision": "uphold", "reason": "the logs show it"}
        assert reviewer_client.post(f"/providers/disputes/{dispute.id}/decide/", decided).status_code == 302
        assert desk_client.post(f"/providers/disputes/{dispute.id}/decide/", decided).status_code == 403
        assert reviewer_client.post("/providers/reports/publish/").status_code == 302
    assert not ConductFlag.objects.filter(provider_id=provider.provider_id, ended_at=None).exists()
