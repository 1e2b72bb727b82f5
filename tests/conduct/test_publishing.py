"""What is published, and what never is."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headwater.accounts.actors import Actor
from headwater.cli.conduct import verify_list
from headwater.conduct import actions, issues, publishing, reports
from headwater.conduct.kinds import PUBLIC_LIST
from headwater.conduct.models import Publication
from headwater.errors import Forbidden, Invalid
from headwater.providers import statements
from headwater.site.secret_files import _ed25519
from headwater.tracebacks.models import Hop, Traceback
from headwater.wire.agents import AnswerCode
from tests.conduct.scenery import BEGIN, OPERATOR, campaign, lapse, three, traced
from tests.conftest import Browser
from tests.tracebacks.support import register

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NOW = BEGIN + 60 * DAY


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, settings: Any) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / statements.PUBLICATION_KEY).write_text(_ed25519())
    settings.HEADWATER = replace(settings.HEADWATER, home=tmp_path)


def world() -> tuple[str, str, str]:
    """One traceback that ended long ago, one that ended lately, one that runs."""
    alder, birch, cedar = three()
    old = traced([alder, birch, cedar], of=campaign("=SSA-Suspended"), at=BEGIN)
    new = traced([alder, birch, cedar], of=campaign("Amazon"), at=NOW - 3 * DAY)
    live = traced([alder, birch, cedar], at=NOW - DAY, end=None)
    return old, new, live


def test_only_what_ended_two_weeks_ago_is_listed_and_the_rest_is_counted() -> None:
    old, new, live = world()
    issue = publishing.document(NOW)
    assert [one["traceback"] for one in issue["tracebacks"]] == [old]
    assert issue["counts"] == {"opened_in_window": 3, "cancelled": 0, "published": 1, "held_back_or_open": 2}
    text = json.dumps(issue)
    assert new not in text
    assert live not in text
    assert [hop["role"] for hop in issue["tracebacks"][0]["hops"]] == ["terminating", "intermediate", "originating"]
    assert [hop["distance_from_end"] for hop in issue["tracebacks"][0]["hops"]] == [2, 1, 0]


def test_no_number_no_customer_and_no_person_stands_in_it() -> None:
    world()
    publishing.publish(OPERATOR, now=NOW)
    files = issues.issue(publishing.iso_week(NOW))
    row = Traceback.objects.first()
    assert row is not None
    for octets in (files.document, files.table):
        for secret in (row.calling, row.called, row.called[1:], "@", "user:", "provider:", "call_id"):
            assert secret.encode() not in octets


def test_an_issue_is_signed_made_once_a_week_and_checked_offline(tmp_path: Path, capsys: Any) -> None:
    world()
    first = publishing.publish(OPERATOR, now=NOW)
    assert publishing.publish(OPERATOR, now=NOW + DAY * (6 - NOW.weekday())) == first
    assert publishing.publish(OPERATOR, now=NOW + 7 * DAY) != first
    files = issues.issue(publishing.iso_week(NOW))
    assert statements.verified(files.signature, files.public_jwk, kind=PUBLIC_LIST) == files.document
    with pytest.raises(statements.BadStatement):
        statements.verified(files.signature, files.public_jwk, kind="headwater-receipt+jws")
    signed, key = tmp_path / "list.jws", tmp_path / "key.jwk"
    signed.write_text(files.signature)
    key.write_text(json.dumps(files.public_jwk))
    verify_list(signed, key, None)
    assert "signed; week" in capsys.readouterr().out


def test_a_table_that_a_spreadsheet_opens_runs_nothing() -> None:
    world()
    rows = list(csv.DictReader(io.StringIO(publishing.table(publishing.document(NOW)).decode())))
    assert {row["campaign"] for row in rows} == {"'=SSA-Suspended"}
    assert len(rows) == 3


def test_a_dispute_is_marked_and_an_upheld_one_leaves_the_figures(provider: Actor, reviewer: Actor) -> None:
    from headwater.providers import queries as providers

    own = providers.by_id(provider.provider_id)
    assert own is not None
    trace = traced([register("111A"), register("222B"), own], at=BEGIN)
    question = Hop.objects.get(traceback_id=trace, provider_id=own.id).id
    dispute = actions.open_dispute(provider, question, statement="not ours")
    (hop,) = [one for one in publishing.document(NOW)["tracebacks"][0]["hops"] if one["spc"] == own.spc]
    assert hop["disputed"] == "dispute_open"
    actions.decide_dispute(reviewer, dispute.id, uphold=True, decision="shown by logs", now=NOW)
    (listed,) = [one for one in publishing.document(NOW)["providers"] if one["spc"] == own.spc]
    assert (listed["asked"], listed["set_aside_on_dispute"]) == (0, 1)


def test_the_public_reads_it_without_signing_in_in_every_form() -> None:
    world()
    publishing.publish(OPERATOR, now=NOW)
    week = publishing.iso_week(NOW)
    anybody = Browser("public")
    page = anybody.get("/traced-calls/").content.decode()
    assert week in page
    assert "Cedar Tel" in page
    assert anybody.get("/traced-calls/index.json").json()["issues"][0]["week"] == week
    for form, begin in (("json", b"{"), ("csv", b"traceback,"), ("jws", b"ey"), ("jwk", b"{")):
        answer = anybody.get(f"/traced-calls/{week}.{form}")
        assert b"".join(answer.streaming_content).startswith(begin)  # type: ignore[attr-defined]
        assert "public" in answer.headers["Cache-Control"]
    assert anybody.get("/traced-calls/2020-W01.json").status_code == 404
    assert anybody.get(f"/traced-calls/{week}.exe").status_code == 404
    assert anybody.post("/traced-calls/").status_code == 405


def test_only_those_who_may_publish_do(desk: Actor, provider: Actor) -> None:
    for actor in (desk, provider):
        with pytest.raises(Forbidden):
            publishing.publish(actor)
    assert Publication.objects.count() == 0


def test_the_annual_report_tells_participants_and_refusers_with_their_reasons(desk: Actor) -> None:
    alder, birch, cedar = three()
    traced([alder, birch, cedar], at=BEGIN)
    lapse(traced([alder, birch], at=BEGIN + DAY, end=AnswerCode.DECLINED))
    lapse(traced([alder, register("444D", "Silent Tel")], at=BEGIN + 2 * DAY, end=None))
    made = reports.make(desk, "annual", 2026, now=NOW)
    standing = {row[1]: row for row in made.rows}
    assert standing["333C"][3] == "took part"
    assert standing["444D"][3] == "refused"
    assert standing["222B"][3] == "took part in part"
    assert standing["222B"][-1] == "our counsel advises so"
    rows = list(csv.reader(io.StringIO(reports.written(made, "csv").decode())))
    assert rows[0] == list(made.columns)
    assert json.loads(reports.written(made, "json"))["rows"][0]["provider"] == "Alder Voice"
    assert reports.written(made, "pdf").startswith(b"%PDF-")
    with pytest.raises(Invalid):
        reports.written(made, "exe")


@pytest.mark.parametrize(
    ("quarter", "since", "until"), [(1, (2026, 1), (2026, 4)), (4, (2026, 10), (2027, 1)), (3, (2026, 7), (2026, 10))]
)
def test_a_quarter_has_its_days_and_no_other(quarter: int, since: tuple[int, int], until: tuple[int, int]) -> None:
    assert reports.period("quarterly", 2026, quarter) == (
        datetime(*since, 1, tzinfo=UTC), datetime(*until, 1, tzinfo=UTC),
    )  # fmt: skip
    with pytest.raises(Invalid):
        reports.period("quarterly", 2026, 5)
    with pytest.raises(Invalid):
        reports.period("annual", 1999)
