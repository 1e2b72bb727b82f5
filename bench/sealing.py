"""A case of 50 tracebacks and 500 calls from service to the checked package, on real PostgreSQL and a real call store.

The journey itself is ``tests/evidence/test_large.py``; this runs it and shows what each step took. Bounds that the
product promises: 60 s of machine time for all of it, 30 s for sealing. Raw bound: one SHA-256 over the package.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from bench.report import Claim, Figure

_TEST = "tests/evidence/test_large.py::test_a_large_case_goes_from_served_to_verified"


def run() -> Claim:
    """Measure once."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", _TEST, "-q"],
            env={**os.environ, "HEADWATER_FIGURES": str(file)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if ran.returncode:
            raise RuntimeError(ran.stdout[-2_000:] + ran.stderr[-1_000:])
        found = json.loads(file.read_text())
    octets = bytes(found["octets"])
    begun = time.process_time()
    sha256(octets).digest()
    hashed = time.process_time() - begun
    wall = sum(step[0] for step in found["steps"].values())
    return Claim(
        title=f"From served to verified: 50 tracebacks, 500 calls, {found['octets'] / 1e6:.1f} MB",
        figures=[
            Figure(what="ours: such cases an hour", rate=3_600 / wall, unit="/h", note=f"{wall:.1f} s of 60 promised"),
            Figure(what="bound: SHA-256 of the package alone", rate=3_600 / max(hashed, 1e-6), unit="/h"),
        ],
        notes=[f"{name}: {took[0]:.2f} s wall, {took[1]:.2f} s of our processor"
               for name, took in found["steps"].items()],
    )  # fmt: skip
