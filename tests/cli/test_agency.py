"""``headwater agency`` against a real portal: a script serves process, reports a file, and is told what is wrong."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headwater import clock
from headwater.accounts import credentials
from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.permissions import Scope
from headwater.cli import agency as commands
from headwater.errors import Forbidden, Invalid, NotFound
from headwater.legal.models import LegalProcess
from headwater.reports.models import AgencyReport
from tests.conftest import Browser
from tests.evidence.conftest import home, scene
from tests.evidence.scenery import Scene

__all__ = ["home", "scene"]
pytestmark = pytest.mark.django_db(transaction=True)
SUBPOENA = Path(__file__).parent.parent / "evidence" / "subpoena.pdf"


@pytest.fixture
def portal(
    scene: Scene, live_server: Any, operator: Actor, agency_user: User, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    _, token = credentials.issue(
        operator, organisation_id=agency_user.organisation_id, scopes=[Scope.PROCESS], name="script"
    )
    monkeypatch.setenv("HEADWATER_AGENCY_TOKEN", token)
    with Browser("portal").settings():
        yield live_server.url


def written(folder: Path, scene: Scene, **changes: Any) -> Path:
    now = clock.now()
    body = {
        "officer": "alex@ag-mi.example",
        "process_type": "subpoena",
        "alert": scene.alert_id,
        "authority": "Michigan AG",
        "statute": "47 U.S.C. § 227(g)(1)",
        "case_number": "2026-CP-0815",
        "signer": "Alex Example",
        "scope": "Records of the campaign",
        "covers_from": (now - timedelta(days=2)).isoformat(),
        "return_date": (now.date() + timedelta(days=14)).isoformat(),
        **changes,
    }
    path = folder / "process.json"
    path.write_text(json.dumps(body))
    return path


def test_a_script_serves_once_follows_and_reports(
    scene: Scene, portal: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    request = written(tmp_path, scene)
    for _ in range(2):
        commands.serve(request, portal, SUBPOENA)
    told = capsys.readouterr().out
    served = LegalProcess.objects.get()
    assert told.count(served.id) >= 2
    commands.show(served.id, portal)
    assert json.loads(capsys.readouterr().out)["state"] == "served"
    calls = tmp_path / "calls.csv"
    calls.write_text("call_at,calling,called,callback,transcript,duration_s,terminating_spc\n")
    commands.report(calls, portal)
    assert AgencyReport.objects.get().filename == "calls.csv"

    with pytest.raises(Invalid, match=r"422.*customer identity"):
        commands.serve(written(tmp_path, scene, process_type="voluntary", customer_identity=True), portal)
    with pytest.raises(NotFound):
        commands.show("LP-0000000000", portal)
    out = tmp_path / "package.zip"
    with pytest.raises(NotFound):
        commands.fetch("EP-0000000000", portal, out)
    assert not out.exists()
    monkeypatch.setenv("HEADWATER_AGENCY_TOKEN", "hwf_FP-0000000000_wrong")
    with pytest.raises(Forbidden):
        commands.show(served.id, portal)
    monkeypatch.delenv("HEADWATER_AGENCY_TOKEN")
    with pytest.raises(Invalid, match="HEADWATER_AGENCY_TOKEN"):
        commands.show(served.id, portal)
