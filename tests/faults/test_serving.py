"""kill -9 while process is served: each is there whole, with document, receipt, steps and audit, or not at all."""

import os
import pickle
import random
import subprocess
import sys
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection

from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.legal.documents import inspect
from headwater.legal.models import LegalProcess
from headwater.legal.rules import Subjects
from tests.evidence.conftest import asked, home, scene
from tests.evidence.scenery import PDF, Scene

__all__ = ["home", "scene"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]
KILLS = 5


def test_a_killed_service_leaves_nothing_or_the_whole(scene: Scene, home: Path, agency: Actor, tmp_path: Path):
    parts = urlsplit(os.environ["HEADWATER_DATABASE_URL"])
    url = urlunsplit(parts._replace(path="/" + str(connection.settings_dict["NAME"])))
    # A machine acts: no person, and an officer is named in each submission.
    machine = replace(agency, label="credential:FP-TEST", person_id="", email="", answers_for=frozenset())
    request = asked(subjects=Subjects(campaigns=frozenset({scene.campaign.id})))
    sent = tmp_path / "sent.pickle"
    sent.write_bytes(pickle.dumps((machine, scene.alert_id, request, inspect("subpoena.pdf", PDF))))
    script = Path(__file__).with_name("serve_once.py")
    rng = random.Random(7)
    for run in range(KILLS):
        running = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(script), str(sent), f"run-{run}"],
            env={**os.environ, "HEADWATER_DATABASE_URL": url, "HEADWATER_HOME": str(home)},
            stdout=subprocess.PIPE,
        )
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        _wait_for_more(LegalProcess.objects.count())
        time.sleep(rng.uniform(0, 0.2))
        running.kill()
        running.communicate(timeout=60)
    rows = list(LegalProcess.objects.all())
    assert len(rows) >= KILLS, "no process was served before a kill: the test proves nothing"
    for row in rows:
        assert row.state == "served"
        (document,) = row.documents.all()
        assert sha256(bytes(document.octets)).hexdigest() == document.sha256 == inspect("x.pdf", PDF).sha256
        (receipt,) = row.letters.all()
        assert sha256(bytes(receipt.octets)).hexdigest() == receipt.sha256
        assert list(row.state_changes.order_by("id").values_list("to_state", flat=True)) == ["draft", "served"]
        assert row.people.count() == row.subjects.count() == 1
        told = set(AuditEntry.objects.filter(subject=row.id).values_list("tag", flat=True))
        assert {Tag.PROCESS_DRAFTED, Tag.PROCESS_SERVED} <= told
    served = set(AuditEntry.objects.filter(tag=Tag.PROCESS_DRAFTED).values_list("subject", flat=True))
    assert served == {row.id for row in rows}


def _wait_for_more(before: int) -> None:
    deadline = time.monotonic() + 120
    while LegalProcess.objects.count() == before:
        assert time.monotonic() < deadline, "nothing was served within two minutes"
        time.sleep(0.02)
