"""A disk that fills up under the call store: a real, small filesystem, the whole product and a real sender."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.test_kills import STORED, event
from tests.product import Product

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

SIZE = "64m"


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """The product with its call store on a filesystem of ``SIZE`` of its own, in memory."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small filesystem needs root")
    made = Product()
    calls = made.home / "calls"
    calls.mkdir(parents=True, mode=0o700)
    made.home.chmod(0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", str(calls)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        made.remove()
        pytest.skip(f"this machine does not let root mount a filesystem: {mounted.stderr.strip()}")
    try:
        with made:
            yield made
    finally:
        # The product has ended, so nothing is open on it; its folder was deleted but for the mount itself.
        subprocess.run(["umount", str(calls)], check=True)
        made.remove()


def fill(disk: Path) -> Path:
    """Take all the space that is left; return the file that takes it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\x55" * 4096)
    return ballast


def test_a_full_disk_refuses_intake_loses_nothing_and_recovers_by_itself(product: Product) -> None:
    headers = {"Authorization": f"Bearer {product.feed_token()}"}
    with httpx.Client(timeout=30, headers=headers) as client:

        def post(first: int) -> httpx.Response:
            return client.post(product.feed_url, content="\n".join(event(n) for n in range(first, first + 100)))

        assert post(0).status_code == 202
        pid = product.pid("calls")

        ballast = fill(product.home / "calls")
        for first in (100, 200, 100):
            refused = post(first)
            assert refused.status_code == 503, refused.text
            assert "disk of the call store is full" in refused.json()["detail"]
            assert int(refused.headers["retry-after"]) > 0
        told = product.headwater("calls", "doctor")
        assert told.returncode == 1
        assert any(line.split()[:2] == ["fail", "Disk"] for line in told.stdout.splitlines()), told.stdout + told.stderr
        # What was there is still read, and only that.
        assert product.act(STORED)["total"] == 100

        ballast.unlink()
        taken = post(100)
        assert taken.status_code == 202, taken.text
        # A refused insert may have left rows behind before it failed: they are recognised, never doubled.
        assert taken.json()["accepted"] + taken.json()["duplicates"] == 100
        assert post(200).status_code == 202

    told = product.headwater("calls", "doctor")
    assert told.returncode == 0, told.stdout + told.stderr

    stored = product.act(STORED)
    assert sorted(stored["events"]) == sorted(f"e-{n}" for n in range(300))
    assert stored["total"] == 300
    assert product.pid("calls") == pid, "it recovered by a restart, not by itself"
