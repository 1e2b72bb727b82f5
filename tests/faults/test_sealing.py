"""kill -9 of a worker that seals: nothing or the whole, never half, and the next worker goes on."""

import os
import pickle
import random
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection

from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.evidence import keys
from headwater.evidence.models import Package
from headwater.evidence.states import PackageState
from headwater.evidence.verify import verify
from headwater.legal.models import LegalProcess
from tests.evidence.conftest import accept, home, scene, serve
from tests.evidence.scenery import Scene

__all__ = ["home", "scene"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]
KILLS = 8


def worker(package_id: str, records: Path, folder: Path) -> "subprocess.Popen[bytes]":
    """Start a worker on the test's own database and wait until it begins to seal."""
    parts = urlsplit(os.environ["HEADWATER_DATABASE_URL"])
    url = urlunsplit(parts._replace(path="/" + str(connection.settings_dict["NAME"])))
    script = Path(__file__).with_name("seal_once.py")
    started = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(script), package_id, str(records), str(folder)],
        env={**os.environ, "HEADWATER_DATABASE_URL": url, "HEADWATER_HOME": str(folder)},
        stdout=subprocess.PIPE,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == b"ready\n"
    return started


def test_a_killed_sealing_leaves_nothing_or_the_whole(
    home: Path, scene: Scene, agency: Actor, reviewer: Actor, tmp_path: Path
):
    custodian_key = keys.pem(keys.load(home / "secrets").public_key())
    records = tmp_path / "records.pickle"
    records.write_bytes(pickle.dumps(list(scene.records)))
    package_id = accept(reviewer, serve(scene, agency))
    final = home / "packages" / f"{package_id}.zip"
    started = time.monotonic()
    worker(package_id, records, home).communicate(timeout=120)
    whole_run = time.monotonic() - started
    assert Package.objects.get().state == PackageState.SEALED
    Package.objects.update(state=PackageState.SEALING, sealed_at=None)
    LegalProcess.objects.update(state="producing")
    final.unlink()

    rng = random.Random(3)
    unfinished = 0
    for _ in range(KILLS):
        running = worker(package_id, records, home)
        time.sleep(rng.uniform(0, min(whole_run, 1.0)))
        running.kill()
        running.communicate(timeout=60)
        row = Package.objects.get()
        if row.state == PackageState.SEALED:
            assert verify(final, custodian_key).ok
            Package.objects.update(state=PackageState.SEALING, sealed_at=None)
            LegalProcess.objects.update(state="producing")
        else:
            unfinished += 1
            assert row.state == PackageState.SEALING
            assert not final.exists() or verify(final, custodian_key).ok
    assert unfinished, "no worker was killed before it was done: the test proves nothing"

    worker(package_id, records, home).communicate(timeout=120)
    row = Package.objects.get()
    assert row.state == PackageState.SEALED
    assert verify(final, custodian_key).ok
    assert [path.name for path in (home / "packages").iterdir() if not path.name.startswith(".")] == [final.name]
    assert AuditEntry.objects.filter(tag=Tag.PACKAGE_SEALED, subject=package_id).exists()
