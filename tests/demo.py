"""``headwater demo`` as a scene for tests: a network of carriers that rings, a hub that has traced and sealed.

It takes a minute, so one demo serves every test of a run: the ``demo`` fixture. A plugin named in pyproject.toml, so
that the fixture belongs to the session and not to a folder.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.product import ROOT, Failed

SEALED_S = 240.0
STOP_S = 90.0


class Demo:
    """One running demo and what it reported."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hw-demo-"))
        self.folder.chmod(0o711)
        self.home = self.folder / "var"
        self.base = free_base()
        self._process: subprocess.Popen[bytes] | None = None
        self.load = 0.0
        """What other programs kept busy of each core when the demo began: its figures of time depend on it."""

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop the demo and delete what it kept. Safe to call twice."""
        process = self._process
        try:
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(STOP_S)
        finally:
            if process is not None and process.poll() is None:
                # The demo's own children end with it: each holds a pipe to its parent.
                process.kill()
                process.wait(10)
            shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        self.load = os.getloadavg()[0] / (os.cpu_count() or 1)
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("HEADWATER_", "DJANGO_"))
        }
        # Identity providers of tests listen on this machine, as an operator's own may.
        environment["HEADWATER_IDENTITY_HOSTS"] = "127.0.0.1"
        words = ["demo", "--home", str(self.home), "--port-base", str(self.base), "--report", str(self._report)]
        with (self.folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "headwater", *words],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + SEALED_S
        while not self._report.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"The demo did not reach a sealed package:\n{self.output()[-8_000:]}")
            time.sleep(0.2)

    @property
    def _report(self) -> Path:
        return self.folder / "report.json"

    @property
    def report(self) -> dict[str, Any]:
        """What was found, beside what was true."""
        report: dict[str, Any] = json.loads(self._report.read_text())
        return report

    def output(self) -> str:
        """Return what the demo showed."""
        return (self.folder / "output").read_text(errors="replace")

    def logins(self) -> dict[str, dict[str, str]]:
        """Return how each seeded person signs in, by their seat: ``reviewer``, ``officer-MI`` and so on."""
        logins: dict[str, dict[str, str]] = json.loads((self.home / "simulator" / "demo.json").read_text())["logins"]
        return logins

    def url(self, application: str, path: str = "/") -> str:
        """Return the address of a page of ``desk``, ``portal`` or ``carrier``."""
        offset = {"desk": 1, "portal": 2, "carrier": 3, "calls": 4, "public": 5}[application]
        return f"http://127.0.0.1:{self.base + offset}{path}"

    def headwater(self, *words: str, patience_s: float = 90) -> subprocess.CompletedProcess[str]:
        """Run ``headwater WORDS`` as the operator of the demo's hub."""
        ports = {
            f"HEADWATER_{name}_PORT": str(self.base + n)
            for n, name in enumerate(("DESK", "PORTAL", "CARRIER", "CALLS", "PUBLIC"), 1)
        }
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("HEADWATER_", "DJANGO_"))
        }
        environment = inherited | ports | {"HEADWATER_HOME": str(self.home), "HEADWATER_HEP_PORT": str(self.base + 660)}
        return subprocess.run(
            [sys.executable, "-m", "headwater", *words],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=patience_s, check=False,
        )  # fmt: skip


_RUNNING = pytest.StashKey[Demo]()


@pytest.fixture(scope="session")
def demo(request: pytest.FixtureRequest) -> Iterator[Demo]:
    """A demo that has reached its sealed package and keeps running; one for all tests."""
    with Demo() as demo:
        request.config.stash[_RUNNING] = demo
        yield demo


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests on the demo last, so that they are together."""
    items.sort(key=_needs_demo)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the demo after the last of them: a network that rings on takes half a core from every other test."""
    running = item.config.stash.get(_RUNNING, None)
    if running is not None and nextitem is not None and not _needs_demo(nextitem):
        running.end()


def _needs_demo(item: pytest.Item) -> bool:
    return "demo" in getattr(item, "fixturenames", ())


def free_base() -> int:
    """Return a port base whose ports are all free."""
    for _try in range(100):
        base = random.randrange(20_000, 60_000, 100)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in (*range(base + 1, base + 5), *range(base + 660, base + 690)):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return base
    raise Failed("no free ports for a demo")
