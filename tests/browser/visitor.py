"""A page in a real browser that notices what a person would not: refused scripts, errors, barriers.

Every page that a test opens is held to the same: no violation of the content security policy, no error on the
console, no failed request, no serious accessibility barrier (axe-core).
"""

import re
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

from headwater.simulator.person import PERIOD_S, code

HERE = Path(__file__).resolve().parent
SHOTS = HERE.parent.parent / "browser-shots"
AXE = (HERE / "vendor" / "axe.min.js").read_text()
PATIENCE_MS = 15_000

NOTICE = """
document.addEventListener('securitypolicyviolation', event =>
  console.error('CSP: ' + event.violatedDirective + ' refused ' + event.blockedURI + ' ' + event.sample));
"""


#: What a person does is noticed by the page's own events, before any script of the page hears them.
ACTS = """(() => {
const note = (kind, length) => { if (window.noteAct) window.noteAct(kind, length).catch(() => null); };
document.addEventListener('click', event => event.isTrusted && note('click', 0), true);
document.addEventListener('change', event =>
  note(event.target.type || 'change', (event.target.value || '').length), true);
})();"""
#: Keystroke-level model (Card, Moran and Newell, 1980), seconds: think, point, press, a key of an average typist.
THINK_S, POINT_S, PRESS_S, KEY_S = 1.35, 1.1, 0.2, 0.28
#: A file is chosen in a dialog of the browser's own: open it, find the file, take it.
FILE_S = 3 * (THINK_S + POINT_S + PRESS_S)


class Visitor:
    """One person's browser window at one application."""

    def __init__(self, browser: Browser, base: str) -> None:
        self.base = base
        self.context = browser.new_context(
            base_url=base, viewport={"width": 1280, "height": 900}, accept_downloads=True
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.add_init_script(NOTICE)
        self.acts: list[tuple[str, int]] = []
        self.context.expose_function("noteAct", lambda kind, length: self.acts.append((kind, length)))
        self.context.add_init_script(ACTS)
        self.page: Page = self.context.new_page()
        self.troubles: list[str] = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("requestfailed", self._on_failed)
        self.page.on("response", self._on_response)

    def close(self) -> None:
        self.context.close()

    def go(self, path: str) -> Page:
        """Open a page and wait until it is there: that page, not another that we were sent to."""
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"
        assert self.page.url == self.base + path, f"{path} sent us to {self.page.url}"
        return self.page

    def go_as_stranger(self, path: str) -> None:
        """Open a page that must send us to sign in."""
        self.page.goto(path)
        assert "/account/sign-in/" in self.page.url, f"{path} opened {self.page.url} to a stranger"

    def effort_s(self) -> float:
        """Return how long an average person takes for what was done since ``acts`` was emptied, thinking included."""
        total = 0.0
        for kind, length in self.acts:
            if kind == "file":
                total += FILE_S
            elif kind in {"text", "textarea", "search", "email", "password"}:
                total += THINK_S + KEY_S * length
            else:
                total += THINK_S + POINT_S + PRESS_S
        return total

    # -- noticing ------------------------------------------------------------------------------------------------

    def expect_no_trouble(self) -> None:
        """Fail if the browser complained about anything since the last time."""
        troubles, self.troubles = self.troubles, []
        assert troubles == [], f"{self.page.url}: " + "; ".join(troubles)

    def expect_no_barrier(self) -> None:
        """Fail if axe-core finds a serious or critical accessibility barrier on the page."""
        # Evaluated by the debugger, not by the page: the page's policy stays as strict as it is.
        self.page.evaluate(AXE)
        found: dict[str, Any] = self.page.evaluate(
            "axe.run({resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
        )
        assert found["testEngine"]["name"] == "axe-core"
        barriers = [
            f"{violation['id']} ({violation['impact']}): {violation['nodes'][0]['html'][:200]}"
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
        ]
        assert barriers == [], f"{self.page.url}: " + "; ".join(barriers)

    def expect_no_sideways_scrolling(self) -> None:
        """Fail if the page is wider than the window."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{self.page.url} is {wide} pixels wider than its window"

    def expect_masked_numbers(self, *numbers: str) -> None:
        """Fail if one of the called ``numbers`` can be read anywhere in the page's source."""
        source = re.sub(r"[^0-9]", "", self.page.content())
        shown = [number for number in numbers if number.lstrip("+") in source]
        assert shown == [], f"{self.page.url} shows called numbers in full"

    def shot(self, name: str) -> None:
        """Keep a picture of the whole page in browser-shots/, for people to look at."""
        SHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    def look(self, name: str) -> None:
        """Hold the present page to everything, and keep a picture of it."""
        self.page.wait_for_load_state("load")
        self.shot(name)
        self.expect_no_trouble()
        self.expect_no_barrier()
        self.expect_no_sideways_scrolling()

    # -- signing in ----------------------------------------------------------------------------------------------

    def signs_in(self, login: dict[str, str]) -> None:
        """Sign in with password and code. A code holds once: where it was used before, wait for the next one."""
        self.go_as_stranger("/")
        self.gives_password(login["email"], login["password"])
        for _try in range(3):
            field = self.page.locator("input[name=code]")
            field.fill(code(login["totp_secret"], time.time()))
            self.page.locator("main form button[type=submit]").first.click()
            self.page.wait_for_load_state("load")
            if self.page.locator("input[name=code]").count() == 0:
                return
            time.sleep(PERIOD_S - time.time() % PERIOD_S + 0.5)
        raise AssertionError(f"{login['email']} could not sign in: {self.page.inner_text('main')}")

    def gives_password(self, email: str, password: str) -> None:
        """Fill in and send the first step of signing in, which must be on the page."""
        self.page.locator("input[name=login]").fill(email)
        self.page.locator("input[name=password]").fill(password)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        self.page.wait_for_load_state("load")

    # -- inside --------------------------------------------------------------------------------------------------

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(f"{message.type}: {message.text}")

    def _on_failed(self, request: Request) -> None:
        # A poll that a navigation or a download cuts off is no trouble.
        if request.failure != "net::ERR_ABORTED":
            self.troubles.append(f"{request.method} {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.troubles.append(f"{response.request.method} {response.url}: {response.status}")
        if not response.url.startswith((self.base, "data:")):
            self.troubles.append(f"{response.url} is not ours")
