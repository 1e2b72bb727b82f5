"""kill -9 of a page that receives a carrier's file: the whole file with its row, or no row and later nothing at all."""

import os
import random
import subprocess
import sys
import time
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection

from headwater.accounts.models import User
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.uploads import actions
from headwater.uploads.models import Upload
from headwater.uploads.queries import FILE, folder_of
from tests.evidence.conftest import home
from tests.faults.upload_once import PIECE, PIECES

__all__ = ["home"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]
KILLS = 6
WHOLE = sha256(PIECE * PIECES).hexdigest()


def receiving(email: str, folder: Path) -> "subprocess.Popen[bytes]":
    """Start a process that receives the file, on the test's own database, and wait until it begins."""
    parts = urlsplit(os.environ["HEADWATER_DATABASE_URL"])
    url = urlunsplit(parts._replace(path="/" + str(connection.settings_dict["NAME"])))
    script = Path(__file__).with_name("upload_once.py")
    started = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(script), email, str(folder)],
        env={**os.environ, "HEADWATER_DATABASE_URL": url, "HEADWATER_HOME": str(folder)},
        stdout=subprocess.PIPE,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == b"ready\n"
    return started


def test_a_killed_upload_leaves_the_whole_or_nothing(home: Path, provider_user: User):
    receiving(provider_user.email, home).communicate(timeout=120)
    assert Upload.objects.count() == 1
    rng = random.Random(5)
    for _ in range(KILLS):
        running = receiving(provider_user.email, home)
        time.sleep(rng.uniform(0.05, 0.5))
        running.kill()
        running.communicate(timeout=60)
    rows = {row.id: row for row in Upload.objects.all()}
    folders = {path.name for path in folder_of(home, "").glob("UP-*")}
    assert folders - set(rows), "no process was killed before it was done: the test proves nothing"
    for row in rows.values():
        octets = (folder_of(home, row.id) / FILE).read_bytes()
        assert (row.size, row.sha256) == (len(octets), sha256(octets).hexdigest()) == (len(PIECE * PIECES), WHOLE)
    assert AuditEntry.objects.filter(tag=Tag.UPLOAD_RECEIVED).count() == len(rows)

    assert actions.sweep(home) == 0, "a file that is being received must be left alone"
    assert actions.sweep(home, older_than=timedelta(seconds=-60)) == len(folders - set(rows))
    assert {path.name for path in folder_of(home, "").glob("UP-*")} == set(rows)
