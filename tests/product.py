"""The whole product as a user runs it: ``headwater up`` in a folder of its own, on free ports.

    with Product() as product:
        httpx.post(product.feed_url, ...)
        product.kill("calls")
        product.wait_until_back("calls")

Everything here is bounded in time; on a failure the message holds the logs.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
START_S = 90.0
STOP_S = 75.0
PROCESSES = ("calls", "desk", "portal", "carrier", "public", "work")
PORTS = ("CALLS", "DESK", "PORTAL", "CARRIER", "PUBLIC", "HEP")

#: Runs a piece of Python as the operator's command line would: as the role headwater_admin, with Django ready.
PREAMBLE = """
import json, sys
from headwater.site.setup import django
django()
arguments = json.loads(sys.stdin.read())
result = None
"""
EPILOGUE = """
print("\\nRESULT " + json.dumps(result, default=str))
"""


class Failed(AssertionError):
    """The product did not do what the harness waited for; the message holds its logs."""


class Product:
    """One data directory, its ports and the ``headwater up`` that runs on it."""

    def __init__(self, environment: Mapping[str, str] | None = None, home: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hw-"))
        self.folder.chmod(0o711)
        self.home = home or self.folder / "var"
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("HEADWATER_", "DJANGO_"))
        }
        self.environment = inherited | {
            "HEADWATER_HOME": str(self.home),
            **{f"HEADWATER_{name}_PORT": str(port) for name, port in self.ports.items()},
            **(environment or {}),
        }
        self._up: subprocess.Popen[bytes] | None = None
        self._starts = 0

    # -- addresses -----------------------------------------------------------------------------------------------

    def url(self, process: str, path: str = "") -> str:
        """Return the address of a page or API of ``calls``, ``desk``, ``portal`` or ``carrier``."""
        return f"http://127.0.0.1:{self.ports[process.upper()]}{path}"

    @property
    def feed_url(self) -> str:
        """Where blocking apps send their events."""
        return self.url("calls", "/api/feeds/v1/events")

    # -- life ----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            if self._up is not None and self._up.poll() is None:
                self.stop()
        finally:
            self.remove()

    def launch(self) -> subprocess.Popen[bytes]:
        """Start ``headwater up`` and return at once."""
        self._starts += 1
        with self._output.open("ab") as output:
            self._up = subprocess.Popen(
                [sys.executable, "-m", "headwater", "up"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self._up

    def start(self) -> None:
        """Start ``headwater up`` and wait until it says that everything is ready."""
        up = self.launch()

        def ready() -> bool:
            # The state file of a supervisor that was killed is still there until the new one writes its own.
            state = self.state()
            return up.poll() is not None or (state.get("pid") == up.pid and state["ready"])

        self.wait_for(ready, START_S, "headwater up to be ready")
        if up.poll() is not None:
            raise Failed(self._told(f"headwater up ended with code {up.returncode} instead of starting"))

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Stop as Ctrl-C does, and return the exit code."""
        assert self._up is not None
        self._up.send_signal(number)
        try:
            return self._up.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise Failed(self._told(f"headwater up did not stop in {STOP_S:g} s")) from None

    def restart(self) -> None:
        """Stop cleanly and start again on the same data."""
        code = self.stop()
        assert code == 0, self._told(f"headwater up ended with code {code}")
        self.start()

    def kill(self, process: str) -> int:
        """Kill one process (SIGKILL) and return the id it had."""
        pid = self.pid(process)
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_supervisor(self) -> dict[str, int]:
        """Kill ``headwater up`` itself (SIGKILL); return the processes that it left behind."""
        assert self._up is not None
        left = {process: self.pid(process) for process in PROCESSES}
        self._up.kill()
        self._up.wait(10)
        return left

    def wait_until_back(self, process: str, *, not_pid: int, patience_s: float = 60) -> None:
        """Wait until a process that was killed is ready again."""

        def back() -> bool:
            standing = self.state().get("processes", {}).get(process, {})
            return standing.get("state") == "ready" and standing.get("pid") != not_pid

        self.wait_for(back, patience_s, f"{process} to be back")

    def remove(self) -> None:
        """End what is left and delete the folder."""
        if self._up is not None and self._up.poll() is None:
            self._up.kill()
            self._up.wait(10)
        postmaster = self.home / "postgres" / "postmaster.pid"
        for pid in [*(self._holder(name) for name in PROCESSES), self._first_number(postmaster)]:
            if pid is not None and str(self.home) in self._environment_of(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- look ----------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return how everything stands by the supervisor's own word; empty while it does not run."""
        try:
            state: dict[str, Any] = json.loads((self.home / "run" / "state.json").read_text())
        except FileNotFoundError:
            return {}
        return state

    def pid(self, process: str) -> int:
        """Return the id of a running process."""
        pid = self.state()["processes"][process]["pid"]
        assert isinstance(pid, int), self._told(f"{process} does not run")
        return pid

    def output(self) -> str:
        """Return what ``headwater up`` showed, over all starts."""
        return self._output.read_text() if self._output.exists() else ""

    def log(self, process: str) -> str:
        """Return the log of one process."""
        path = self.home / "logs" / f"{process}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_for(self, condition: Callable[[], object], patience_s: float, what: str) -> None:
        """Wait until ``condition`` holds; ``what`` completes the sentence 'waited for …'."""
        deadline = time.monotonic() + patience_s
        while not condition():
            if time.monotonic() > deadline:
                raise Failed(self._told(f"waited {patience_s:g} s for {what}"))
            time.sleep(0.05)

    # -- act -----------------------------------------------------------------------------------------------------

    def headwater(self, *words: str, patience_s: float = 90) -> subprocess.CompletedProcess[str]:
        """Run ``headwater WORDS`` as the operator and return its code and output."""
        return self._python(["-m", "headwater", *words], "", patience_s)

    def act(self, source: str, *, patience_s: float = 60, **arguments: Any) -> Any:
        """Run Python as the operator with Django ready: it reads ``arguments`` and sets ``result`` (both JSON)."""
        done = self._python(["-c", PREAMBLE + source + EPILOGUE], json.dumps(arguments), patience_s)
        if done.returncode != 0:
            raise Failed(self._told(f"the action failed:\n{done.stderr}"))
        return json.loads(done.stdout.rpartition("\nRESULT ")[2])

    def feed_token(self, name: str = "A blocking app") -> str:
        """Register a feed partner and return its bearer token."""
        token: str = self.act(
            """
from headwater.accounts import actions, credentials
from headwater.accounts.actors import system
from headwater.accounts.permissions import OrganisationKind

operator = system("operator")
partner = actions.create_organisation(operator, kind=OrganisationKind.FEED_PARTNER, name=arguments["name"])
_view, result = credentials.issue(
    operator, organisation_id=partner.id, scopes=["feed"], name=arguments["name"], source_kind="app"
)
""",
            name=name,
        )
        return token

    def call_urls(self) -> dict[str, str]:
        """Return where each process reads calls, by the file that the supervisor wrote."""
        urls: dict[str, str] = json.loads((self.home / "secrets" / "calls.json").read_text())
        return urls

    def _python(self, words: list[str], text: str, patience_s: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=patience_s,
            check=False,
        )

    # -- inside --------------------------------------------------------------------------------------------------

    @property
    def _output(self) -> Path:
        return self.folder / "output"

    def _told(self, what: str) -> str:
        """Return ``what`` happened with everything that was logged."""
        logs = "\n".join(f"--- {name}\n{self.log(name)[-3_000:]}" for name in PROCESSES if self.log(name))
        return f"{what}\n--- headwater up\n{self.output()[-3_000:]}\n{logs}"

    def _holder(self, process: str) -> int | None:
        return self._first_number(self.home / "run" / f"{process}.lock")

    @staticmethod
    def _first_number(path: Path) -> int | None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int(path.read_text().split()[0])
        return None

    @staticmethod
    def _environment_of(pid: int) -> str:
        """Return what tells that the process is ours: its environment and its command line."""
        told = ""
        for name in ("environ", "cmdline"):
            with contextlib.suppress(OSError):
                told += Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
        return told


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 on which nothing listens, for TCP and for UDP."""
    with contextlib.ExitStack() as stack:
        ports: list[int] = []
        while len(ports) < count:
            tcp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            with contextlib.suppress(OSError):
                udp.bind(("127.0.0.1", port))
                ports.append(port)
        return ports


@contextlib.contextmanager
def listening(port: int) -> Iterator[None]:
    """Be another program that uses ``port`` of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        yield


def lives(pid: int) -> bool:
    """Tell whether a process of this number still does something; a dead one that is not collected does not."""
    with contextlib.suppress(OSError):
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    return False
