"""What a demo shows: on a terminal a page that is redrawn, elsewhere one line for each thing that happens."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from headwater.cli.demo.folder import Folder, Login
from headwater.simulator.person import PERIOD_S, code

_APPLICATIONS = {
    "desk": "for the consortium's analysts and reviewers",
    "portal": "for agencies",
    "carrier": "for carriers, and their agents",
}


@dataclass(slots=True)
class _Step:
    title: str
    began: float
    found: str = ""
    took_s: float | None = None
    failed: bool = False


class Screen:
    """Told from the story's thread, drawn from rich's; one lock between them."""

    def __init__(self, folder: Folder, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is drawn before ``with``."""
        self.console = Console()
        self.logins: list[Login] = []
        self._folder = folder
        self._clock = clock
        self._began = clock()
        self._steps: list[_Step] = []
        self._notes: list[str] = []
        self._standing = ""
        self._lock = threading.Lock()
        self._live = Live(console=self.console, get_renderable=self._draw, refresh_per_second=4, transient=False)

    def __enter__(self) -> Self:
        """Begin to draw, where there is a terminal."""
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last page standing."""
        if self.console.is_terminal:
            self._live.stop()

    def begin(self, title: str) -> None:
        """Name what is being waited for or done now."""
        with self._lock:
            self._steps.append(_Step(title, self._clock()))
        self._print(f"... {title}")

    def found(self, text: str) -> None:
        """End the present step with what was found."""
        with self._lock:
            step = self._steps[-1]
            step.found, step.took_s = text, self._clock() - step.began
        self._print(f"    {text}")

    def failed(self, text: str) -> None:
        """End the present step with why it did not happen."""
        with self._lock:
            step = self._steps[-1]
            step.found, step.took_s, step.failed = text, self._clock() - step.began, True
        self._print(f"    {text}")

    def note(self, text: str) -> None:
        """Say one thing beside the steps."""
        with self._lock:
            self._notes = [*self._notes[-7:], text]
        self._print(f"  - {text}")

    def stands(self, text: str) -> None:
        """Say how it stands now, in place of what was said before."""
        with self._lock:
            before, self._standing = self._standing, text
        if before != text:
            self._print(f"  = {text}")

    def show_logins(self, logins: list[Login]) -> None:
        """Show addresses and how to sign in, once; a terminal goes on showing the codes of this moment."""
        lines = [f"{name.capitalize():8} {self._folder.url(name)}/  {who}" for name, who in _APPLICATIONS.items()]
        for login in logins:
            lines += _words(login)
        self.console.print(Text("\n".join(["", *lines, ""])), soft_wrap=True)
        with self._lock:
            self.logins = logins

    def show_login(self, login: Login) -> None:
        """Show how somebody signs in who came later."""
        with self._lock:
            if login in self.logins:
                return
            self.logins = [*self.logins, login]
        self.console.print(Text("\n".join([*_words(login), ""])), soft_wrap=True)

    def _print(self, text: str) -> None:
        if not self.console.is_terminal:
            self.console.print(Text(f"[{self._clock() - self._began:6.1f} s] {text}"), soft_wrap=True)

    def _draw(self) -> Group:
        with self._lock:
            parts: list[Table | Text] = [self._story()]
            if self._standing:
                parts.append(Text(self._standing, style="bold"))
            if self.logins:
                parts.append(self._codes())
            return Group(*parts, Text("Ctrl-C stops everything.", style="dim"))

    def _codes(self) -> Table:
        now = time.time()
        table = Table.grid(padding=(0, 2))
        for login in self.logins:
            left = f"{PERIOD_S - int(now) % PERIOD_S} s" if login is self.logins[0] else ""
            table.add_row(login.application, login.email, Text(code(login.totp_secret, now), style="bold"), left)
        return table

    def _story(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for step in self._steps:
            if step.took_s is None:
                waited = f"{self._clock() - step.began:5.1f} s"
                table.add_row(Spinner("dots"), Text(waited, style="dim"), Text(step.title))
            else:
                mark = Text("✗", style="red") if step.failed else Text("✓", style="green")
                table.add_row(mark, Text(f"{step.took_s:5.1f} s", style="dim"), Text(step.found))
        for note in self._notes:
            table.add_row("", "", Text(note, style="dim"))
        return table


def _words(login: Login) -> list[str]:
    return [
        "",
        f"{login.application.capitalize():8} {login.email}  password {login.password}",
        f"         {login.name} {login.role}",
        f"         code now {code(login.totp_secret, time.time())}, authenticator secret {login.totp_secret}",
    ]
