import csv
import io
import json
import zipfile
from pathlib import Path

import pytest

from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.evidence.models import Package, PackageState
from headwater.evidence.report import Outcome
from headwater.evidence.seal import seal
from headwater.evidence.verify import verify
from headwater.legal.models import LegalProcess
from tests.evidence.conftest import accept, serve
from tests.evidence.scenery import Scene

pytestmark = pytest.mark.django_db


def inside(package: Path, name: str) -> bytes:
    with zipfile.ZipFile(package) as opened:
        return opened.read(name)


def test_an_accepted_process_ends_in_a_package_that_verifies(package: Path, scene: Scene, custodian_key: bytes):
    report = verify(package, custodian_key)

    assert [check.finding for check in report.failures] == []
    assert report.ok
    row = Package.objects.get()
    assert (row.state, row.facts["origin_spc"], row.facts["grade"]) == ("sealed", "709C", "origin_confirmed")
    assert (row.facts["tracebacks"], row.facts["hops"], row.facts["calls"]) == (2, 6, 8)
    assert row.facts["still_ringing"] is True
    assert LegalProcess.objects.get().state == "produced"
    assert report.key_id == row.key_id
    assert {check.outcome for check in report.checks if check.group == "Key"} == {Outcome.PASSED}
