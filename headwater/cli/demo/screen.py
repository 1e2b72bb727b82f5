"""What a demo shows: on a terminal a page that is redrawn, elsewhere one line for each thing that happens."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from headwater.cli.demo.folder import Folder, Login
from headwater.simulator.person import PERIOD_S, code


@dataclass(slots=True)
class _Step:
    title: str
    began: float
    found: str = ""
    took_s: float | None = None


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

    def note(self, text: str) -> None:
        """Say one thing beside the steps."""
        with self._lock:
            self._notes = [*self._notes[-7:], text]
        self._print(f"  - {text}")

    def show_logins(self, logins: list[Login]) -> None:
        """Show how to sign in; the codes stay current."""
        with self._lock:
            self.logins = logins
        if not self.console.is_terminal:
            self.console.print(self._addresses(), self._people())

    def _print(self, text: str) -> None:
        if not self.console.is_terminal:
            self.console.print(Text(f"[{self._clock() - self._began:6.1f} s] {text}"), soft_wrap=True)

    def _draw(self) -> Group:
        with self._lock:
            above = (self._addresses(), self._people()) if self.logins else ()
            return Group(*above, self._story(), Text("Ctrl-C stops everything.", style="dim"))

    def _addresses(self) -> Panel:
        lines = Table.grid(padding=(0, 2))
        for name, who in (
            ("desk", "analysts and reviewers"),
            ("portal", "agencies"),
            ("carrier", "carriers, and their agents"),
        ):
            lines.add_row(name.capitalize(), f"{self._folder.url(name)}/", Text(who, style="dim"))
        return Panel(
            lines, title="Headwater demo: simulated carriers, real recordings, the real product", title_align="left"
        )

    def _people(self) -> Table:
        now = time.time()
        left = PERIOD_S - int(now) % PERIOD_S
        table = Table(title=f"Sign in as (codes change in {left:02d} s)", title_justify="left", expand=True)
        for column in ("Where", "E-mail", "Password", "Code now", "TOTP secret", "What they do"):
            table.add_column(column, overflow="fold")
        for login in self.logins:
            table.add_row(
                login.application,
                login.email,
                login.password,
                Text(code(login.totp_secret, now), style="bold"),
                login.totp_secret,
                login.role,
            )
        return table

    def _story(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for step in self._steps:
            if step.took_s is None:
                waited = f"{self._clock() - step.began:5.1f} s"
                table.add_row(Spinner("dots"), Text(waited, style="dim"), Text(step.title))
            else:
                table.add_row(Text("✓", style="green"), Text(f"{step.took_s:5.1f} s", style="dim"), Text(step.found))
        for note in self._notes:
            table.add_row("", "", Text(note, style="dim"))
        return table
