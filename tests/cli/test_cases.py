"""The operator's commands list cases and write timelines as the pages do."""

import csv
import io
import json

import pytest
from typer.testing import CliRunner

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.cases import actions
from headwater.cases.states import Precision
from headwater.cli.main import build
from headwater.errors import NotFound

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    answer = CliRunner().invoke(build([*words]), [*words], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_cases_are_listed_and_a_timeline_is_written_in_both_forms(desk: Actor) -> None:
    case_id = actions.open_case(desk, title="Utility threats", reference="2026-14")
    heard = actions.When(at=clock.now(), precision=Precision.DAY)
    actions.add_note(desk, case_id, "=cmd|' /C calc'!A0", when=heard)
    assert case_id in run("cases", "list")
    table = list(csv.DictReader(io.StringIO(run("cases", "timeline", case_id))))
    told = json.loads(run("cases", "timeline", case_id, "--format", "json"))
    assert told["case"] == case_id
    assert len(table) == len(told["moments"]) > 0
    assert not any(value.startswith("=") for row in table for value in row.values())
    assert AuditEntry.objects.filter(tag="case:timeline:exported", actor="system:operator").count() == 2


def test_a_case_that_does_not_exist_is_said_so() -> None:
    with pytest.raises(NotFound):
        run("cases", "timeline", "CS-0000000000")
