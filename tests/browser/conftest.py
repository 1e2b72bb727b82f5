import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.visitor import Visitor
from tests.demo import Demo

NAMES = ("chromium", "chromium-browser", "google-chrome")

#: Nothing is fetched, updated or reported beside the pages under test.
OPTIONS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--metrics-recording-only",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's chromium. Of the package, not of the session: playwright's event loop must not outlive these tests."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no chromium on this machine: on Debian, apt-get install chromium")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=[*OPTIONS, *root])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, demo: Demo) -> Iterator[Callable[[str], Visitor]]:
    """Open a window at ``desk``, ``portal`` or ``carrier`` of the demo."""
    visitors: list[Visitor] = []

    def open_window(application: str) -> Visitor:
        visitors.append(Visitor(browser, demo.url(application, "")))
        return visitors[-1]

    yield open_window
    for visitor in visitors:
        visitor.close()


@pytest.fixture(scope="package")
def signed_in(browser: Browser, demo: Demo) -> Iterator[Callable[[str], Visitor]]:
    """Return the window of a seeded person, who signs in once for all tests of these."""
    visitors: dict[str, Visitor] = {}

    def window_of(seat: str) -> Visitor:
        if seat not in visitors:
            login = demo.logins()[seat]
            window = Visitor(browser, demo.url(login["application"], ""))
            try:
                window.signs_in(login)
            except BaseException:
                window.close()
                raise
            visitors[seat] = window
        visitors[seat].troubles.clear()
        return visitors[seat]

    yield window_of
    for visitor in visitors.values():
        visitor.close()
