"""A case of 50 tracebacks and 500 calls, from the served process to the checked package, on real stores.

Times are not asserted, since a machine may be slow; ``python -m bench sealing`` prints them from this very test.
"""

import io
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headwater.accounts.actors import Actor
from headwater.calls.store import CallStore
from headwater.evidence import keys
from headwater.evidence.models import Package
from headwater.evidence.seal import seal
from headwater.legal.models import LegalProcess
from tests.conftest import Browser
from tests.evidence.scenery import build
from tests.web.test_process import draft

CALLS, TRACED, HOPS = 500, 50, 3

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]


class Clock:
    """How long each step took, wall and processor, in seconds."""

    def __init__(self) -> None:
        self.steps: dict[str, tuple[float, float]] = {}

    def time(self, name: str, step: Callable[[], Any]) -> Any:
        wall, own = time.monotonic(), time.process_time()
        result = step()
        self.steps[name] = (time.monotonic() - wall, time.process_time() - own)
        return result


def test_a_large_case_goes_from_served_to_verified(
    home: Path, call_store: tuple[str, CallStore], agency: Actor, agency_client: Browser, reviewer_client: Browser
):
    recordings = [b"RIFF" + bytes(8_000) + str(n).encode() for n in range(20)]
    scene = build(call_store[1], agency, calls=CALLS, traced=TRACED, recordings=recordings)
    clock = Clock()

    def served() -> str:
        review = draft(agency_client, scene).url
        agency_client.post(review)
        return str(LegalProcess.objects.get().id)

    process_id = clock.time("served through the portal's forms", served)
    decision = {"decision": "accept", "reason": "In order.", "identity_check": "Called.", "grant_called_numbers": "on"}
    clock.time("accepted at the desk", lambda: reviewer_client.post(f"/process/{process_id}/decide/", decision))
    package_id = Package.objects.get().id
    clock.time("sealed", lambda: seal(package_id))
    row = Package.objects.get()
    assert row.state == "sealed", row.failure

    def downloaded() -> bytes:
        response = agency_client.get(f"/packages/{package_id}/")
        return b"".join(response.streaming_content)

    octets = clock.time("downloaded", downloaded)
    file, verifier, key = home / "p.zip", home / "verify.pyz", home / "key.pem"
    file.write_bytes(octets)
    key.write_bytes(keys.pem(keys.load(home / "secrets").public_key()))
    with zipfile.ZipFile(io.BytesIO(octets)) as opened:
        verifier.write_bytes(opened.read("verify.pyz"))

    def verified() -> Any:
        command = [sys.executable, "-I", str(verifier), str(file), "--key", str(key)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    told = clock.time("verified by the program inside", verified)
    assert told.returncode == 0, told.stdout[-2_000:]
    assert re.search(r"^GOOD ", told.stdout, re.MULTILINE)
    facts = row.facts
    assert (facts["calls"], facts["tracebacks"], facts["hops"]) == (CALLS, TRACED, TRACED * HOPS)
    if figures := os.environ.get("HEADWATER_FIGURES"):
        Path(figures).write_text(json.dumps({"steps": clock.steps, "octets": len(octets)}))
